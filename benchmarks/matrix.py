# SPDX-License-Identifier: GPL-2.0-only
"""What a run costs against clean builds: every figure from one run, on caches that start empty.

.venv/bin/python -m benchmarks.matrix [TARGET]
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseries import arch as archs
from kseries import inputs, kbuild
from kseries.app import session
from kseries.app.options import Options
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.model import RunResult, StateResult, events
from kseries.sources import TreeStore

TOP = Path(__file__).resolve().parents[1]
_STAGES = ("configure", "compile", "link", "build", "boot", "first_check")


@dataclass
class Clock:
    """A listener that notes when the cold build and each series were done, and how long nothing was at work."""

    began: float = field(default_factory=time.monotonic)
    cold: float = 0.0
    last: list[float] = field(default_factory=list)
    """The end of the last state, of the series and of each squashed series."""
    idle: float = 0.0
    """Seconds after the cold build in which neither a build nor a boot was under way."""
    _at_work: set[str] = field(default_factory=set)
    _idle_since: float | None = None

    def __call__(self, event: events.Event) -> None:
        now = time.monotonic() - self.began
        match event:
            case events.RunStarted():
                self.last.append(now)
            case events.StageStarted("base", "build"):
                self.began += now
                self._at_work.add("base")
            case events.StageStarted(state, stage):
                if (state, stage) == ("base", "boot"):
                    self.cold = now
                if self._idle_since is not None:
                    self.idle += now - self._idle_since
                self._idle_since = None
                self._at_work.add(state)
            case events.StateDone(result):
                self.last[-1] = now
                self._at_work.discard(result.id)
                if not self._at_work and self.cold:
                    self._idle_since = now


def main() -> None:
    """Measure, and print a table."""
    target = sys.argv[1] if len(sys.argv) > 1 else str(TOP / "testcases" / "exit-on-missing-split")
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        os.environ["XDG_CACHE_HOME"] = home
        options = Options(out=Path(home) / "out")
        clock = Clock()
        result = session.run(inputs.load(target), options, clock)
        began = time.monotonic()
        session.run(inputs.load(target), options, lambda _: None)
        again = time.monotonic() - began
        clean = _clean_build(result.base.tree)
    _table(_done(result))
    _report(_done(result), clock, again, clean)
    _searched(result.searched)


def _clean_build(tree: str) -> float:
    """Seconds of one build of base from an empty folder without ccache."""
    arch = archs.get("x86_64")
    config = Config.read((paths.project("kernels", arch.config),))
    trees = TreeStore(paths.cache("trees.git"))
    worker = kbuild.Worker(paths.cache("workers", "0"), trees, arch, config, os.cpu_count() or 1, cached=False)
    return asyncio.run(worker.build_alone(tree, paths.cache("clean"))).seconds


def _done(result: RunResult) -> list[StateResult]:
    """The states with trees of their own, those of squashed series last."""
    squashed = [state for squash in result.squashes for state in squash.states]
    trees = {state.tree: state for state in (*squashed[::-1], *result.states[::-1]) if state.tree and not state.same_as}
    return list(trees.values())[::-1]


def _table(states: list[StateResult]) -> None:
    print(f"{'':16}{'objects':>9}{'found':>7}" + "".join(f"{stage:>12}" for stage in _STAGES))
    for state in states:
        if state.built_as:
            print(f"{state.id:16}  not built: as {state.built_as}")
            continue
        objects = state.objects
        counts = f"{objects.compiled:9}{objects.found:7}" if objects else " " * 16
        seconds = (f"{state.seconds[stage]:10.1f} s" if stage in state.seconds else " " * 12 for stage in _STAGES)
        print(f"{state.id:16}{counts}" + "".join(seconds))


def _report(states: list[StateResult], clock: Clock, again: float, clean: float) -> None:
    later = [state for state in states if state.id != "base"]
    whole = [sum(state.seconds.get(stage, 0.0) for stage in ("build", "boot")) for state in later]
    built = [state.seconds["build"] for state in later if "build" in state.seconds]
    boots = [state.seconds["boot"] for state in later if "boot" in state.seconds]
    first_checks = [state.seconds["first_check"] for state in states if "first_check" in state.seconds]
    after = clock.last[0] - clock.cold
    ours = clock.idle + sum(
        state.seconds["build"] - sum(state.seconds.get(stage, 0.0) for stage in ("configure", "compile", "link"))
        for state in later
        if "link" in state.seconds
    )
    rows = (
        ("distinct trees", f"{len(states)}, {len(built) + 1} built"),
        ("cold build", f"{clock.cold:.1f} s"),
        ("all states after it, wall time", f"{after:.1f} s: {after / clock.cold:.2f} of the cold build"),
        ("all states, the cold build included", f"{clock.last[0] / clock.cold:.2f} of the cold build"),
        ("the squashed series besides", f"{clock.last[-1] - clock.last[0]:.1f} s"),
        ("builds after the first", f"{sum(built):.1f} s; boots, beside them, {sum(boots):.1f} s"),
        ("neither make nor a boot", f"{ours / len(later):.2f} s a state"),
        ("a state after the first, build and boot, median", f"{statistics.median(whole):.1f} s"),
        ("boot to first check, median", f"{statistics.median(first_checks):.2f} s"),
        ("second run", f"{again:.1f} s"),
        ("one clean build, no ccache", f"{clean:.1f} s"),
        ("clean builds of those trees against all of it", f"{clean * len(states) / clock.last[-1]:.1f} times as long"),
    )
    for name, value in rows:
        print(f"{name:50}{value}")


def _searched(states: Sequence[StateResult]) -> None:
    """What the search for partners took, which a series has whose reverts break what always worked."""
    took = [sum(state.seconds.get(stage, 0.0) for stage in ("build", "boot")) for state in states]
    kernels = sum("build" in state.seconds for state in states)
    print(f"{'the search for partners, of all that':50}{kernels} kernels, {sum(took):.1f} s")


if __name__ == "__main__":
    main()
