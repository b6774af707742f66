# SPDX-License-Identifier: GPL-2.0-only
"""What Kconfig may read of a tree, by what its files ask."""

import shutil
from pathlib import Path

import pytest

from kseries.kbuild.kconfig import Kconfig
from kseries.model import Dependencies
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "linux")


def reads_all(repository: Repository, tmp_path: Path, line: str) -> bool:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    tree = store.tree_of(repository.commit("state", {"Kconfig": "config A\n", "init/Kconfig.x": f"{line}\n"}))
    return Kconfig(store).reads_all(tree)


@pytest.mark.parametrize(
    "line",
    [
        "\tdef_bool $(success,$(srctree)/scripts/rust_is_available.sh)",
        "\tdef_bool $(success,$(srctree)/arch/powerpc/tools/gcc-check-mprofile-kernel.sh $(CC) -mbig-endian) if B",
        "\tdepends on $(success,test -e $(shell,$(CC) -print-file-name=plugin)/include/plugin-version.h)",
        'source "drivers/clocksource/Kconfig"',
        'source "arch/$(SRCARCH)/Kconfig"',
        "\t  source code of ../ is $(nothing)",
        "config B",
    ],
)
def test_a_kernels_own_lines_read_scripts_and_kconfig_files(repository: Repository, tmp_path: Path, line: str) -> None:
    assert not reads_all(repository, tmp_path, line)


@pytest.mark.parametrize(
    "line",
    [
        "\tdef_bool $(success,test -e $(srctree)/x.h)",
        "\tdefault $(shell,$(srctree)/scripts/run.sh $(srctree)/x.c)",
        "\tdef_bool $(success,grep -q x $$srctree/x.h)",
        "top := $(srctree)",
        "\tdef_bool $(success,test -e source/x.h)",
        "\tdef_bool $(success,cat ../../source/x.c)",
        'source "drivers/x.txt"',
        'rsource "x.h"',
    ],
)
def test_a_line_that_may_read_any_file_is_seen(repository: Repository, tmp_path: Path, line: str) -> None:
    assert reads_all(repository, tmp_path, line)


def test_an_answer_is_of_the_kconfig_files_that_a_tree_has(repository: Repository, tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    asks, plain = "\tdefault $(shell,cat $(srctree)/x.h)\n", "config A\n"
    files = ({"Kconfig": plain}, {"Kconfig": plain, "x.c": ""}, {"Kconfig": asks}, {"Kconfig": asks, "x.c": ""})
    trees = [store.tree_of(repository.commit("state", one)) for one in (*files, files[0])]
    kconfig = Kconfig(store)
    assert [kconfig.reads_all(tree) for tree in trees] == [False, False, True, True, False]


def test_a_tree_that_went_with_its_repository_may_differ(repository: Repository, tmp_path: Path) -> None:
    """The store has what was made in it, the top folder of a state, and borrowed the rest."""
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    committed = store.tree_of(repository.commit("state", {"Kconfig": "config A\n", "init/x.c": ""}))
    kept = store.with_file(committed, "Kconfig", b"config B\n")
    kconfig = Kconfig(store)
    assert not kconfig.reads_all(kept)
    assert not kconfig.may_differ(committed, committed, ())
    shutil.rmtree(repository.path)
    other = Repository(tmp_path / "other")
    again = TreeStore(store.path)
    again.add_repository(other.path)
    tree = again.tree_of(other.commit("state", {"Kconfig": "config B\n"}))
    assert Kconfig(again).may_differ(kept, tree, ())
    assert not kconfig.reads_all(tree)


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"mm/Makefile": "# x\n"}, False),
        ({"mm/Kconfig": "# x\n"}, False),
        ({"mm/x.c": ""}, False),
        ({"Makefile": "# x\n"}, True),
        ({"Kconfig": "config B\n"}, True),
        ({"mm/Kbuild": "# x\n"}, True),
        ({"mm/x.tbl": "1\n"}, True),
        ({"tools/scripts/x.c": "int x;\n"}, True),
    ],
)
def test_of_makefiles_and_kconfig_files_only_those_that_configuring_has_read_make_a_tree_differ(
    repository: Repository, tmp_path: Path, changed: dict[str, str], differs: bool
) -> None:
    """Those that have come may have been looked for."""
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    files = {"Kconfig": "config A\n", "tools/scripts/x.c": "", **dict.fromkeys(("Makefile", "mm/Makefile"), "")}
    files |= {"mm/Kconfig": ""}
    old, new = (store.tree_of(repository.commit("state", one)) for one in (files, {**files, **changed}))
    of_make = Dependencies(paths=frozenset({"Makefile"}), parsed=("Makefile", "Kbuild"))
    of_build = Dependencies(paths=frozenset({"Kconfig", "Makefile", "mm/Makefile"}), parsed=("Makefile", "Kconfig"))
    assert Kconfig(store).may_differ(old, new, (), (of_make, of_build)) == differs
    assert Kconfig(store).may_differ(old, new, ()) == ("mm/x.c" not in changed)
