# SPDX-License-Identifier: GPL-2.0-only
"""The lock that runs share and kseries gc takes alone."""

import fcntl
from contextlib import ExitStack
from pathlib import Path

import pytest

from kseries.host import cachelock
from kseries.model.errors import InfraError
from tests.support.locks import holder


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
