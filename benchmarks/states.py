# SPDX-License-Identifier: GPL-2.0-only
"""What a run costs against clean builds: every figure from one run, on caches that start empty.

.venv/bin/python -m benchmarks.states [TARGET]
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import arch as archs
from harness import build, resources
from harness.trees import TreeStore

TOP = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure, and print a table."""
    target = sys.argv[1] if len(sys.argv) > 1 else str(TOP / "testcases" / "exit-on-missing-split")
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        os.environ["XDG_CACHE_HOME"] = home
        out = Path(home) / "out"
        first = _run(target, out)
        result = json.loads((out / "result.json").read_text())
        again = _run(target, out)
        clean = _clean_build(result["base"]["tree"])
    _report(result, first, again, clean)


def _run(target: str, out: Path) -> float:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", target, "--out", out], cwd=TOP, stdout=subprocess.DEVNULL
    )
    if done.returncode not in (0, 1):
        sys.exit(f"the run failed with {done.returncode}")
    return time.monotonic() - began


def _clean_build(tree: str) -> float:
    """Seconds of one build of base from an empty folder without ccache."""
    arch = archs.get("x86_64")
    config = build.Config.read((resources.project("kernels", arch.config),))
    trees = TreeStore(resources.cache("trees.git"))
    worker = build.Worker(resources.cache("workers", "0"), trees, arch, config, os.cpu_count() or 1, cached=False)
    with worker.locked(lambda: None):
        return asyncio.run(worker.build(tree, resources.cache("clean"), lambda _: None)).seconds


def _report(result: Any, first: float, again: float, clean: float) -> None:
    squashed = [state for squash in result["squashes"] for state in squash["states"]]
    done = {state["tree"]: state for state in result["states"] + squashed if state["seconds"] and not state["same_as"]}
    states = list(done.values())
    cold, *later = [state["seconds"].get("build", 0.0) for state in states]
    boots = [state["seconds"].get("boot", 0.0) for state in states]
    whole = [sum(state["seconds"].get(stage, 0.0) for stage in ("build", "boot")) for state in states[1:]]
    for state in states:
        print(f"  {state['id']:12}" + "".join(f"  {name} {took:6.1f} s" for name, took in state["seconds"].items()))
    first_checks = [state["seconds"]["first_check"] for state in states if "first_check" in state["seconds"]]
    print(f"states built                                {len(states)}")
    print(f"first run, caches empty                     {first:8.1f} s")
    print(f"second run                                  {again:8.1f} s")
    print(f"cold build                                  {cold:8.1f} s")
    print(
        f"builds after the first, together            {sum(later):8.1f} s  ({sum(later) / cold:.2f} of the cold build)"
    )
    print(
        f"all states after the first, together        {sum(whole):8.1f} s  ({sum(whole) / cold:.2f} of the cold build)"
    )
    print(f"a state after the first, median             {statistics.median(whole):8.1f} s")
    print(f"boots, together                             {sum(boots):8.1f} s")
    print(f"boot to first check, median                 {statistics.median(first_checks):8.1f} s")
    print(f"one clean build, no ccache                  {clean:8.1f} s")
    ratio = (cold + sum(later)) / (clean * len(states))
    print(f"builds against clean builds of {len(states):2} trees     {ratio:8.2f}")


if __name__ == "__main__":
    main()
