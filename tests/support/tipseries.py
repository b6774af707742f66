# SPDX-License-Identifier: GPL-2.0-only
"""A series on the tiny kernel that brings tests of its own, in a cache of its own: for --selftest-from tip."""

from pathlib import Path

from kseries import inputs
from kseries.app import planning, setup, tiptests
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.model import Plan, events
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.gitrepo import Repository


class Case:
    """Some patches, by the files that each has then, that are asked for the tip's ``selftests``."""

    def __init__(
        self, place: Path, *patches: dict[str, str], base: dict[str, str] | None = None, selftests: tuple[str, ...]
    ) -> None:
        self.repository = Repository(place / "linux")
        self.repository.commit("base", {**tiny.kernel("base"), "arch/x86/kvm/Kconfig": "", **(base or {})})
        self.repository.git("tag", "base")
        for number, files in enumerate(patches, 1):
            self.repository.commit(f"patch {number}", files)
        self.options = Options(
            out=place / "out",
            tree=str(self.repository.path),
            scenarios=("prefixes",),
            probes=("capabilities",),
            selftests=selftests,
            selftests_from="tip",
        )
        self.cache = place / "cache" / "kseries"
        self.told: list[str] = []

    def plan(self) -> tuple[Plan, TreeStore]:
        trees = TreeStore(self.cache / "trees.git")
        return planning.plan(self.target, self.options, trees, lambda _: None), trees

    @property
    def target(self) -> inputs.Target:
        return inputs.load("base..main", str(self.repository.path))

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self.told.append(event.what)

    def built(self) -> Setup:
        planned, trees = self.plan()
        return tiptests.built(setup.setup_of(self.options), self.options, trees, planned, self.hear)
