# SPDX-License-Identifier: GPL-2.0-only
"""(b) One tree: git checkout, make in place with ccache, and vng, for one state after the other."""

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import trees, vng
from benchmarks.peers.meter import NOTHING, Cost, measure
from benchmarks.peers.pieces import BASE, ONE_TREE, REST, Piece, Pieces, Step
from benchmarks.peers.series import JOBS, Commit, Series, git
from benchmarks.peers.vng import Guests, Vng
from kseries.host import files

_COMPILED = re.compile(rb"^  (?:CC|AS)\s", re.MULTILINE)
_CHECK = re.compile(rb"^(?:not )?ok \d", re.MULTILINE)


@dataclass(frozen=True)
class OneTree:
    """A developer's tree."""

    series: Series
    vng: Vng
    guests: Guests

    @property
    def place(self) -> Path:
        return self.series.place / "tree"

    @property
    def cache(self) -> Path:
        return self.series.place / "ccache"

    @property
    def kernel(self) -> Path:
        return self.place / "vmlinux"

    def begun(self, pieces: Pieces) -> None:
        """Build base with an empty ccache, boot it, and keep the tree as it is then."""
        places = (self.place, self.cache)
        if pieces.has(self.series.name, ONE_TREE, BASE) and all(trees.kept(place).exists() for place in places):
            return
        trees.clone(self.series, self.place)
        files.remove(self.cache)
        self.cache.mkdir()
        options = f"KCONFIG_ALLCONFIG={self.series.fragment}"
        configured, _ = self._make(options, "allnoconfig")
        step = self._step(self.series.commits[0], configured)
        if not step.checks:
            sys.exit(f"base does not build, or no probe runs under vng; the end of {self.series.log} says why")
        for place in places:
            trees.save(place)
        pieces.add(self._piece(BASE, 0, (step,), None))

    def run(self, pieces: Pieces, number: int) -> None:
        """All states behind base, from the tree as it was then."""
        unit = self.unit()
        steps = tuple(self._step(commit, NOTHING) for commit in self.series.commits[1:])
        pieces.add(self._piece(REST, number, steps, unit))

    def unit(self) -> Cost:
        """Have the tree as it was behind base, and a make that has nothing to do; the first one reads the disk."""
        for place in (self.place, self.cache):
            trees.restore(place)
        git("update-index", "-q", "--refresh", cwd=self.place)
        self._make("vmlinux")
        return self._make("vmlinux")[0]

    def _step(self, commit: Commit, configured: Cost) -> Step:
        before, was = git("rev-parse", "HEAD", cwd=self.place), self._digest()
        checkout, _ = self._measure("git", "checkout", "--quiet", "--detach", commit.id)
        costs = {"checkout": checkout, "configure": configured}
        if "Kconfig" in git("diff", "--name-only", before, commit.id, cwd=self.place):
            costs["configure"], _ = self._make("olddefconfig")
        costs["make"], said = self._make("vmlinux")
        checks = 0
        if costs["make"].status == 0:
            costs["boot"], told = self._boot()
            checks = len(_CHECK.findall(told))
        return Step(
            state=commit.state,
            costs=costs,
            compiled=len(_COMPILED.findall(said)),
            changed=self._digest() != was,
            checks=checks,
        )

    def _make(self, *words: str) -> tuple[Cost, bytes]:
        return self._measure("make", f"-j{JOBS}", "CC=ccache gcc", *words)

    def _boot(self) -> tuple[Cost, bytes]:
        return self._measure(*self.vng.words(self.kernel, str(self.guests.script)))

    def _measure(self, *words: str) -> tuple[Cost, bytes]:
        env = {**self.vng.env, "CCACHE_DIR": str(self.cache)}
        return measure(words, self.place, self.series.log, env)

    def _digest(self) -> str:
        return hashlib.sha256(self.kernel.read_bytes()).hexdigest() if self.kernel.exists() else ""

    def _piece(self, part: str, number: int, steps: tuple[Step, ...], unit: Cost | None) -> Piece:
        costs = [cost for step in steps for cost in step.costs.values()]
        stages = {name: sum(step.costs[name].wall for step in steps if name in step.costs) for name in STAGES}
        return Piece(
            series=self.series.name,
            way=ONE_TREE,
            part=part,
            round=number,
            cost=sum(costs, NOTHING),
            unit=unit,
            stages=stages,
            steps=steps,
            of=len(steps),
        )


STAGES = ("checkout", "configure", "make", "boot")


def prepared(series: Series, work: Path) -> OneTree:
    """With vng, and with our probes built against the headers of the whole series."""
    guests = Guests(series.place / "guests")
    if not guests.script.exists():
        source = trees.clone(series, series.place / "headers")
        git("checkout", "--quiet", "--detach", series.tip, cwd=source)
        vng.build(source, guests.place, series.log)
        files.remove(source)
    return OneTree(series, vng.installed(work), guests)
