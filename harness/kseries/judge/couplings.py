# SPDX-License-Identifier: GPL-2.0-only
"""Which patches depend on which, and how, told from the states of a run: pure (docs/how-it-works.md, Couplings)."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from kseries.judge import evidence
from kseries.model import AppliedPatch, Bond, Coupling, EvidenceKind, Finding, FindingKind, Outcome, Plan, StateResult
from kseries.plan.renamed import Renamed

_BONDS = {Outcome.BUILD_FAILED: Bond.BUILD, Outcome.BOOT_FAILED: Bond.BOOT}


def couplings(plan: Plan, states: Mapping[str, StateResult], findings: tuple[Finding, ...]) -> tuple[Coupling, ...]:
    """Each dependency once, in the order of the patches that have it.

    Where a run was interrupted, only those that no further state would show to be others.
    """
    known = _Known(plan, states)
    whole = not any(state.outcome is Outcome.NOT_TRIED for state in states.values())
    compared = (*known.loud(), *known.late(holes(plan, findings))) if whole else ()
    found: dict[tuple[Bond, int, int | None], Coupling] = {}
    for one in (*known.textual(), *compared, *_by_behaviour(findings)):
        found.setdefault((one.kind, one.patch, one.needs), one)
    return tuple(sorted(found.values(), key=lambda one: (one.patch, one.needs or 0, one.kind)))


def _by_behaviour(findings: tuple[Finding, ...]) -> Iterator[Coupling]:
    """A promise that a patch makes and that is kept only with another one."""
    for finding in findings:
        if finding.kind is FindingKind.SILENT_BREAK and finding.patch is not None and finding.partner is not None:
            yield Coupling(
                kind=Bond.BEHAVIOUR,
                patch=finding.partner,
                needs=finding.patch,
                state=finding.state,
                contract=finding.contract,
                evidence=finding.evidence,
            )


class _Known:
    """The states of a run, asked by what they leave out."""

    def __init__(self, plan: Plan, states: Mapping[str, StateResult]) -> None:
        self._patches = plan.patches
        self._states = states
        renamed = Renamed(plan.patches)
        self._files = {patch.number: renamed.files(patch.files) for patch in plan.patches}
        self._conflicts = {
            state.id: {renamed.file(path): path for path in state.conflicts}
            for state in plan.states
            if state.tree is None
        }

    # --- by text ----------------------------------------------------------------------------

    def textual(self) -> Iterator[Coupling]:
        """A later patch that is in the way of an earlier one's revert, or has no place without it.

        Where git names a file in both, these two are meant; where it does so in one only, all that touch the file.
        """
        for early in self._patches:
            for late in self._patches[early.number :]:
                shared = self._files[early.number] & self._files[late.number]
                revert = self._in_conflict(f"without-{early.number}") & shared
                alone = self._in_conflict(f"only-{late.number}") & shared
                certain = revert & alone
                if certain or self._only_one(revert, early) or self._only_one(alone, late):
                    state = f"without-{early.number}" if revert else f"only-{late.number}"
                    paths = sorted(self._conflicts[state][file] for file in certain or revert or alone)
                    yield Coupling(
                        kind=Bond.TEXTUAL,
                        patch=late.number,
                        needs=early.number,
                        state=state,
                        evidence=tuple(map(evidence.of_conflict, paths)),
                    )

    def _in_conflict(self, state: str) -> frozenset[str]:
        """The files in which a state conflicts, by the names that they go by."""
        return frozenset(self._conflicts.get(state, ()))

    def _only_one(self, files: frozenset[str], patch: AppliedPatch) -> bool:
        """True where a conflict in such a file has no pair of patches to it that is certain."""
        return any(not self._paired(file, patch.number) for file in files)

    def _paired(self, file: str, patch: int) -> bool:
        """True where some other patch's state conflicts in this file too, the other way round."""
        others = [other for other, files in self._files.items() if other != patch and file in files]
        return any(
            file in self._in_conflict(f"only-{other}")
            if other > patch and file in self._in_conflict(f"without-{patch}")
            else file in self._in_conflict(f"without-{other}")
            if other < patch and file in self._in_conflict(f"only-{patch}")
            else False
            for other in others
        )

    # --- at build and at boot ---------------------------------------------------------------

    def loud(self) -> Iterator[Coupling]:
        """What does not build or boot without a patch, and what does not do so alone."""
        for patch in self._patches:
            without = self._states.get(f"without-{patch.number}")
            if without is not None and without.outcome in _BONDS:
                for late in self._behind(without, patch):
                    yield self._coupling(without, late, patch.number)
            alone = self._states.get(f"only-{patch.number}")
            if alone is not None and alone.outcome in _BONDS:
                needed: list[int | None] = [
                    early.number for early in self._patches[: patch.number - 1] if self._fails(early, alone)
                ]
                for number in needed or [None]:
                    yield self._coupling(alone, patch.number, number)

    def _behind(self, without: StateResult, gone: AppliedPatch) -> list[int]:
        """The later patches that the errors tell of, by their lines or by files; else those that fail alone too."""
        later = self._patches[gone.number :]
        said = " ".join((without.detail, *without.notes))
        named = [late for late in later if any(evidence.names_file(said, path) for path in late.files)]
        suspects = [late for late in later if late.number in without.suspects]
        alone = [late for late in later if self._outcome(f"only-{late.number}") is without.outcome]
        both = [late for late in named if late in alone]
        return [late.number for late in (suspects or both or named or alone)]

    def _fails(self, early: AppliedPatch, alone: StateResult) -> bool:
        """True where this one fails without an earlier one in the same way, as far as it is known where that is."""
        without = self._states.get(f"without-{early.number}")
        if without is None or without.outcome is not alone.outcome:
            return False
        return not without.suspects or alone.patch in without.suspects

    def _outcome(self, state: str) -> Outcome | None:
        result = self._states.get(state)
        return result.outcome if result is not None else None

    def _ends(self, hole: "Hole") -> bool:
        """False where it is not known that the prefix behind a hole is out of it, or that the one before is in it."""
        first, last, after = (
            self._states[f"prefix-{number}"] for number in (hole.first, hole.mended_by - 1, hole.mended_by)
        )
        if last.outcome.loud and last.outcome is not first.outcome:
            return False
        if after.outcome.loud or (after.outcome.unknown and not after.outcome.well):
            return False
        verdict = next((one for one in after.contracts if one.id == hole.contract), None)
        return hole.contract is None or (verdict is not None and (verdict.holds or verdict.advertised is False))

    @staticmethod
    def _coupling(state: StateResult, patch: int, needs: int | None) -> Coupling:
        told = (evidence.of_error(state),)
        return Coupling(kind=_BONDS[state.outcome], patch=patch, needs=needs, state=state.id, evidence=told)

    # --- in the wrong order -----------------------------------------------------------------

    def late(self, known: "tuple[Hole, ...]") -> Iterator[Coupling]:
        """A patch that needs a later one: the series has a hole from the one to the other, which is seen to end it."""
        for hole in known:
            state = self._states[f"prefix-{hole.first}"]
            if not self._ends(hole):
                continue
            yield Coupling(
                kind=_BONDS.get(state.outcome, Bond.BEHAVIOUR),
                patch=hole.first,
                needs=hole.mended_by,
                state=state.id,
                contract=hole.contract,
                evidence=(evidence.of_error(state),) if state.detail else (),
            )


