# SPDX-License-Identifier: GPL-2.0-only
"""What a run costs against clean builds: every figure from one run, on caches that start empty.

.venv/bin/python -m benchmarks.states [TARGET]
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import arch as archs
from harness import build, events, inputs, resources, session
from harness.config import Config
from harness.model import RunResult, StateResult
from harness.trees import TreeStore

TOP = Path(__file__).resolve().parents[1]
_STAGES = ("configure", "compile", "link", "build", "boot", "first_check")


@dataclass
class Clock:
    """A listener that notes when the cold build and the last state were done."""

    began: float = field(default_factory=time.monotonic)
    cold: float = 0.0
    last: float = 0.0

    def __call__(self, event: events.Event) -> None:
        now = time.monotonic() - self.began
        match event:
            case events.StageStarted("base", "build"):
                self.began += now
            case events.StageStarted("base", "boot"):
                self.cold = now
            case events.StateDone():
                self.last = now


def main() -> None:
    """Measure, and print a table."""
    target = sys.argv[1] if len(sys.argv) > 1 else str(TOP / "testcases" / "exit-on-missing-split")
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        os.environ["XDG_CACHE_HOME"] = home
        options = session.Options(out=Path(home) / "out")
        clock = Clock()
        result = session.run(inputs.load(target), options, clock)
        began = time.monotonic()
        session.run(inputs.load(target), options, lambda _: None)
        again = time.monotonic() - began
        clean = _clean_build(result.base.tree)
    _table(_done(result))
    _report(_done(result), clock, again, clean)


def _clean_build(tree: str) -> float:
    """Seconds of one build of base from an empty folder without ccache."""
    arch = archs.get("x86_64")
    config = Config.read((resources.project("kernels", arch.config),))
    trees = TreeStore(resources.cache("trees.git"))
    worker = build.Worker(resources.cache("workers", "0"), trees, arch, config, os.cpu_count() or 1, cached=False)
    return asyncio.run(worker.build_alone(tree, resources.cache("clean"))).seconds


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
    after = clock.last - clock.cold
    rows = (
        ("distinct trees", f"{len(states)}, {len(built) + 1} built"),
        ("cold build", f"{clock.cold:.1f} s"),
        ("all states after it, wall time", f"{after:.1f} s: {after / clock.cold:.2f} of the cold build"),
        ("  of which builds", f"{sum(built):.1f} s; boots, beside them, {sum(boots):.1f} s"),
        ("a state after the first, build and boot, median", f"{statistics.median(whole):.1f} s"),
        ("boot to first check, median", f"{statistics.median(first_checks):.2f} s"),
        ("second run", f"{again:.1f} s"),
        ("one clean build, no ccache", f"{clean:.1f} s"),
        ("all of it against clean builds of those trees", f"{clock.last / (clean * len(states)):.2f}"),
    )
    for name, value in rows:
        print(f"{name:50}{value}")


if __name__ == "__main__":
    main()
