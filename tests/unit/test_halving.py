# SPDX-License-Identifier: GPL-2.0-only
"""Where something begins on two ways that it takes both of, against a table that has every answer."""

from hypothesis import given
from hypothesis import strategies as st

from kseries.bisect.halving import Span, SpentError, narrow

LENGTHS = st.integers(1, 7)
Table = dict[tuple[int, int], bool | None]


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, Table]:
    """Any answers, but for those that are known: it is seen with all of both, and with nothing of either it is not."""
    first, second = draw(LENGTHS), draw(LENGTHS)
    table: Table = {(x, y): False for x in range(first + 1) for y in range(second + 1)}
    for x in range(1, first + 1):
        for y in range(1, second + 1):
            table[x, y] = draw(st.sampled_from((True, False, None)))
    table[first, second] = True
    return first, second, table


@given(LENGTHS, LENGTHS, st.data())
def test_one_step_of_each_is_found_in_few_questions(first: int, second: int, data: st.DataObject) -> None:
    step, other = data.draw(st.integers(1, first)), data.draw(st.integers(1, second))
    asked: set[tuple[int, int]] = set()

    def breaks(x: int, y: int) -> bool:
        asked.add((x, y))
        return x >= step and y >= other

    found = narrow(first, second, breaks)
    assert (found.first.steps, found.second.steps, found.spent) == ((step,), (other,), False)
    paid = [one for one in asked if 0 not in one and one != (first, second)]
    assert len(paid) <= (first - 1).bit_length() + (second - 1).bit_length() + 1


@given(tables())
def test_what_is_told_was_asked_and_is_so(given_table: tuple[int, int, Table]) -> None:
    first, second, table = given_table
    found = narrow(first, second, lambda x, y: table[x, y])
    of_first, of_second = found.first, found.second
    assert table[of_first.bad, of_second.bad] is True
    assert table[of_first.good, of_second.bad] is table[of_first.bad, of_second.good] is False
    assert all(table[step, of_second.bad] is None for step in of_first.steps[:-1])
    assert all(table[of_first.bad, step] is None for step in of_second.steps[:-1])


@given(tables(), st.integers(0, 6))
def test_who_may_ask_no_more_is_told_what_is_known(given_table: tuple[int, int, Table], most: int) -> None:
    first, second, table = given_table
    asked: list[tuple[int, int]] = []

    def breaks(x: int, y: int) -> bool | None:
        if len(asked) == most:
            raise SpentError
        asked.append((x, y))
        return table[x, y]

    found = narrow(first, second, breaks)
    assert table[found.first.bad, found.second.bad] is True
    assert found.spent or len(asked) <= most
    if most == 0 and first > 1:
        assert (found.first, found.second, found.spent) == (Span(0, first), Span(0, second), True)
