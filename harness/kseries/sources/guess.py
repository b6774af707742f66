# SPDX-License-Identifier: GPL-2.0-only
"""The base of a series that names none, found by the files that its diffs were made from.

As ``b4 am --guess-base`` does: of each commit at hand it is counted how many of the blobs it has that the diffs' index
lines name. HEAD is the base unless it lacks one of them and another commit has all. That is the newest of HEAD's own
history that has them; or else a tag or a branch, if all others that have them are in its history. Of two that are not,
nobody can tell which is meant, and none is taken.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.model import events
from kseries.model.errors import InfraError
from kseries.model.sanitize import few
from kseries.sources import TreeStore, repository

_REFS = 1000
"""Tags and branches that are asked: the newest of them."""
_COMMITS = 200
"""Commits of HEAD's history that are asked: those below the last that touched a file of the series."""
_LOOKUPS = 200_000
"""Blobs that are looked up at most; 5000 take a tenth of a second, and are one git process."""
_AT_ONCE = 5000
_SECONDS = 20.0
"""The longest that git may look through history."""
_SAY_SECONDS = 2.0
_NEWEST = 4
"""Of those that have all files, how many are asked whether the others are in their history."""
_DIGITS = 12


@dataclass(frozen=True)
class Guess:
    """What was found, in words; ``commit`` and what it is called, where it is to be the base and HEAD is not."""

    told: str
    commit: str | None = None
    name: str = ""


@dataclass(frozen=True)
class _Candidate:
    name: str
    revision: str


def matching(store: TreeStore, tree: str, blobs: Mapping[str, str]) -> frozenset[str]:
    """The paths of ``blobs`` at which a tree, or a commit, has that blob; each is named by its first digits."""
    return next(_matches(store, [tree], blobs), frozenset())


def differing(store: TreeStore, tree: str, blobs: Mapping[str, str]) -> str:
    """What files of a tree are not those that a series was made from, told; empty where all are, or nobody knows."""
    same = matching(store, tree, blobs)
    others = [path for path in blobs if path not in same]
    if not others:
        return ""
    return (
        f"{len(blobs) - len(others)} of {len(blobs)} files are as the series was made from them, and not {few(others)}"
    )


def find(place: Path, store: TreeStore, blobs: Mapping[str, str], tell: events.Listener) -> Guess | None:
    """The base of a series that was made from these blobs, in a repository whose objects the store reads.

    None where HEAD has all of them, or there is nothing to go by.
    """
    head = repository.commit_of(place, "HEAD")
    if not blobs or head is None:
        return None
    ours, total = len(matching(store, head, blobs)), len(blobs)
    if ours == total:
        return None
    found = list(_counted(store, _history(place, blobs), blobs, tell))
    whole = [one for one, count in found if count == total][:1]
    if not whole:
        found += _counted(store, _refs(place), blobs, tell)
        whole = [one for one, count in found if count == total]
    if not whole:
        return Guess(_none(place, ours, total, found))
    chosen = next((one for one in whole[:_NEWEST] if not _others(place, one, whole)), None)
    if chosen is None:
        named = few([one.name for one in whole])
        return Guess(f"{total} of {total} files match {named}; HEAD matches {ours}: trying HEAD, name one with --base")
    commit, name = _called(place, chosen)
    told = f"base: {name}: {total} of {total} files match it; HEAD matches {ours} (--base HEAD takes that)"
    return Guess(told, commit, name)


def _none(place: Path, ours: int, total: int, found: Sequence[tuple[_Candidate, int]]) -> str:
    best, count = max(found, key=lambda one: one[1], default=(None, 0))
    if best is None or count <= ours:
        return f"{ours} of {total} files match HEAD, and no tag or branch has more"
    return (
        f"{count} of {total} files match {_called(place, best)[1]}, and none has more; HEAD matches {ours}: trying HEAD"
    )


# --- which commits there are --------------------------------------------------------------------


