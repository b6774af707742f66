# SPDX-License-Identifier: GPL-2.0-only
"""A history's commits as states: each as it is, or BAD with one of them reverted."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from kseries.model import Base, Evidence, EvidenceKind, Outcome, Record, State
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from kseries.model.sanitize import line, named, shortened
from kseries.sources import ThreeWay, TreeStore, git, repository

FORMS = "base, without-COMMIT, or a commit"
_SHORT = 12
"""Digits of a commit's id that say which it is."""
_SHOWN = 100
_REVERT = re.compile(r"without-(?P<commit>.+)")
_TOP = ("Makefile", "Kconfig")
"""What a kernel has at its top, and nothing else has."""
_FIELDS = "%H%x00%T%x00%P%x00%s"


class Commit(Record, frozen=True):
    """A commit as its repository shows it."""

    id: str
    subject: str
    merge: bool

    @property
    def short(self) -> str:
        return self.id[:_SHORT]


class Commits:
    """The commits of a range in a user's repository; their objects are in ``trees``, too."""

    def __init__(self, place: Path, wanted: Range, base: Base, trees: TreeStore) -> None:
        self.place = place
        self.range = wanted
        self._base = base
        self._trees = trees
        self.of = lru_cache(maxsize=None)(self._of)

    def find(self, name: str, onto: str | None = None) -> State:
        """The state that a STATE of the command line means; reverts are made from ``onto``, or else from BAD.

        Raises InputError.
        """
        if name == "base":
            return State(id=name, scenario="base", applied=(), tree=self._base.tree)
        revert = _REVERT.fullmatch(name)
        commit = repository.commit_of(self.place, revert["commit"] if revert else name)
        if commit is None:
            shown = shortened(name, _SHOWN)
            raise InputError(f"no such STATE: {shown}\n  over history it is {FORMS} of --tree ({self.place})")
        if revert:
            return self.without(commit, onto)
        repository.check_tree(self.place, commit)
        return State(id=named(name), scenario="commit", applied=(), tree=self._tree(commit))

    def state(self, commit: str) -> State:
        """A commit by its id. Raises InputError where a partial clone lacks some of its files."""
        repository.check_tree(self.place, commit)
        return State(id=commit[:_SHORT], scenario="commit", applied=(), tree=self._tree(commit))

    @property
    def tip(self) -> State:
        return self.state(self.range.bad)

    def without(self, commit: str, onto: str | None = None) -> State:
        """A tree, or else BAD's, with a commit reverted as ``git revert`` does it: of a merge, what it has brought to
        its first parent (``-m 1``). Raises InputError for a commit that is made on none.
        """
        merge = self._trees.merge(self.revert(commit, onto))
        name = f"without-{commit[:_SHORT]}"
        return State(id=name, scenario="reverts", applied=(), tree=merge.tree, conflicts=merge.conflicts)

    def revert(self, commit: str, onto: str | None = None) -> ThreeWay:
        """The merge by which a commit is reverted. Raises InputError."""
        before = repository.tree_of(self.place, f"{commit}^1")
        if before is None:
            cure = repository.shallow_cure(self.place)
            raise InputError(f"{commit[:_SHORT]} is made on no commit, and so it cannot be reverted{cure}")
        return ThreeWay.revert(onto or self._tree(self.range.bad), before, self._tree(commit))

    def reverted(self, state: State, onto: str | None = None) -> ThreeWay | None:
        """The merge by which a state was made, if it is one of a revert."""
        found = _REVERT.fullmatch(state.id)
        return self.revert(found["commit"], onto) if found and state.scenario == "reverts" else None

    def _tree(self, commit: str) -> str:
        """As its repository checks it out. Raises InputError for an object that is not there any more."""
        tree = repository.tree_of(self.place, commit)
        if tree is None:
            raise InputError(f"{self.place} has no commit {commit[:_SHORT]} any more")
        return self._trees.tree_of(tree)

    # --- what there is to tell of them ------------------------------------------------------

    def _of(self, commit: str) -> Commit:
        (found,) = self.each([commit])
        return found

    def each(self, commits: Iterable[str]) -> tuple[Commit, ...]:
        """Some commits, by their ids and in that order: one git process, however many they are. Raises InputError."""
        asked = "".join(f"{commit}\n" for commit in commits)
        words = ("log", "--no-walk=unsorted", "-z", f"--format={_FIELDS}", "--stdin")
        done = git.theirs(self.place, *words, stdin=asked.encode())
        if done.returncode != 0:
            raise InputError(f"{self.place}: {git.reason(done)}")
        rows = done.stdout.decode(errors="replace").split("\0")
        found = zip(rows[::4], rows[2::4], rows[3::4], strict=False)
        return tuple(Commit(id=one, subject=line(subject), merge=" " in parents) for one, parents, subject in found)


def not_a_kernel(state: State, trees: TreeStore) -> Evidence | None:
    """Why a tree is no kernel's, and nothing can be asked of it; None of one that may be."""
    names = trees.names_in(state.tree, "") if state.tree is not None else _TOP
    missing = [name for name in _TOP if name not in names]
    if not missing:
        return None
    said = f"no kernel tree: it has no {' and no '.join(missing)} at its top"
    return Evidence(kind=EvidenceKind.OUTCOME, name=Outcome.BUILD_FAILED, said=said)
