# SPDX-License-Identifier: GPL-2.0-only
"""A clone of a public-inbox: git repositories of mails (https://public-inbox.org/public-inbox-v2-format.html).

Of the second format it has ``git/N.git``, epochs of which each commit has one mail, as the file ``m``; of the first it
is one repository with a file for each mail, named by a hash. Its position is the last commit of each repository that
was read. Whoever clones it fetches into it; nothing is fetched here.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from kseries.model.errors import InfraError
from kseries.sources import git, repository
from kseries.watch.posted import LARGEST
from kseries.watch.sources.source import Batch

_ROW = re.compile(r":\d{6} \d{6} [0-9a-f]+ (?P<blob>[0-9a-f]{40,64}) [AM]\t(?P<path>m|[0-9a-f]{2}/[0-9a-f]{38})")
"""A row of git log --raw, of a mail that came."""
_COMMIT = re.compile(r"commit ([0-9a-f]{40,64})")
_SECONDS = 300.0
_AT_ONCE = 500
_PIECE = 64 << 20
"""Bytes of mails that are read at once."""


class PublicInbox:
    """One of them, in the first or the second format; an epoch of the second stands for itself, too."""

    def __init__(self, place: Path) -> None:
        self._place = place.resolve()

    @staticmethod
    def is_one(place: Path) -> bool:
        """True for a folder of epochs, and for a bare repository."""
        return any(place.glob("git/*.git/HEAD")) or ((place / "HEAD").is_file() and (place / "objects").is_dir())

    @property
    def name(self) -> str:
        return f"public-inbox {self._place}"

    def new(self, position: str, since: float | None) -> Iterator[Batch]:
        """As Source has it."""
        last = msgspec.json.decode(position, type=dict[str, str]) if position else {}
        for epoch in self._epochs():
            yield from self._of_epoch(epoch, last, since)

    def _epochs(self) -> list[Path]:
        """Its repositories, the oldest first."""
        found = [path for path in self._place.glob("git/*.git") if path.stem.isdigit()]
        return sorted(found, key=lambda path: int(path.stem)) or [self._place]

    def _of_epoch(self, epoch: Path, last: dict[str, str], since: float | None) -> Iterator[Batch]:
        head = repository.commit_of(epoch, "HEAD")
        name = epoch.name
        if head is None or head == last.get(name):
            return
        known = last.get(name)
        known = known if known and repository.commit_of(epoch, known) else None  # it was cloned again
        limits = [f"{known}..{head}"] if known else [*([f"--since={int(since)}"] if since is not None else []), head]
        words = ("log", "--reverse", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM", "--no-ext-diff")
        told = repository.ask(epoch, *words, "--no-textconv", "--format=commit %H", *limits, "--", seconds=_SECONDS)
        if told.returncode != 0:
            raise InfraError(f"git cannot read {epoch}: {git.reason(told)}")
        for some, commit in _grouped(told.text.splitlines()):
            last[name] = commit
            yield self._batch(epoch, some, _encoded(last))
        if last.get(name) != head:  # its last commits have no mail
            last[name] = head
            yield Batch((), _encoded(last))

    def _batch(self, epoch: Path, blobs: Sequence[str], position: str) -> Batch:
        sizes = git.theirs(epoch, "cat-file", "--batch-check=%(objectsize)", stdin=_asked(blobs)).text.splitlines()
        large = [blob for blob, size in zip(blobs, sizes, strict=True) if not size.isdigit() or int(size) > LARGEST]
        told = tuple(f"{epoch}: the mail {blob[:12]} has more than {LARGEST >> 20} MiB" for blob in large)
        wanted = [(blob, int(size)) for blob, size in zip(blobs, sizes, strict=True) if blob not in large]
        mails = []
        for some in _pieces(wanted):
            data = git.theirs(epoch, "cat-file", "--batch", stdin=_asked(some)).stdout
            mails += [(one, f"{epoch.name} {blob[:12]}") for blob, one in zip(some, git.contents(data), strict=True)]
        return Batch(tuple(mails), position, told)


def _grouped(rows: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """The blobs of some commits at a time, and the last of these."""
    blobs: list[str] = []
    commit = ""
    for row in rows:
        if found := _COMMIT.fullmatch(row):
            if len(blobs) >= _AT_ONCE:
                yield blobs, commit
                blobs = []
            commit = found[1]
        elif found := _ROW.fullmatch(row):
            blobs.append(found["blob"])
    if blobs:
        yield blobs, commit


def _pieces(wanted: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    some: list[str] = []
    size = 0
    for blob, length in wanted:
        if some and size + length > _PIECE:
            yield some
            some, size = [], 0
        some.append(blob)
        size += length
    if some:
        yield some


def _asked(blobs: Sequence[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode()


def _encoded(last: dict[str, str]) -> str:
    return msgspec.json.encode(last).decode()
