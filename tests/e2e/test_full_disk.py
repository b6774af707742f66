# SPDX-License-Identifier: GPL-2.0-only
"""Disks that are really full, at every stage of a run: small ones, mounted for the test and made larger in its midst.

Where a kernel is to be built it is the tiny one of the unit tests, with a build that needs more room than there is.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.app import reports, rundir
from kseries.cache.store import Store
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Observation, Outcome
from kseries.model.errors import DiskFullError
from kseries.report.reporter import FinishedRun
from tests.support.commands import TOP
from tests.support.kbuild import ARCH, FRAGMENT, MAKEFILE, Kernel
from tests.support.runs import run, state

_SMALL = 4
_MIB = 1 << 20


class Disk:
    """A disk of a few MiB."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._ballast = top / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("wb", buffering=0) as ballast, pytest.raises(OSError):
            while True:
                ballast.write(bytes(4096))

    def leave(self, room: int) -> None:
        """Leave so many bytes."""
        self._ballast.write_bytes(bytes(_SMALL * _MIB - room))

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=256m", self.top], check=True)

    @property
    def files(self) -> list[str]:
        """The files on it, but for what fills it."""
        return sorted(str(path.relative_to(self.top)) for path in self.top.rglob("*") if path.is_file())

    @property
    def used(self) -> int:
        """MiB."""
        return sum(path.stat().st_size for path in self.top.rglob("*") if path.is_file()) // _MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    top = tmp_path / "disk"
    top.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SMALL}m", "tmpfs", top], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield Disk(top)
    subprocess.run(["umount", "--lazy", top], check=True)


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path: Path) -> list[str | Path]:
    """kseries plan, of a patch to a tree that needs twice the room of the disk."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("VERSION = 6\n")
    for number in range(2 * _SMALL):
        (tree / f"{number}.bin").write_bytes(os.urandom(_MIB))
    patch = tmp_path / "one.patch"
    patch.write_text("Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# one\n")
    return [TOP / "kseries", "plan", patch, "--tree", tree, "--scenario", "prefixes"]


def kseries(words: list[str | Path], cache: Path, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        words,
        env=env,
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_import_without_room_names_the_disk_and_leaves_nothing(disk: Disk, words: list[str | Path]) -> None:
    full = kseries(words, disk.top)
    assert full.returncode == 3
    (said, advice) = full.stderr.splitlines()[-2:]
    assert said.startswith(f"kseries: the disk is full: {disk.top}, ")
    assert "make room" in advice
    assert disk.used == 0
    assert not [name for name in disk.files if "tmp_pack" in name or "crash" in name or "scratch-" in name]
    disk.make_room()
    again = kseries(words, disk.top)
    assert again.returncode == 0, again.stderr
    assert "prefix-1" in again.stdout


def test_a_cache_without_any_room_is_told_likewise(disk: Disk, words: list[str | Path]) -> None:
    disk.fill()
    full = kseries(words, disk.top)
    assert full.returncode == 3
    assert f"the disk is full: {disk.top}, " in full.stderr
    disk.make_room()
    assert kseries(words, disk.top).returncode == 0


def test_a_report_that_cannot_be_printed_is_no_success(tmp_path: Path, words: list[str | Path]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = kseries(words, tmp_path / "cache", full.fileno())
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "kseries: cannot write to standard output: No space left on device"


# --- a build ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        f"head -c {2 * _SMALL}M /dev/zero >$(O)/big",
        f"head -c {2 * _SMALL}M /dev/zero >$(O)/big 2>/dev/null || (echo nothing to say; false)",
    ],
    ids=["told", "untold"],
)
async def test_a_build_without_room_is_no_failed_build_and_is_done_over(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kernel = Kernel(tmp_path)
    kernel.home.symlink_to(disk.top)
    needy = kernel.tree(Makefile=MAKEFILE.replace("headers:\n", f"headers:\n\t@{step}\n"))
    with pytest.raises(DiskFullError, match=f"the disk is full: {disk.top}, "):
        await kernel.build(needy)
    disk.make_room()
    built = await kernel.build(needy)
    assert built.ok, built.errors
    assert kernel.configured == 1


async def test_a_build_that_fails_beside_a_full_disk_of_others_is_a_failed_build(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    disk.fill()
    await Kernel(tmp_path).fails(Kernel(tmp_path).tree(main="x\n"))


async def test_a_kernel_that_finds_no_room_beside_its_log_is_no_failed_build(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kernel = Kernel(tmp_path)
    kernel.worker = Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2)
    disk.leave(_MIB)  # all probes take more
    with pytest.raises(DiskFullError, match=f"the disk is full: {disk.top}, "):
        await kernel.worker.build(kernel.tree(), disk.top / "into", kernel.hear)
    disk.make_room()
    assert (await kernel.worker.build(kernel.tree(), disk.top / "into", kernel.hear)).ok


# --- what is kept -------------------------------------------------------------------------------


def test_a_result_without_room_is_not_kept_by_halves(disk: Disk, tmp_path: Path) -> None:
    seen = Observation(tree="t", outcome=Outcome.OK)
    (tmp_path / "build.log").write_bytes(bytes(2 * _SMALL * _MIB))
    store = Store(disk.top / "results")
    with pytest.raises(DiskFullError, match=f"the disk is full: {disk.top}, "):
        store.put("key", seen, tmp_path)
    assert store.find("key") is None
    assert disk.files == []
    disk.make_room()
    store.put("key", seen, tmp_path)
    found = store.find("key")
    assert found is not None and found.logs.keys() == {"build.log"}
    assert disk.files == ["results/key/build.log", "results/key/observation.json", "results/key/sha256.json"]


def test_a_run_that_cannot_be_written_leaves_the_one_before_as_it_was(disk: Disk) -> None:
    result = run(state("base"))
    rundir.write(disk.top, result)
    assert reports.make(FinishedRun(result, disk.top), reports.BESIDE) == ()
    before = {name: (disk.top / name).read_bytes() for name in disk.files}
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        rundir.write(disk.top, result)
    failed = reports.make(FinishedRun(result, disk.top), reports.BESIDE)
    assert len(failed) == 2 and all("No space left" in str(error) and error.exit_status == 3 for error in failed)
    disk.make_room()
    assert {name: (disk.top / name).read_bytes() for name in disk.files} == before
