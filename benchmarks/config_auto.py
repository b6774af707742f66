# SPDX-License-Identifier: GPL-2.0-only
"""Of one-line edits that allyesconfig compiles, how many --config auto compiles, in what time, by how many options.

.venv/bin/python -m benchmarks.config_auto [EDITS] [--objects]

The edits are those of benchmarks/config_auto.txt (config_auto_edits.py says how they were drawn). An edit is compiled
where make would make its object under the configuration that was found, and preprocessing leaves its line.
``--objects`` has make -n count what vmlinux is made of, too, against our configuration alone. What is known of an edit
is kept, so that you may interrupt it; remove the folder that it names to measure again.
"""

import re
import statistics
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.config_auto_edits import ARCHS, COMPILES, lines_of, make, preprocessed
from kseries.app import autoconfig
from kseries.app.options import Options
from kseries.app.setup import setup_of
from kseries.coverage.goals import Goals
from kseries.coverage.source import Changed
from kseries.evaluate.setup import Setup
from kseries.host import paths, signals
from kseries.kbuild import solving
from kseries.kbuild.solving import Solved, Solving
from kseries.model import Record
from kseries.sources import TreeStore, kernels

_EDITS = Path(__file__).with_suffix(".txt")


class Measured(Record, frozen=True):
    """What came of one edit; ``objects`` are those beside our own configuration's, None where nobody counted."""

    edit: str
    compiled: bool
    seconds: float
    options: dict[str, str]
    missed: bool
    objects: int | None = None


def main() -> None:
    """Print a line for each edit, and in the end what became of all."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    edits = [line for line in _EDITS.read_text().splitlines() if not line.startswith("#")]
    edits = edits[: int(words[0])] if words else edits
    trees = TreeStore(paths.cache("trees.git"))
    tree = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    home = paths.cache("benchmarks") / f"config-auto-{tree[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    print(f"kept in {home}")
    bench = _Bench(home, trees, tree, objects="--objects" in sys.argv)
    found = [bench.measured(edit) for edit in edits]
    _report(found)


class _Bench:
    """Where edits of one tree are tried."""

    def __init__(self, home: Path, trees: TreeStore, tree: str, *, objects: bool) -> None:
        self._home, self._trees, self._tree, self._objects = home, trees, tree, objects
        self._source = home / "source"
        self._source.mkdir(exist_ok=True)
        trees.check_out(tree, self._source, home / "index")
        self._setups = {name: setup_of(Options(out=home, arch=name)) for name in ARCHS}
        self._own: dict[str, int] = {}

    def measured(self, edit: str) -> Measured:
        """What comes of an edit, now or as it was measured before."""
        kept = self._home / f"{re.sub(r'[^A-Za-z0-9]+', '-', edit)}.json"
        if kept.exists():
            known = msgspec.json.decode(kept.read_bytes(), type=Measured)
            if known.objects is not None or not self._objects:
                return known
        found = self._measure(edit)
        kept.write_bytes(msgspec.json.encode(found))
        state = "compiled" if found.compiled else "MISSED" if found.missed else "NOT COMPILED"
        print(f"{state:13}{found.seconds:6.1f} s {len(found.options):3} options  {edit}", flush=True)
        return found

    def _measure(self, edit: str) -> Measured:
        name, place = edit.split()
        path, _, line = place.rpartition(":")
        setup = self._setups[name]
        began = time.monotonic()
        ways = Goals(setup.arch.source, *autoconfig.asking(self._trees, self._tree))
        conditions = tuple(goal.condition for goal in ways.of({path: Changed(come=(int(line),))}))
        at_work = Solving(
            paths.cache("workers", "0"), self._trees, setup.arch, setup.config, 2, setup.machine.build_seconds
        )
        solved = signals.run(at_work.solve(self._tree, conditions, lambda _: None))
        seconds = time.monotonic() - began
        return Measured(
            edit=edit,
            compiled=int(line) in self._lines(setup, solved, path),
            seconds=round(seconds, 2),
            options=dict(solved.options),
            missed=any(solving.unmet(one, solved) for one in conditions),
            objects=self._count(setup, solved) if self._objects else None,
        )

    def _lines(self, setup: Setup, solved: Solved, path: str) -> frozenset[int]:
        """The lines of a file that a configuration has compiled."""
        obj = self._configured(setup, solved.config)
        text = preprocessed(setup.arch, setup.config, self._source, obj, [path]).get(path, "")
        return lines_of(path, text)

    def _configured(self, setup: Setup, config: str) -> Path:
        obj = self._home / setup.arch.name
        obj.mkdir(exist_ok=True)
        (obj / ".config").write_text(config)
        return obj

    def _count(self, setup: Setup, solved: Solved) -> int:
        """The objects that vmlinux is made of beside those of our own configuration."""
        name = setup.arch.name
        if name not in self._own:
            at_work = Solving(
                paths.cache("workers", "0"), self._trees, setup.arch, setup.config, 2, setup.machine.build_seconds
            )
            self._own[name] = self._objects_of(setup, signals.run(at_work.plainly(self._tree, {}, lambda _: None)))
        return self._objects_of(setup, solved) - self._own[name]

    def _objects_of(self, setup: Setup, solved: Solved) -> int:
        obj = self._configured(setup, solved.config)
        make(setup.arch, setup.config, self._source, obj, "prepare")
        said = make(setup.arch, setup.config, self._source, obj, "-n", "vmlinux")
        return len(set(COMPILES.findall(said)))


def _report(found: list[Measured]) -> None:
    compiled = sum(one.compiled for one in found)
    print(f"\n{compiled} of {len(found)} edits compiled: {compiled / len(found):.1%}")
    print(f"median {statistics.median(one.seconds for one in found):.1f} s to find the options")
    print(f"median {statistics.median(len(one.options) for one in found)} options")
    if counted := [one.objects for one in found if one.objects is not None]:
        print(f"median {statistics.median(counted)} objects beside our own configuration's")
    for one in found:
        if not one.compiled:
            print(f"not compiled: {one.edit}{'' if one.missed else ' (though its conditions hold)'}")


if __name__ == "__main__":
    main()
