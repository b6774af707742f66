# SPDX-License-Identifier: GPL-2.0-only
"""Progress: what is at work, what is left, and nothing that a log file cannot hold."""

import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.model import Evidence, EvidenceKind, Finding, FindingKind, Outcome, StateResult, Status, events
from kseries.report import atwork, live
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


def test_what_is_found_is_told_at_once_with_the_first_checks_of_it() -> None:
    seen = tuple(Evidence(kind=EvidenceKind.CHECK, name=f"a.{name}", status=Status.FAIL, said="x") for name in "bcd")
    whole = Finding(
        kind=FindingKind.SILENT_BREAK, state="without-3", patch=3, partner=None, contract="promise", evidence=seen
    )
    lost = Finding(
        kind=FindingKind.REGRESSION, state="prefix-8", patch=None, partner=None, contract=None, evidence=seen[:1]
    )
    assert [line[8:] for line in _told(io.StringIO(), events.Found(whole), events.Found(lost)).splitlines()] == [
        "found: silent-break: without-3 breaks promise: a.b, a.c and 1 more",
        "found: regression: prefix-8: a.b",
    ]


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


def test_a_host_of_a_cluster_stands_in_each_line() -> None:
    text = _told(
        io.StringIO(),
        events.StageStarted("without-3", "build", 3, 60, where="alpha"),
        events.Compiled("without-3", "a.o", where="alpha"),
        events.StageStarted("without-3", "boot", 3, 60, where="alpha"),
        _done("without-3", 20.0),
    )
    assert [line[8:] for line in text.splitlines()] == [
        "[3/60] without-3: building on alpha",
        "[3/60] without-3: booting on alpha",
        "without-3: ok on alpha (build 20.0 s, boot 2.0 s)",
    ]


def _of_two_hosts(columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The line on a terminal when alpha compiles, and beta boots one state and builds another."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = _told(
        Terminal(),
        events.StageStarted("without-4", "boot", 4, 60, where="beta"),
        events.StageStarted("without-3", "build", 3, 60, where="alpha"),
        events.StageStarted("without-5", "build", 5, 60, where="beta"),
        events.Compiled("without-3", "a.o", where="alpha"),
    )
    return text.rpartition("\r\x1b[K")[2]


def test_the_live_line_says_what_each_host_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    assert _of_two_hosts(200, monkeypatch).strip() == (
        "alpha: [3/60] without-3 building, 1 objects; beta: [4/60] without-4 booting, [5/60] without-5 building"
    )


def test_a_host_that_tells_now_and_then_says_how_much_it_has_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = _told(
        Terminal(),
        events.StageStarted("base", "build", 1, 60, where="alpha"),
        *(events.Compiled("base", "a.o", "alpha", made) for made in (5, 17)),
        events.StageStarted("prefix-1", "build", 2, 60, where="beta"),
    )
    assert "alpha: [1/60] base building, 17 objects; beta: [2/60] prefix-1 building" in text


def test_where_hosts_do_not_fit_they_are_counted_and_the_last_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    line = _of_two_hosts(100, monkeypatch).strip()
    assert line == "2 hosts, 2 building, 1 booting; alpha: [3/60] without-3 building, 1 objects"


@given(columns=st.integers(1, 200), many=st.integers(1, 40))
def test_no_line_of_hosts_is_wider_than_the_terminal(columns: int, many: int) -> None:
    tasks = [atwork.Task(f"[{n}/60]", f"without-{n}", "build", f"host{n}") for n in range(many)]
    assert len(atwork.hosts(tasks, "host0", columns)) <= columns


def test_what_goes_on_is_shown_again_below_a_line_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = _told(
        Terminal(),
        events.StageStarted("without-4", "boot", 4, 60, where="beta"),
        events.StageStarted("without-3", "build", 3, 60, where="alpha"),
        _done("without-3", 20.0),
    )
    assert text.endswith("\r\x1b[K        beta: [4/60] without-4 booting")


def test_what_a_lost_host_still_says_of_a_state_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    text = _told(
        Terminal(),
        events.StageStarted("without-3", "build", 3, 60, where="alpha"),
        events.StageStarted("without-3", "build", 3, 60, where="beta"),
        events.Compiled("without-3", "a.o", where="alpha"),
        _done("without-3", 20.0),
        events.Compiled("without-3", "b.o", where="beta"),
    )
    assert "without-3: ok on beta" in text
    assert "objects" not in text


def test_the_first_build_of_each_host_is_no_measure() -> None:
    text = _told(
        io.StringIO(),
        events.StageStarted("base", "build", 1, 11, where="alpha"),
        _done("base", 300.0),
        events.StageStarted("prefix-1", "build", 2, 11, where="beta"),
        _done("prefix-1", 300.0),
        events.StageStarted("prefix-2", "build", 3, 11, where="alpha"),
        _done("prefix-2", 30.0),
        events.StageStarted("prefix-3", "build", 3, 11, where="beta"),
    )
    assert "prefix-2: building on alpha\n" in text
    assert "prefix-3: building on beta (about 4 min left)\n" in text


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
        events.StageStarted("base", "boot", 1, 1, where=f"x{bad}"),
        events.StateDone(failed, known=False),
    )
    ours = said.replace("\r\x1b[K", "")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", ours)
    assert ours.count("\n") == 4
