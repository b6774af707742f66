# SPDX-License-Identifier: GPL-2.0-only
"""A range of commits, ``REV..REV``, in a git repository."""

from pathlib import Path

from harness.errors import InputError
from harness.inputs.subject import printable
from harness.model import Patch, Series
from harness.trees.repository import ask

_FORMAT = ("%H", "%T", "%P", "%s", "%b")


def read(repository: Path, revisions: str) -> tuple[Series, str]:
    """The series of a range and the commit it stands on. Raises InputError, for a range with merges too."""
    rows = _rows(repository, revisions)
    if not rows:
        raise InputError(f"{revisions} holds no commit in {repository}")
    fork = above = rows[0][2]
    for commit, _, parents, subject, _ in rows:
        if not parents:
            raise InputError(
                f"{commit[:12]} ('{subject}') has no parent in {repository}\n"
                "  if that is a shallow clone: git fetch --unshallow"
            )
        if parents != above or len(parents.split()) != 1:
            raise InputError(f"{revisions} is not linear at {commit[:12]} ('{subject}')\n  rebase it first")
        above = commit
    patches = tuple(
        Patch(number=number, subject=subject, origin=commit[:12], message=body.strip(), commit=commit, tree=tree)
        for number, (commit, tree, _, subject, body) in enumerate(rows, 1)
    )
    return Series(name=revisions.replace("/", "-"), version=1, patches=patches), fork


def _rows(repository: Path, revisions: str) -> list[tuple[str, str, str, str, str]]:
    """Of each commit its id, its tree, its parents, its subject and the rest of its message, oldest first."""
    words = ("log", "-z", "--reverse", f"--format={'%x00'.join(_FORMAT)}")
    *fields, _ = _git(repository, *words, revisions, "--").split("\0")  # git ends each message at a NUL
    wide = len(_FORMAT)
    rows = (fields[start : start + wide] for start in range(0, len(fields), wide))
    return [(commit, tree, parents, printable(subject), body) for commit, tree, parents, subject, body in rows]


def _git(repository: Path, *words: str) -> str:
    done = ask(repository, *words)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise InputError(f"{repository}: {said[0]}")
    return done.text
