# SPDX-License-Identifier: GPL-2.0-only
"""What is made of several boots of one kernel: probes that were not come to, and boots that disagree."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kseries.guest import isolation, repeat
from kseries.model import Boot, Check, Complaint, Ending, Frame, Gravity, Outcome, Probe, Status

PROBES = ("first", "second", "third")


def _boot(outcome: Outcome, checks: dict[str, Status], ended: tuple[str, ...] = ()) -> Boot:
    return Boot(
        outcome=outcome,
        ending=Ending.DONE if outcome is Outcome.OK else Ending.PANIC,
        detail="",
        seconds=1.0,
        seconds_to_first_check=None,
        caps={},
        checks=tuple(Check(id=name, status=status) for name, status in checks.items()),
        console="",
        begun=(*ended, *(name.partition(".")[0] for name in checks)),
        ended=ended,
    )


def _run(tmp_path: Path, boots: list[Boot]) -> tuple[Boot, list[tuple[str, ...]]]:
    asked: list[tuple[str, ...]] = []

    async def boot_once(probes: tuple[Probe, ...], log: Path) -> Boot:
        asked.append(tuple(probe.name for probe in probes))
        log.write_text(f"log of {probes[0].name}\n")
        return boots[len(asked) - 1]

    whole = asyncio.run(isolation.boot(boot_once, tuple(map(Probe.ours, PROBES)), tmp_path / "console.log"))
    assert len(asked) == len(boots)
    return whole, asked


def test_a_boot_that_ends_well_is_the_only_one(tmp_path: Path) -> None:
    whole, asked = _run(tmp_path, [_boot(Outcome.OK, {"first.a": Status.FAIL}, PROBES)])
    assert asked == [PROBES]
    assert whole.outcome is Outcome.OK


def test_a_crash_costs_the_probe_that_it_came_in(tmp_path: Path) -> None:
    crash = _boot(Outcome.CRASHED, {"first.a": Status.PASS, "second.a": Status.FAIL}, ("first",))
    rest = _boot(Outcome.OK, {"third.a": Status.PASS}, ("third",))
    whole, asked = _run(tmp_path, [crash, rest])
    assert asked == [PROBES, ("third",)]
    assert whole.outcome is Outcome.CRASHED
    assert {check.id: check.status for check in whole.checks} == {
        "first.a": Status.PASS,
        "second.a": Status.FAIL,
        "third.a": Status.PASS,
    }
    log = (tmp_path / "console.log").read_text()
    assert "log of first" in log and "a fresh boot, from third on\nlog of third" in log


def test_a_crash_between_two_probes_costs_neither(tmp_path: Path) -> None:
    """The turn of the second had come, and nothing was heard of it: it need not be what the machine died of."""
    crash = _boot(Outcome.CRASHED, {"first.a": Status.PASS}, ("first",))
    rest = _boot(Outcome.OK, {"second.a": Status.PASS, "third.a": Status.PASS}, ("second", "third"))
    whole, asked = _run(tmp_path, [crash, rest])
    assert asked == [PROBES, ("second", "third")]
    assert whole.outcome is Outcome.CRASHED
    assert [check.id for check in whole.checks] == ["first.a", "second.a", "third.a"]


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.BOOT_FAILED])
def test_one_of_which_nothing_is_ever_heard_is_passed_over(tmp_path: Path, outcome: Outcome) -> None:
    boots = [
        _boot(Outcome.CRASHED, {"first.a": Status.PASS}, ("first",)),
        _boot(outcome, {}),
        _boot(Outcome.OK, {"third.a": Status.PASS}, ("third",)),
    ]
    whole, asked = _run(tmp_path, boots)
    assert asked == [PROBES, ("second", "third"), ("third",)]
    assert [check.id for check in whole.checks] == ["first.a", "third.a"]


def test_each_probe_may_crash_and_the_boots_come_to_an_end(tmp_path: Path) -> None:
    boots = [_boot(Outcome.TIMED_OUT, {f"{name}.a": Status.FAIL}) for name in PROBES]
    whole, asked = _run(tmp_path, boots)
    assert asked == [PROBES, ("second", "third"), ("third",)]
    assert [check.status for check in whole.checks] == [Status.FAIL] * 3
    assert whole.seconds == 3.0


def test_where_a_machine_ended_is_known_as_long_as_each_did_in_a_probe() -> None:
    first, second = (_ended_in(name) for name in ("first", "second"))
    whole = isolation.joined(isolation.joined(first, second), _boot(Outcome.OK, {}))
    assert whole.ended_in == ("first", "second")
    assert repeat.settled([whole, whole]).boot.ended_in == ("first", "second")
    assert repeat.settled([whole, first]).boot.ended_in == ("first",)  # of the second's a check is flaky
    assert repeat.settled([whole, _boot(Outcome.CRASHED, {})]).boot.ended_in == ()
    nowhere = _boot(Outcome.CRASHED, {})
    assert isolation.joined(isolation.joined(first, nowhere), second).ended_in == ()
    assert isolation.joined(nowhere, first).ended_in == ()


def test_what_boots_do_not_agree_on_tells_in_how_many_of_them_it_failed() -> None:
    told = [
        _boot(Outcome.OK, {"a": Status.PASS, "b": Status.PASS}),
        _boot(Outcome.OK, {"a": Status.FAIL, "b": Status.PASS}),
        _boot(Outcome.CRASHED, {"b": Status.PASS}),
    ]
    seen = repeat.settled(told)
    assert (seen.boots, seen.ended, seen.failures) == (3, 2, {"a": 2})
    assert repeat.settled(told[:1]).failures == {}


def _ended_in(probe: str) -> Boot:
    return msgspec.structs.replace(_boot(Outcome.CRASHED, {f"{probe}.a": Status.FAIL}), ended_in=(probe,))


def test_a_capability_that_one_boot_disputes_or_two_is_known_of_none() -> None:
    told: list[tuple[dict[str, int], tuple[str, ...]]] = [
        ({"B": 1, "C": 1}, ("A",)),
        ({"A": 0, "B": 0}, ()),
        ({"A": 0, "B": 0, "C": 1, "D": 1}, ()),
    ]
    crash = _boot(Outcome.CRASHED, {})
    first, second, third = (msgspec.structs.replace(crash, caps=caps, disputed=names) for caps, names in told)
    whole = isolation.joined(isolation.joined(first, second), third)
    assert (whole.caps, whole.disputed) == ({"C": 1, "D": 1}, ("A", "B"))


def test_a_kernel_that_comes_to_no_probe_is_not_tried_again(tmp_path: Path) -> None:
    _, asked = _run(tmp_path, [_boot(Outcome.BOOT_FAILED, {})])
    assert asked == [PROBES]


def _repeat(times: int, boots: list[Boot]) -> repeat.Repeated:
    left = iter(boots)

    async def boot_once(log: Path) -> Boot:
        boot = next(left)
        log.write_text(f"{boot.log_tail}\n")
        return boot

    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "console.log"
        seen = asyncio.run(repeat.boot(boot_once, times, log))
        assert [path.name for path in Path(place).iterdir()] == ["console.log"]
        assert all(boot.log_tail in log.read_text() for boot in boots)
    assert next(left, None) is None
    return seen


def test_what_is_good_is_booted_as_often_as_asked_for() -> None:
    good = _boot(Outcome.OK, {"a": Status.PASS})
    assert _repeat(1, [good]).flaky == ()
    assert _repeat(3, [good] * 3).seconds == 3.0


def test_what_fails_is_seen_twice_and_what_fails_always_is_broken() -> None:
    bad = _boot(Outcome.OK, {"a": Status.FAIL})
    assert _repeat(1, [bad] * 2).flaky == ()
    assert _repeat(5, [bad] * 5).flaky == ()


def test_one_answer_that_differs_is_flaky_wherever_it_comes() -> None:
    good, bad = _boot(Outcome.OK, {"a": Status.PASS}), _boot(Outcome.OK, {"a": Status.FAIL})
    for odd in range(4):
        boots = [bad if number == odd else good for number in range(4)]
        assert _repeat(4, boots).flaky == ("a",)


def test_of_boots_that_disagree_one_that_came_to_its_end_tells() -> None:
    crash, good = _boot(Outcome.CRASHED, {"a": Status.FAIL}), _boot(Outcome.OK, {"a": Status.PASS})
    seen = _repeat(1, [crash, good])
    assert seen.boot.outcome is Outcome.OK and seen.flaky == ("a",)


# --- complaints ---------------------------------------------------------------------------------

WARNS = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING: CPU: 0 PID: 1 at f+0x1/0x2", function="f")
OOPS = Complaint(gravity=Gravity.OOPS, kind="BUG: kernel NULL pointer dereference", said="BUG: …", function="f")
STALL = Complaint(gravity=Gravity.STALL, kind="BUG: soft lockup", said="watchdog: BUG: soft lockup", function="f")


def _complains(*complaints: Complaint, **more: Any) -> Boot:
    return msgspec.structs.replace(_boot(Outcome.OK, {"a": Status.PASS}), complaints=complaints, **more)


def _sure(*boots: Boot) -> list[tuple[str, int, bool]]:
    return [(one.kind, one.boots, one.sure) for one in _repeat(1, [*boots]).boot.complaints]


def test_a_kernel_that_complains_outside_of_any_check_is_booted_again() -> None:
    assert _sure(_complains(WARNS), _complains(WARNS)) == [("WARNING", 2, True)]


def test_a_warning_of_one_boot_in_two_is_not_sure() -> None:
    assert _sure(_complains(WARNS), _complains()) == [("WARNING", 1, False)]


def test_an_oops_of_one_boot_in_two_is_sure_and_has_its_log_and_its_trace() -> None:
    frame = Frame(function="f", file="f.c", line=1)
    oops = _complains(OOPS, log_tail="BUG: …", trace=(frame,), ending=Ending.OOPS)
    assert _sure(oops, _complains()) == [(OOPS.kind, 1, True)]
    told = _repeat(1, [oops, _complains()]).boot
    assert (told.log_tail, told.trace) == ("BUG: …", (frame,))


def test_a_stall_is_sure_only_in_each_boot_of_a_host_with_nothing_else_to_do() -> None:
    elsewhere = msgspec.structs.replace(STALL, function="g")  # wherever the clock found it
    busy = msgspec.structs.replace(STALL, busy=True)
    assert _sure(_complains(STALL), _complains(elsewhere)) == [(STALL.kind, 2, True)]
    assert _sure(_complains(STALL), _complains()) == [(STALL.kind, 1, False)]
    assert _sure(_complains(STALL), _complains(busy)) == [(STALL.kind, 2, False)]


def test_boots_that_go_on_where_one_broke_off_are_one_boot(tmp_path: Path) -> None:
    crash = msgspec.structs.replace(_boot(Outcome.CRASHED, {"first.a": Status.FAIL}), complaints=(OOPS,))
    rest = msgspec.structs.replace(_boot(Outcome.OK, {"second.a": Status.PASS}, PROBES[1:]), complaints=(WARNS, OOPS))
    whole, _ = _run(tmp_path, [crash, rest])
    assert [one.kind for one in whole.complaints] == [OOPS.kind, WARNS.kind]


def test_a_capability_on_which_two_boots_of_a_kernel_disagree_is_not_known() -> None:
    told: list[tuple[dict[str, int], tuple[str, ...]]] = [
        ({"A": 1, "B": 0, "C": 1, "D": 1}, ()),
        ({"A": 1, "B": 1, "D": 1}, ("C",)),
        ({"A": 1, "B": 1, "C": 1, "D": 1}, ()),
    ]
    fine = _boot(Outcome.OK, {})
    seen = repeat.settled([msgspec.structs.replace(fine, caps=caps, disputed=names) for caps, names in told])
    assert (seen.boot.caps, seen.boot.disputed) == ({"A": 1, "D": 1}, ("B", "C"))
