# SPDX-License-Identifier: GPL-2.0-only
"""What a run concludes of what its states have shown, where that takes git hundreds of answers: once."""

from kseries.cache.conclusions import Conclusions
from kseries.host import paths
from kseries.judge import exercise, suspects
from kseries.judge.exercise import PerPatch
from kseries.judge.judgement import Judgement
from kseries.model import Plan, StateResult
from kseries.sources import TreeStore


def with_suspects(plan: Plan, states: tuple[StateResult, ...], trees: TreeStore) -> tuple[StateResult, ...]:
    """As suspects.with_suspects()."""
    return _of(trees).of(
        "suspects", (plan, states), tuple[StateResult, ...], lambda: suspects.with_suspects(plan, states, trees)
    )


def per_patch(judgement: Judgement, arch: str, trees: TreeStore) -> PerPatch:
    """As exercise.per_patch()."""
    return _of(trees).of("per patch", (judgement, arch), PerPatch, lambda: exercise.per_patch(judgement, arch, trees))


def _of(trees: TreeStore) -> Conclusions:
    return Conclusions(paths.cache(), trees.git_version)
