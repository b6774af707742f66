# SPDX-License-Identifier: GPL-2.0-only
"""What git itself makes of a revert or a cherry-pick, to compare our own with."""

from kseries.sources import Merge
from tests.support.gitrepo import Repository


def by_git(repository: Repository, how: str, onto: str, commit: str) -> Merge:
    """What `git revert` or `git cherry-pick` does in a work tree."""
    repository.git("reset", "--quiet", "--hard", onto)
    repository.run(how, *(("--no-edit",) if how == "revert" else ()), commit)
    unmerged = repository.git("diff", "--name-only", "--diff-filter=U", "-z")
    result = Merge(None, tuple(sorted(unmerged.split("\0")[:-1]))) if unmerged else Merge(repository.git("write-tree"))
    repository.git("reset", "--quiet", "--hard", onto)
    repository.git("clean", "-ffdxq")
    return result


def named(merge: Merge) -> Merge:
    """A file in the way of a directory is called file~SIDE, and the sides have other names with us."""
    return Merge(merge.tree, tuple(sorted({name.partition("~")[0] for name in merge.conflicts})))
