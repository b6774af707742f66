# SPDX-License-Identifier: GPL-2.0-only
"""Which patch of one version is which of the next."""

from pathlib import Path

import pytest

from kseries.model import AppliedPatch
from kseries.sources import TreeStore
from kseries.sources.versions import How, Match, match
from tests.support.gitrepo import Repository, lines


def patch(number: int, before: str, after: str, subject: str = "", *files: str) -> AppliedPatch:
    return AppliedPatch(
        number=number, subject=subject or f"Patch {number}", tree_before=before, tree_after=after, files=files
    )


def chain(*trees: str) -> tuple[AppliedPatch, ...]:
    return tuple(patch(at, trees[at - 1], tree, f"to {tree}") for at, tree in enumerate(trees) if at)


def words(found: tuple[Match, ...]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(one.how, one.old, one.new) for one in found]


def test_two_patches_that_come_to_the_tree_of_one_were_squashed() -> None:
    found = match(chain("base", "a", "b", "c", "d"), chain("base", "a", "c", "d"), None)
    assert words(found) == [(How.SAME, (1,), (1,)), (How.SQUASHED, (2, 3), (2,)), (How.SAME, (4,), (3,))]


def test_one_patch_that_is_two_now_was_split() -> None:
    found = match(chain("base", "a", "c"), chain("base", "a", "b", "c"), None)
    assert words(found) == [(How.SAME, (1,), (1,)), (How.SPLIT, (2,), (2, 3))]


def test_without_the_sources_a_subject_tells_and_then_files_in_common() -> None:
    old = patch(1, "p", "q", "KVM: Add a flag", "a.c"), patch(2, "q", "r", "KVM: x86: Honour a flag", "b.c")
    new = patch(1, "x", "y", "KVM: x86: Honour the flag", "b.c"), patch(2, "y", "z", "KVM: Add a flag", "c.c")
    assert words(match(old, new, None)) == [(How.CHANGED, (2,), (1,)), (How.CHANGED, (1,), (2,))]


def test_patches_that_have_nothing_in_common_are_gone_and_new() -> None:
    found = match([patch(1, "p", "q", "one", "a.c")], [patch(1, "x", "y", "two", "b.c")], None)
    assert words(found) == [(How.NEW, (), (1,)), (How.GONE, (1,), ())]


@pytest.fixture
def sources(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "sources")


def commits(repository: Repository, *versions: dict[str, str]) -> tuple[AppliedPatch, ...]:
    trees = []
    for files in versions:
        repository.commit("x", dict(files))
        trees.append(repository.tree())
    return tuple(patch(at, trees[at - 1], trees[at], f"Subject {at}") for at in range(1, len(trees)))


def test_git_range_diff_knows_a_patch_whose_subject_is_another_and_whose_base_has_moved(
    sources: Repository, tmp_path: Path
) -> None:
    first = commits(sources, {"a": lines(), "b": lines()}, {"a": lines(line3="x")}, {"b": lines(line9="y")})
    # On another base, in the other order, and one of them with another word.
    second = commits(
        sources,
        {"a": lines(line18="moved"), "b": lines()},
        {"b": lines(line9="z")},
        {"a": lines(line3="x", line18="moved")},
    )
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(sources.path)
    found = words(match(first, second, store))
    assert (How.SAME, (1,), (2,)) in found
    assert {(old, new) for _, old, new in found} == {((1,), (2,)), ((2,), (1,))}


FLAG = {"flag.h": "".join(f"#define FLAG_{number} {number}\n" for number in range(9))}
CODE = {"code.c": "".join(f"int function_{number}(void);\n" for number in range(9))}


def test_a_squash_is_known_by_its_lines_where_the_base_has_moved(sources: Repository, tmp_path: Path) -> None:
    apart = commits(sources, {"a": lines()}, FLAG, CODE, {"docs": lines(5)})
    sources.git("checkout", "--quiet", "--orphan", "again")
    sources.git("rm", "-rfq", ".")
    as_one = commits(sources, {"a": lines(line9="moved")}, {**FLAG, **CODE}, {"docs": lines(5)})
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(sources.path)
    assert (How.SQUASHED, (1, 2), (1,)) in words(match(apart, as_one, store))
    assert (How.SPLIT, (1,), (1, 2)) in words(match(as_one, apart, store))


def test_a_source_that_is_not_there_any_more_is_no_error(tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees.git")
    gone = "1" * 40
    found = match([patch(1, gone, "2" * 40, "one")], [patch(1, "3" * 40, "4" * 40, "one")], store)
    assert words(found) == [(How.CHANGED, (1,), (1,))]
