# SPDX-License-Identifier: GPL-2.0-only
"""Another process that holds the lock of a cache."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from kseries.host import cachelock
cache = Path(sys.argv[1])
with cachelock.alone(cache) if sys.argv[2] == "alone" else cachelock.shared(cache, lambda: print("waits", flush=True)):
    print("holds", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(cache: Path, how: str, said: str = "holds") -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock, or waits for it."""
    words = [sys.executable, "-c", HOLD, str(cache), how]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == f"{said}\n"
        try:
            yield child
        finally:
            child.kill()
