# SPDX-License-Identifier: GPL-2.0-only
"""Real kernels, really booted. Sources, objects and ccache come from the user's cache, and so do results.

A stored result is one of the very same program, probes and kernel: what a run on the command line has found out for an
earlier test is not found out again.
"""

import asyncio
import dataclasses
import os
import tempfile
from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries import inputs, judge, kbuild
from kseries.app import setup
from kseries.cache import store
from kseries.evaluate.setup import Setup
from kseries.guest import emulator
from kseries.host import paths
from kseries.inputs import contracts, patchdir
from kseries.judge import suspects
from kseries.kbuild.config import Config
from kseries.model import Base, Finding, Series, StateResult
from kseries.model.events import Event
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels
from tests.support import bases
from tests.support.engines import engine as engine_for

MUTANTS = Path(__file__).parents[1] / "guest" / "mutants"
"""The wrong kernels of a test case on an architecture, in a folder of its name and one in it of the architecture's."""

SPLIT = "exit-on-missing-split"


class Lab:
    """Builds and boots the series of a test case on one architecture, with whatever is put on top of it."""

    def __init__(self, home: Path, arch: str, case: str = SPLIT) -> None:
        self.home = home
        self.trees = TreeStore(paths.cache("trees.git"))
        target = inputs.load(str(paths.project("testcases", case)))
        self.base = self._base(target.tree or kernels.DEFAULT)
        self.series = target.series
        self.mutants = MUTANTS / case / arch
        self.arch = archs.get(arch)
        self.config = Config.read((paths.project("kernels", self.arch.config),))
        self.worker = kbuild.Worker(
            paths.cache("workers", "0"),
            self.trees,
            self.arch,
            self.config,
            os.cpu_count() or 1,
            series=self._lines(),
        )
        self.store = store.Store(paths.cache("results"))
        accel = self.arch.accel()
        self.setup = Setup(
            self.arch,
            accel,
            kbuild.toolchain(self.arch, self.config),
            self.config,
            setup.chosen(None, quick=False),
            store.program(),
            emulator=emulator.version(self.arch, accel),
        )
        self.events: list[Event] = []

    def _base(self, tree: str) -> Base:
        """The usual kernel, or another one of Debian's: where that is not to be had, the test is skipped."""
        if tree == kernels.DEFAULT:
            return kernels.get(tree, None, self.trees, paths.cache(), print)
        return bases.debian(tree.rpartition("-")[2])

    def mutant(self, name: str) -> Series:
        """The series with one more patch, which breaks it."""
        broken = patchdir.read_patch(len(self.series.patches) + 1, self.mutants / f"{name}.patch")
        return msgspec.structs.replace(self.series, patches=(*self.series.patches, broken))

    def _lines(self) -> str:
        """Whose patches are built: those of a run of the series, in whose build folder we go on."""
        applied = scenarios.apply_all(self.series, self.base, self.trees)
        return "\n".join((self.base.tree, *(patch.tree_after for patch in applied)))

    def forget(self) -> None:
        """Know no result of before: every state is built and booted again."""
        self.store = store.Store(Path(tempfile.mkdtemp(prefix="results-", dir=self.home)))

    def tip(self, series: Series, repeat: int = 1) -> tuple[StateResult, StateResult, tuple[Finding, ...]]:
        """Base and tip of a series, and the findings, from real boots, each made ``repeat`` times."""
        setup = dataclasses.replace(self.setup, repeat=repeat)
        states, findings = self.run(series, (), self.base, setup)
        return states["base"], states[f"prefix-{len(series.patches)}"], findings

    def run(
        self, series: Series, names: tuple[str, ...], base: Base, setup: Setup
    ) -> tuple[dict[str, StateResult], tuple[Finding, ...]]:
        """The states of some scenarios, by their names, and the findings."""
        plan = scenarios.make_plan(series, base, names, self.trees)
        engine = engine_for(setup, (self.worker,), self.store, self.events.append)
        seen = asyncio.run(engine.run(plan, self.home / series.patches[-1].origin))
        asked = tuple(judge.asked(contract, setup.probe_names) for contract in contracts.ours())
        states, findings, _ = judge.judge(plan, seen, asked)
        states = suspects.with_suspects(plan, states, self.trees)
        return {state.id: state for state in states}, findings


class Labs:
    """The laboratory of an architecture and a test case, by their names; made when it is first asked for."""

    def __init__(self, homes: pytest.TempPathFactory) -> None:
        self._homes = homes
        self._made: dict[tuple[str, str], Lab] = {}

    def __call__(self, arch: str, case: str = SPLIT) -> Lab:
        if (arch, case) not in self._made:
            self._made[arch, case] = Lab(self._homes.mktemp(f"lab-{arch}"), arch, case)
        return self._made[arch, case]
