# SPDX-License-Identifier: GPL-2.0-only
"""What is asked of each patch, and the answers of a run: for whoever shows a line for each patch and question.

Patchwork, NIPA, GitHub and b4 have a state and a sentence for each, and no findings. An answer is never better than
what was seen: what nobody has seen is open, where another run will tell, or else unknown.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kseries.model import AppliedPatch, Ending, Exercise, Finding, FindingKind, Outcome, RunResult, StateResult, Verdict
from kseries.model.sanitize import line, shortened
from kseries.report import coverage, grounds, known, reproduce, text

SAID = 240
"""Characters of a sentence, where tables have a line for it."""


class Question(StrEnum):
    """What is asked of a patch, of the series up to it (but for REVERT)."""

    APPLY = "apply"
    BUILD = "build"
    BOOT = "boot"
    CONTRACT = "contract"
    """Whether it behaves: promises, and checks that pass without it."""
    REVERT = "revert"
    """Whether it can be reverted by somebody who knows nothing of the others."""


class Answer(StrEnum):
    """What came of it, the worst first."""

    FAIL = "fail"
    WARNING = "warning"
    """Worth a look; nothing is known to be broken."""
    OPEN = "open"
    """Not known yet: the run was cut short, or this host failed. The same command goes on."""
    UNKNOWN = "unknown"
    """Not known, and this run's command will not tell."""
    SUCCESS = "success"


@dataclass(frozen=True)
class PatchAnswer:
    """The answer to one question about one patch, and why, in one line: of SAID characters, and how many follow."""

    patch: AppliedPatch
    question: Question
    answer: Answer
    said: str
    finding: Finding | None = None
    """What says so, where something was found."""


_REVERTS = ("reverts", "pairs")
"""The scenarios of states that are the series without something."""
_OPEN = (Outcome.NOT_TRIED, Outcome.INFRA_ERROR)
_FAILS = {
    Outcome.BUILD_FAILED: (Question.BUILD, "does not build"),
    Outcome.BOOT_FAILED: (Question.BOOT, "does not boot"),
    Outcome.CRASHED: (Question.BOOT, "crashes"),
    Outcome.TIMED_OUT: (Question.BOOT, "hangs"),
}
_SLOW = "not known: it was too slow to tell"
"""That may be this host's doing."""


def answers(run: RunResult) -> tuple[PatchAnswer, ...]:
    """Each patch in its order, and for each all questions in theirs."""
    found = defaultdict[tuple[int, Question], list[Finding]](list)
    for finding in run.findings:
        for number in about(run, finding):
            found[number, _question(run, finding)].append(finding)
    return tuple(
        _answer(run, patch, question, found[patch.number, question])
        for patch in run.series.patches
        for question in Question
    )


def _answer(run: RunResult, patch: AppliedPatch, question: Question, found: Sequence[Finding]) -> PatchAnswer:
    severe = [one for one in found if one.counts and not one.kind.of_build]
    finding = next(iter([*severe, *found]), None)
    if finding is not None:
        answer, said = Answer.FAIL if severe else Answer.WARNING, _found(run, finding)
    elif question is Question.APPLY:
        answer, said = _applied(run, patch)
    else:
        answer, said = _seen(run, patch, question)
    return PatchAnswer(patch, question, answer, shortened(line(said), SAID), finding)


def _found(run: RunResult, finding: Finding) -> str:
    said = text.sentence(run, finding).rstrip(":")
    return f"known issue ({known.label(finding)}): {said}" if finding.is_known else said


def _question(run: RunResult, finding: Finding) -> Question:
    """Which one a finding answers."""
    state = _state(run, finding.state)
    if finding.kind is FindingKind.UNDOCUMENTED_DEPENDENCY or (state is not None and state.scenario in _REVERTS):
        return Question.REVERT
    if finding.kind.of_build:
        return Question.BUILD
    if finding.kind is FindingKind.KERNEL_COMPLAINT:
        return Question.BOOT
    if state is None or state.ending is Ending.DEADLINE:
        return Question.CONTRACT
    return _FAILS.get(state.outcome, (Question.CONTRACT, ""))[0]


def about(run: RunResult, finding: Finding) -> frozenset[int]:
    """The patches that a finding is told of. One that names none is told of those that a revert is without, or else of
    the last that its state has; of none where that is the base.
    """
    if finding.patch is not None:
        return frozenset((finding.patch,))
    state = _state(run, finding.state)
    if state is None:
        return frozenset()
    if state.scenario in _REVERTS:
        return frozenset(patch.number for patch in run.series.patches).difference(state.applied)
    return frozenset(state.applied[-1:])


