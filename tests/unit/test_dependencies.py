# SPDX-License-Identifier: GPL-2.0-only
"""What a build has read, from notes as kbuild writes them."""

import os
from pathlib import Path

import pytest

from kseries.kbuild.artifacts import NotRegularError
from kseries.kbuild.dependencies import TREES, FolderDependencies, can_matter
from kseries.sources import Change

NOTE = """savedcmd_virt/kvm/kvm_main.o := gcc -I{source}/include -c -o virt/kvm/kvm_main.o {source}/virt/kvm/kvm_main.c

source_virt/kvm/kvm_main.o := {source}/arch/x86/kvm/../../../virt/kvm/kvm_main.c

deps_virt/kvm/kvm_main.o := \\
    $(wildcard include/config/KVM) \\
  {source}/include/linux/kvm_host.h \\
  include/generated/asm-offsets.h \\

virt/kvm/kvm_main.o: $(deps_virt/kvm/kvm_main.o)
"""
TOOLS = "cmd_{obj}/tools/objtool/check.o := gcc check.c\n\ndeps := \\\n  check.c \\\n  /usr/include/string.h \\\n"


def change(path: str, old: str = "100644", new: str = "100644") -> Change:
    return Change(path, (old, "1" * 40), (new, "2" * 40))


def matters(reads: FolderDependencies, path: str, tree: str = "tree") -> bool:
    """True where a change to a file can matter to the build of a tree."""
    built = reads.of(tree)
    return built is None or can_matter(built, change(path))


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, Path, Path]:
    obj, source = tmp_path / "obj", tmp_path / "source"
    for place, text in (("virt/kvm/.kvm_main.o.cmd", NOTE), ("tools/objtool/.check.o.cmd", TOOLS)):
        (obj / place).parent.mkdir(parents=True)
        (obj / place).write_text(text.format(source=source, obj=obj))
    return obj, source, tmp_path


@pytest.fixture
def reads(folder: tuple[Path, Path, Path]) -> FolderDependencies:
    found = FolderDependencies(*folder)
    found.update("tree")
    return found


@pytest.mark.parametrize("path", ["virt/kvm/kvm_main.c", "include/linux/kvm_host.h"])
def test_what_an_object_was_made_of_is_read(reads: FolderDependencies, path: str) -> None:
    assert reads.readers(path) == {"virt/kvm/.kvm_main.o.cmd"}
    assert matters(reads, path)


@pytest.mark.parametrize("path", ["fs/ext4/inode.c", "Documentation/virt/kvm/api.rst", "include/linux/ext4.h"])
def test_what_no_note_names_cannot_matter(reads: FolderDependencies, path: str) -> None:
    assert not matters(reads, path)


@pytest.mark.parametrize("path", ["virt/kvm/Kconfig", "Makefile", "scripts/x.sh", "arch/x86/lib/x86-opcode-map.txt"])
def test_what_is_read_without_a_note_counts_as_read(reads: FolderDependencies, path: str) -> None:
    assert matters(reads, path)


def test_a_name_without_its_folder_may_be_any_file_of_that_name(reads: FolderDependencies) -> None:
    assert matters(reads, "tools/objtool/check.c")
    assert matters(reads, "elsewhere/check.c")


@pytest.mark.parametrize(("old", "new"), [("000000", "100644"), ("100644", "000000"), ("100644", "120000")])
def test_a_file_that_comes_goes_or_turns_into_a_link_can_matter(reads: FolderDependencies, old: str, new: str) -> None:
    assert can_matter(reads.now, change("include/linux/ext4.h", old, new))
    assert not can_matter(reads.now, change("Documentation/new.rst", old, new))


def test_a_folder_without_notes_tells_nothing(tmp_path: Path) -> None:
    empty = FolderDependencies(tmp_path, tmp_path / "source", tmp_path)
    assert not empty and empty.of("tree") is None


def test_the_cost_of_a_change_is_what_is_made_again(reads: FolderDependencies) -> None:
    both = (change("virt/kvm/kvm_main.c"), change("include/linux/kvm_host.h"))
    assert reads.cost(both) == 1
    assert reads.cost(()) == 0
    assert reads.cost((change("fs/ext4/inode.c"),)) == 0


