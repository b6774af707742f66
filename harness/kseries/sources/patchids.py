# SPDX-License-Identifier: GPL-2.0-only
"""What a patch is called whatever it stands on: git-patch-id(1), as format-patch --base writes it down."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kseries.model.errors import InfraError
from kseries.sources import git, repository
from kseries.sources.treestore import TreeStore

_COMMITS = 500
"""Those of a history that are looked at, the newest first: what a series is made on top of is no older than itself."""
# As format-patch makes them for its base (prepare_bases() in builtin/log.c), whatever the repository's configuration
# says. Neither a merge nor a root, which is a whole kernel; and no text of a file that is no source.
_LOG = (
    *("-c", "core.bigFileThreshold=4m", "log", f"--max-count={_COMMITS}", "--min-parents=1", "--max-parents=1"),
    *("--format=medium", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--diff-algorithm=myers"),
    *("-p", "-U3", "--src-prefix=a/", "--dst-prefix=b/"),
)
_LOG_SECONDS = 30.0
_SHOWN = ("diff-tree", "--stdin", "-r", "-p", "-U3", "--binary", "--full-index", "--find-renames", "--no-color")
# What people set in diff.algorithm (git-config(1)); the first is git's own choice.
_ALGORITHMS = ("myers", "histogram")
_PAIR = re.compile(rb"^[0-9a-f]{40} [0-9a-f]{40}\n", re.MULTILINE)
"""What git diff-tree says before each pair of trees that it was given."""


def stable(diffs: Sequence[bytes]) -> list[str]:
    """The ``git patch-id --stable`` of each diff; empty of one that changes nothing."""
    # It tells of each patch behind a "commit ID" that ID: here, its number.
    numbered = (b"commit %040x\n%s\n" % (number, diff) for number, diff in enumerate(diffs, 1))
    found = {int(number, 16): patch_id for patch_id, number in (_ask(b"".join(numbered)) if diffs else ())}
    return [found.get(number, "") for number in range(1, len(diffs) + 1)]


def shown(store: TreeStore, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The stable patch-ids of what leads from one tree to another, of many at once, as git format-patch shows it: by
    each algorithm, which seldom matters. None of what changes nothing. Raises InfraError.
    """
    asked = "".join(f"{old} {new}\n" for old, new in pairs).encode()
    found: list[dict[str, None]] = [{} for _ in pairs]
    for algorithm in _ALGORITHMS if pairs else ():
        said = store.answer(*_SHOWN, f"--diff-algorithm={algorithm}", stdin=asked)
        for known, patch_id in zip(found, stable(_PAIR.split(said)[1:]), strict=True):
            known |= {patch_id: None} if patch_id else {}
    return [tuple(known) for known in found]


def in_history(place: Path, commit: str) -> tuple[dict[str, str], bytes]:
    """The last commits of a repository's history, by their stable patch-ids; and what git log says of them.

    None where git fails, or takes too long: what is sought may be there, or not.
    """
    try:
        log = repository.ask(place, *_LOG, commit, "--", seconds=_LOG_SECONDS)
        return dict(_ask(log.stdout)), log.stdout
    except InfraError:
        return {}, b""


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
    done = git.alone("patch-id", "--stable", stdin=patches)
    rows = (row.split() for row in done.stdout.decode(errors="replace").splitlines())
    return ((row[0], row[1]) for row in rows if len(row) == 2)
