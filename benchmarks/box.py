# SPDX-License-Identifier: GPL-2.0-only
"""What the box costs: the whole matrix of a series with it and without it, in one run, on caches that start empty.

.venv/bin/python -m benchmarks.box [TARGET [ROUNDS]]
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matrix import TOP, Clock
from kseries import inputs
from kseries.app import session
from kseries.app.options import Options


@dataclass(frozen=True)
class Cost:
    """Seconds of one matrix, the cold build included."""

    wall: float
    cpu: float
    """Of the whole host, which is to have nothing else to do: what runs in a pid namespace is not all waited for by
    bwrap, so that getrusage(2) does not know of it."""


def main() -> None:
    """Measure, and print a line for each matrix and the ratios of their sums."""
    target = sys.argv[1] if len(sys.argv) > 1 else str(TOP / "testcases" / "exit-on-missing-split")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    for number in range(rounds):
        # Now the one first, now the other: the host's page cache is warmer for the second.
        for unboxed in (bool(number % 2), not number % 2):
            cost = _matrix(target, unboxed)
            costs[unboxed].append(cost)
            how = "without" if unboxed else "with"
            print(f"{how:8} a box: {cost.cpu:8.1f} s of CPU, {cost.wall:8.1f} s", flush=True)
    for what in ("cpu", "wall"):
        boxed, free = (sum(getattr(cost, what) for cost in costs[unboxed]) for unboxed in (False, True))
        print(f"{what:4}: {100 * (boxed / free - 1):+.1f} % with a box")


def _matrix(target: str, unboxed: bool) -> Cost:
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        os.environ["XDG_CACHE_HOME"] = home
        clock = Clock()
        before = _busy()
        session.run(inputs.load(target), Options(out=Path(home) / "out", unboxed=unboxed), clock)
        after = _busy()
    return Cost(clock.last[-1], after - before)


def _busy() -> float:
    """Seconds that the CPUs of this host have worked (proc(5), /proc/stat)."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
