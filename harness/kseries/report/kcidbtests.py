# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel of a run did, as KCIDB's tests: its boot, and each check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kseries.model import Check, Ending, Outcome, StateResult, Status
from kseries.model.sanitize import line
from kseries.report import kcidbnames, logs
from kseries.report.kcidbnames import comment, excerpt, identity
from kseries.report.reporter import FinishedRun

_BOOT = "boot"
"""KCIDB's own name for it, which stands beside our tests."""
_BOOT_STATUS = {
    Outcome.OK: "PASS",
    Outcome.BOOT_FAILED: "FAIL",
    Outcome.CRASHED: "FAIL",
    Outcome.TIMED_OUT: "FAIL",
}
"""Of any other outcome nobody knows that it was booted."""
_CHECK_STATUS = {
    Status.PASS: "PASS",
    Status.FAIL: "FAIL",
    Status.SKIP: "SKIP",
    Status.XFAIL: "DONE",
}
"""An expected failure says neither that the code is right nor that it is wrong."""


@dataclass(frozen=True)
class Tested:
    """A test, and the check that it is of; of the boot None."""

    check: str | None
    told: dict[str, Any]


def tests(run: FinishedRun, state: StateResult, build: Mapping[str, Any]) -> tuple[Tested, ...]:
    """The tests of a kernel that has this build."""
    if state.outcome not in _BOOT_STATUS:
        return ()
    checks = {check.id: check for check in reversed(state.checks)}
    boot = Tested(None, _boot(run, state, build))
    return boot, *(Tested(one.id, _check(run, state, one, build)) for one in reversed(checks.values()))


def _boot(run: FinishedRun, state: StateResult, build: Mapping[str, Any]) -> dict[str, Any]:
    told = _test(run, state, build, _BOOT, None)
    # Of one that was only too slow, this host may be why: the code that was tested is not known.
    told["status"] = _BOOT_STATUS[state.outcome] if state.ending is not Ending.DEADLINE else "ERROR"
    if words := [word for word in (state.ending, state.detail) if word and word is not Ending.DONE]:
        told["comment"] = comment(": ".join(words))
    if state.log_tail:
        told["log_excerpt"] = excerpt(state.log_tail)
    if "boot" in state.seconds:
        told["duration"] = state.seconds["boot"]
    return told


def _check(run: FinishedRun, state: StateResult, check: Check, build: Mapping[str, Any]) -> dict[str, Any]:
    told = _test(run, state, build, kcidbnames.path(check.id), check.id)
    told["status"] = _CHECK_STATUS.get(check.status) or _missing(state)
    flaky = "gave two answers in two boots of this kernel" if check.id in state.flaky else ""
    told["comment"] = comment("; ".join(filter(None, (check.id, check.gist, flaky))))
    if check.words:
        told["log_excerpt"] = excerpt(check.words)
    return told


def _missing(state: StateResult) -> str:
    """Of a check that was promised and never came: its program's fault in a kernel that came through, else nobody knows
    more than that it did not run.
    """
    return "ERROR" if state.outcome is Outcome.OK else "MISS"


def _test(
    run: FinishedRun, state: StateResult, build: Mapping[str, Any], path: str, check: str | None
) -> dict[str, Any]:
    """What all tests have."""
    told = {
        "id": identity(build["origin"], "test", build["id"], check),
        "origin": build["origin"],
        "build_id": build["id"],
        "path": path,
        "environment": {"comment": comment(f"QEMU ({run.result.accel.name}: {run.result.accel.why})")},
        "misc": {"kseries": dict(_about(state, check))},
    }
    console = logs.path(run.directory, state, "console")
    if console is not None and run.links:
        told["log_url"] = run.url(console)
    return told


def _about(state: StateResult, check: str | None) -> Iterator[tuple[str, Any]]:
    yield "state", line(state.id)
    if check is not None:
        yield "check", line(check)
    else:
        yield "outcome", str(state.outcome)
        yield "capabilities", {line(name): value for name, value in state.caps.items()}