def _state(run: RunResult, name: str) -> StateResult | None:
    return next((one for one in run.states if one.id == name), None)


def _tip(run: RunResult) -> str:
    return f"prefix-{len(run.series.patches)}"


def _applied(run: RunResult, patch: AppliedPatch) -> tuple[Answer, str]:
    """A series that does not apply comes to no result."""
    base = reproduce.base_elsewhere(run)
    if patch.fuzzed:
        return Answer.WARNING, f"applies to {base} with fuzz, hunks: {len(patch.fuzzed)}"
    return Answer.SUCCESS, f"applies to {base}"


def _seen(run: RunResult, patch: AppliedPatch, question: Question) -> tuple[Answer, str]:
    """What is to be told where nothing was found: how the state went that is asked."""
    state = _state(run, f"{'without' if question is Question.REVERT else 'prefix'}-{patch.number}")
    if state is None:
        return Answer.UNKNOWN, "no state of this run tells"
    if state.outcome is Outcome.NOT_TRIED:
        return Answer.OPEN, "not tried yet"
    if state.outcome is Outcome.INFRA_ERROR:
        return Answer.OPEN, f"the host failed: {state.detail}"
    return _reverted(run, patch, state) if question is Question.REVERT else _prefix(run, patch, question, state)


def _prefix(run: RunResult, patch: AppliedPatch, question: Question, state: StateResult) -> tuple[Answer, str]:
    """Of the series up to a patch."""
    at, how = _FAILS.get(state.outcome, (None, ""))
    if state.ending is Ending.DEADLINE and question is not Question.BUILD:
        return Answer.UNKNOWN, _SLOW
    if at is question:
        base = _state(run, "base")
        if base is not None and _FAILS.get(base.outcome, (None, ""))[0] is at:
            return Answer.UNKNOWN, f"{how}, and no more does the base"
        return Answer.FAIL, f"{how}: {state.detail}"
    if question is Question.BUILD:
        return Answer.SUCCESS, f"builds ({run.variant.label or run.arch})"
    if at is not None:
        return Answer.UNKNOWN, f"not known: {how}"
    if state.outcome is Outcome.NOT_BOOTED:
        return Answer.UNKNOWN, "built, and not booted"
    if question is Question.BOOT:
        return Answer.SUCCESS, f"boots ({run.variant.label or run.arch}, {run.accel.name})"
    return _judged(run, patch, lambda verdict: verdict.bisectable, "behaves")


def _reverted(run: RunResult, patch: AppliedPatch, state: StateResult) -> tuple[Answer, str]:
    """Of the series without a patch."""
    if state.outcome is Outcome.NOT_BOOTED:
        return Answer.UNKNOWN, "its revert was built, and not booted"
    if state.outcome is Outcome.CONFLICT:
        return Answer.SUCCESS, "a revert of it alone conflicts, so that whoever tries is told"
    if (unknown := _of_tip(run)) is not None:
        return unknown
    if state.ending is Ending.DEADLINE:
        return Answer.UNKNOWN, _SLOW
    if not state.outcome.well:
        loud = ", so that whoever tries is told" if state.outcome.loud else ""
        return (Answer.SUCCESS if loud else Answer.WARNING), f"its revert {_FAILS[state.outcome][1]}{loud}"
    return _judged(run, patch, lambda verdict: verdict.revert_safe, "can be reverted alone")


def _of_tip(run: RunResult) -> tuple[Answer, str] | None:
    """What is to be told of any revert where the whole series is not known to do: that is not the revert's."""
    tip = _state(run, _tip(run))
    if tip is None or tip.outcome.well:
        return None
    if tip.outcome in _OPEN:
        return Answer.OPEN, "the whole series is not tried yet"
    how = "is too slow to tell" if tip.ending is Ending.DEADLINE else _FAILS[tip.outcome][1]
    return Answer.UNKNOWN, f"not known: the whole series {how}"


def _judged(
    run: RunResult, patch: AppliedPatch, answer_of: Callable[[Verdict], bool | None], yes: str
) -> tuple[Answer, str]:
    """What the verdict on a patch says, of which no finding speaks."""
    known = coverage.of(run, patch)
    answer = answer_of(known.verdict) if known is not None else None
    if known is None or answer is None:
        why = coverage.brief(known) if known is not None and known.exercise is not Exercise.EXERCISED else ""
        tip = _state(run, _tip(run))
        later = run.partial and (known is None or (tip is not None and tip.outcome in _OPEN))
        return (Answer.OPEN if later else Answer.UNKNOWN), f"not judged: {why}".removesuffix(": ")
    if not answer:
        return Answer.FAIL, "the findings say why"
    return Answer.SUCCESS, f"{yes}: {grounds.of_patch(known)}"