def _rows(place: Path, *words: str) -> list[str]:
    """The lines that git answers; none where it fails, or is not done in time: what is sought is a guess."""
    try:
        done = repository.ask(place, *words, seconds=_SECONDS)
    except InfraError:
        return []
    return done.text.splitlines() if done.returncode == 0 else []


def _called(place: Path, one: _Candidate) -> tuple[str, str]:
    """The commit of a candidate, and what to call it: a tag, if one is there, or its branch, or by its digits."""
    commit = repository.commit_of(place, one.revision) or one.revision
    tags = _rows(place, "for-each-ref", f"--points-at={commit}", "--format=%(refname:short)", "refs/tags")
    name = next((name for name in (*tags, one.name) if repository.commit_of(place, name) == commit), "")
    return commit, name or commit[:_DIGITS]


def _history(place: Path, paths: Iterable[str]) -> list[_Candidate]:
    """What each commit was made on that touched one of the paths, the last first."""
    # Where a shallow clone ends, nothing: the store may have what is below that, of another repository.
    words = ("--literal-pathspecs", "log", "--format=%P", f"--max-count={_COMMITS}", "HEAD", "--", *paths)
    parents = [row.partition(" ")[0] for row in _rows(place, *words)]
    return [_Candidate(parent[:_DIGITS], parent) for parent in parents if parent]


def _refs(place: Path) -> list[_Candidate]:
    """Tags and branches, the newest first; none of what is but another name for one, as origin/HEAD is."""
    form = "%(objectname) %(objecttype)%(*objecttype)%(symref) %(refname:short)"
    kinds = ("refs/tags", "refs/heads", "refs/remotes")
    rows = _rows(place, "for-each-ref", "--sort=-creatordate", f"--count={_REFS}", f"--format={form}", *kinds)
    split = (row.split(" ") for row in rows)
    return [_Candidate(name, commit) for commit, kind, name in split if kind in ("commit", "tagcommit")]


def _others(place: Path, one: _Candidate, all_: Sequence[_Candidate]) -> list[_Candidate]:
    """Those that are not in the history of one."""
    rest = [other for other in all_ if other != one]
    if not rest:
        return []
    form = "--format=%(refname:short)"
    inside = {*_rows(place, "for-each-ref", f"--merged={one.revision}", form)}
    return [other for other in rest if other.name not in inside]


# --- which blobs they have ----------------------------------------------------------------------


def _counted(
    store: TreeStore, candidates: Sequence[_Candidate], blobs: Mapping[str, str], tell: events.Listener
) -> Iterator[tuple[_Candidate, int]]:
    """How many of the blobs each candidate has; of too many, the first."""
    began = time.monotonic()
    asked = candidates[: _LOOKUPS // len(blobs)]
    matches = _matches(store, [one.revision for one in asked], blobs)
    for number, (one, paths) in enumerate(zip(asked, matches, strict=False)):
        if time.monotonic() - began > _SAY_SECONDS:
            tell(events.Preparing(f"looking for the base of the series: {number} of {len(asked)} commits"))
            began = time.monotonic()
        yield one, len(paths)


def _matches(store: TreeStore, revisions: Sequence[str], blobs: Mapping[str, str]) -> Iterator[frozenset[str]]:
    """Of each tree or commit the paths at which it has the blobs."""
    step = max(1, _AT_ONCE // max(1, len(blobs)))
    for some in (revisions[at : at + step] for at in range(0, len(revisions), step)):
        asked = b"".join(os.fsencode(f"{revision}:{path}\n") for revision in some for path in blobs)
        rows = iter(store.answer("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines())
        for _ in some:
            yield frozenset(path for path, blob in blobs.items() if _is(next(rows), blob))


def _is(row: bytes, blob: str) -> bool:
    """True for an id that begins so; of what is not there git says "REVISION:PATH missing"."""
    return b" " not in row and row.startswith(blob.encode())
