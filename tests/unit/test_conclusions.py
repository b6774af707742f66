# SPDX-License-Identifier: GPL-2.0-only
"""What is concluded once is found again by all that it follows from, and by nothing less."""

import sqlite3
from pathlib import Path

import pytest

from kseries.cache import conclusions
from kseries.cache.conclusions import NAME, Conclusions
from kseries.model import Record


class Told(Record, frozen=True):
    numbers: tuple[int, ...]
    share: float = 0.1


class Asking:
    """What concludes, and how often it did."""

    def __init__(self, answer: Told | None = None) -> None:
        self.answer = answer or Told(numbers=(1, 2))
        self.asked = 0

    def __call__(self) -> Told:
        self.asked += 1
        return self.answer


def test_what_was_concluded_is_found_by_what_was_given_and_who_concluded_it(tmp_path: Path) -> None:
    ask = Asking()
    for given, git in ((("a", 1), "2.39"), (("a", 2), "2.39"), (("a", 1), "2.40")):
        for _ in range(2):
            assert Conclusions(tmp_path, git).of("what", given, Told, ask) == ask.answer
    assert ask.asked == 3
    assert Conclusions(tmp_path, "2.39").of("what else", ("a", 1), Told, ask) == ask.answer and ask.asked == 4


def test_another_kseries_concludes_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Asking()
    Conclusions(tmp_path).of("what", "given", Told, ask)
    monkeypatch.setattr("kseries.cache.store.whole", lambda: "another")
    Conclusions(tmp_path).of("what", "given", Told, ask)
    assert ask.asked == 2


def test_a_conclusion_that_is_damaged_is_drawn_again(tmp_path: Path) -> None:
    ask = Asking()
    Conclusions(tmp_path).of("what", "given", Told, ask)
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE conclusions SET answer = ?", (b'{"numbers":[3]}',))
    assert Conclusions(tmp_path).of("what", "given", Told, ask) == ask.answer and ask.asked == 2


@pytest.mark.parametrize("spoil", [b"no database", b""])
def test_a_file_that_is_spoilt_or_a_folder_that_is_not_there_is_no_fault(tmp_path: Path, spoil: bytes) -> None:
    (tmp_path / NAME).write_bytes(spoil)
    ask = Asking()
    for place in (tmp_path, tmp_path / "none"):
        assert Conclusions(place).of("what", "given", Told, ask) == ask.answer


def test_what_json_does_not_tell_is_not_kept(tmp_path: Path) -> None:
    ask = Asking(Told(numbers=(1,), share=float("nan")))
    for _ in range(2):
        Conclusions(tmp_path).of("what", "given", Told, ask)
    assert ask.asked == 2


def test_what_is_given_and_is_no_json_is_concluded_each_time(tmp_path: Path) -> None:
    ask = Asking()
    for _ in range(2):
        assert Conclusions(tmp_path).of("what", "a lone \udcff", Told, ask) == ask.answer
    assert ask.asked == 2


def test_what_is_raised_is_raised_and_nothing_is_kept(tmp_path: Path) -> None:
    def fail() -> Told:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Conclusions(tmp_path).of("what", "given", Told, fail)
    ask = Asking()
    assert Conclusions(tmp_path).of("what", "given", Told, ask) == ask.answer and ask.asked == 1


def test_the_last_ones_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conclusions, "_MOST", 3)
    ask = Asking()
    for number in range(5):
        Conclusions(tmp_path).of("what", number, Told, ask)
    for number in (2, 3, 4):
        Conclusions(tmp_path).of("what", number, Told, ask)
    assert ask.asked == 5
    Conclusions(tmp_path).of("what", 1, Told, ask)
    assert ask.asked == 6
