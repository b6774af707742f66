# SPDX-License-Identifier: GPL-2.0-only
"""A series of commits or of diffs, made of the texts that a file has one after the other."""

from kseries.model import Base, Patch, Series
from tests.support.gitrepo import Repository


def series_of(repository: Repository, *texts: str, diffs: bool = False) -> tuple[Series, Base]:
    """A series that gives one file one text after the other; the first text is that of the base."""
    base, *commits = [repository.commit(f"patch {number}", {"file": text}) for number, text in enumerate(texts)]
    patches = tuple(
        Patch(
            number=number,
            subject=f"patch {number}",
            origin=f"000{number}.patch",
            diff=repository.run("show", commit).stdout if diffs else None,
            commit=None if diffs else commit,
        )
        for number, commit in enumerate(commits, 1)
    )
    return Series(name="series", version=2, patches=patches), Base(
        name="v6.12", version="6.12", tree=repository.tree(base)
    )
