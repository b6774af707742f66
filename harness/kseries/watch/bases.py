# SPDX-License-Identifier: GPL-2.0-only
"""The base of a series: found by what it says itself, or by its files, or by whose they are; never guessed silently.

In this order: its base-commit, if a tree has that; the commit whose files are those that its diffs were made from
(sources/guess.py), if there is one and no other like it in any of the trees; the tree that MAINTAINERS names for its
files, if it is among those that the user named. Where none of them tells, there is no base, and nothing is run.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kseries.coverage import maintainers
from kseries.host import checksums, paths
from kseries.inputs import preimages
from kseries.model import events
from kseries.sources import TreeStore, guess, kernels, repository
from kseries.watch.item import Choice

_DIGITS = 12
_REMOTES = ("config", "--get-regexp", r"^remote\..*\.url$")
_ORIGIN = "origin"
_SCHEME = re.compile(r"^[\w+]+://(?:[^/@]*@)?|^[\w.-]+@(?=[\w.-]+:)")
_MAINTAINERS = "MAINTAINERS"


class NotOursError(Exception):
    """No tree has the files of a series."""


class NoBaseError(Exception):
    """Nothing tells the base of a series; the text says what was looked at."""


class Trees:
    """The trees that the user named, the first of them before the others."""

    def __init__(self, named: Sequence[str], store: TreeStore, tell: events.Listener) -> None:
        self._trees = tuple(kernels.called(one) for one in named)
        self._store = store
        self._tell = tell

    def check(self) -> None:
        """Raise InputError for what is no kernel tree, and InfraError for one that is not to be had."""
        for tree in self._trees:
            self._kernel(tree)

    def base_of(self, base_commit: str, diffs: Sequence[bytes]) -> Choice:
        """``diffs`` are those of its prerequisites and its own. Raises NotOursError and NoBaseError."""
        found = self._by_commit(base_commit) if base_commit else None
        if found is not None:
            return found
        ours = [tree for tree in self._trees if self._has_files(tree, diffs)]
        if not ours:
            raise NotOursError(f"no tree has its files: {', '.join(preimages.touched(diffs)[:3]) or 'it names none'}")
        why = [f"its base-commit {base_commit[:_DIGITS]} is in no tree"] if base_commit else ["it names no base-commit"]
        blobs = preimages.of(diffs)
        looked = [(tree, *self._by_files(tree, blobs)) for tree in (ours if blobs else ())]
        if fitting := [choice for _, choice, _ in looked if choice is not None]:
            return _only(fitting)
        why += [f"{_name(tree)}: {told}" for tree, _, told in looked] or ["its diffs have no index lines"]
        found = next(self._by_maintainers(ours, preimages.touched(diffs)), None)
        if found is not None:
            return found
        raise NoBaseError(f"no base known: {'; '.join(why)}; MAINTAINERS names none of the trees for its files")

    # --- what it says -----------------------------------------------------------------------

    def _by_commit(self, commit: str) -> Choice | None:
        for tree in self._repositories():
            if (whole := repository.commit_of(tree, commit)) is not None:
                return Choice(tree=str(tree), revision=whole, told=f"{whole[:_DIGITS]} of {tree.name}, its base-commit")
        return None

    # --- its files --------------------------------------------------------------------------

    def _has_files(self, tree: str, diffs: Sequence[bytes]) -> bool:
        """Whether a tree has at least half of the files that a series changes, or a folder that it brings some to."""
        root = self._root(tree)
        before = preimages.before(diffs)
        if before:
            there = guess.matching(self._store, root, dict.fromkeys(before, ""))
            return 2 * len(there) >= len(before)
        folders = {path.rpartition("/")[0] for path in preimages.touched(diffs)} - {""}
        tops = dict.fromkeys((folder.partition("/")[0] for folder in folders), "")
        return bool(tops) and bool(guess.matching(self._store, root, tops))

    def _by_files(self, tree: str, blobs: dict[str, str]) -> tuple[Choice | None, str]:
        """The commit that has them all; or else what was found."""
        place = Path(tree)
        whole = f"whose {len(blobs)} files are" if len(blobs) > 1 else "whose file is"
        if not repository.is_one(place):
            there = guess.matching(self._store, self._root(tree), blobs)
            if len(there) < len(blobs):
                return None, f"{len(there)} of {len(blobs)} files match"
            return Choice(tree=tree, revision="", told=f"{_name(tree)}, {whole} what it was made from"), ""
        found = guess.find(place, self._store, blobs, self._tell)
        if found is not None and found.commit is None:
            return None, found.told.partition(": trying HEAD")[0]
        commit = found.commit if found is not None else repository.commit_of(place, "HEAD")
        if commit is None:
            return None, "it has no HEAD"
        name = found.name if found is not None else "HEAD"
        told = f"{commit[:_DIGITS]} ({name}) of {_name(tree)}, {whole} what it was made from"
        return Choice(tree=tree, revision=commit, told=told), ""

    # --- whose they are ---------------------------------------------------------------------

    def _by_maintainers(self, ours: Sequence[str], touched: Sequence[str]) -> Iterator[Choice]:
        """The head of a tree whose remote is what MAINTAINERS names for the files."""
        text = next(filter(None, (self._store.file(self._root(tree), _MAINTAINERS) for tree in ours)), b"")
        for named in maintainers.trees(text.decode(errors="replace"), touched):
            url, _, branch = named.partition(" ")
            for tree in filter(repository.is_one, map(Path, ours)):
                for remote, commit in _heads(tree, url, branch.strip()):
                    why = f"the head of {remote}, which MAINTAINERS names for its files"
                    told = f"{commit[:_DIGITS]} of {tree.name}, {why}"
                    yield Choice(tree=str(tree), revision=commit, told=told, guessed=True)

    # --- the trees --------------------------------------------------------------------------

    def _repositories(self) -> Iterator[Path]:
        return (place for place in map(Path, self._trees) if place.is_dir() and repository.is_one(place))

    def _root(self, tree: str) -> str:
        """The git tree of a tree's HEAD, in the store. Raises InputError, InfraError."""
        # Who only asks for files need not be told of a work tree's changes, which takes seconds of a kernel's.
        found = kernels.commit_tree(tree, "HEAD", self._store) if repository.is_one(Path(tree)) else None
        return found or self._kernel(tree)

    def _kernel(self, tree: str) -> str:
        return kernels.get(tree, None, self._store, paths.cache(), self._tell).tree

    def print_of(self) -> str:
        """What is another once other trees are named, or one of them has other commits, tags, branches or remotes."""
        told = [*self._trees]
        for tree in self._repositories():
            told.append(repository.commit_of(tree, "HEAD") or "")
            told.append(repository.ask(tree, "for-each-ref", "--format=%(objectname) %(refname)").text)
            told.append(repository.ask(tree, *_REMOTES).text)
        return checksums.of_words(told)


