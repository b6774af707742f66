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
from kseries.host import processes
from kseries.kbuild import Worker, compilers
from kseries.kbuild.brought import Brought
from kseries.kbuild.config import Config
from kseries.model import Build
from tests.support.kbuild import ARCH, FRAGMENT, MAIN, MAKEFILE, Kernel

BTF, RUST = f"{FRAGMENT}CONFIG_DEBUG_INFO_BTF=y\n", f"{FRAGMENT}CONFIG_RUST=y\n"
LACKING = MAKEFILE.replace("allnoconfig:\n", """allnoconfig:
	echo 'CONFIG_ALL=y' >$(O)/all
	[ -e $(O)/package ] || echo 'CONFIG_PLUGINS=y' >>$(O)/all
""").replace("cat $(KCONFIG_ALLCONFIG)", "grep -v -x -f $(O)/all $(KCONFIG_ALLCONFIG)")  # fmt: skip
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


# --- what a build folder is made by -------------------------------------------------------------


async def goes_on(kernel: Kernel, **changed: str) -> bool:
    """Whether a build goes on with what is in its folder."""
    (kernel.obj / "seen").touch()
    assert (await kernel.build(kernel.tree(**changed))).ok
    return (kernel.obj / "seen").exists()


@pytest.mark.parametrize("tool", ["gcc", "ld", "as", "pahole"])
async def test_a_folder_that_another_tool_has_made_is_emptied(tool: str, kernel: Kernel, says: Says) -> None:
    """Else base has what the old linker made, and a .config with the answers of an old compiler."""
    says(tool, "1.0")
    assert (await kernel.build(kernel.tree())).ok
    assert await goes_on(kernel, Kconfig="# one")
    says(tool, "2.0")
    kernel.steps.clear()
    assert not await goes_on(kernel, Kconfig="# one")
    assert "vmlinux" in kernel.steps and kernel.configured == 1
    assert await goes_on(kernel, Kconfig="# two"), "and after that it goes on"


async def test_a_tool_that_comes_or_goes_is_another(kernel: Kernel, says: Says, tmp_path: Path) -> None:
    assert (await kernel.build(kernel.tree())).ok
    says("pahole", "v1.24")
    assert not await goes_on(kernel)
    (tmp_path / "tools" / "pahole").unlink()
    assert not await goes_on(kernel)


async def test_a_folder_that_another_libc_was_linked_in_is_emptied(
    kernel: Kernel, says: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await kernel.build(kernel.tree())).ok
    monkeypatch.setattr(compilers, "_libc", lambda _: ["libc other"])
    assert not await goes_on(kernel)


async def test_a_copy_of_bases_folder_that_another_tool_has_made_is_not_begun_with(kernel: Kernel, says: Says) -> None:
    says("ld", "1.0")
    base = kernel.tree()
    assert (await kernel.worker.build(base, kernel.place / "base", kernel.hear, trusted=True)).ok
    (pristine,) = kernel.home.glob("*.pristine")

    def other(series: str) -> Worker:
        return Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=(), series=series)

    assert await other("a").finds(base)
    says("ld", "2.0")
    assert not await other("b").finds(base)
    assert not pristine.exists()
    assert (await kernel.worker.build(base, kernel.place / "again", kernel.hear, trusted=True)).ok
    assert await other("c").finds(base) and pristine.exists()


async def test_an_object_of_another_assembler_is_not_found(kernel: Kernel, says: Says) -> None:
    says("as", "of this test alone, 1.0")
    tree = kernel.tree(main=f"{MAIN}/* assembled */\n")

    async def anew() -> Build:
        kernel.worker.clean()
        return await kernel.build(tree)

    assert (await anew()).found == 0
    assert (again := await anew()).found == again.compiled > 0
    says("as", "of this test alone, 2.0")
    assert (await anew()).found == 0
    says("as", "of this test alone, 1.0")
    assert (await anew()).found == again.found


async def test_of_a_program_that_is_known_nothing_is_asked_for_the_next_state(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compilers and linkers are: they may be called as something else that starts them."""
    started: list[str] = []
    run = processes.run

    def noted(argv: list[str], **how: float) -> processes.Done:
        started.append(Path(argv[0]).name)
        return run(argv, **how)  # type: ignore[arg-type]

    compilers.host(ARCH, Config(FRAGMENT))
    monkeypatch.setattr(processes, "run", noted)
    compilers.host(ARCH, Config(FRAGMENT))
    assert "as" not in started and started.count("ld") == 1 and started.count("gcc") == 2


# --- what this host lacked ----------------------------------------------------------------------


class Lacking:
    """A kernel of which an option needs a package of this host: a file in the folder."""

    def __init__(self, kernel: Kernel, series: str) -> None:
        self._kernel = kernel
        self.worker = Worker(
            kernel.home, kernel.store, ARCH, Config(f"{FRAGMENT}CONFIG_PLUGINS=y\n"), 2, probes=(), series=series
        )

    async def build(self, tree: str, *, mistaken: bool = True) -> Build:
        """Base; ``mistaken`` where no patch brings an option that it lacks."""
        brought = Brought(self._kernel.store, tree, ()) if mistaken else None
        into = self._kernel.place / "lacking"
        return await self.worker.build(tree, into, self._kernel.hear, trusted=True, brought=brought)


async def test_where_this_host_lacked_what_an_option_needs_it_is_configured_again(kernel: Kernel) -> None:
    lacking, tree = Lacking(kernel, "a"), kernel.tree(Makefile=LACKING)
    for _ in range(2):
        built = await lacking.build(tree)
        assert not built.ok and built.config_dropped == ("CONFIG_PLUGINS=y",)
    (kernel.obj / "package").touch()  # apt-get install gcc-12-plugin-dev
    built = await lacking.build(tree)
    assert built.ok and not built.config_dropped


async def test_so_it_is_though_base_was_built_without_it_for_a_series_that_brings_it(kernel: Kernel) -> None:
    """Its folder is what another series begins with."""
    tree = kernel.tree(Makefile=LACKING)
    assert (await Lacking(kernel, "a").build(tree, mistaken=False)).config_dropped
    assert not (await Lacking(kernel, "b").build(tree)).ok
    (kernel.obj.parent / "series").write_text("nobody knows\n")  # as when a third one has built in it
    ready = Lacking(kernel, "b")
    ready.worker._folder.enter(tree)
    (kernel.obj / "package").touch()
    assert (await ready.build(tree)).ok
