# SPDX-License-Identifier: GPL-2.0-only
"""Two runs -> what changed between them, and whether anything got worse: pure."""

from collections.abc import Iterator, Sequence, Set

from kseries import judge
from kseries.judge import evidence, knownissues, losses
from kseries.model import (
    Ending,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Inference,
    KnownIssue,
    Machine,
    Outcome,
    Record,
    RunResult,
    StateResult,
    Status,
    Variant,
    Verdict,
)
from kseries.sources.versions import Match

Meaning = tuple[object, ...]
"""What a state is, whatever its patches are numbered."""

_WELL = (Status.PASS, Status.XFAIL)
_OF_CHECK = (EvidenceKind.CHECK, EvidenceKind.FLAKY, EvidenceKind.COMPLAINT)
"""Evidence that names the check during which it came."""


class Side(Record, frozen=True):
    """One of the two runs."""

    series: str
    version: int
    base: str
    arch: str
    accel: str
    variant: Variant
    machine: Machine
    patches: tuple[str, ...]
    """Subjects, in order."""
    verdict: Verdict


class Told(Record, frozen=True):
    """A finding of either run; the match of its patch, and the states of the other run that answer to its state."""

    finding: Finding
    match: Match | None
    states: tuple[str, ...]


class Change(Record, frozen=True):
    """A check or an outcome that is not what it was. ``worse`` where it was well and is so no more."""

    state: str
    """In the new run."""
    was_state: str
    name: str
    was: str
    now: str
    worse: bool
    detail: str = ""


class Comparison(Record, frozen=True):
    """All that changed from ``old`` to ``new``. ``worse`` names why it is worse, in words; empty where nothing is."""

    old: Side
    new: Side
    patches: tuple[Match, ...]
    findings_new: tuple[Told, ...]
    findings_gone: tuple[Told, ...]
    findings_untried: tuple[Told, ...]
    """Those of the old run of which the new one cannot tell: it has not made that state, or could not judge it."""
    findings_changed: tuple[tuple[Finding, Finding], ...]
    changes: tuple[Change, ...]
    warnings_new: tuple[str, ...]
    warnings_gone: tuple[str, ...]
    seconds: dict[str, tuple[float, float]]
    """Of each stage, over all states with a tree of their own."""
    worse: tuple[str, ...]


def compare(old: RunResult, new: RunResult, patches: tuple[Match, ...]) -> Comparison:
    """What changed; ``patches`` says which patch is which."""
    before, after = _Named(old, patches, False), _Named(new, patches, True)
    was, now = before.findings(), after.findings()
    for key, place in before.followed().items():
        if place in now and place not in was:
            was[place] = was.pop(key)
    changes = tuple(_changes(before, after))
    fresh = tuple(after.told(now[key], before) for key in now if key not in was)
    left = [before.told(was[key], after) for key in was if key not in now]
    changed = tuple((was[key], now[key]) for key in was if key in now and _is_another(was[key], now[key]))
    tips = [_warnings(named.tip()) for named in (before, after)]
    warnings = tuple(sorted(tips[1] - tips[0])), tuple(sorted(tips[0] - tips[1]))
    return Comparison(
        old=_side(old),
        new=_side(new),
        patches=patches,
        findings_new=fresh,
        findings_gone=tuple(one for one in left if after.has_looked(one)),
        findings_untried=tuple(one for one in left if not after.has_looked(one)),
        findings_changed=changed,
        changes=changes,
        warnings_new=warnings[0],
        warnings_gone=warnings[1],
        seconds=_seconds(old, new),
        worse=tuple(_worse(old, new, fresh, changed, changes, warnings[0])),
    )


def _worse(
    old: RunResult,
    new: RunResult,
    fresh: Sequence[Told],
    changed: Sequence[tuple[Finding, Finding]],
    changes: Sequence[Change],
    warnings: Sequence[str],
) -> Iterator[str]:
    problems = [told.finding for told in fresh if told.finding.counts]
    yield from (f"{finding.kind} in {finding.state}" for finding in problems)
    for was, now in changed:
        if now.counts and (more := known_by(now).keys() - known_by(was)):
            yield f"{now.kind} in {now.state}: {len(more)} more of it"
        elif now.counts and was.is_known:
            yield f"{now.kind} in {now.state}: no known issue any more"
    for name in ("bisectable", "revert_safe"):
        was, now = getattr(old.verdict, name), getattr(new.verdict, name)
        if now is None and (knownissues.are_why(name, new) or _may_be_the_hosts(new)):
            continue
        if (was, now) in ((True, False), (True, None), (None, False)):
            yield f"{name.replace('_', '-')} no more" if was else f"not {name.replace('_', '-')}"
    tip = f"prefix-{len(new.series.patches)}"
    for change in changes:
        if change.worse and change.state in ("base", tip) and not _is_known(change, new):
            yield f"{change.name} in {change.state}: {change.was}, now {change.now}"
    if warnings:
        yield f"{len(warnings)} new warning{'s' * (len(warnings) > 1)} with the whole series"


