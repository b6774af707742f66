# SPDX-License-Identifier: GPL-2.0-only
"""Which commit of a base's history has a patch already: by what it changes, else by its subject, author and files.

As ``git cherry`` does it, but within bounds: of the newest commits, those that touch a file of the series. What was
reverted since is not there.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from kseries.model import Patch
from kseries.model.errors import InfraError
from kseries.sources import TreeStore, git, repository
from kseries.sources.hunks import sections

_SUBJECTS = 100_000
"""Commits of which the subjects are read: more than a year of the kernel's."""
_LOOKED = 20_000
"""Commits of which it is asked which files they touch: more than a release of the kernel has."""
_READ = 2_000
"""Commits of which the changes are read."""
_MOST_PATHS = 1_000
"""Paths that a command line takes without fear."""
_FIELDS = "%H%x00%P%x00%ae%x00%s"
_COMMIT = re.compile(rb"^([0-9a-f]{40})\n", re.MULTILINE)
_ADDRESS = re.compile(r"<([^<>]*)>\s*$")


class Found(NamedTuple):
    """A commit that has a patch; ``same`` is "change" or "subject"."""

    commit: str
    subject: str
    same: str


class _Commit(NamedTuple):
    id: str
    parents: str
    author: str
    subject: str


class History:
    """The commits below a revision of a repository, newest first, down to ``since``; nothing is read before it is
    asked.
    """

    def __init__(
        self, place: Path, revision: str, store: TreeStore, patches: Sequence[Patch], since: str | None = None
    ) -> None:
        self._place = place
        self._range = [revision, *([f"^{since}"] if since else []), "--"]
        self._store = store
        self._patches = patches

    def find(self, patch: Patch) -> Found | None:
        """The commit that has what a patch does, and is not reverted; None, too, where git gives no answer in time."""
        try:
            return self._find(patch)
        except InfraError:
            return None

    def _find(self, patch: Patch) -> Found | None:
        commit = self._by_change(patch)
        if commit is not None:
            return Found(commit.id, commit.subject, "change")
        commit = self._by_subject(patch)
        return Found(commit.id, commit.subject, "subject") if commit is not None else None

    def _by_change(self, patch: Patch) -> _Commit | None:
        wanted = _digests(patch.diff or b"")
        if not wanted:
            return None
        some = (self._changed.get(one, frozenset[str]()) for one in wanted)
        ids = frozenset.intersection(*some)
        places = (place for place, one in enumerate(self._commits) if one.id in ids)
        return next((self._commits[place] for place in places if self._stands(place)), None)

    def _by_subject(self, patch: Patch) -> _Commit | None:
        place = self._newest.get(patch.subject)
        if place is None or not self._stands(place):
            return None
        commit, author = self._commits[place], _ADDRESS.search(patch.author)
        if author is not None and author[1].lower() != commit.author.lower():
            return None
        return commit if self._touched([commit], self._store.touched(patch.diff or b"")) else None

    def _stands(self, place: int) -> bool:
        """True unless a commit was reverted since, as ``git revert`` names that, and not brought back."""
        subject = self._commits[place].subject
        revert = self._newest.get(f'Revert "{subject}"', place)
        return revert >= place or self._newest.get(f'Reapply "{subject}"', revert) < revert

    @cached_property
    def _commits(self) -> list[_Commit]:
        words = ("log", "-z", "--no-merges", f"--max-count={_SUBJECTS}", f"--format={_FIELDS}", *self._range)
        done = repository.ask(self._place, *words)
        fields = done.text.split("\0") if done.returncode == 0 else []
        rows = (fields[at : at + 4] for at in range(0, len(fields) - 3, 4))
        # As a patch has it: of blanks in a row, a mail keeps one (cleanup_space() in git's mailinfo.c).
        return [
            _Commit(commit, parents, author, " ".join(subject.split())) for commit, parents, author, subject in rows
        ]

    @cached_property
    def _newest(self) -> dict[str, int]:
        """Where in the list the newest commit of each subject is."""
        return {one.subject: place for place, one in reversed(list(enumerate(self._commits)))}

    @cached_property
    def _changed(self) -> dict[str, frozenset[str]]:
        """The commits that make a change to a file of the series."""
        paths = set[bytes]().union(*(self._store.touched(patch.diff or b"") for patch in self._patches))
        found: dict[str, set[str]] = {}
        # The parent of where a shallow clone ends is not there.
        some = self._touched([one for one in self._commits[:_LOOKED] if one.parents], paths)[:_READ]
        for commit, diff in self._diffs(some, "--patch", paths=paths):
            for digest in _digests(diff):
                found.setdefault(digest, set()).add(commit)
        return {digest: frozenset(ids) for digest, ids in found.items()}

    def _touched(self, commits: Sequence[_Commit], paths: Iterable[bytes]) -> list[str]:
        """Those of some commits that touch one of these paths."""
        ids = [one.id for one in commits]
        return [commit for commit, _ in self._diffs(ids, "--name-only", paths=paths)]

    def _diffs(self, commits: Sequence[str], how: str, paths: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
        """What git diff-tree tells of each commit that changes a path; nothing where it lacks something for that."""
        wanted = [path.decode(errors="surrogateescape") for path in paths]
        if not 0 < len(wanted) <= _MOST_PATHS:
            return
        # With our own configuration, and no program of theirs; what is large is not read.
        words = ("-c", "core.bigFileThreshold=1m", "--literal-pathspecs", "diff-tree", "--stdin", "-r", how)
        options = ("--no-ext-diff", "--no-textconv", "--no-renames", "--", *wanted)
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        done = self._store.git(*words, *options, stdin=asked, statuses=git.ANSWERS)
        if done.returncode == 0:
            parts = _COMMIT.split(done.stdout)
            yield from ((commit.decode(), told) for commit, told in zip(parts[1::2], parts[2::2], strict=True))


def _digests(diff: bytes) -> frozenset[str]:
    """What a diff does to each file of which it changes lines."""
    try:
        return frozenset(part.digest for part in sections(diff)[0] if part.hunks)
    except ValueError:
        return frozenset()
