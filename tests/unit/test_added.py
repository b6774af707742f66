# SPDX-License-Identifier: GPL-2.0-only
"""The user's own files in a guest: the same archive of the same files, which the guest has and the key tells."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries.app import setup
from kseries.cli import _parser, target
from kseries.guest import added, folder, machine
from kseries.host import processes
from kseries.kbuild import initramfs
from kseries.model import Accel, Machine, Probe
from kseries.model.errors import InputError
from tests.support.cpio import unpacked

ARCH = archs.get("x86_64")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "run").write_bytes(b"#!/bin/sh\n")
    (made / "deep" / "run").chmod(0o755)
    (made / "outward").symlink_to("/etc/passwd")
    return made


def test_the_digest_is_of_names_modes_and_bytes_and_of_no_date(top: Path, tmp_path: Path) -> None:
    first = added.keep(top, tmp_path / "home")
    os.utime(top / "deep" / "run", (1, 1))
    assert added.keep(top, tmp_path / "home") == first
    assert added.keep(top, tmp_path / "other").digest == first.digest
    (top / "deep" / "run").chmod(0o644)
    second = added.keep(top, tmp_path / "home")
    (top / "deep" / "run").rename(top / "deep" / "ran")
    third = added.keep(top, tmp_path / "home")
    (top / "deep" / "ran").write_bytes(b"#!/bin/sh\n\n")
    assert len({first.digest, second.digest, third.digest, added.keep(top, tmp_path / "home").digest}) == 4


def test_a_link_is_a_link_and_brings_nothing_of_this_host(top: Path, tmp_path: Path) -> None:
    found = unpacked(added.keep(top, tmp_path / "home").path.read_bytes())
    assert found["add/outward"].data == b"/etc/passwd"
    assert found["add/deep/run"].data == b"#!/bin/sh\n"


def test_what_is_kept_is_found_as_it_was_or_not_at_all(top: Path, tmp_path: Path) -> None:
    files = added.keep(top, tmp_path / "home")
    assert added.kept(files.digest, tmp_path / "home") == files
    files.path.write_bytes(b"other")
    for digest in (files.digest, "0" * 64, "../home"):
        with pytest.raises(InputError, match="not in the cache as they were"):
            added.kept(digest, tmp_path / "home")
    assert added.keep(top, tmp_path / "home") == files


def test_a_directory_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--add .*/none: no such directory$"):
        added.keep(tmp_path / "none", tmp_path / "home")


def test_the_key_of_a_result_tells_the_files_and_who_has_none_has_the_key_without(top: Path) -> None:
    options = target.options(_parser().parse_args(["try", "base", "x", "--probe", "capabilities", "--add", str(top)]))
    assert options.words[options.words.index("--add") + 1] == str(top)
    made = setup.setup_of(options)
    plain = replace(made, added=None)
    assert made.key("tree") != plain.key("tree")
    assert b"added" not in msgspec.json.encode(plain.conditions)
    assert made.added is not None and made.conditions.added == made.added.digest


def test_the_guest_is_booted_with_them(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    booted: list[bytes] = []

    def make(_: Path, initrd: bytes, __: Machine) -> None:
        booted.append(initrd)
        raise InputError("that is enough")

    monkeypatch.setattr(folder, "make", make)
    monkeypatch.setattr(processes, "require", lambda *_: None)
    (tmp_path / "initrd").write_bytes(b"image")
    image = machine.Image(tmp_path, tmp_path, tmp_path / "initrd")
    files = added.keep(top, tmp_path / "home").path
    probes = (Probe.ours("a"),)
    for path in (None, files):
        boot = machine.boot(ARCH, Accel(name="tcg", why=""), image, probes, tmp_path / "log", (), Machine(), path)
        with pytest.raises(InputError, match="enough"):
            asyncio.run(boot)
    plain = b"image" + initramfs.listing(probes, Machine().probe_seconds)
    assert booted == [plain, plain + files.read_bytes()]
