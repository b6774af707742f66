# SPDX-License-Identifier: GPL-2.0-only
"""The engine's errors come out as what they are."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

import pytest

from harness import arch
from harness.build import Worker
from harness.config import Config
from harness.engine import Engine, Setup
from harness.errors import InfraError
from harness.model import Accel, Build
from harness.reads import Reads
from harness.store import Store
from tests.unit.test_judge import plan_of


class FullDisk:
    """A worker on a disk that has no room left."""

    def locked(self, wait: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def changes(self, _old: str, _new: str) -> tuple[()]:
        return ()

    def scratch(self) -> AbstractContextManager[Path]:
        return nullcontext(Path("/nonexistent"))

    @property
    def holds(self) -> None:
        return None

    @property
    def reads(self) -> Reads:
        return Reads(Path("/nonexistent"), Path("/nonexistent"))

    async def build(self, *_: object) -> Build:
        raise OSError(errno.ENOSPC, "No space left on device", "/x")


def test_a_full_disk_is_an_os_error_and_no_group(tmp_path: Path) -> None:
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    setup = Setup(
        arch=arch.get("x86_64"),
        accel=Accel(name="tcg", why=""),
        toolchain="",
        config=Config(""),
        probes=(),
        program="",
    )
    engine = Engine(setup, (cast(Worker, FullDisk()),), Store(tmp_path / "s"), lambda _: None)
    with pytest.raises((OSError, InfraError)):
        asyncio.run(engine.run(plan, tmp_path / "o"))
