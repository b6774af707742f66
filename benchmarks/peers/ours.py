# SPDX-License-Identifier: GPL-2.0-only
"""(c) kseries run, with a cache that begins empty."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.peers import trees
from benchmarks.peers.meter import Cost, measure
from benchmarks.peers.onetree import OneTree
from benchmarks.peers.pieces import BASE, KSERIES, REST, Piece, Pieces
from benchmarks.peers.series import Series
from kseries.host import files, paths
from kseries.model import RunResult, StateResult
from kseries.model.document import RESULT, Document
from kseries.sources import git as gits

STAGES = ("configure", "compile", "link", "build", "boot")
_DONE = (0, 1)
"""What a run exits with that has come to its end."""


@dataclass(frozen=True)
class Ours:
    """kseries, whose cache is its own."""

    series: Series
    tree: OneTree

    @property
    def cache(self) -> Path:
        return self.series.place / "cache"

    def begun(self, pieces: Pieces) -> None:
        """Have base built and booted, with an empty cache, and keep the cache as it is then."""
        if pieces.has(self.series.name, KSERIES, BASE) and trees.kept(self.cache).exists():
            return
        files.remove(self.cache)
        self.cache.mkdir()
        pieces.add(self._measured(BASE, 0, None, "--budget", "1s"))  # no state but base is begun then
        self._check_configuration()
        trees.save(self.cache)

    def run(self, pieces: Pieces, number: int) -> None:
        """The whole run, with the cache as it was behind base."""
        unit = self.tree.unit()
        trees.restore(self.cache)
        for home in (self.cache / "kseries" / "workers").iterdir():
            index, source = home / "index", home / "source"
            gits.ours(
                self.cache / "kseries" / "trees.git", "update-index", "-q", "--refresh", index=index, work_tree=source
            )
        pieces.add(self._measured(REST, number, unit))

    def _measured(self, part: str, number: int, unit: Cost | None, *words: str) -> Piece:
        out = self.series.place / "out"
        files.remove(out)
        argv = [str(paths.project("kseries")), "run", "--out", str(out), *words, *self.series.kseries_words]
        cost, _ = measure(argv, self.series.place, self.series.log, {"XDG_CACHE_HOME": str(self.cache)})
        if cost.status not in _DONE:
            sys.exit(f"kseries run exited with {cost.status}; {self.series.log} has what it said")
        (result,) = msgspec.json.decode((out / RESULT).read_bytes(), type=Document).runs()
        states = _built(result)
        return Piece(
            series=self.series.name,
            way=KSERIES,
            part=part,
            round=number,
            cost=cost,
            unit=unit,
            stages=spent(one for one in states if (one.id == BASE) == (part == BASE)),
            of=len(states),
        )

    def _check_configuration(self) -> None:
        """Exit where it is not that of the other ways."""
        mine = next((self.cache / "kseries" / "workers" / "0").glob("*/obj/.config"))
        theirs = trees.kept(self.tree.place) / ".config"
        if _set(mine) != _set(theirs):
            sys.exit(f"the configurations differ: {mine} and {theirs}")


def _set(config: Path) -> set[str]:
    return {line for line in config.read_text().splitlines() if line.startswith("CONFIG_")}


def _built(result: RunResult) -> list[StateResult]:
    """The states that are no other's, those of squashed series and of the search for partners among them."""
    squashed = (state for squash in result.squashes for state in squash.states)
    every = {state.tree: state for state in (*result.searched, *squashed, *result.states[::-1]) if state.tree}
    return list(every.values())


def spent(states: Iterable[StateResult]) -> dict[str, float]:
    """Seconds of the clock that each stage took; ``build`` is what of it is none of its parts."""
    totals = dict.fromkeys(STAGES, 0.0)
    for stage, seconds in (item for state in states for item in _seconds(state)):
        totals[stage] += seconds
    return totals


def _seconds(state: StateResult) -> Iterator[tuple[str, float]]:
    if state.same_as or state.built_as:
        return
    parts = {stage: state.seconds.get(stage, 0.0) for stage in STAGES}
    parts["build"] -= sum(parts[stage] for stage in ("configure", "compile", "link"))
    if state.booted_as:
        parts["boot"] = 0.0
    yield from parts.items()
