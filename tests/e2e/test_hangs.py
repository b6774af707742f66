# SPDX-License-Identifier: GPL-2.0-only
"""Each program that a command starts hangs in turn: the command ends in time, says which, and leaves nothing behind.

The kernel is the tiny one that QEMU boots; the limits, of minutes, are cut to seconds (hasty.py).
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hasty, started
from tests.support.commands import TOP
from tests.support.processes import SLEEP, asleep
from tests.support.sample import sampled

SECONDS = 180.0
"""What no command takes whose every wait ends after a few, on a slow host."""
BUILD = "make was still at work"
ZSTD = b"\x28\xb5\x2f\xfd"
"""What a file begins with that is for zstd to unpack (RFC 8878)."""
RUN = ("run", "base..topic", "--tree", "{linux}", "--scenario", "prefixes", "--probe", "capabilities", "--out", "out")
TABLE = (
    # program, exit status, words, command
    ("git", 3, "git {} gave no answer in", RUN),
    ("gcc", 3, "gcc --version gave no answer in", RUN),
    *((name, 3, f"{name} --version gave no answer in", RUN) for name in ("ld", "as", "pahole")),
    *((name, 3, BUILD, RUN) for name in ("make", "ccache", "bwrap", "setpriv", "choom", "prlimit", "bash")),
    ("rm", 3, "rm -rf -- gave no answer in", RUN),
    *((name, 0, "bisectable:", RUN) for name in ("cp", "sync", "nm", "readelf", "addr2line")),
    ("qemu-system-x86_64", 3, "does not answer on its monitor", RUN),
    ("perl", 3, "gave no answer in", (*RUN, "--checkpatch")),
    ("b4", 3, "b4 am -o gave no answer in", ("plan", "<id@example.com>")),
    ("zstd", 3, "zstd gave no answer in", ("plan", "{packed}")),
    ("apt-get", 3, "apt-get --print-uris update gave no answer in", ("plan", "{patch}")),
    ("ccache", 3, "ccache --trim-dir {} gave no answer in", ("gc", "--max-size", "1M")),
    *((name, 3, f"{name} --version gave no answer in", ("doctor",)) for name in ("bwrap", "git")),
)
PASSED = {"cp": "= --archive", "qemu-system-x86_64": "!= --version"}
"""With which first words a program hangs: make has a cp of its own, and QEMU tells its version before it boots."""
ALWAYS = {"make", "qemu-system-x86_64"}
"""What hangs in every run of the tests."""
ELSEWHERE = {
    **dict.fromkeys(("apt-cache", "apt-config", "dpkg", "dpkg-deb"), "as apt-get"),
    **dict.fromkeys(("tar2sqfs", "rdsquashfs"), "for half an hour, with --userland: processes.feeding and run"),
    "chmod": "as rm, where that may not do all",
    "chown": "as cp, where what was copied is another user's",
    "env": "in a box with a working folder: that of checkpatch.pl, and QEMU's, as QEMU",
    "install": "in the box of a build, as make",
    "mkdir": "in the box of a build, as make",
    "clang": "in the box of a build, as make",
    **dict.fromkeys(("rustc", "bindgen"), "as pahole, where CONFIG_RUST or --config auto asks for them"),
    "rsync": "make starts it, in the box of a build",
    **dict.fromkeys(("bc", "bison", "flex", "xz", "true"), "kseries doctor asks whether it is there"),
    **dict.fromkeys(("gdb", "gdb-multiarch"), "for a host-side test: tests/e2e/test_host_tests.py"),
    "tox": "kseries test, for as long as it takes",
    "pytest": "kseries test, for as long as it takes",
    "arch": "no program here",
    "grep": "no program here",
    "init": "no program here",
    "kvm": "no program here",
    "/bin/sh": "in a guest, where init ends it",
    "sh": "in the box of a build that failed, for half a minute: tests/unit/test_hostlacks.py",
}


@pytest.fixture
def tools() -> Iterator[Path]:
    """A folder on PATH, which a box shows, too."""
    place = Path("/usr/local/lib") / f"kseries-hangs-{os.getpid()}"
    place.mkdir(parents=True)
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("program", "status", "words", "command"),
    sampled("faults", TABLE, lambda row: row[0] in ALWAYS),
    ids=lambda value: str(value).split(" ")[0],
)
def test_a_command_ends_though_a_program_hangs(
    linux: Path, tools: Path, tmp_path: Path, program: str, status: int, words: str, command: tuple[str, ...]
) -> None:
    passed = f'[ "$1" {PASSED[program]} ] || exec {shutil.which(program)} "$@"\n' if program in PASSED else ""
    (tools / program).write_text(f"#!/bin/sh\n{passed}{SLEEP}\n")
    (tools / program).chmod(0o755)
    patch = tmp_path / "one.patch"
    patch.write_text("Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n x\n+y\n")
    packed = tmp_path / "one.patch.zst"
    packed.write_bytes(ZSTD)
    typed = [word.format(linux=linux, patch=patch, packed=packed) for word in command]
    cache = tmp_path / "cache"
    (cache / "kseries" / "ccache").mkdir(parents=True)
    (cache / "kseries" / "ccache" / "large").write_bytes(bytes(4 << 20))
    env = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(cache),
        "PYTHONPATH": f"{TOP}:{TOP / 'harness'}",
    }
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", hasty.__name__, *typed],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert time.monotonic() - began < SECONDS
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == status, said
    assert all(part in said for part in words.split("{}")), said
    assert not asleep()


def test_no_program_is_started_that_is_not_in_the_table() -> None:
    programs = started.programs()
    tried = {program for program, *_ in TABLE}
    assert programs - tried - set(ELSEWHERE) == set()
    assert {"git", "make", "bwrap", "nm"} <= programs, "nothing was looked at"
