# SPDX-License-Identifier: GPL-2.0-only
"""The commits between good ones and a bad one, as git log tells of them: one git process, however many there are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kseries.model.errors import InputError
from kseries.model.lineage import Lineage
from kseries.sources import git, repository

_SECONDS = 600.0
"""With paths, git reads a tree of every commit: minutes for a release of the kernel on a cold disk."""


def read(
    place: Path, bad: str, goods: Sequence[str], *, first_parent: bool = False, paths: Sequence[str] = ()
) -> Lineage:
    """The commits that are in ``bad`` and in none of ``goods``, of which git bisect looks for the first bad one.

    With ``first_parent`` only those along the first parents. With ``paths``, as from the top of the repository, those
    that touch them: the parents of each are then the nearest such commits below it (History Simplification in
    git-log(1)), and the last one need not be ``bad``. Empty where there is none. What a repository replaces, grafts or
    lacks (git-replace(1), ``shallow``) counts as git has it there. Raises InputError.
    """
    words = ("rev-list", "--topo-order", "--reverse", "--parents", "--format=%T", *walk(first_parent=first_parent))
    done = repository.ask(place, *words, bad, *(f"^{good}" for good in goods), "--", *paths, seconds=_SECONDS)
    if done.returncode != 0:
        raise InputError(f"{place}: {git.reason(done)}{repository.shallow_cure(place)}")
    rows = list(_rows(done.text.splitlines()))
    places = {commit: place for place, (commit, _, _) in enumerate(rows)}
    return Lineage(
        commits=tuple(places),
        trees=tuple(tree for _, tree, _ in rows),
        parents=_chain(len(rows)) if first_parent else tuple(_known(parents, places) for _, _, parents in rows),
    )


def touched(place: Path, commits: Sequence[str], *, first_parent: bool = False) -> list[frozenset[str]]:
    """The files that each commit touches, as git names them; of a merge, those that are as in none of its parents or,
    with ``first_parent``, those that are not as in its first one.

    Raises InputError.
    """
    words = (
        "diff-tree",
        "--stdin",
        "-r",
        "--root",
        f"--diff-merges={'first-parent' if first_parent else 'combined'}",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
    )
    asked = "".join(f"{commit}\n" for commit in commits)
    done = git.theirs(place, *words, stdin=asked.encode(), seconds=_SECONDS)
    if done.returncode != 0:
        raise InputError(f"{place}: {git.reason(done)}{repository.shallow_cure(place)}")
    found: dict[str, set[str]] = {commit: set() for commit in commits}
    of = set[str]()
    for row in done.text.splitlines():
        if row in found:
            of = found[row]
        else:
            of.add(row)
    return [frozenset(found[commit]) for commit in commits]


def walk(*, first_parent: bool) -> tuple[str, ...]:
    """The option by which git goes along the first parents alone."""
    return ("--first-parent",) if first_parent else ()


def _chain(count: int) -> tuple[tuple[int, ...], ...]:
    """Along first parents, each is made on the one before it, whatever else was merged."""
    return tuple((place - 1,) if place else () for place in range(count))


def _known(parents: Iterable[str], places: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(places[one] for one in parents if one in places)


def _rows(lines: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each commit, its tree, and its parents."""
    for head, tree in zip(lines[::2], lines[1::2], strict=True):
        _, commit, *parents = head.split(" ")
        yield commit, tree, parents
