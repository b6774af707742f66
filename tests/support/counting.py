# SPDX-License-Identifier: GPL-2.0-only
"""Counts boots in a cache, as runs do: ``CACHE``. With ``CACHE NAME`` it is killed while it counts that one."""

import os
import signal
import sys
from pathlib import Path

from kseries.cache import flakes
from kseries.cache.flakes import Family, Flakes
from kseries.model import Check, Observation, Outcome, Status

FAMILY = Family(arch="x", accel="tcg", release="6")
SEEN = Observation(tree="base", outcome=Outcome.OK, checks=(Check(id="p.a", status=Status.PASS),), flaky=("p.a",))
COUNT = 25
"""Observations that each process counts, the same ones."""


def _killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    memory = Flakes(Path(sys.argv[1]))
    if names := sys.argv[2:]:
        flakes._forget = _killed  # type: ignore[assignment]  # the last step of a count, before it is there
    for name in names or map(str, range(COUNT)):
        memory.count(name, FAMILY, SEEN)


if __name__ == "__main__":
    main()
