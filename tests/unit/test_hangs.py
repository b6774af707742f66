# SPDX-License-Identifier: GPL-2.0-only
"""Every program that is not ours may hang: in its place on PATH stands one that sleeps, and the wait for it ends."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.cache.gc import compiled
from kseries.guest import emulator, guest, machine
from kseries.host import processes
from kseries.inputs import gitrange, lore
from kseries.kbuild import binutils, checkpatch, compilers
from kseries.kbuild.config import Config
from kseries.model import Accel, Probe
from kseries.model.errors import InfraError
from kseries.sources import debian, git, hostapt, treestore
from tests.support.kbuild import ARCH, FRAGMENT, Kernel
from tests.support.processes import SLEEP, asleep

SECONDS = 40.0
"""What no wait takes that is given one second, on a slow host."""
Hang = Callable[..., None]


@pytest.fixture
def hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hang:
    """Have a program sleep, and what it has started too; ``answers`` is with which first words it does not."""

    def put(name: str, answers: str = "not") -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        passed = f'case "$1" in {answers}) exec {shutil.which(name)} "$@" ;; esac'
        (tools / name).write_text(f"#!/bin/sh\n{passed}\n{SLEEP}\n{SLEEP}\n")
        (tools / name).chmod(0o755)
        tools.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    return put


@pytest.fixture(autouse=True)
def in_time() -> object:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS
    assert not asleep(), "and nothing is left"


@pytest.mark.parametrize(
    ("tool", "module", "limit", "use"),
    [
        ("git", git, "SECONDS", lambda place: treestore.TreeStore(place / "trees.git").tree_of("HEAD")),
        ("git", git, "SECONDS", lambda place: gitrange.read(place, "a..b")),
        ("b4", lore, "_SECONDS", lambda _: lore.read("<id@example.com>")),
        (
            "apt-cache",
            hostapt,
            "_SECONDS",
            lambda place: hostapt.download("linux-source-6.12", None, place, update=False),
        ),
        ("dpkg-deb", debian, "_SECONDS", lambda place: debian._unpacked(place / "x.deb", place)),
        ("gcc", compilers, "_SECONDS", lambda _: compilers.toolchain(ARCH, Config(FRAGMENT))),
        ("ld", compilers, "_SECONDS", lambda _: compilers.toolchain(ARCH, Config(FRAGMENT))),
        *((name, compilers, "_SECONDS", lambda _: compilers.beside(ARCH)) for name in ("as", "rustc")),
        (ARCH.qemu, emulator, "_SECONDS", lambda _: emulator.version(ARCH, Accel(name="tcg", why=""))),
        ("perl", checkpatch, "_SECONDS", lambda _: checkpatch.require()),
        ("ccache", compiled, "_SECONDS", lambda place: compiled.trim(place, 1 << 20)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tool_that_hangs_is_named(
    tool: str,
    module: object,
    limit: str,
    use: Callable[[Path], object],
    hang: Hang,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hang(tool)
    monkeypatch.setattr(module, limit, 1)
    with pytest.raises(InfraError, match=rf"\b{tool} .*gave no answer in 1 s"):
        use(tmp_path)


@pytest.mark.parametrize("tool", ["make", "ccache", "gcc", "bwrap"])
async def test_what_hangs_in_a_build_ends_with_it(
    tool: str, hang: Hang, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = kernel.tree()
    hang(tool, answers="--version | -print-*")
    monkeypatch.setattr(kernel.worker, "_seconds", 5.0)
    with pytest.raises(InfraError, match="make was still at work"):
        await kernel.build(tree)
    assert not (kernel.obj / "main.o").exists(), "the fake is what was run"


async def test_what_hangs_over_a_kernel_leaves_a_log_as_it_is(
    hang: Hang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang("nm")
    monkeypatch.setattr(binutils, "_SECONDS", 1.0)
    (tmp_path / "vmlinux").touch()
    assert await binutils.output(["nm", tmp_path / "vmlinux"], tmp_path / "vmlinux") == []


async def test_a_qemu_that_does_not_come_up_is_a_fault_of_the_host(
    hang: Hang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(ARCH.qemu)
    monkeypatch.setattr(guest, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(guest, "QUIT_SECONDS", 1.0)
    image = machine.Image(*(tmp_path / name for name in ("kernel", "vmlinux", "initrd")))
    for path in (image.kernel, image.symbols, image.initrd):
        path.touch()
    with pytest.raises(InfraError, match="does not answer on its monitor"):
        async with asyncio.timeout(SECONDS):
            await machine.boot(ARCH, Accel(name="tcg", why=""), image, (Probe.ours("capabilities"),), tmp_path / "log")


def test_a_tool_that_hangs_takes_what_it_has_started_along(hang: Hang) -> None:
    hang("tool")
    with pytest.raises(InfraError, match="tool gave no answer"):
        processes.run(["tool"], seconds=0.5)
