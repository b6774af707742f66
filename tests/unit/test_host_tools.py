# SPDX-License-Identifier: GPL-2.0-only
"""What another program of this host has made is neither found again nor built upon: no tree tells that it differs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries import kbuild
from kseries.app import setup
from kseries.app.options import Options
from kseries.kbuild import compilers
from kseries.kbuild.config import Config
from tests.support.kbuild import ARCH, FRAGMENT

BTF, RUST = f"{FRAGMENT}CONFIG_DEBUG_INFO_BTF=y\n", f"{FRAGMENT}CONFIG_RUST=y\n"
Says = Callable[[str, str], None]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have a program tell a version, and else do as it does where it is there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def put(name: str, version: str) -> None:
        real = shutil.which(name, path=os.environ["PATH"].partition(":")[2])
        (tools / name).write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\nexec {real or "false"} "$@"\n'
        )
        (tools / name).chmod(0o755)

    return put


# --- what a result is found by ------------------------------------------------------------------


def linking(place: Path) -> None:
    """Have the compiler name a C library of ours."""
    compiler = place / "tools" / "gcc"
    compiler.write_text(
        f'#!/bin/sh\n[ "$1" = -print-file-name=libc.a ] && echo {place}/libc.a && exit\n'
        f'exec {shutil.which("gcc", path="/usr/bin:/bin")} "$@"\n'
    )
    compiler.chmod(0o755)


def test_a_result_depends_on_the_libc_that_its_programs_are_linked_with(says: Says, tmp_path: Path) -> None:
    linking(tmp_path)
    keys = set()
    for library in (b"one", b"two"):
        (tmp_path / "libc.a").write_bytes(library)
        given = setup.setup_of(Options(out=Path("out"), arch=ARCH.name))
        keys |= {given.key("tree"), given.key("image", "digest")}
    assert len(keys) == 4
    assert given.toolchain.endswith(" / libc 3fc4ccfe"), "in a line that somebody reads"
    (tmp_path / "libc.a").unlink()
    assert "libc" not in kbuild.toolchain(ARCH, Config(FRAGMENT))


def test_the_libc_is_one_that_the_compiler_finds(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a library that it does not have it repeats the name, which may be that of a file where somebody stands."""
    monkeypatch.chdir(tmp_path)
    Path("libc.a").touch()
    (tmp_path / "tools" / "gcc").write_text("#!/bin/sh\necho libc.a\n")
    (tmp_path / "tools" / "gcc").chmod(0o755)
    assert not compilers._libc(ARCH)


def test_what_an_option_has_make_call_is_a_part_of_the_toolchain_where_it_is_asked_for(says: Says) -> None:
    says("pahole", "v1.24")
    says("rustc", "rustc 1.63.0")
    says("bindgen", "bindgen 0.60.1")
    plain, btf, rust = (kbuild.toolchain(ARCH, Config(text)) for text in (FRAGMENT, BTF, RUST))
    assert (btf, rust) == (f"{plain} / pahole v1.24", f"{plain} / rustc 1.63.0 / bindgen 0.60.1")
    assert kbuild.toolchain(ARCH, Config(f"{FRAGMENT}CONFIG_A=y\n#: or CONFIG_RUST=y")) == rust
    says("pahole", "v1.25")
    assert kbuild.toolchain(ARCH, Config(FRAGMENT)) == plain, "and a host is not left out for it"
    assert kbuild.toolchain(ARCH, Config(BTF)) == f"{plain} / pahole v1.25"


def test_without_such_a_tool_the_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr("shutil.which", lambda name, **how: None if name == "pahole" else real(name, **how))
    assert kbuild.toolchain(ARCH, Config(BTF)).endswith(" / no pahole")
