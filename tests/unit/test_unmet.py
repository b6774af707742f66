# SPDX-License-Identifier: GPL-2.0-only
"""Why Kconfig has dropped an option: what its definition depends on, of Kconfig files as kernels have them."""

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kseries.kbuild.kconfig import Kconfig
from kseries.kbuild.unmet import why
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

KVM = """\
# SPDX-License-Identifier: GPL-2.0

menuconfig VIRTUALIZATION
	bool "Virtualization"
	default y
	help
		Say Y here to get to see options.

		config HIDDEN is no entry, and depends on NOTHING.

if VIRTUALIZATION && !EXOTIC

config KVM
	tristate "Kernel-based Virtual Machine"
	depends on HIGH_RES_TIMERS
	depends on X86_LOCAL_APIC || (ARM64 && \\
		!VHE) # either
	select KVM_COMMON

config KVM_COMMON
	bool

config KVM_SW
	bool "Software" if EXPERT
	depends on KVM && X86_64
	depends on $(cc-option,-mfoo) && NR_CPUS > 2
	depends on OTHER if HYPERV

choice
	prompt "Kind"

config ONE
	bool "One"

config TWO
	bool "Two"

endchoice

menu "Debug"
	visible if DEBUG
	depends on KVM != n

config TRACE
	bool "Trace"
endmenu

endif # VIRTUALIZATION

config OUTSIDE
	hex "Outside"
"""
ON = "CONFIG_VIRTUALIZATION=y\nCONFIG_HIGH_RES_TIMERS=y\nCONFIG_ARM64=y\n"


def said(option: str, config: str, **files: str) -> str:
    return why(f"CONFIG_{option}", {"virt/Kconfig": KVM, **files}, "x86", config)


@pytest.mark.parametrize(
    ("option", "config", "told"),
    [
        ("KVM=y", ON.replace("CONFIG_VIRT", "# CONFIG_VIRT"), "virt/Kconfig:13: … CONFIG_VIRTUALIZATION is not set"),
        ("KVM=y", ON + "CONFIG_EXOTIC=y\n", "virt/Kconfig:13: … CONFIG_EXOTIC is set"),
        (
            "KVM=y",
            ON.replace("HIGH", "LOW") + "CONFIG_VHE=y\n",
            "virt/Kconfig:13: … CONFIG_HIGH_RES_TIMERS is not set, 'X86_LOCAL_APIC || (ARM64 && !VHE)'",
        ),
        ("KVM_SW=y", ON + "CONFIG_KVM=y\nCONFIG_X86_64=y\n", "virt/Kconfig:23: … CONFIG_EXPERT is not set"),
        ("KVM_SW=y", ON + "CONFIG_EXPERT=y\n", "virt/Kconfig:23: … CONFIG_KVM is not set, CONFIG_X86_64 is not set"),
        (
            "KVM_SW=y",
            ON + "CONFIG_EXPERT=y\nCONFIG_KVM=m\nCONFIG_X86_64=y\nCONFIG_HYPERV=y\n",
            "virt/Kconfig:23: … CONFIG_OTHER is not set",
        ),
        ("TRACE=y", ON, "virt/Kconfig:44: … CONFIG_DEBUG is not set, 'KVM != n'"),
    ],
)
def test_what_an_option_depends_on_and_is_not_so_is_told_with_its_place(option: str, config: str, told: str) -> None:
    assert said(option, config) == told.replace("…", "its dependencies are not met:")


@pytest.mark.parametrize(
    ("option", "config", "told"),
    [
        ("NONE=y", ON, "no Kconfig file of this tree defines it"),
        ("HIDDEN=y", ON, "no Kconfig file of this tree defines it"),
        ("KVM_COMMON=y", ON, "it can not be asked for: only what selects it sets it"),
        ("TWO=y", ON + "CONFIG_ONE=y\n", "another one of its choice is set"),
        ("OUTSIDE=0x1", "CONFIG_OUTSIDE=0x2\n", "it is 0x2: nothing more is known"),
        ("OUTSIDE=n", "CONFIG_OUTSIDE=0x2\n", "something else selects it, or it can not be unset"),
        (
            "KVM_SW=y",
            ON + "CONFIG_EXPERT=y\nCONFIG_KVM=y\nCONFIG_X86_64=y\n",
            "what it depends on seems to be set: nothing more is known",
        ),
    ],
)
def test_where_no_dependency_is_why_that_is_told(option: str, config: str, told: str) -> None:
    assert said(option, config) == told


