# SPDX-License-Identifier: GPL-2.0-only
"""Compilers and linkers that a tree does not take, and those that LLVM= names."""

from pathlib import Path

import pytest

from kseries import kbuild
from kseries.evaluate import basecheck
from kseries.kbuild import make, oldtools
from kseries.kbuild.config import Config
from kseries.model import Observation, Outcome
from kseries.model.errors import InfraError, InputError
from tests.support.kbuild import ARCH, FRAGMENT, MAKEFILE, Kernel

# As scripts/cc-version.sh and ld-version.sh of 7.3 print it of Debian 12's clang and lld.
CLANG = """\
***
*** C compiler is too old.
***   Your Clang version:    14.0.6
***   Minimum Clang version: 17.0.1
***
scripts/Kconfig.include:45: Sorry, this C compiler is not supported.
make[2]: *** [/source/scripts/kconfig/Makefile:85: allnoconfig] Error 1
"""
LLD = CLANG.replace("C compiler is", "Linker is").replace("Clang", "LLD")
GAS = CLANG.replace("C compiler is", "Assembler is").replace("Clang", "GNU assembler")


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (CLANG, "this kernel takes Clang 17.0.1 or newer, and the C compiler here is 14.0.6"),
        (LLD, "this kernel takes LLD 17.0.1 or newer, and the linker here is 14.0.6"),
        (GAS, "this kernel takes GNU assembler 17.0.1 or newer, and the assembler here is 14.0.6"),
        (CLANG.replace("***   Min", "*** None, min"), ""),
        ("a.c:1:1: error: C compiler is too old.\n", ""),
        (CLANG + "main.c:1:1: error: a patch had that printed\n", ""),
        (CLANG.replace("scripts/Kconfig.include:45: Sorry", "Makefile:2: *** Sorry"), ""),
    ],
)
def test_a_tool_that_is_too_old_is_told_with_both_versions(log: str, told: str) -> None:
    assert oldtools.told(log.encode(), make.errors_of(log.encode(), Path("/source"))) == told


async def test_a_base_that_a_compiler_is_too_old_for_is_said_to_be_that_before_anything_is_compiled(
    kernel: Kernel,
) -> None:
    lines = "; ".join(f"echo '{line}'" for line in CLANG.splitlines())
    built = await kernel.build(kernel.tree(Makefile=MAKEFILE.replace("\tcat $(KC", f"\t@{lines}; false\n\tcat $(KC")))
    assert (built.ok, built.errors, kernel.steps) == (False, (built.too_old,), [])
    seen = Observation(tree="t", outcome=Outcome.BUILD_FAILED, errors=built.errors, too_old=built.too_old)
    with pytest.raises(InputError) as error:
        basecheck.check_build(seen)
    assert str(error.value).splitlines() == [
        "this kernel takes Clang 17.0.1 or newer, and the C compiler here is 14.0.6",
        "  install a newer one and name it, as --make LLVM=-19 does clang-19",
    ]
    assert (await kernel.build(kernel.tree())).too_old == ""


@pytest.mark.parametrize(
    ("word", "compiler"),
    [
        ("LLVM=1", "clang"),
        ("LLVM=-19", "clang-19"),
        ("LLVM=/opt/llvm/bin/", "/opt/llvm/bin/clang"),
        ("LLVM=", "gcc"),
    ],
)
def test_make_is_given_the_compiler_that_llvm_names(word: str, compiler: str) -> None:
    """LLVM_PREFIX and LLVM_SUFFIX in the kernel's Makefile, over whose CC= the one that we give it goes."""
    words = make.make_argv(ARCH, Config(FRAGMENT, (word,)), Path("/s"), Path("/o"), (), 3)
    assert {f"CC=ccache {compiler}", f"HOSTCC=ccache {compiler}"} <= set(words)
    assert Config(FRAGMENT, (word,)).llvm is (compiler != "gcc")


def test_the_toolchain_is_the_one_that_llvm_names(tmp_path: Path) -> None:
    for tool in ("clang", "ld.lld"):
        (tmp_path / tool).write_text(f"#!/bin/sh\necho {tool} 99\n")
        (tmp_path / tool).chmod(0o755)
    assert kbuild.toolchain(ARCH, Config(FRAGMENT, (f"LLVM={tmp_path}/",))).startswith("clang 99 / ld.lld 99 / gcc ")
    with pytest.raises(InfraError, match=r"(?s)clang-0 is not installed.*clang-0"):
        kbuild.toolchain(ARCH, Config(FRAGMENT, ("LLVM=-0",)))


def test_a_compiler_that_a_word_for_make_names_is_a_part_of_the_toolchain(tmp_path: Path) -> None:
    """Another version of it compiles another kernel: what is known of the one is not known of the other."""
    plain, tool = kbuild.toolchain(ARCH, Config(FRAGMENT)), tmp_path / "gcc-99"
    for version in ("99.1", "99.2"):
        tool.write_text(f"#!/bin/sh\necho gcc {version}\n")
        tool.chmod(0o755)
        told = kbuild.toolchain(ARCH, Config(FRAGMENT, (f"CC=ccache {tool}", f"HOSTCC={tool} -m64")))
        assert told == f"{plain} / {tool} gcc {version}"
    for word in ("CC=", "CC=$(CROSS_COMPILE)gcc", "CC=scripts/gcc", "HOSTCC=-m64"):
        assert kbuild.toolchain(ARCH, Config(FRAGMENT, (word,))) == plain
