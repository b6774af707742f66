# SPDX-License-Identifier: GPL-2.0-only
"""The guests' Makefile, with the host's own uapi headers: what was built of other sources is built again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.host import paths

_WORDS = b"no progress in %d s"


def _make(guests: Path, out: Path) -> bytes:
    target = out / "obj" / "lib" / "ktap.o"
    words = ["make", "--silent", f"--directory={guests}", f"OUT={out}", "HEADERS=/usr/include", str(target)]
    subprocess.run(words, check=True, timeout=60)
    return target.read_bytes()


def test_another_copy_of_the_sources_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """Two clones, or a clone and a wheel, share a build folder; which of them is newer says nothing."""
    ours, theirs, out = tmp_path / "ours", tmp_path / "theirs", tmp_path / "out"
    for copy in (ours, theirs):
        shutil.copytree(paths.project("guests"), copy)
    source = theirs / "lib" / "ktap.c"
    source.write_bytes(source.read_bytes().replace(_WORDS, b"nothing new in %d s"))
    os.utime(source, (0, 0))
    for _ in range(2):
        assert _WORDS in _make(ours, out)
        assert _WORDS not in _make(theirs, out)


def test_what_was_built_of_these_sources_stands(tmp_path: Path) -> None:
    built = tmp_path / "obj" / "lib" / "ktap.o"
    _make(paths.project("guests"), tmp_path)
    when = built.stat().st_mtime_ns
    _make(paths.project("guests"), tmp_path)
    assert built.stat().st_mtime_ns == when


def _probes(out: Path, *names: str) -> list[Path]:
    words = ["make", "-j2", "--silent", f"--directory={paths.project('guests')}", f"OUT={out}"]
    subprocess.run([*words, "HEADERS=/usr/include", f"PROBES={' '.join(names)}", "ours"], check=True, timeout=120)
    return sorted((out / "probes").glob("*"))


def test_all_probes_are_one_program_that_is_the_one_it_is_called_by(tmp_path: Path) -> None:
    one, other = _probes(tmp_path, "memory_fault_info", "capabilities")
    assert (one.name, other.name) == ("capabilities", "memory_fault_info")
    assert one.samefile(other)
    for place in (one, other):
        said = subprocess.run([place], capture_output=True, check=False, timeout=60).stdout.decode()
        assert f"# Subtest: {place.name}\n" in said
    (tmp_path / "nameless").hardlink_to(one)
    none = subprocess.run([tmp_path / "nameless"], capture_output=True, check=False, timeout=60)
    assert none.returncode == 127 and none.stdout.startswith(b"# there is no probe in here that is called ")


def test_probes_that_nobody_asks_for_any_more_are_gone(tmp_path: Path) -> None:
    check = b"system_and_vm_agree"  # of capabilities
    assert all(check in one.read_bytes() for one in _probes(tmp_path, "capabilities", "memory_fault_info"))
    (one,) = _probes(tmp_path, "memory_fault_info")
    assert one.name == "memory_fault_info" and check not in one.read_bytes()
    assert _probes(tmp_path) == []
    assert len(_probes(tmp_path, "capabilities", "memory_fault_info")) == 2


@pytest.mark.parametrize(
    ("header", "has"),
    [
        ("struct region { __u64 userfault_bitmap; };", True),
        ("struct region {\n\t__u32 flags;\n\t__u64 userfault_bitmap; /* of pages */\n};", True),
        ("struct region { __u64 pad2[14]; };", False),
        ("struct region { __u64 no_userfault_bitmap; };", False),
        ("/* __u64 userfault_bitmap; */\n#define userfault_bitmap pad2", False),
    ],
)
def test_a_member_is_there_if_the_compiler_sees_it(tmp_path: Path, header: str, has: bool) -> None:
    """HAS_USERFAULT_BITMAP, by which a probe knows whether it can name the member."""
    headers, out = tmp_path / "headers", tmp_path / "out"
    (headers / "linux").mkdir(parents=True)
    (headers / "linux" / "kvm.h").write_text(f"typedef unsigned long long __u64;\n{header}\n")
    members = out / "include" / "members.h"
    guests = paths.project("guests")
    words = ["make", "--silent", f"--directory={guests}", f"OUT={out}", f"HEADERS={headers}", str(members)]
    subprocess.run(words, check=True, timeout=60)
    assert ("#define HAS_USERFAULT_BITMAP 1\n" in members.read_text()) == has
