# SPDX-License-Identifier: GPL-2.0-only
"""Which patch of a series brings an option, by what it changes in Kconfig files."""

from pathlib import Path

import pytest

from kseries.kbuild.brought import Brought
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

BASE = """\
menu "Things"

config KCOV
	bool "Code coverage"
	depends on ARCH_HAS_KCOV
	select DEBUG_FS
	help
		It is like GCOV, but ARM64 is slow.

config HIDDEN
	bool

config ARM64
	def_bool y
	select AUDIT

endmenu
"""
NEW = '\nmenuconfig LOUD\n\tbool "Say so" # as CONFIG_KCOV\n'


def brought(place: Path, option: str, *kconfigs: str) -> int | None:
    """The patch that brings an option where each makes Kconfig this; the first file is base's."""
    repository, store = Repository(place / "linux"), TreeStore(place / "trees.git")
    store.add_repository(repository.path)
    commits = [repository.commit("state", {"lib/Kconfig.debug": text}) for text in (BASE, *kconfigs)]
    trees = [store.tree_of(commit) for commit in commits]
    return Brought(store, trees[0], trees[1:]).by(option)


@pytest.mark.parametrize(
    ("option", "old", "new"),
    [
        ("CONFIG_LOUD=y", "\nendmenu\n", f"{NEW}\nendmenu\n"),
        ("CONFIG_LOUD=n", "menu ", f"{NEW}menu "),
        ("CONFIG_KCOV=y", "\tselect AUDIT\n", "\tselect AUDIT\n\tselect ARCH_HAS_KCOV if AUDIT\n"),
        ("CONFIG_KCOV=y", "\tdepends on ARCH_HAS_KCOV\n", ""),
        ("CONFIG_HIDDEN=y", "HIDDEN\n\tbool\n", 'HIDDEN\n\tbool "No more"\n'),
    ],
)
def test_what_is_about_an_option_brings_it(tmp_path: Path, option: str, old: str, new: str) -> None:
    assert BASE.count(old) == 1
    assert brought(tmp_path, option, f"{BASE}# more\n", BASE.replace(old, new), BASE) == 2


@pytest.mark.parametrize(
    ("option", "old", "new"),
    [
        ("CONFIG_LOUD=y", "\tselect AUDIT\n", "\tselect AUDIT\n\tdepends on LOUD\n\t  config LOUD is none\n"),
        ("CONFIG_LOUDER=y", "\nendmenu\n", f"{NEW}\nendmenu\n"),
        ("CONFIG_KCOV=y", "\nconfig HIDDEN", f"{NEW}\nconfig HIDDEN"),  # behind it, and not in it
        ("CONFIG_KCOV=y", "\tselect AUDIT\n", "\tselect AUDIT\n\tselect GCOV\n"),
        ("CONFIG_KCOV=y", "is slow", "is not so slow, for ARCH_HAS_KCOV"),
        ("CONFIG_KCOV=y", "\nendmenu\n", "\nconfig OTHER\n\tbool\n\tdepends on ARCH_HAS_KCOV\n\nendmenu\n"),
        ("CONFIG_KCOV=y", "\tselect AUDIT\n", "\tselect AUDIT if ARCH_HAS_KCOV\n"),
    ],
)
def test_what_is_about_others_does_not(tmp_path: Path, option: str, old: str, new: str) -> None:
    assert BASE.count(old) == 1
    assert brought(tmp_path, option, BASE.replace(old, new)) is None


def test_what_a_patch_brings_and_a_later_one_renames_both_bring(tmp_path: Path) -> None:
    renamed = BASE + NEW.replace("LOUD", "NOISY")
    assert brought(tmp_path / "one", "CONFIG_LOUD=y", BASE + NEW, renamed) == 1
    assert brought(tmp_path / "two", "CONFIG_NOISY=y", BASE + NEW, renamed) == 2


def test_a_series_without_a_kconfig_file_brings_nothing(tmp_path: Path) -> None:
    assert brought(tmp_path, "CONFIG_KCOV=y", BASE) is None
