# SPDX-License-Identifier: GPL-2.0-only
"""Series as they are posted to a list: mails with ids, threads and covers, made of commits, and a maildir for them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.gitrepo import Repository

LIST = "kvm@vger.kernel.org"
HOST = "posted.example"


def posting(
    repository: Repository,
    revisions: str,
    name: str,
    *,
    cover: str = "",
    version: int = 1,
    prefix: str = "PATCH",
    base: str = "",
    trailers: str = "",
    answers: str = "",
    to: str = LIST,
) -> list[bytes]:
    """The commits of a range as mails, the cover letter first if ``cover`` is its subject.

    Their ids are ``NAME-0`` and on, at HOST. ``trailers`` end the cover letter, or else the last patch.
    """
    options = ["format-patch", "--stdout", f"--subject-prefix={prefix}", *([f"-v{version}"] if version > 1 else [])]
    options += ["--numbered"] if cover else []
    text = repository.run(*options, revisions).stdout
    patches = re.split(rb"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\n", text, flags=re.MULTILINE)[1:]
    ends = trailers + (f"base-commit: {repository.git('rev-parse', base)}\n" if base else "")
    mails: list[bytes] = []
    if cover:
        tag = f"{prefix} v{version}" if version > 1 else prefix
        head = f"From: A U Thor <author@example.com>\nSubject: [{tag} 0/{len(patches)}] {cover}\n"
        mails.append(_sent(f"{head}\nWhat it is about.\n\n{ends}".encode(), f"{name}-0", answers, to))
    elif ends:
        patches[-1] += ends.encode()
    for number, one in enumerate(patches, 1):
        above = f"{name}-0" if cover else answers if number == 1 else f"{name}-1"
        mails.append(_sent(one, f"{name}-{number}", above, to))
    return mails


def _sent(one: bytes, name: str, answers: str, to: str) -> bytes:
    more = f"Message-ID: <{name}@{HOST}>\nTo: {to}\n" + (f"In-Reply-To: <{answers}@{HOST}>\n" if answers else "")
    return one.replace(b"\nSubject:", f"\n{more}Subject:".encode(), 1)


@dataclass
class Maildir:
    """One that mails are delivered to."""

    path: Path
    _count: int = field(default=0)

    def __post_init__(self) -> None:
        for name in ("cur", "new", "tmp"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def deliver(self, *mails: bytes) -> None:
        for one in mails:
            self._count += 1
            (self.path / "new" / f"1700000000.{self._count:06}.host").write_bytes(one)
