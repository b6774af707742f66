# SPDX-License-Identifier: GPL-2.0-only
"""Which of the tests that a run asks for a tree has no source of, where each state runs its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from kseries.arch import Arch
from kseries.model import Origin, Probe
from kseries.probes.selftests import Selftest
from kseries.probes.targets import PLACE, Target
from kseries.sources import TreeStore

Sources = Mapping[str, tuple[str, ...]]
"""By a probe's name, where a tree may have what it is made of."""


def sources(probes: Iterable[Probe], tests: Iterable[Selftest], targets: Iterable[Target], arch: Arch) -> Sources:
    """Those of single tests and of scripts. Which tests a whole target has, only its Makefile tells."""
    by_path = {one.path: tuple(_sources(one, arch)) for one in tests}
    programs = {
        one.name: by_path[one.argv[0]] for one in probes if one.origin is Origin.SELFTEST and one.argv[0] in by_path
    }
    scripts = {one.name: (f"{PLACE}/{one.target}/{one.test}",) for one in targets if one.test is not None}
    return programs | scripts


def _sources(test: Selftest, arch: Arch) -> Iterator[str]:
    return (f"{PLACE}/{test.target}/{place}.c" for place in test.places(arch))


class Absent:
    """What the trees of a series lack of what its tip has. What the tip lacks, too, is broken rather than not there
    yet.
    """

    def __init__(self, wanted: Sources, tip: str, store: TreeStore) -> None:
        self._wanted = wanted
        self._tip = tip
        self._store = store
        self._there: dict[str, frozenset[str]] = {}

    def look(self, trees: Sequence[str]) -> None:
        """Ask of many trees at once, which is one process."""
        new = [tree for tree in dict.fromkeys((self._tip, *trees)) if tree not in self._there]
        if not self._wanted or not new:
            return
        asked = [(tree, name, path) for tree in new for name, paths in self._wanted.items() for path in paths]
        found = self._store.have([(tree, path) for tree, _, path in asked])
        there: dict[str, set[str]] = {tree: set() for tree in new}
        for (tree, name, _), has in zip(asked, found, strict=True):
            if has:
                there[tree].add(name)
        self._there |= {tree: frozenset(names) for tree, names in there.items()}

    def of(self, tree: str) -> tuple[str, ...]:
        """The probes that a tree does not have, and the tip does."""
        if not self._wanted:
            return ()
        self.look([tree])
        lacking: Set[str] = self._there[self._tip] - self._there[tree]
        return tuple(name for name in self._wanted if name in lacking)
