# SPDX-License-Identifier: GPL-2.0-only
"""The lock that runs share and kseries gc takes alone."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kseries.host import cachelock
from kseries.model.errors import InfraError

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


def test_runs_are_at_work_together_and_gc_is_not_with_them(tmp_path: Path) -> None:
    with (
        holder(tmp_path, "shared"),
        cachelock.shared(tmp_path, lambda: pytest.fail("it waits")),
        pytest.raises(cachelock.BusyError),
        cachelock.alone(tmp_path),
    ):
        pass
    with cachelock.alone(tmp_path):
        pass


def test_a_run_waits_for_gc_and_says_so(tmp_path: Path) -> None:
    with ExitStack() as gc, ExitStack() as run:
        gc.enter_context(cachelock.alone(tmp_path))
        child = run.enter_context(holder(tmp_path, "shared", "waits"))
        gc.close()
        assert child.stdout is not None
        assert child.stdout.readline() == "holds\n"


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path, "shared"):
        pass
    with cachelock.alone(tmp_path):
        pass


def test_who_builds_without_the_lock_is_not_disturbed_either(tmp_path: Path) -> None:
    (tmp_path / "workers" / "0").mkdir(parents=True)
    with (tmp_path / "workers" / "0" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(cachelock.BusyError, match="workers/0"), cachelock.alone(tmp_path):
            pass


def test_a_cache_that_cannot_be_written_to_is_a_fault_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfraError), cachelock.shared(tmp_path / "file", lambda: None):
        pass
