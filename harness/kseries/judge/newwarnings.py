# SPDX-License-Identifier: GPL-2.0-only
"""What a build warns of since a patch, and did not before it: pure functions from two states' warnings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set

from kseries.judge.evidence import of_warning
from kseries.model import Finding, FindingKind, Outcome, Plan, StateResult


def since(before: StateResult, after: StateResult, touched: Set[str]) -> tuple[str, ...]:
    """The warnings of ``after`` that ``before`` does not have, or not so often in any one object.

    Where the two are not linked of the same objects, a warning may be new because somebody has switched an object on
    that would have warned before: then only those count that are for files of the patches between them.
    """
    new = dict.fromkeys((Counter(after.warnings) - Counter(before.warnings)).elements())
    same_objects = before.linked == after.linked
    return tuple(warning for warning in new if same_objects or warning.partition(": ")[0] in touched)


def touched(plan: Plan, numbers: Set[int]) -> frozenset[str]:
    """The files that these patches change."""
    return frozenset(path for patch in plan.patches if patch.number in numbers for path in patch.files)


def findings(plan: Plan, results: Mapping[str, StateResult]) -> Iterator[Finding]:
    """What the build says since a patch and did not say before it: told once, of that patch.

    Where the state before it was not built, it may be the fault of a patch further down, so it is nobody's
    (``patch`` is None).
    """
    before = results["base"]
    reached = 0
    for patch in plan.patches:
        after = results.get(f"prefix-{patch.number}")
        if after is None or not _built(after):
            continue
        between = frozenset(range(reached + 1, patch.number + 1))
        if new := since(before, after, touched(plan, between)):
            yield Finding(
                kind=FindingKind.NEW_WARNING,
                state=after.id,
                patch=patch.number if len(between) == 1 else None,
                partner=None,
                contract=None,
                evidence=tuple(map(of_warning, new)),
            )
        before, reached = after, patch.number


def _built(result: StateResult) -> bool:
    """True where the build came to its end, so that all warnings of the tree are known."""
    if result.outcome is Outcome.INFRA_ERROR:
        return result.objects is not None  # it did not boot here
    return result.outcome not in (Outcome.CONFLICT, Outcome.BUILD_FAILED, Outcome.NOT_TRIED)