def _only(fitting: Sequence[Choice]) -> Choice:
    """What fits; the first of trees that have the same commit. Raises NoBaseError of two that differ."""
    if len({choice.revision or choice.tree for choice in fitting}) > 1:
        found = (" of ".join(filter(None, (one.revision[:_DIGITS], _name(one.tree)))) for one in fitting)
        raise NoBaseError(f"no base known: its files are those of {' and of '.join(found)}")
    return fitting[0]


def _name(tree: str) -> str:
    """A tree as it is told, to those too who know nothing of this host's folders."""
    return Path(tree).name


def _heads(tree: Path, url: str, branch: str) -> Iterator[tuple[str, str]]:
    """The remotes of a repository that are at a URL, each with the commit of a branch there, or of its default one."""
    for row in repository.ask(tree, *_REMOTES).text.splitlines():
        key, _, at = row.partition(" ")
        if _place(at) != _place(url):
            continue
        name = key.removeprefix("remote.").removesuffix(".url")
        revisions = [f"refs/remotes/{name}/{branch}"] if branch else [f"refs/remotes/{name}/HEAD"]
        revisions += ["HEAD"] if name == _ORIGIN and not branch else []
        commit = next(filter(None, (repository.commit_of(tree, one) for one in revisions)), None)
        if commit is not None:
            yield f"{name}/{branch}" if branch else name, commit


def _place(url: str) -> str:
    """A URL without what differs from protocol to protocol."""
    bare = _SCHEME.sub("", url.strip())
    return bare.replace(":", "/", 1).removesuffix("/").removesuffix(".git")
