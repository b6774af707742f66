# SPDX-License-Identifier: GPL-2.0-only
"""A person as the judge: what they may say, and that what they said is there when they come back."""

from collections.abc import Callable

import pytest

from kseries.bisect import manual
from kseries.model import State
from kseries.model.errors import InfraError, InputError
from tests.support.bisections import AT_ALL, PATCHES, Laid, broken_from


class Person:
    """Somebody who says these words, and then closes the terminal."""

    def __init__(self, laid: Laid, *words: str) -> None:
        self._laid = laid
        self._words = iter(words)
        self.asked: list[int] = []
        self.heard: list[str] = []
        self.shells: list[str] = []

    def ask(self, prompt: str) -> str:
        self.asked.append(int(prompt.partition("/")[0]))
        try:
            return next(self._words)
        except StopIteration:
            raise EOFError from None

    def shell(self, state: State) -> None:
        self.shells.append(state.id)
        raise InfraError("QEMU fell\x1b[1m over")

    def bisect(self) -> tuple[int, ...]:
        return manual.run(self._laid.runner, self.ask, self.heard.append, self.shell)


def fault(laid: Laid, first: int, *before: str) -> tuple[tuple[int, ...], Person]:
    """Somebody who looks for a fault that a patch has brought, and knows it when they see it."""
    person = Person(laid, *before)
    said = person.ask

    def judge(prompt: str) -> str:
        try:
            return said(prompt)
        except EOFError:
            return "b" if person.asked[-1] >= first else "g"

    person.ask = judge  # type: ignore[method-assign]
    return person.bisect(), person


@pytest.mark.parametrize("first", [1, 4, 8])
def test_answers_by_hand_lead_to_the_patch(lay: Callable[..., Laid], first: int) -> None:
    laid = lay()
    suspects, person = fault(laid, first)
    assert suspects == (first,)
    assert f"{first}/{PATCHES} 'patch {first}'" in person.heard[-2]
    assert "# first bad commit" in (laid.runner.out / "bisect.log").read_text()
    assert laid.builds == []


def test_a_closed_terminal_loses_nothing(lay: Callable[..., Laid]) -> None:
    laid = lay()
    first = Person(laid, "good")
    assert first.bisect() == ()
    second = Person(laid, "log", "quit")
    assert second.bisect() == ()
    assert second.heard[0] == "going on: 1 answers so far"
    assert second.asked[0] == first.asked[-1]
    assert "git bisect good" in second.heard[1]
    suspects, _ = fault(laid, 6)
    assert suspects == (6,)


def test_after_its_end_the_next_one_starts_afresh(lay: Callable[..., Laid]) -> None:
    laid = lay()
    assert fault(laid, 3)[0] == (3,)
    assert fault(laid, 7)[0] == (7,)


def test_the_probes_may_be_asked_and_a_shell_that_fails_is_told(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(broken_from(4))
    person = Person(laid, "shell", "try", "t", "tr")
    assert person.bisect() == (4,)
    assert person.shells == ["prefix-4"]
    assert "QEMU fell over" in person.heard
    assert "prefix-4: bad\n  other.works: fail" in person.heard


def test_a_word_that_is_none_is_answered_with_those_that_are(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    person = Person(laid, "", "s", "nonsense", "quit")
    assert person.bisect() == ()
    assert sum("as git bisect takes it" in said for said in person.heard) == 4
    assert len(set(person.asked)) == 1


def test_a_bisection_of_another_series_is_not_gone_on_with(lay: Callable[..., Laid]) -> None:
    laid = lay()
    assert Person(laid, "good").bisect() == ()
    git = ("-C", str(laid.runner.out / "bisect.git"))
    other = laid.repository.commit("other", {"main.c": "x\n"})
    laid.repository.git(*git, "update-ref", "BISECT_HEAD", other)
    with pytest.raises(InputError, match="another series"):
        Person(laid, "good").bisect()
