# SPDX-License-Identifier: GPL-2.0-only
"""What is to be proved of a commit of a history: itself, its parents, and BAD without it or without it and others.

A revert that git cannot make, or that mends nothing, may want later commits to be reverted first: those that touch the
same files.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

from kseries.bisect.blame import Case, Kernel
from kseries.bisect.commits import Commits
from kseries.bisect.setmerges import SetMerges
from kseries.model import State
from kseries.sources import Merge, TreeStore, repository

_LATER = 5
"""Commits of which some may have to be reverted, too."""
_KERNELS = 6
"""Larger reverts that are tried."""
_MOST_PATHS = 1_000
"""Paths that a command line takes without fear."""
_SHORT = 12


def case(history: Commits, trees: TreeStore, commit: str) -> Case:
    """The case against a commit. Along the first parents, a merge has brought what its first parent lacks, whatever
    the others are. Raises InputError.
    """
    parents = repository.ask(history.place, "rev-parse", f"{commit}^@").text.split()
    looked_at = parents[:1] if history.range.first_parent else parents
    return Case(
        culprit=_named(history.state(commit)),
        parents=tuple(_named(history.state(one)) for one in looked_at),
        revert=_alone(history, commit) if parents else Kernel(_without([commit]), _unmade(_without([commit]))),
        larger=partial(_larger, history, trees, commit) if parents else lambda: iter(()),
        others=f"at most {_LATER} later commits",
    )


def _named(state: State) -> Kernel:
    return Kernel(state.id, state)


def _alone(history: Commits, commit: str) -> Kernel:
    state = history.without(commit)
    return Kernel(state.id, state, commands=_commands(history, [commit]))


def _larger(history: Commits, trees: TreeStore, commit: str) -> Iterator[Kernel]:
    """BAD without the commit and some later ones, the fewest and newest first, as far as git can make it."""
    alone, merge = history.revert(commit), SetMerges(trees)
    files = merge(alone).conflicts or trees.changed_paths(alone.base, alone.theirs)
    later = _later(history, commit, files)
    sets = (some for size in range(1, len(later) + 1) for some in itertools.combinations(later, size))
    made = ((some, tree) for some in sets if (tree := _tree(history, merge, [*some, commit])) is not None)
    for some, tree in itertools.islice(made, _KERNELS):
        name = _without([commit, *some])
        state = State(id=name, scenario="reverts", applied=(), tree=tree)
        also = tuple(one[:_SHORT] for one in some)
        yield Kernel(name, state, also, _commands(history, [*some, commit]))


def _later(history: Commits, commit: str, files: Sequence[str]) -> tuple[str, ...]:
    """The newest commits that BAD has beside all that the commit is made on, and that touch some files; no merges."""
    words = ("rev-list", "--topo-order", "--no-merges", f"--max-count={_LATER}", f"{commit}..{history.range.bad}")
    done = repository.ask(history.place, "--literal-pathspecs", *words, "--", *files[:_MOST_PATHS])
    return tuple(done.text.split()) if files and done.returncode == 0 else ()


def _tree(history: Commits, merge: SetMerges, commits: Sequence[str]) -> str | None:
    """BAD's tree without some commits, one after the other; None where git cannot make it."""
    made = Merge(history.tip.tree)
    for one in commits:
        if made.tree is None:
            return None
        made = merge(history.revert(one, made.tree))
    return made.tree


def _without(commits: Sequence[str]) -> str:
    return f"without-{'+'.join(one[:_SHORT] for one in commits)}"


def _unmade(name: str) -> State:
    return State(id=name, scenario="reverts", applied=(), tree=None)


def _commands(history: Commits, commits: Sequence[str]) -> tuple[str, ...]:
    """What reverts some commits in BAD, for a shell: of a merge, what it has brought to its first parent."""
    found = history.each(commits)
    reverts = (f"git revert --no-edit {'-m 1 ' * one.merge}{one.id[:_SHORT]}" for one in found)
    return (f"git checkout {history.range.bad[:_SHORT]}", *reverts)
