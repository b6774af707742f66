# SPDX-License-Identifier: GPL-2.0-only
"""Progress: what is at work, what is left, and nothing that a log file cannot hold."""

import io
import re

import msgspec
import pytest
from hypothesis import given

from kseries.model import Outcome, StateResult, events
from kseries.report.live import Progress
from tests.support.runs import hostile


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


def test_states_that_are_built_at_a_time_are_shown_together_and_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = _told(
        Terminal(),
        _done("base", 300.0),
        _done("prefix-1", 60.0),
        events.StageStarted("prefix-2", "build", 3, 10),
        events.StageStarted("prefix-3", "build", 4, 10),
        events.Compiled("prefix-3", "a.o"),
    )
    assert "[4/10] prefix-3: building (about 4 min left)" in text
    assert "[3/10] prefix-2: building, 0 objects; [4/10] prefix-3: building, 1 objects, a.o" in text


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


def _planned(stream: io.StringIO, times: list[float], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a plan whose steps are at these times."""
    progress = Progress(stream)
    for number, at in enumerate(times):
        monkeypatch.setattr("time.monotonic", lambda at=at: progress._began + at)
        progress(events.Planning("merging", number, len(times) - 1))
    return stream.getvalue()


def test_a_plan_that_is_made_at_once_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), Terminal()):
        assert _planned(stream, [20.0, 20.5, 21.0, 21.9], monkeypatch) == ""


def test_a_plan_that_takes_longer_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _planned(io.StringIO(), [0.0, 1.0, 3.0, 5.0, 12.0, 14.0, 15.0], monkeypatch)
    assert [line[8:] for line in text.splitlines()] == ["merging: 2 of 6", "merging: 5 of 6"]


def test_on_a_terminal_a_plan_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _planned(Terminal(), [0.0, 3.0, 4.0], monkeypatch)
    assert "merging: 1 of 2" in text
    assert text.endswith("\r\x1b[K")


def test_a_result_from_before_is_no_step() -> None:
    assert _told(io.StringIO(), _done("base", 1.0, known=True)) == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@given(bad=hostile)
def test_what_make_and_a_kernel_say_stays_in_its_line(stream: type[io.StringIO], bad: str) -> None:
    failed = msgspec.structs.replace(_done("base", 1.0).result, outcome=Outcome.BUILD_FAILED, detail=f"x{bad}")
    said = _told(
        stream(),
        events.Preparing(bad),
        events.StageStarted("base", "build", 1, 1),
        events.Compiled("base", f"{bad}.o"),
        events.StateDone(failed, known=False),
    )
    ours = said.replace("\r\x1b[K", "")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", ours)
    assert ours.count("\n") == 3
