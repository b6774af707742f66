# SPDX-License-Identifier: GPL-2.0-only
"""How a guest ended: what stopped the wait, and what both channels say -> ending, outcome, checks. All pure."""

from dataclasses import dataclass
from enum import Enum

from kseries.guest.klog import KernelLog
from kseries.model import Check, Ending, Outcome, Status
from kseries.model.errors import InfraError
from kseries.probes import ktap

_LOST = "as the kernel log tells; what it said went down with the machine"
ENDED_IN = "the machine ended in it"
"""What a check is blamed for that was under way then."""
_MAX_COMPLAINTS = 10
"""Complaints that the detail of one check has room for."""


class GoneError(InfraError):
    """QEMU ended, or answers no more: nothing of the kernel can be told of that. ``detail`` is how it went."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"QEMU ended by itself: {detail}")
        self.detail = detail


class How(Enum):
    """What stopped the wait for a guest."""

    END = "init said that it was done"
    DOWN = "the guest went down"
    STALL = "it got no further"
    FLOOD = "it printed without end"
    DEADLINE = "it was not done in time"
    GONE = "QEMU died"


@dataclass(frozen=True)
class Stop:
    """How the wait for a guest was over, in words too.

    ``reason`` is that of QMP's SHUTDOWN event; ``panicked`` is True if GUEST_PANICKED came (qapi/run-state.json).
    """

    how: How
    detail: str = ""
    reason: str = ""
    panicked: bool = False


@dataclass(frozen=True)
class Judged:
    """What the end of a boot says of the kernel."""

    ending: Ending
    outcome: Outcome
    detail: str = ""


_OUTCOMES = {Ending.HANG: Outcome.TIMED_OUT, Ending.FLOOD: Outcome.TIMED_OUT, Ending.DEADLINE: Outcome.TIMED_OUT}
_STOPPED = {How.STALL: Ending.HANG, How.FLOOD: Ending.FLOOD, How.DEADLINE: Ending.DEADLINE}


def judge(stop: Stop, report: ktap.Report, log: KernelLog, *, busy: bool = False) -> Judged:
    """The ending and the outcome of a boot. Raises GoneError when it says nothing of the kernel.

    A kernel that panics because something took too long may do so for the sake of its host, if that was ``busy``: then
    it was too slow, as one is that does not come to its end in time.
    """
    if stop.how is How.GONE:
        raise GoneError(stop.detail)
    if stop.how is How.END:
        return _of_survivor(log)
    ending = _of_victim(stop, log)
    died_of = next((splat for splat in log.splats if splat.panic or splat.oops), None)
    if busy and died_of is not None and died_of.stall:
        return Judged(Ending.DEADLINE, Outcome.TIMED_OUT, f"{died_of.text}, on a host with other work to do")
    if not (report.began or log.under_way or log.left):
        return Judged(ending, Outcome.BOOT_FAILED, f"{_cause(ending, stop, log)}, before the first probe")
    during = f", during {log.under_way}" if log.under_way else ""
    return Judged(ending, _OUTCOMES.get(ending, Outcome.CRASHED), _cause(ending, stop, log) + during)


def _of_survivor(log: KernelLog) -> Judged:
    """A kernel that went on to the end: what it complained of is its detail, an oops before all else."""
    oopses = [splat for splat in log.splats if splat.oops]
    if oopses:
        return Judged(Ending.OOPS, Outcome.OK, oopses[0].text)
    return Judged(Ending.WARNING, Outcome.OK, log.splats[0].text) if log.splats else Judged(Ending.DONE, Outcome.OK)


def _of_victim(stop: Stop, log: KernelLog) -> Ending:
    """The cause rather than the symptom: a hang after an oops is an oops."""
    if stop.panicked or any(splat.panic for splat in log.splats):
        return Ending.PANIC
    if any(splat.oops for splat in log.splats):
        return Ending.OOPS
    if stop.how is How.DOWN:
        return Ending.POWEROFF if stop.reason == "guest-shutdown" else Ending.RESET
    return _STOPPED[stop.how]


def _cause(ending: Ending, stop: Stop, log: KernelLog) -> str:
    panics = [splat.text for splat in log.splats if splat.panic]
    oopses = [splat.text for splat in log.splats if splat.oops]
    match ending:
        case Ending.PANIC if panics:
            return panics[0]
        case Ending.PANIC:
            return f"a kernel panic that did not reach the log, then {stop.detail}"
        case Ending.OOPS:
            return f"{oopses[0]}, then {stop.detail}"
        case _:
            return stop.detail


def ended_in(judged: Judged, log: KernelLog, running: str | None) -> tuple[str, ...]:
    """The probe that a machine ended in, by its name; none of one that went on, or that ended in none.

    Anybody in the guest can write into the log: it is believed of the probe that was ``running``. That the time of all
    probes was over while it ran is not its doing.
    """
    if not _is_its_doing(judged, log) or log.under_way is None or log.under_way.rpartition(".")[0] != running:
        return ()
    return (running,)


def _is_its_doing(judged: Judged, log: KernelLog) -> bool:
    """Whether a machine ended in the check that its log says was under way."""
    return judged.outcome is not Outcome.OK and judged.ending is not Ending.DEADLINE and log.under_way is not None


# --- the checks ---------------------------------------------------------------------------------


def settled(checks: tuple[Check, ...], judged: Judged, log: KernelLog, running: str | None) -> tuple[Check, ...]:
    """The checks in the light of the kernel log, for a boot that ended while ``running`` ran.

    A check fails if the kernel complained while it ran, whatever it said itself, and if the machine ended in
    it. Those after it stay missing. That something took too long may be this host's fault, and fails no check, neither
    by the kernel's word nor because the time of all probes was over while it ran.
    """
    during: dict[str, list[str]] = {}
    for splat in log.splats:
        if splat.check is not None and not splat.stall:
            during.setdefault(splat.check, []).append(f"the kernel said: {splat.text}")
    if _is_its_doing(judged, log) and log.under_way is not None:
        during.setdefault(log.under_way, []).append(f"{ENDED_IN}: {judged.detail}")
    found = _with_lost(checks, log, running) if judged.outcome is not Outcome.OK else checks
    return tuple(_failed(check, during[check.id]) if check.id in during else check for check in found)


def _with_lost(checks: tuple[Check, ...], log: KernelLog, running: str | None) -> tuple[Check, ...]:
    """The checks, with the results that went down with the machine on their way through init.

    Where even the plan did, the kernel log names those that ran. Anybody in the guest can write into that log, so it
    is believed of the one probe that can have lost a result: of those before it all has come through.
    """
    ran = {name: Check(id=name, status=status, detail=_LOST) for name, status in log.left.items()}
    if log.under_way is not None:
        ran[log.under_way] = Check(id=log.under_way, status=Status.MISSING)
    ran = {name: check for name, check in ran.items() if name.rpartition(".")[0] == running}
    known = {check.id for check in checks}
    told = tuple(ran.get(check.id, check) if check.status is Status.MISSING else check for check in checks)
    return told + tuple(check for name, check in ran.items() if name not in known)


def _failed(check: Check, complaints: list[str]) -> Check:
    said = list(dict.fromkeys(complaints))
    more = [f"and {len(said) - _MAX_COMPLAINTS} more"] if len(said) > _MAX_COMPLAINTS else []
    own = check.detail if check.status is not Status.MISSING else ""
    return Check(id=check.id, status=Status.FAIL, detail=own, blamed=(*said[:_MAX_COMPLAINTS], *more))
