# SPDX-License-Identifier: GPL-2.0-only
"""A range of commits, ``REV..REV``, in a git repository."""

from pathlib import Path

from harness.errors import InputError
from harness.model import Patch, Series
from harness.trees.repository import ask


def read(repository: Path, revisions: str) -> tuple[Series, str]:
    """The series of a range and the commit it stands on. Raises InputError, for a range with merges too."""
    listed = _git(repository, "log", "--reverse", "--format=%H%x00%P%x00%s%x00%b%x01", revisions, "--")
    rows = [row.strip("\n").split("\0") for row in listed.split("\1") if row.strip()]
    if not rows:
        raise InputError(f"{revisions} holds no commit in {repository}")
    fork = above = rows[0][1]
    for commit, parents, subject, _ in rows:
        if not parents:
            raise InputError(
                f"{commit[:12]} ('{subject}') has no parent in {repository}\n"
                "  if that is a shallow clone: git fetch --unshallow"
            )
        if parents != above or len(parents.split()) != 1:
            raise InputError(f"{revisions} is not linear at {commit[:12]} ('{subject}')\n  rebase it first")
        above = commit
    patches = tuple(
        Patch(number=number, subject=subject, origin=commit[:12], message=body.strip(), commit=commit)
        for number, (commit, _, subject, body) in enumerate(rows, 1)
    )
    return Series(name=revisions.replace("/", "-"), version=1, patches=patches), fork


def _git(repository: Path, *words: str) -> str:
    done = ask(repository, *words)
    if done.returncode != 0:
        raise InputError(f"{repository}: {done.stderr.decode(errors='replace').strip().splitlines()[0]}")
    return done.text
