# SPDX-License-Identifier: GPL-2.0-only
"""What a run concludes of what its states have shown, where that takes git hundreds of answers: once."""

from collections.abc import Sequence

from kseries.cache.conclusions import Conclusions
from kseries.host import paths
from kseries.judge import changelog, exercise, suspects
from kseries.judge.exercise import PerPatch
from kseries.judge.judgement import Judgement
from kseries.model import AppliedPatch, Plan, Series, StateResult
from kseries.plan import identities
from kseries.sources import TreeStore


def with_suspects(plan: Plan, states: tuple[StateResult, ...], trees: TreeStore) -> tuple[StateResult, ...]:
    """As suspects.with_suspects()."""
    return _of(trees).of(
        "suspects", (plan, states), tuple[StateResult, ...], lambda: suspects.with_suspects(plan, states, trees)
    )


def of_reverts(
    result: StateResult, base: str, patches: Sequence[AppliedPatch], gone: Sequence[int], trees: TreeStore
) -> tuple[int, ...]:
    """As suspects.of_reverts()."""
    given = (result, base, patches, gone)
    return _of(trees).of("reverts", given, tuple[int, ...], lambda: suspects.of_reverts(*given, trees))


def with_symbols(plan: Plan, trees: TreeStore) -> Plan:
    """As changelog.with_symbols()."""
    return _of(trees).of("symbols", plan, Plan, lambda: changelog.with_symbols(plan, trees))


def with_ids(plan: Plan, series: Series, trees: TreeStore) -> Plan:
    """As identities.with_ids()."""
    return _of(trees).of("ids", (plan, series), Plan, lambda: identities.with_ids(plan, series, trees))


def per_patch(judgement: Judgement, arch: str, trees: TreeStore) -> PerPatch:
    """As exercise.per_patch()."""
    return _of(trees).of("per patch", (judgement, arch), PerPatch, lambda: exercise.per_patch(judgement, arch, trees))


def _of(trees: TreeStore) -> Conclusions:
    return Conclusions(paths.cache(), trees.git_version)