def _is_another(was: Finding, now: Finding) -> bool:
    """Whether there is more of a finding, or less; or it counts, and was a known issue, whose words may be others."""
    return known_by(was).keys() != known_by(now).keys() or (was.is_known and now.counts)


def _is_known(change: Change, new: RunResult) -> bool:
    """Whether a known issue covers a check that is worse: in a finding, or of a state that has none, as base has not.

    There an issue with a pattern covers nothing: the result is anybody's, and a pattern may take for ever.
    """
    found = (one for finding in new.findings if finding.state == change.state for one in finding.evidence)
    if any(one.known for one in found if one.name == change.name):
        return True
    state = next(one for one in new.states if one.id == change.state)
    seen = evidence.of_check(change.name, state)
    issues = (one for one in new.known_issues or () if not (one.said or one.ended or one.too_slow))
    uncovered = any(knownissues.beside(seen, new.states[0], state))
    return not uncovered and any(knownissues.covers(KnownIssue(check=one.check, link=one.link), seen) for one in issues)


class _Named:
    """A run whose states go by what they mean, so that those of two runs can be told to be the same."""

    def __init__(self, run: RunResult, patches: tuple[Match, ...], is_new: bool) -> None:
        self.run = run
        self._is_new = is_new
        self._match = {number: one for one in patches for number in (one.new if is_new else one.old)}
        self.states = {self.meaning(state): state for state in reversed(run.states)}

    def meaning(self, state: StateResult, loose: bool = False, followed: bool = False) -> Meaning:
        """Base and tip mean the same in every run; any other state goes by its patches' matches.

        ``loose`` takes a patch for what it was made part of, or split into: a finding may outlive that. ``followed``
        takes the tip for what it is once other patches come after it.
        """
        if state.scenario == "base":
            return ("base",)
        if self._is_tip(state) and not followed:
            return ("tip",)
        left_out = {patch.number for patch in self.run.series.patches} - {*state.applied}
        asked = [state.patch] if state.patch is not None else sorted(left_out)
        return (state.scenario, *dict.fromkeys(self._patch(number, loose) for number in asked))

    def _patch(self, number: int, loose: bool) -> object:
        """A match of one patch with one is what the patch means; in any other it means itself, unless that is loose."""
        found = self._match.get(number)
        if found is not None and (len(found.old) == len(found.new) == 1 or (loose and found.old and found.new)):
            return (found.old, found.new)
        return (self._is_new, number)

    def tip(self) -> StateResult | None:
        return self.states.get(("tip",))

    def findings(self) -> dict[Meaning, Finding]:
        return {self._key(one, state): one for one, state in self._found()}

    def followed(self) -> dict[Meaning, Meaning]:
        """Of each finding of the tip, what it means once other patches come after it."""
        tips = ((one, state) for one, state in self._found() if self._is_tip(state))
        return {self._key(one, state): self._key(one, state, followed=True) for one, state in tips}

    def _found(self) -> Iterator[tuple[Finding, StateResult]]:
        states = {state.id: state for state in self.run.states}
        return ((one, states[one.state]) for one in self.run.findings)

    def _key(self, one: Finding, state: StateResult, followed: bool = False) -> Meaning:
        return (one.kind, one.contract, self.meaning(state, loose=True, followed=followed), *self._apart(one))

    def _is_tip(self, state: StateResult) -> bool:
        return state.id == f"prefix-{len(self.run.series.patches)}"

    def _apart(self, finding: Finding) -> Meaning:
        """What tells the findings apart of which one state may have several: the partner, or what it is known by."""
        if finding.kind in (FindingKind.KERNEL_COMPLAINT, FindingKind.FLAKY):
            return (frozenset(known_by(finding)),)
        if finding.kind is FindingKind.SUSPECTED_BREAK:
            return (finding.promise or (),)
        if finding.contract is not None or finding.partner is None:
            return ()
        return (self._patch(finding.partner, loose=True),)

    def told(self, finding: Finding, other: "_Named") -> Told:
        found = self._match.get(finding.patch) if finding.patch is not None else None
        place = self.meaning(next(state for state in self.run.states if state.id == finding.state), loose=True)
        states = tuple(one.id for one in other.run.states if other.meaning(one, loose=True) == place)
        return Told(finding=finding, match=found, states=states)

    def has_looked(self, told: Told) -> bool:
        """True where this run can tell that a finding of another is gone: it has judged the states in its place.

        A revert of a patch that is not there any more is a state that nobody can make.
        """
        if told.match is not None and not told.match.new:
            return True
        if told.finding.kind is FindingKind.SUSPECTED_BREAK and self.run.inference is Inference.OFF:
            return False
        states = [state for state in self.run.states if state.id in told.states]
        return bool(states) and all(judge.known(state) and self._asked(told.finding, state) for state in states)

    def _asked(self, finding: Finding, state: StateResult) -> bool:
        """True where what the finding rests on was asked of this state, or the state is loud and nobody could."""
        if state.outcome.loud or finding.kind.of_build:
            return True
        if finding.contract is not None:
            return any(one.id == finding.contract for one in state.contracts)
        of_base = (check.id for check in self.run.states[0].checks if _probe(check.id) not in self.run.left_out)
        checks = {*of_base, *(check.id for check in state.checks)}
        named = (one.name for one in finding.evidence if one.kind in _OF_CHECK)
        return all(name in checks for name in named if name and name != evidence.END)