def test_a_note_that_was_written_again_is_of_the_build_that_wrote_it(folder: tuple[Path, Path, Path]) -> None:
    obj, source, _ = folder
    reads = FolderDependencies(*folder)
    reads.update("before")
    note = obj / "virt/kvm/.kvm_main.o.cmd"
    note.write_text(f"deps := {source}/include/linux/other.h \\\n")
    os.utime(note, ns=(1, 1))
    reads.update("after")
    for kept in (reads, FolderDependencies(*folder)):
        assert matters(kept, "include/linux/kvm_host.h", "before") and not matters(
            kept, "include/linux/other.h", "before"
        )
        assert matters(kept, "include/linux/other.h", "after") and not matters(
            kept, "include/linux/kvm_host.h", "after"
        )
        assert kept.cost((change("include/linux/other.h"),)) == 1
        assert kept.cost((change("include/linux/kvm_host.h"),)) == 0, "what is made again is what the folder has now"


def test_a_note_that_is_gone_is_gone_from_the_builds_that_come(folder: tuple[Path, Path, Path]) -> None:
    obj, _, _ = folder
    reads = FolderDependencies(*folder)
    reads.update("before")
    (obj / "virt/kvm/.kvm_main.o.cmd").unlink()
    reads.update("after")
    for kept in (reads, FolderDependencies(*folder)):
        assert matters(kept, "virt/kvm/kvm_main.c", "before") and not matters(kept, "virt/kvm/kvm_main.c", "after")


def test_of_many_trees_the_last_are_known_and_what_they_have_in_common_is_kept_once(
    folder: tuple[Path, Path, Path],
) -> None:
    obj, source, place = folder
    kept = FolderDependencies(*folder)
    for number in range(TREES + 2):
        note = obj / "virt/kvm/.kvm_main.o.cmd"
        note.write_text(f"deps := {source}/include/linux/h{number}.h \\\n")
        os.utime(note, ns=(number, number))
        kept.update(f"tree-{number}")
    again = FolderDependencies(*folder)
    for one in (kept, again):
        assert [name for name in ("tree-0", "tree-1", "tree-2") if one.knows(name)] == ["tree-2"]
        assert all(matters(one, f"include/linux/h{n}.h", f"tree-{n}") for n in range(2, TREES + 2))
        assert not any(matters(one, f"include/linux/h{n + 1}.h", f"tree-{n}") for n in range(2, TREES + 2))
    assert (place / "dependencies.json").read_bytes().count(b"check.c") == 1, (
        "the note that none of them has written again"
    )


def test_what_a_configuration_reads_without_a_note_counts_as_read_in_its_builds(
    folder: tuple[Path, Path, Path],
) -> None:
    reads = FolderDependencies(*folder)
    reads.update("with", ("include/",))
    reads.update("without")
    for kept in (reads, FolderDependencies(*folder)):
        assert matters(kept, "include/linux/ext4.h", "with") and not matters(kept, "include/linux/ext4.h", "without")


def test_a_build_that_is_not_to_stand_for_others_is_not_known(folder: tuple[Path, Path, Path]) -> None:
    reads = FolderDependencies(*folder)
    reads.update(None)
    assert reads and reads.readers("virt/kvm/kvm_main.c") and not reads.knows("tree")


def test_what_was_read_is_kept_and_a_broken_file_is_made_again(
    folder: tuple[Path, Path, Path], reads: FolderDependencies
) -> None:
    again = FolderDependencies(*folder)
    assert again.readers("virt/kvm/kvm_main.c")
    (folder[2] / "dependencies.json").write_bytes(b'{"paths": [')
    broken = FolderDependencies(*folder)
    assert not broken.readers("virt/kvm/kvm_main.c")
    broken.update("tree")
    assert broken.readers("virt/kvm/kvm_main.c") == reads.readers("virt/kvm/kvm_main.c")


def test_where_everything_counts_as_read_it_does_without_a_note(folder: tuple[Path, Path, Path]) -> None:
    """Most kselftests leave no note of what they are made of."""
    found = FolderDependencies(*folder, ("tools/",))
    found.update("tree")
    assert matters(found, "tools/testing/selftests/kvm/cpuid_test.c")
    assert not matters(found, "fs/ext4/inode.c")
    assert not matters(FolderDependencies(*folder), "tools/testing/selftests/kvm/cpuid_test.c")


def test_a_note_that_is_a_link_to_a_file_of_ours_is_not_read(folder: tuple[Path, Path, Path]) -> None:
    obj, source, place = folder
    (place / "secret").write_text(f"{source}/include/linux/ext4.h")
    (obj / ".x.o.cmd").symlink_to(place / "secret")
    with pytest.raises(NotRegularError, match=r"\.x\.o\.cmd"):
        FolderDependencies(*folder).update("tree")
