# SPDX-License-Identifier: GPL-2.0-only
"""Finished runs of a series in a repository, in the list of patches that they have seen; nothing is built for them."""

from pathlib import Path
from typing import Any

import msgspec

from kseries.app import rundir
from kseries.cache.patchindex import PatchIndex
from kseries.inputs import gitrange
from kseries.model import (
    Base,
    Exercise,
    Grounds,
    Outcome,
    PatchResult,
    Plan,
    RunResult,
    Series,
    SeriesSummary,
    StateResult,
    Verdict,
)
from kseries.plan import identities, scenarios
from kseries.sources import TreeStore
from tests.support import runs
from tests.support.gitrepo import Repository

_GROUNDS = Grounds(contracts=1, checks=9, lines=4, lines_ran=3)
_WELL = Verdict(bisectable=True, revert_safe=True)


class Recorded:
    """A repository, a cache, and the runs that were made of ranges of it."""

    def __init__(self, home: Path) -> None:
        self.linux = Repository(home / "linux")
        self.cache = home / "cache" / "kseries"
        self.index = PatchIndex(self.cache)
        self._home = home
        self.cache.mkdir(parents=True)

    def plan(self, revisions: str) -> tuple[Plan, Series]:
        """The patches of a range, as a run has them."""
        trees = TreeStore(self.cache / "trees.git")
        trees.add_repository(self.linux.path)
        series, fork = gitrange.read(self.linux.path, revisions)
        base = Base(name=f"linux {fork[:12]}", version="6.12", tree=self.linux.tree(fork))
        patches = scenarios.apply_all(series, base, trees)
        plan = Plan(series=series.name, version=1, patches=patches, base=base, states=())
        return identities.with_ids(plan, series, trees), series

    def run(self, revisions: str, out: str = "out", **more: Any) -> RunResult:
        """A run in which all is well, but for what is given: ``outcomes`` of states by their names; ``mails``, the
        Message-IDs of the patches; ``cover``, that of their cover letter; ``label``, a variant's.
        """
        plan, _ = self.plan(revisions)
        mails = more.pop("mails", [""] * len(plan.patches))
        patches = tuple(
            msgspec.structs.replace(patch, message_id=mail) for patch, mail in zip(plan.patches, mails, strict=True)
        )
        series = SeriesSummary(name=plan.series, version=1, patches=patches, cover_id=more.pop("cover", ""))
        states = _states(len(patches), more.pop("outcomes", {}), more.pop("untried", ()))
        judged = tuple(
            PatchResult(number=patch.number, verdict=_WELL, exercise=Exercise.EXERCISED, grounds=_GROUNDS)
            for patch in patches
        )
        label = more.pop("label", "x86_64")
        variant = msgspec.structs.replace(runs.VARIANT, label=label)
        given = {"base": plan.base, "verdict": _WELL, "patches": judged, "variant": variant, "words": (revisions,)}
        result = runs.run(*states, series=series, **{**given, **more})
        self.write(result, out)
        return result

    def write(self, result: RunResult, out: str) -> None:
        """Have a run end with this result."""
        place = self._home / out
        rundir.create(place)
        rundir.write(place, result)
        self.index.add(result, place)


def _states(patches: int, outcomes: dict[str, Outcome], untried: tuple[str, ...]) -> list[StateResult]:
    every = tuple(range(1, patches + 1))
    prefixes = {f"prefix-{number}": every[:number] for number in every}
    reverts = {f"without-{number}": tuple(one for one in every if one != number) for number in every}
    return [
        runs.state(
            name,
            int(name.rpartition("-")[2]) if "-" in name else None,
            applied=applied,
            outcome=outcomes.get(name, Outcome.NOT_TRIED if name in untried else Outcome.OK),
        )
        for name, applied in {"base": (), **prefixes, **reverts}.items()
    ]