def test_another_architectures_definition_is_none() -> None:
    files = {"arch/arm64/Kconfig": "config A64\n\tbool 'x'\n", "arch/x86/Kconfig": "config A86\n\tbool 'x'\n"}
    assert said("A64=y", "", **files) == "only arch/arm64/Kconfig defines it"
    assert said("A86=y", "", **files) == "what it depends on seems to be set: nothing more is known"


def test_what_all_architectures_read_is_no_other_ones() -> None:
    assert said("SECCOMP=y", "", **{"arch/Kconfig": "config SECCOMP\n\tbool 'x'\n\tdepends on HAVE\n"}) == (
        "arch/Kconfig:1: its dependencies are not met: CONFIG_HAVE is not set"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('config X\n\tbool "Erratum #46" # \'\n', "what it depends on seems to be set: nothing more is known"),
        ("# \f and \u2028\nconfig X\n\tbool 'x'\n\tdepends on A\n", "Kconfig:2: … CONFIG_A is not set"),
        ("config Y\n\thelp\n\t  see\u2028config X\n", "no Kconfig file of this tree defines it"),
    ],
)
def test_a_file_is_read_as_kconfig_reads_it(text: str, told: str) -> None:
    """scripts/kconfig/lexer.l: a # in quotes is no comment, and only a newline ends a line."""
    assert why("CONFIG_X=y", {"Kconfig": text}, "x86", "") == told.replace("…", "its dependencies are not met:")


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: "if A\n" * size + "endchoice\n" * size,
        lambda size: "if A\n" * size + "config X\n" * size,
    ],
)
def test_what_a_strangers_kconfig_takes_grows_with_its_size(hostile: Callable[[int], str]) -> None:
    """The lines of Python that are run, and the characters that are kept: of neither are there more a line."""
    size, lines = 500, 0
    text = hostile(size)

    def count(_: FrameType, event: str, __: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    tracemalloc.start()
    sys.settrace(count)
    try:
        why("CONFIG_X=y", {"Kconfig": text}, "x86", "")
    finally:
        sys.settrace(None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert lines < 60 * text.count("\n")
    assert most < 2000 * size


def test_a_name_of_any_length_is_told_in_a_line() -> None:
    for text in (f"depends on {'A' * 3000}", f"depends on {'A' * 3000} && !{'B' * 3000}"):
        assert len(why("CONFIG_X=y", {"Kconfig": f"config X\n\tbool 'x'\n\t{text}\n"}, "x86", "")) < 500


@pytest.mark.parametrize("text", ["(A", "A B", ")", "! ", "A = ", "(" * 5000])
def test_what_is_no_expression_is_not_known(text: str) -> None:
    assert why("CONFIG_X=y", {"Kconfig": f"config X\n\tbool 'x'\n\tdepends on {text}\n"}, "x86", "").endswith(
        "is known"
    )


def test_of_a_tree_those_names_are_known_that_its_own_kconfig_defines(tmp_path: Path) -> None:
    repository, store = Repository(tmp_path / "linux"), TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    kconfig, names = Kconfig(store), frozenset({"OLD", "NEW", "ARM"})
    old = {"mm/Kconfig": "config OLD\n\tbool\nconfig OLDER\n", "arch/arm64/Kconfig": "config ARM\n\tbool\n"}
    for files, defined in ((old, {"OLD"}), ({**old, "mm/Kconfig": "config NEW\n\tbool\n"}, {"NEW"}), (old, {"OLD"})):
        tree = store.tree_of(repository.commit("state", files))
        assert kconfig.defined(tree, names, "x86") == defined
