# SPDX-License-Identifier: GPL-2.0-only
"""What a state has lost that works on base and with the whole series, whatever the contracts ask: pure functions."""

from collections.abc import Set
from enum import StrEnum
from typing import NamedTuple

from kseries.judge import evidence
from kseries.judge.complaints import new_complaints
from kseries.model import Check, Complaint, Ending, Evidence, Gravity, Outcome, StateResult, Status
from kseries.model.surface import PROBE
from kseries.probes import baseline, kunit

GOOD = (Status.PASS, Status.XFAIL)
_DIED = (Outcome.CRASHED, Outcome.TIMED_OUT)


def died(state: StateResult) -> bool:
    """True of a kernel that crashed or hung; one that was only too slow may be so by the host's doing."""
    return state.outcome in _DIED and state.ending is not Ending.DEADLINE


def came(name: str, state: StateResult) -> bool:
    """True of a check that has an answer, and of one of which it is the kernel's doing that it has none."""
    status = {check.id: check.status for check in state.checks}
    if status.get(name, Status.MISSING) is not Status.MISSING:
        return True
    late = name.startswith(kunit.PREFIX) and status.get(kunit.BOOT) is Status.MISSING
    return state.ending is not Ending.DEADLINE and not late


def only_tells(name: str) -> bool:
    """True of a check that is told and not judged: it says whether a list of the surface came whole, which is nothing
    that a kernel promises. No finding counts it but that of a contract which asks for it.
    """
    return name.startswith(f"{PROBE}.")


def ends_at_times(base: StateResult, state: StateResult) -> bool:
    """True of a machine that came to its end in some of its boots and not in others, where nothing else tells of that:
    neither a flaky check, nor a complaint of some boots that base does not have.
    """
    flaky = any(not only_tells(name) for name in state.flaky)
    complained = any(one.boots < one.of for one in new_complaints(base, state))
    return evidence.ends_at_times(state) and not flaky and not complained


class What(StrEnum):
    """What a symptom is seen in."""

    CHECK = "check"
    OUTCOME = "outcome"
    COMPLAINT = "complaint"


class Symptom(NamedTuple):
    """One thing that is wrong with a state: a check that is not passed, how its kernel died, what it complained of.

    ``name`` is the same in another state that has it: a check's, an outcome, the kind of a complaint, which goes by its
    ``function``, too. ``lost`` is a check that has no answer.
    """

    what: What
    name: str
    function: str = ""
    lost: bool = False


def lost(base: StateResult, state: StateResult) -> tuple[str, ...]:
    """The checks that base passed and a state does not, but for those of which nobody knows."""
    now = {check.id: check for check in state.checks}
    return tuple(
        check.id
        for check in base.checks
        if check.status is Status.PASS
        and not only_tells(check.id)
        and check.id not in (*base.flaky, *state.flaky)
        and came(check.id, state)
        and not _passed(now.get(check.id))
        and not excused(base, state, now.get(check.id))
    )


def _passed(check: Check | None) -> bool:
    return check is not None and check.status in GOOD


def excused(base: StateResult, state: StateResult, check: Check | None) -> bool:
    """True of a skip whose reason names a capability that the state advertises and base says it lacks."""
    return baseline.excused(check, (name for name, value in state.caps.items() if value and base.caps.get(name) == 0))


def of_revert(
    base: StateResult,
    tip: StateResult,
    state: StateResult,
    told: Set[str] = frozenset(),
    not_asked: Set[str] = frozenset(),
) -> tuple[Symptom, ...]:
    """What a state without some patches has lost, of what base and the tip both have; ``told`` are checks of which
    another finding tells, ``not_asked`` those that nobody asks of such a kernel: what it complains of meanwhile counts.

    A kernel that was only too slow (Ending.DEADLINE) has not died: that may be the host's doing.
    """
    kept = {check.id for check in tip.checks if check.status in GOOD} - {*tip.flaky}
    answered = {check.id for check in state.checks if check.status is not Status.MISSING}
    names = [name for name in lost(base, state) if name in kept - told - not_asked]
    checks = [Symptom(What.CHECK, name, lost=name not in answered) for name in names]
    deadly = died(state) and Outcome.OK is base.outcome is tip.outcome
    outcome = (Symptom(What.OUTCOME, state.outcome),) if deadly else ()
    return (*checks, *outcome, *_complaints(base, tip, state, told | {*names}, deadly))


def _complaints(
    base: StateResult, tip: StateResult, state: StateResult, lost: Set[str], deadly: bool
) -> tuple[Symptom, ...]:
    """What its kernel complains of, and those of base and the tip do not; what is not sure is nobody's.

    A check that fails by a complaint tells of it, and so does the death that it is.
    """
    of_tip = new_complaints(tip, state)
    new = [one for one in new_complaints(base, state) if one.sure and one in of_tip]
    told = [one for one in state.complaints if one.check in lost or (deadly and one.said in state.detail)]
    left = (one for one in new if not any(one.is_like(other) for other in told))
    return tuple(Symptom(What.COMPLAINT, one.kind, one.function) for one in left)


def _of(symptom: Symptom, state: StateResult) -> Complaint | None:
    """What a state complains of that is such a symptom."""
    like = Complaint(gravity=Gravity.REPORT, kind=symptom.name, said="", function=symptom.function)
    return next((one for one in state.complaints if one.is_like(like)), None)


def shows(symptom: Symptom, base: StateResult, state: StateResult) -> bool | None:
    """Whether another state has the same symptom; None where that cannot be told."""
    if state.outcome.loud or state.outcome.unknown:
        return None
    if symptom.what is What.OUTCOME:
        return state.outcome == symptom.name if state.ending is not Ending.DEADLINE else None
    if symptom.what is What.COMPLAINT:
        return _complains(symptom, state)
    if symptom.name in state.flaky or not _tells(symptom, state):
        return None
    check = next((one for one in state.checks if one.id == symptom.name), None)
    return None if excused(base, state, check) else not _passed(check)


def _tells(symptom: Symptom, state: StateResult) -> bool:
    """False where a check has no answer, and another death than that of the symptom may be why."""
    if any(check.id == symptom.name and check.status is not Status.MISSING for check in state.checks):
        return True
    return came(symptom.name, state) and (symptom.lost or not died(state))


def _complains(symptom: Symptom, state: StateResult) -> bool | None:
    """Whether a kernel has a complaint; one that died of something else may not have come to it."""
    found = _of(symptom, state)
    if found is None:
        return False if state.outcome is Outcome.OK else None
    return True if found.sure else None


def told(symptom: Symptom, state: StateResult) -> Evidence:
    """The evidence that tells of a symptom."""
    if symptom.what is What.COMPLAINT and (complaint := _of(symptom, state)) is not None:
        return evidence.of_complaint(complaint, state)
    return evidence.of_outcome(state) if symptom.what is What.OUTCOME else evidence.of_check(symptom.name, state)