def _may_be_the_hosts(run: RunResult) -> bool:
    """Whether a state is not known, and this host may be why."""
    return any(one.outcome is Outcome.INFRA_ERROR or one.ending is Ending.DEADLINE for one in run.states)


def _changes(before: _Named, after: _Named) -> Iterator[Change]:
    for meaning, now in reversed(after.states.items()):
        was = before.states.get(meaning)
        if was is None:
            continue
        if was.outcome is not now.outcome and not (was.outcome.well and now.outcome.well):
            worse = was.outcome.well and not now.outcome.unknown and now.ending is not Ending.DEADLINE
            yield Change(
                state=now.id, was_state=was.id, name="outcome", was=was.outcome, now=now.outcome, worse=worse,
                detail=now.detail,
            )  # fmt: skip
        if Outcome.OK is was.outcome is now.outcome:
            yield from _checks(was, now, after.run.left_out)


def _checks(was: StateResult, now: StateResult, left_out: Set[str]) -> Iterator[Change]:
    """Checks that both states have, or lost; one that only the new probes have is no change of the kernel, nor is one
    of a probe that this state was not asked.
    """
    seen = {check.id: check for check in now.checks}
    for old in was.checks:
        new = seen.get(old.id)
        if new is None and _probe(old.id) in left_out:
            continue
        status = str(new.status) if new is not None else "not there"
        if status != old.status:
            lost = old.status in _WELL and (new is None or new.status not in _WELL)
            worse = lost and not losses.only_tells(old.id) and old.id not in (*was.flaky, *now.flaky)
            detail = new.words if new is not None else ""
            yield Change(
                state=now.id, was_state=was.id, name=old.id, was=old.status, now=status, worse=worse, detail=detail
            )


def _probe(check: str) -> str:
    return check.rpartition(".")[0]


def known_by(finding: Finding) -> dict[Evidence, Evidence]:
    """A finding's evidence, each by what it is known by: names of checks, whose words have addresses and the like in
    them, and what the kernel complained of, without its numbers.

    A warning, and what a build was refused, is known by nothing but all its words, of which nothing moves.
    """
    if finding.kind.of_build:
        return {one: one for one in finding.evidence}
    return {evidence.known_by(one): one for one in finding.evidence}


def _warnings(state: StateResult | None) -> frozenset[str]:
    return frozenset(state.warnings_new) if state is not None else frozenset()


def _seconds(old: RunResult, new: RunResult) -> dict[str, tuple[float, float]]:
    sums = [
        {
            stage: round(sum(state.seconds.get(stage, 0.0) for state in run.states if state.same_as is None), 1)
            for stage in ("build", "boot")
        }
        for run in (old, new)
    ]
    return {stage: (sums[0][stage], sums[1][stage]) for stage in sums[0]}


def _side(run: RunResult) -> Side:
    return Side(
        series=run.series.name,
        version=run.series.version,
        base=run.base.name,
        arch=run.arch,
        accel=run.accel.name,
        variant=run.variant,
        machine=run.machine,
        patches=tuple(patch.subject for patch in run.series.patches),
        verdict=run.verdict,
    )
