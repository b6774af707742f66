# SPDX-License-Identifier: GPL-2.0-only
"""A message-id, or the URL of a mail on lore.kernel.org: b4 fetches the series and its follow-up trailers."""

import re
import shutil
import tempfile
from pathlib import Path

from kseries.host import processes
from kseries.inputs import files, maildir, mbox, thread
from kseries.inputs.target import Target
from kseries.model.errors import InfraError, InputError

_URL = re.compile(r"https?://\S+")
_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>|[^<>\s{}/@]+@[^<>\s{}/@]+")
_REPOSITORY = re.compile(
    r"(?:git|ssh|git\+ssh)://\S+|(?!\S*\.\.)[\w.-]+@[\w.-]+:\S+"
    r"|https?://(?:[^/@\s]+@)?(?:github|gitlab|bitbucket|codeberg|git)\.[^/@\s]+(?:/[^@\s]*)?"
    r"|https?://(?:[^/@\s]+@)?[^@\s]+\.git/?(?:[#?]\S*)?"
)
"""An archive of mails may be on any host: what a repository's URL has beside its host, or with it, and no mail's."""
_SECONDS = 180


def is_one(target: str) -> bool:
    """True for ``<id@host>``, ``id@host`` and a URL; a range such as ``HEAD@{1}..HEAD`` is none of them."""
    return bool(_URL.fullmatch(target) or (_ID.fullmatch(target) and (target[0] == "<" or ".." not in target)))


def check_no_repository(target: str) -> None:
    """Raise InputError for the URL of a git repository, or of what a host of some shows of one: b4 fetches mails."""
    if _REPOSITORY.fullmatch(target):
        raise InputError(
            f"{target} is a git repository, and no series\n  clone it, and name a range of it: REV..REV --tree CLONE"
        )


def read(target: str, reroll: int | None = None) -> Target:
    """The series that ``b4 am`` makes of a message-id. Raises InputError, or InfraError without b4 or a network."""
    if shutil.which("b4") is None:
        raise InfraError(
            f"b4 is not installed, and only b4 can fetch {target}\n"
            "  install it with: apt-get install b4; or save the thread as an mbox and name that"
        )
    with tempfile.TemporaryDirectory(prefix="kseries-b4-") as scratch:
        words = ["b4", "am", "-o", scratch, *(["-v", str(reroll)] if reroll else []), target]
        done = processes.run(words, seconds=_SECONDS)
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode != 0:
            raise InfraError(f"b4 could not fetch {target}: {said[-1] if said else f'exit status {done.returncode}'}")
        # Beside it, b4 writes the cover letter (.cover) and for some the patches as a quilt queue.
        written = [path for path in sorted(Path(scratch).iterdir()) if path.suffix in (".mbx", ".maildir")]
        if not written:
            raise InputError(f"b4 found no series for {target}\n  {said[-1] if said else 'is it the id of a patch?'}")
        (path, *_) = written
        mails = maildir.read(path) if path.is_dir() else mbox.read(files.read(path), path.name)
        return thread.series(mails, path.stem)
