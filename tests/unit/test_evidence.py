# SPDX-License-Identifier: GPL-2.0-only
"""The lines that tell of a finding: what is put together is what is taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.judge import evidence
from kseries.model import Outcome, State, Status
from tests.support.judged import Seen, result_of

STATE = State(id="prefix-1", scenario="prefixes", applied=(1,), patch=1, tree="x")
NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" :."), min_size=1).filter(
    lambda name: (
        not any(f": {status}" in f"{name}: " for status in (*Status, evidence.FLAKY))
        and name.partition(": ")[0] not in [*Outcome]
    )
)


@given(NAMES, st.sampled_from(Status), st.sampled_from(["", "errno 22", "a: b: fail: c"]))
def test_a_check_is_found_by_its_name_whatever_is_in_that(name: str, status: Status, said: str) -> None:
    """The description of a kselftest often has a colon: "TEST: ping over a bridge"."""
    state = result_of(STATE, Seen({}, {name: status}, details={name: said}))
    assert evidence.apart(evidence.of_check(name, state)) == (name, f"{status}: {said}" if said else str(status))
    assert evidence.apart(f"{name}: {evidence.FLAKY}") == (name, evidence.FLAKY)


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("crashed: net.TEST: ping: fail: kernel BUG", "crashed", "net.TEST: ping: fail: kernel BUG"),
        ("virt/kvm/x.c: warning: unused variable", "virt/kvm/x.c", "warning: unused variable"),
        ("the tip", "the tip", ""),
    ],
)
def test_what_is_no_check_has_its_name_before_the_first_colon(line: str, name: str, said: str) -> None:
    assert evidence.apart(line) == (name, said)
