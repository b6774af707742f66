# SPDX-License-Identifier: GPL-2.0-only
"""What ./kseries test takes, cold and again, against the cold build of a kernel in the same run.

.venv/bin/python -m benchmarks.testrun [PART ...]: in a clean clone, with a cache that starts empty; the parts of --full
that are named come after it.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kseries.model import StateResult

TOP = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Clone:
    """A clean clone, and the cache that its runs share."""

    place: Path
    cache: Path

    @classmethod
    def made(cls, home: Path) -> "Clone":
        subprocess.run(["git", "clone", "--quiet", TOP, home / "clone"], check=True)
        return cls(home / "clone", home / "cache")

    def test(self, *words: str) -> float:
        """Seconds of a test run, whose output goes where ours does. Exits where it fails."""
        began = time.monotonic()
        env = {**os.environ, "XDG_CACHE_HOME": str(self.cache), "CI": "true"}
        done = subprocess.run([self.place / "kseries", "test", *words], cwd=self.place, env=env, check=False)
        if done.returncode != 0:
            sys.exit(f"kseries test {' '.join(words)} failed with {done.returncode}")
        return time.monotonic() - began

    def cold_builds(self) -> list[float]:
        """Seconds of each build of base in which nearly nothing was found: one for each architecture."""
        results = (self.cache / "kseries" / "results").glob("*/result.json")
        states = [msgspec.json.decode(path.read_bytes(), type=StateResult) for path in results]
        bases = [state for state in states if state.id == "base" and state.objects and "build" in state.seconds]
        cold = {
            state.seconds["build"]
            for state in bases
            if state.objects and state.objects.found * 10 < state.objects.compiled
        }
        return sorted(cold, reverse=True)


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        clone = Clone.made(Path(home))
        taken = {"cold": clone.test(), "again": clone.test()}
        taken |= {part: clone.test("--full", part) for part in sys.argv[1:]}
        kernels = clone.cold_builds()
    print(f"cold builds of a kernel: {', '.join(f'{seconds:.0f} s' for seconds in kernels)}")
    for name, seconds in taken.items():
        print(f"{name:20}{seconds:8.0f} s{seconds / kernels[0]:8.1f} of the first")


if __name__ == "__main__":
    main()
