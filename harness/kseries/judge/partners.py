# SPDX-License-Identifier: GPL-2.0-only
"""With which later patch a revert begins to break what always worked: found by halving. Pure.

Without patch J a check fails that base and the tip pass. Its partner is the patch K such that the series up to K fails
it without J, and the series up to K - 1 does not: that is where something began to need J.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

import msgspec

from kseries.judge import changelog, evidence, losses
from kseries.judge.losses import Symptom
from kseries.model import Advice, AppliedPatch, Evidence, Finding, FindingKind, Plan, RunResult, Squash, StateResult


def state_id(upto: int, without: int) -> str:
    """The state of the search: the first patches of a series, one of them reverted."""
    return f"prefix-{upto}/without-{without}"


def sought(finding: Finding) -> bool:
    """True of a finding whose partner is found by building: a revert of one patch that breaks what always worked."""
    return finding.kind is FindingKind.SILENT_BREAK and finding.contract is None and finding.patch is not None


def searched(run: RunResult, finding: Finding) -> tuple[StateResult, ...]:
    """The states that were built to find the partner of a finding."""
    if not sought(finding) or finding.patch is None:
        return ()
    ids = {state_id(patch.number, finding.patch) for patch in run.series.patches}
    return tuple(state for state in run.searched if state.id in ids)


class Halving:
    """The search for the partner of each symptom of one revert, all of them on the same kernels.

    ``next`` tells up to which patch to build the series without this one, ``saw`` what came of it.
    """

    def __init__(self, patch: int, count: int, symptoms: Sequence[Symptom]) -> None:
        self._patch = patch
        # Up to the first of the two it is not there, as far as anybody has looked; up to the second it is.
        self._between: dict[Symptom, tuple[int | None, int]] = dict.fromkeys(symptoms, (None, count))
        if patch == count:  # nothing comes after it
            self._between.clear()

    def next(self) -> int | None:
        """Up to which patch to look next; None when all that can be told is."""
        for low, high in self._between.values():
            if low is None:
                return self._patch
            if high - low > 1:
                return (low + high) // 2
        return None

    def saw(self, upto: int, shown: Callable[[Symptom], bool | None]) -> None:
        """What the series up to a patch shows without ours; a symptom of which that cannot be told has no partner."""
        for symptom, (low, high) in list(self._between.items()):
            if not (self._patch if low is None else low + 1) <= upto < high:
                continue
            there = shown(symptom)
            if there is None or (there and upto == self._patch):  # the patches before ours fail by themselves
                del self._between[symptom]
            else:
                self._between[symptom] = (low, upto) if there else (upto, high)

    @property
    def partners(self) -> dict[Symptom, int]:
        """The partner of each symptom that has one."""
        return {one: high for one, (low, high) in self._between.items() if low is not None and high - low == 1}


def of_finding(finding: Finding, base: StateResult, tip: StateResult, state: StateResult) -> tuple[Symptom, ...]:
    """The symptoms that a silent break without a contract tells of."""
    symptoms = losses.of_revert(base, tip, state)
    return tuple(one for one in symptoms if losses.told(one, state) in finding.evidence)


def with_partners(
    finding: Finding, state: StateResult, partners: Mapping[Symptom, int | None], patches: Sequence[AppliedPatch]
) -> Iterator[Finding]:
    """A finding for each partner, with the symptoms that are its, and that no changelog tells of the two."""
    for partner in dict.fromkeys(partners.values()):
        told = tuple(losses.told(one, state) for one, its in partners.items() if its == partner)
        found = msgspec.structs.replace(finding, partner=partner, evidence=told)
        yield found
        yield from undocumented(found, patches, None)


def first_showing(
    plan: Plan, results: Mapping[str, StateResult], shown: Callable[[StateResult], bool | None]
) -> int | None:
    """The first patch whose prefix shows something, where the one before it is known not to; None when base does
    already, or where that cannot be told.
    """
    before = shown(results["base"])
    for patch in plan.patches:
        prefix = _prefix(results, patch)
        if prefix is not None and prefix.outcome.unknown:
            return None
        now = shown(prefix) if prefix is not None and not prefix.outcome.loud else None
        if now:
            return patch.number if before is False else None
        before = now
    return None


def _prefix(results: Mapping[str, StateResult], patch: AppliedPatch) -> StateResult | None:
    """The series up to a patch, or any state with its tree: the last patch reverted is the prefix before it."""
    of_tree = (one for one in results.values() if one.tree == patch.tree_after)
    return results.get(f"prefix-{patch.number}") or next(of_tree, None)


def undocumented(found: Finding, patches: Sequence[AppliedPatch], capability: str | None) -> Iterator[Finding]:
    """That the partner of a silent break needs the patch that was reverted, unless a changelog says so."""
    if found.patch is None or found.partner is None:
        return
    by_number = {patch.number: patch for patch in patches}
    if not changelog.documented(by_number[found.partner], by_number[found.patch], capability):
        yield Finding(
            kind=FindingKind.UNDOCUMENTED_DEPENDENCY,
            state=found.state,
            patch=found.partner,
            partner=found.patch,
            contract=found.contract,
            evidence=found.evidence,
        )


def with_proof(
    finding: Finding,
    all_findings: Sequence[Finding],
    seen: Mapping[str, StateResult],
    tried: Mapping[Advice, Squash],
    asked: Set[str],
) -> Finding:
    """A silent break without a contract, whose advice to squash two neighbours says what came of trying it.

    ``seen`` are the states of the run. It is a cure if the two, reverted as one, have none of the symptoms, and nothing
    else has come: nothing is told of the changed series that was not told before. Null where any of that is not known.
    """
    if finding.advice is None or finding.patch is None or finding.advice not in tried:
        return finding
    changed = tried[finding.advice]
    # Of two neighbours made one, the squash has the number of the first.
    together = next((one for one in changed.states if one.id == f"without-{finding.patch}"), None)
    left = _left(finding, seen, together) if together is not None else None
    before = Counter(key for one in all_findings if one != finding for key in _keys(one))
    after = Counter(key for one in changed.findings if not one.is_advice for key in _keys(one))
    if left or after - before:
        verified: bool | None = False
    else:
        verified = True if left is False and _all_seen(changed, asked) else None
    return msgspec.structs.replace(finding, advice=msgspec.structs.replace(finding.advice, verified=verified))


def _left(finding: Finding, seen: Mapping[str, StateResult], together: StateResult) -> bool | None:
    """Whether any of a finding's symptoms is left; False where nobody can make that state without being told."""
    if together.outcome.loud:
        return False
    base = seen["base"]
    tip = max((one for one in seen.values() if one.scenario == "prefixes"), key=lambda one: len(one.applied))
    shown = {losses.shows(one, base, together) for one in of_finding(finding, base, tip, seen[finding.state])}
    return True if True in shown else None if None in shown or not shown else False


def _keys(finding: Finding) -> Iterator[tuple[FindingKind, str | None, Evidence]]:
    """What a finding is the same by in a series whose patches have other numbers."""
    yield from ((finding.kind, finding.contract, evidence.known_by(one)) for one in finding.evidence)


def _all_seen(changed: Squash, asked: Set[str]) -> bool:
    """True where every state that was asked for came to its end, or is loud."""
    return all(
        state.outcome.well or state.outcome.loud
        for state in changed.states
        if state.scenario in asked or "journey" in asked
    )
