# SPDX-License-Identifier: GPL-2.0-only
"""What a patch is called whatever it stands on: git-patch-id(1), as format-patch --base writes it down."""

from collections.abc import Iterator, Sequence

from harness import proc
from harness.trees import TreeStore

_SECONDS = 120.0
_COMMITS = 500
"""Those of a history that are looked at, the newest first: what a series is made on top of is no older than itself."""
_LOG = ("log", "-p", "--no-merges", "--no-ext-diff", "--no-textconv", f"--max-count={_COMMITS}")


def stable(diffs: Sequence[bytes]) -> list[str]:
    """The ``git patch-id --stable`` of each diff; empty of one that changes nothing."""
    # It tells of each patch behind a "commit ID" that ID: here, its number.
    numbered = (b"commit %040x\n%s\n" % (number, diff) for number, diff in enumerate(diffs, 1))
    found = {int(number, 16): patch_id for patch_id, number in (_ask(b"".join(numbered)) if diffs else ())}
    return [found.get(number, "") for number in range(1, len(diffs) + 1)]


def in_history(store: TreeStore, commit: str) -> tuple[dict[str, str], bytes]:
    """The last commits of a history, by their stable patch-ids; and what git log says of them."""
    log = store.git(*_LOG, commit, "--", seconds=_SECONDS).stdout
    return dict(_ask(log)), log


def linked(log: bytes, message_id: str) -> str | None:
    """The commit of a log whose message names a mail, as ``Link:`` does; None where none does."""
    at = log.find(message_id.encode()) if message_id else -1
    while at >= 0:
        if log.startswith(b"    ", log.rfind(b"\n", 0, at) + 1):  # git log indents a message
            start = log.rfind(b"\ncommit ", 0, at) + 1
            return log[start : start + 80].split()[1].decode(errors="replace")
        at = log.find(message_id.encode(), at + 1)
    return None


def _ask(patches: bytes) -> Iterator[tuple[str, str]]:
    """Of each patch its patch-id, and the id of its commit."""
    done = proc.run(["git", "patch-id", "--stable"], seconds=_SECONDS, stdin=patches)
    rows = (row.split() for row in done.stdout.decode(errors="replace").splitlines())
    return ((row[0], row[1]) for row in rows if len(row) == 2)
