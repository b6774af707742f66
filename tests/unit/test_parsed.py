# SPDX-License-Identifier: GPL-2.0-only
"""Which Makefiles and Kconfig files a build has read, as make and Kconfig tell it."""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from kseries.kbuild import artifacts, names, parsed
from kseries.kbuild.dependencies import FolderDependencies, can_matter
from kseries.model import Dependencies
from kseries.sources import Change

TOP = """first := $(firstword $(MAKEFILE_LIST))
MAKEFLAGS += -rR --include-dir=$(CURDIR)
all: FORCE
	@$(MAKE) -s -C $(O) -f $(CURDIR)/scripts/Makefile.build src=$(CURDIR)/mm
	@test $(first) = Makefile
FORCE:
.PHONY: FORCE all
"""
BUILD = "include $(src)/Makefile\ninclude arch/x86/Makefile\n-include .x.o.cmd\nall: ; @touch made\n"
FILES = {
    "Makefile": TOP,
    "scripts/Makefile.build": BUILD,
    "mm/Makefile": "include $(src)/../lib/../lib/Kbuild\n",
    "lib/Kbuild": "# none\n",
    "arch/x86/Makefile": "# none\n",
    "arch/arm64/Makefile": "# none\n",
    "Kconfig": "# none\n",
}
LISTED = "autoconfig := include/config/auto.conf\n\ndeps_config := \\\n\tKconfig \\\n\t{}/mm/Kconfig \\\n\nelse\n\tx\n"


def change(path: str, old: str = "100644", new: str = "100644") -> Change:
    return Change(path, (old, "1" * 40), (new, "2" * 40))


class Tree:
    """A source folder and a build folder, and what a build of it has read."""

    def __init__(self, place: Path) -> None:
        self.source, self.obj = place / "source", place / "obj"
        for path, text in FILES.items():
            (self.source / path).parent.mkdir(parents=True, exist_ok=True)
            (self.source / path).write_text(text)
        (self.obj / "include" / "config").mkdir(parents=True)
        (self.obj / ".x.o.cmd").write_text(f"deps := {self.source}/mm/x.c \\\n")
        self.reads = FolderDependencies(self.obj, self.source, place)

    def make(self) -> None:
        made = names._MAKEFILE
        env = {"PATH": os.environ["PATH"], "MAKEFILES": str(made), "MAKEFILES_READ": str(self.obj / parsed.RECORD)}
        words = ["make", "-s", "-C", str(self.source), f"O={self.obj}"]
        done = subprocess.run(words, env=env, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def configure(self) -> None:
        (self.obj / "include/config/auto.conf.cmd").write_text(LISTED.format(self.source))

    def read(self, path: str) -> bool:
        if (self.obj / parsed.RECORD).exists() or not self.reads.knows("tree"):  # it was built, or never was
            self.reads.update("tree")
        built = self.reads.of("tree")
        return built is None or can_matter(built, change(path))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_make_tells_every_makefile_that_any_of_its_makes_has_read_and_works_as_without(tree: Tree) -> None:
    tree.make()
    assert (tree.obj / "made").exists()
    told = {path for path in FILES if tree.read(path) and "Kconfig" not in path}
    assert told == {"Makefile", "scripts/Makefile.build", "mm/Makefile", "lib/Kbuild", "arch/x86/Makefile"}
    assert not (tree.obj / parsed.RECORD).exists(), "it is taken in"
    tree.make()
    assert not tree.read("arch/arm64/Makefile"), "and kept"
    tree.reads.update("tree")
    assert tree.read("arch/arm64/Makefile"), "for a build that tells, too"


def test_kconfig_tells_its_own(tree: Tree) -> None:
    assert tree.read("arch/arm64/Kconfig")
    tree.configure()
    tree.reads.update("tree")
    assert not tree.read("arch/arm64/Kconfig") and not tree.read("lib/Kconfig.debug")
    assert tree.read("Kconfig") and tree.read("mm/Kconfig") and tree.read("arch/arm64/Makefile")


def test_what_was_read_once_counts_until_the_folder_is_emptied(tree: Tree) -> None:
    tree.make()
    tree.configure()
    assert not tree.read("arch/arm64/Makefile")
    (tree.source / "mm/Makefile").write_text("include $(src)/../arch/arm64/Makefile\n")
    tree.make()
    assert tree.read("arch/arm64/Makefile") and tree.read("lib/Kbuild")
    again = FolderDependencies(tree.obj, tree.source, tree.obj.parent).of("tree")
    assert again is not None and again == tree.reads.of("tree")
    tree.reads.forget()
    assert tree.read("init/Makefile"), "nobody tells"


def test_a_file_that_comes_goes_is_a_link_or_has_an_odd_name_counts_whoever_tells(tree: Tree) -> None:
    tree.make()
    tree.reads.update("tree")
    read = tree.reads.of("tree")
    assert read is not None and not can_matter(read, change("arch/arm64/Makefile"))
    for path, old, new in (
        ("arch/arm64/Makefile", "000000", "100644"),
        ("arch/arm64/Makefile", "100644", "000000"),
        ("arch/arm64/Makefile", "120000", "120000"),
        ("arch/arm 64/Makefile", "100644", "100644"),
        ("arch/arm64/Makefile.sh", "100644", "100644"),
        ("arch/arm64/x.tbl", "100644", "100644"),
    ):
        assert can_matter(read, change(path, old, new)), (path, old, new)


def test_of_what_was_stored_before_anybody_told_each_makefile_counts() -> None:
    old = msgspec.json.decode(b'{"paths": ["main.c"]}', type=Dependencies)
    assert can_matter(old, change("arch/arm64/Makefile")) and not can_matter(old, change("other.c"))


def test_a_record_that_is_too_long_or_no_file_is_not_taken_for_less(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.make()
    monkeypatch.setattr(parsed, "_MOST", 20)
    with pytest.raises(artifacts.NotRegularError, match="makefiles"):
        tree.reads.update("tree")
    (tree.obj / parsed.RECORD).unlink()
    (tree.obj / parsed.RECORD).symlink_to(tree.source / "Makefile")
    with pytest.raises(artifacts.NotRegularError, match="makefiles"):
        tree.reads.update("tree")
