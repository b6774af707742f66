# SPDX-License-Identifier: GPL-2.0-only
"""Progress: what is at work, what is left, and nothing that a log file cannot hold."""

import io

from harness import events
from harness.model import Outcome, StateResult
from harness.render.live import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _done(state: str, build: float, known: bool = False) -> events.StateDone:
    result = StateResult(
        id=state, scenario="prefixes", applied=(), patch=None, tree="t", same_as=None, outcome=Outcome.OK,
        seconds={"build": build, "boot": 2.0, "first_check": 1.0},
    )  # fmt: skip
    return events.StateDone(result, known)


def _told(stream: io.StringIO, *told: events.Event) -> str:
    progress = Progress(stream)
    for event in told:
        progress(event)
    return stream.getvalue()


def test_each_step_is_a_line_where_there_is_no_terminal() -> None:
    text = _told(
        io.StringIO(),
        events.RunStarted("s", 5, 3),
        events.StageStarted("base", "build", 1, 3),
        events.Compiled("base", "a.o"),
        events.StageStarted("base", "boot", 1, 3),
        _done("base", 200.0),
    )
    assert [line[8:] for line in text.splitlines()] == [
        "s: 3 of 5 kernels to build and boot (2 known from before)",
        "[1/3] base: building",
        "[1/3] base: booting",
        "base: ok (build 200.0 s, boot 2.0 s)",
    ]
    assert "\x1b" not in text and "\r" not in text


def test_what_make_does_is_shown_on_a_terminal() -> None:
    text = _told(Terminal(), events.StageStarted("base", "build", 1, 3), events.Compiled("base", "virt/kvm/kvm_main.o"))
    assert "[1/3] base: building, 1 objects, virt/kvm/kvm_main.o" in text


def test_the_time_left_is_told_once_a_build_that_is_not_cold_has_shown_it() -> None:
    text = _told(
        io.StringIO(),
        _done("base", 300.0),
        events.StageStarted("prefix-1", "build", 2, 11),
        _done("prefix-1", 30.0),
        events.StageStarted("prefix-2", "build", 3, 11),
    )
    assert "[2/11] prefix-1: building\n" in text
    assert "[3/11] prefix-2: building (about 4 min left)\n" in text


def test_a_result_from_before_is_no_step() -> None:
    assert _told(io.StringIO(), _done("base", 1.0, known=True)) == ""
