# SPDX-License-Identifier: GPL-2.0-only
"""Commits as their own repository shows them, in one of ours that borrows its objects.

What a commit is made on is not only in the commit: a repository can lack what is below some (``shallow``, in
gitrepository-layout(5)), and can have others in their place (git-replace(1), ``info/grafts``).
"""

from pathlib import Path

from kseries.host import files, untrusted
from kseries.model.errors import InputError, in_words
from kseries.sources import TreeStore, repository

_FILES = ("shallow", "info/grafts")
_REPLACED = "refs/replace/"
_LIMIT = 64 << 20
"""Bytes of a file with a line for each commit."""


def take(place: Path, ours: TreeStore) -> None:
    """Have a repository of ours show commits as one of a user's does. Raises InputError where that cannot be read."""
    common = place / repository.ask(place, "rev-parse", "--git-common-dir").text
    for name in _FILES:
        _put(ours.path / name, _read(common / name))
    _replace(ours, _replacements(place))


def drop(ours: TreeStore) -> None:
    """Have it show commits as they are."""
    for name in _FILES:
        _put(ours.path / name, None)
    _replace(ours, {})


def _read(path: Path) -> bytes | None:
    try:
        return untrusted.read(path, _LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {in_words(error)}") from error


def _put(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink(missing_ok=True)
    else:
        files.write(path, data)


def _replacements(place: Path) -> dict[str, str]:
    """By the name of each reference, what is shown in the place of the commit that it ends with."""
    if repository.ask(place, "config", "--type=bool", "core.useReplaceRefs").text == "false":
        return {}
    rows = repository.ask(place, "for-each-ref", "--format=%(refname) %(objectname)", _REPLACED).text.splitlines()
    return dict(row.split(" ", 1) for row in rows)


def _replace(ours: TreeStore, wanted: dict[str, str]) -> None:
    there = ours.git("for-each-ref", "--format=%(refname)", _REPLACED).text.splitlines()
    gone = "".join(f"delete {name}\n" for name in there if name not in wanted)
    come = "".join(f"update {name} {other}\n" for name, other in wanted.items())
    if gone or come:
        ours.answer("update-ref", "--stdin", stdin=(gone + come).encode())