@dataclass(frozen=True)
class Hole:
    """Prefixes that fail in one way, from the patch that brings it to the one that ends it.

    Between them may be some that do not come so far as to show it: whoever orders the series anew has to pass those.
    """

    first: int
    mended_by: int
    contract: str | None

    def order(self, count: int) -> Iterator[tuple[int, ...]]:
        """The orders without it: the first patch after the one that mends it, or that one before the first."""
        numbers = list(range(1, count + 1))
        rest = [number for number in numbers if number != self.first]
        at = rest.index(self.mended_by) + 1
        yield (*rest[:at], self.first, *rest[at:])
        rest = [number for number in numbers if number != self.mended_by]
        at = rest.index(self.first)
        yield (*rest[:at], self.mended_by, *rest[at:])


def holes(plan: Plan, findings: tuple[Finding, ...]) -> tuple[Hole, ...]:
    """The holes of a series that a later patch of it closes."""
    count = len(plan.patches)
    broken: dict[tuple[str | None, str], set[int]] = {}
    for finding in findings:
        if finding.kind is FindingKind.BISECT_HOLE and finding.patch is not None:
            broken.setdefault((finding.contract, _loud(finding)), set()).add(finding.patch)
        elif finding.state == plan.tip and finding.kind in (FindingKind.BROKEN_CONTRACT, FindingKind.REGRESSION):
            broken.setdefault((finding.contract, ""), set()).add(count)
    hidden = {at for (_, loud), where in broken.items() if loud for at in where}
    return tuple(
        hole
        for (contract, loud), where in broken.items()
        for hole in _runs(where, frozenset() if loud else hidden, count, contract)
    )


def _loud(finding: Finding) -> str:
    """As what a prefix does not come to run; of one that ran, and fails otherwise, nothing."""
    return next((one.name for one in finding.evidence if one.kind is EvidenceKind.OUTCOME and one.name in _BONDS), "")


def _runs(broken: Set[int], hidden: Set[int], count: int, contract: str | None) -> Iterator[Hole]:
    """Broken prefixes in a row, each row with the patch after it; one that goes on to the tip is mended by none.

    A row goes on over prefixes that are ``hidden``: they do not run, and so end nothing.
    """
    after = 0
    for first in sorted(broken):
        if first < after:
            continue
        after = next((at for at in range(first, count + 1) if at not in broken and at not in hidden), count + 1)
        if after <= count:
            yield Hole(first, after, contract)
