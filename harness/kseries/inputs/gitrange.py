# SPDX-License-Identifier: GPL-2.0-only
"""A range of commits, ``REV..REV``, in a git repository: a series of patches, or a history with merges."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kseries.inputs.subject import printable
from kseries.model import Patch, Record, Series
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from kseries.model.sanitize import few
from kseries.sources.lineage import walk
from kseries.sources.repository import ask, check_range, check_tree, commit_of, shallow_cure, top, tree_of

_FORMAT = ("%H", "%T", "%P", "%s", "%b")
_NO_REPOSITORY = "not a git repository"
_NO_FOLDER = "no such folder"


class Walk(Record, frozen=True):
    """How a history is walked, for whom a range may be one: a linear range, too, is one where any of it is asked."""

    first_parent: bool = False
    paths: tuple[str, ...] = ()
    replayed: bool = False
    """Whether answers are given of commits."""


class _Row(NamedTuple):
    """A commit: ``parents`` are its parents' ids with blanks between them, ``body`` its message without the subject."""

    commit: str
    tree: str
    parents: str
    subject: str
    body: str


def read(repository: Path, revisions: str) -> tuple[Series, str]:
    """The series of a range and the commit it stands on. Raises InputError, for a range with merges too."""
    _check_dots(revisions)
    rows = _rows(repository, revisions)
    if not rows:
        raise _empty(repository, revisions)
    _check_no_merge(rows, revisions)
    fork = above = rows[0].parents
    for row in rows:
        if not row.parents:
            raise InputError(
                f"{row.commit[:12]} ('{row.subject}') has no parent in {repository}\n"
                "  if that is a shallow clone: git fetch --unshallow"
            )
        if row.parents != above:
            raise InputError(f"{revisions} is not linear at {row.commit[:12]} ('{row.subject}')\n  rebase it first")
        above = row.commit
    check_range(repository, revisions)
    patches = tuple(
        Patch(
            number=number,
            subject=row.subject,
            origin=row.commit[:12],
            message=row.body.strip(),
            commit=row.commit,
            tree=row.tree,
        )
        for number, row in enumerate(rows, 1)
    )
    return Series(name=_name(revisions), version=1, patches=patches), fork


def history(repository: Path, revisions: str, how: Walk) -> tuple[Series, Range] | None:
    """A range as a history, and the series of one patch that leads from its GOOD to its BAD; no message of its commits
    is read, and none of their trees. None for a linear range of which nothing is asked that only a history has.

    Raises InputError.
    """
    _check_dots(revisions)
    if how == Walk() and not _git(repository, revisions, "rev-list", "-1", "--min-parents=2", revisions, "--"):
        return None
    if not _git(repository, revisions, "rev-list", "-1", revisions, "--"):
        raise _empty(repository, revisions)
    good, bad = ends(repository, revisions)
    check_tree(repository, bad)
    _check_touched(repository, revisions, how)
    patch = Patch(number=1, subject=printable(revisions), origin=bad[:12], commit=bad, tree=tree_of(repository, bad))
    found = Range(good=good, bad=bad, first_parent=how.first_parent, paths=how.paths)
    return Series(name=_name(revisions), version=1, patches=(patch,)), found


def _check_touched(repository: Path, revisions: str, how: Walk) -> None:
    """Raise InputError where no commit touches the paths: before a kernel is built for it."""
    if not how.paths:
        return
    words = ("rev-list", "-1", *walk(first_parent=how.first_parent), revisions, "--", *how.paths)
    try:
        found = _git(top(repository), revisions, *words)
    except InputError:
        check_range(repository, revisions)  # without their trees, nobody knows
        raise
    if not found:
        paths = few([printable(path) for path in how.paths])
        raise InputError(f"no commit of {revisions} touches {paths}\n  paths are told from the top of the repository")


def ends(repository: Path, revisions: str) -> tuple[str, str]:
    """The commits that a range begins behind and ends with, by their whole ids."""
    good, _, bad = revisions.partition("..")
    found = (commit_of(repository, good or "HEAD"), commit_of(repository, bad or "HEAD"))
    if found[0] is None or found[1] is None:
        raise InputError(f"{repository}: {revisions} does not begin and end with a commit\n  name it as GOOD..BAD")
    return found[0], found[1]


def _name(revisions: str) -> str:
    return revisions.replace("/", "-")


def _check_dots(revisions: str) -> None:
    if "..." in revisions:
        raise InputError(f"{revisions} is both sides of a fork\n  name the one that is the series, with two dots: A..B")


def _empty(repository: Path, revisions: str) -> InputError:
    """What to raise for a range that holds no commit."""
    first, last = ends(repository, revisions)
    if first == last:
        cure = f"both ends are {first[:12]}"
    else:
        good, _, bad = revisions.partition("..")
        cure = f"{good or 'HEAD'} is made on {bad or 'HEAD'}; the other way round it is {bad}..{good}"
    return InputError(f"{revisions} holds no commit in {repository}\n  {cure}")


def _check_no_merge(rows: Sequence[_Row], revisions: str) -> None:
    """Raise InputError for a range with a merge, with what makes it linear (--rebase-merges in git-rebase(1))."""
    merge = next((row for row in rows if " " in row.parents), None)
    if merge is not None:
        base, _, tip = revisions.partition("..")
        side = f"{merge.commit[:12]}^2"
        raise InputError(
            f"{revisions} has a merge, which is no patch: {merge.commit[:12]} ('{merge.subject}')\n"
            f"  {_rebase(base, tip)} leaves it out; where it brought upstream in: {_rebase(side, tip)},"
            f" and name {side}..{tip}"
        )


def _rebase(base: str, tip: str) -> str:
    return f"git rebase {base or 'HEAD'} {tip}".rstrip()


def _rows(repository: Path, revisions: str) -> list[_Row]:
    """The commits of a range, oldest first."""
    words = ("log", "-z", "--reverse", f"--format={'%x00'.join(_FORMAT)}")
    *fields, _ = _git(repository, revisions, *words, revisions, "--").split("\0")  # git ends each message at a NUL
    wide = len(_FORMAT)
    rows = (fields[start : start + wide] for start in range(0, len(fields), wide))
    return [_Row(commit, tree, parents, printable(subject), body) for commit, tree, parents, subject, body in rows]


def _git(repository: Path, revisions: str, *words: str) -> str:
    done = ask(repository, *words)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise InputError(f"{repository}: {_trouble(repository, revisions, said[0])}")
    return done.text


def _trouble(repository: Path, revisions: str, said: str) -> str:
    """What keeps git from telling of a range, and what to do."""
    if _NO_REPOSITORY in said or not repository.is_dir():
        what = _NO_REPOSITORY if repository.exists() else _NO_FOLDER
        return f"{what}, and so it has no {revisions}\n  name the repository with --tree"
    if "bad revision" not in said:
        return said
    sides = [side for side in revisions.split("..") if side]
    unknown = [side for side in sides if ask(repository, "rev-parse", "--verify", "--quiet", side).returncode != 0]
    return f"no such revision: {unknown[0]}, of {revisions}{shallow_cure(repository)}" if unknown else said
