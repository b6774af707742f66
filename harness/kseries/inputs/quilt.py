# SPDX-License-Identifier: GPL-2.0-only
"""A series file, which names the patches beside it in their order: quilt's ``series`` (quilt(1)), a ``series.conf``
with its guards, or one with another name that does so.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from kseries.host import untrusted
from kseries.inputs import files, guards, patchdir, patchfile
from kseries.inputs.strip import to_p1
from kseries.inputs.target import Target
from kseries.model import Patch, Record
from kseries.model.errors import InputError, in_words

NAMES = ("series", "series.conf")
"""What such a file is called, quilt's first. Others are known by what they hold."""
_LIKE = re.compile(r"(?!.*(?:~|\.(?:bak|old|orig|rej|save?|sw[a-p]|tmp))$)(?:series\b.*|.*\.series)")
"""Of the names with which editors and merges leave what was there before, none."""
_LOOKED_AT = 500
"""Lines of a file with another name; each takes a look at the disk."""
_MAIL = re.compile(rb"\A(?:From |[!\"$-9;-~]+: )|^(?:diff --git |--- [^\n]*\n\+\+\+ )|\0", re.MULTILINE)
_COMMENT = re.compile(r"(^|\s)#.*")
_STRIP = re.compile(r"-p(?:(\d{1,2})|ab)")
_WIDE = 300
_LISTED = 5
"""How many of the patches that are left out a note names."""


class _Row(Record, frozen=True):
    """A line that names a patch: the guards before its name, and the options after it."""

    line: int
    name: str
    guards: tuple[str, ...]
    options: tuple[str, ...]


def is_one(path: Path, data: bytes) -> bool:
    """True for a series file with these contents: most of its lines name a patch. A mail is none, whatever its name."""
    if _MAIL.search(data):
        return False
    rows = list(itertools.islice(_rows(data), _LOOKED_AT))
    patches = sum(patchdir.is_patch(row.name) or _is_file(path.parent / row.name) for row in rows)
    return path.name in NAMES or patches * 2 > len(rows)


def _is_file(path: Path) -> bool:
    """True for a file that is there; a word of any text may be too long for a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def in_directory(directory: Path) -> Target | None:
    """The series of a directory that has a series file, else None. Raises InputError, also where nobody can tell which
    of several is meant.
    """
    for name in NAMES:
        untrusted.check_inside(directory / name, directory)
    try:
        like = [path for path in sorted(directory.iterdir()) if _LIKE.fullmatch(path.name) and path.is_file()]
        found = {path.name: path for path in like if is_one(path, files.read(path, directory))}
    except OSError as error:
        raise InputError(f"cannot read {directory}: {in_words(error)}") from error
    if odd := next((path for path in like if path.name in NAMES and path.name not in found), None):
        raise InputError(f"{odd} is no list of patches, so their order is not known\n  name the file that is meant")
    if not found:
        return None
    name = next((name for name in NAMES if name in found), next(iter(found)))
    if name not in NAMES and len(found) > 1:
        raise InputError(f"{directory} has several series: {_list(list(found))}\n  name the file that is meant")
    others = [one for one in found if one != name]
    target = read(found[name])
    told = (f"{directory}: as {name} has it, and not {_list(others)}",) if others else ()
    told = told or ((f"{directory}: as {name} has it",) if name not in NAMES else ())
    return msgspec.structs.replace(target, notes=(*told, *target.notes))


def read(path: Path) -> Target:
    """The patches that a series file names. Raises InputError: no patch, none of that name, an option we lack."""
    rows = list(_rows(files.read(path)))
    taken = [row for row in rows if guards.take(row.guards)]
    if not taken:
        raise InputError(f"{path} names no patch" + (", but for those that its guards leave out" if rows else ""))
    named = [(_file(row, path), _strip(row, path)) for row in taken]
    each = patchfile.read(patchfile.mails((file for file, _ in named), path.parent))
    stripped = (_stripped(one, strip) for one, (_, strip) in zip(each, named, strict=True))
    found = patchfile.together(stripped, path.resolve().parent.name)
    return msgspec.structs.replace(found, notes=(*_left_out(rows, path), *found.notes))


def _rows(data: bytes) -> Iterator[_Row]:
    for line, row in enumerate(data.decode(errors="replace").splitlines(), 1):
        words = _COMMENT.sub("", row).split()
        before = tuple(itertools.takewhile(guards.is_one, words))
        if words[len(before) :]:
            name, *options = words[len(before) :]
            yield _Row(line=line, name=name, guards=before, options=tuple(options))


def _left_out(rows: Sequence[_Row], path: Path) -> Iterator[str]:
    """A note on the patches that guards leave out."""
    left = [row for row in rows if not guards.take(row.guards)]
    if left:
        names = _list([f"{row.name} ({' '.join(row.guards)})" for row in left])
        yield f"{path}: with no symbol defined, its guards leave out {len(left)} of {len(rows)} patches: {names}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _file(row: _Row, path: Path) -> Path:
    """The file that a line names."""
    if ".." in Path(row.name).parts or Path(row.name).is_absolute():
        raise InputError(f"{path}:{row.line}: {row.name} is not beside it")
    file = path.parent / row.name
    if not _is_file(file):
        raise InputError(f"{path}:{row.line}: no such patch: {str(file)[:_WIDE]}")
    return file


def _strip(row: _Row, path: Path) -> int:
    """How many folders the names in a line's patch have too many."""
    strip = 1
    for option in row.options:
        if not (found := _STRIP.fullmatch(option)):
            raise InputError(f"{path}:{row.line}: {row.name} has the option {option}\n  only -pN can be done here")
        strip = int(found[1] or 1)
    return strip


def _stripped(found: Target, strip: int) -> Target:
    """The patches of a file, with names for -p1."""
    patches = tuple(msgspec.structs.replace(patch, diff=_to_p1(patch, strip)) for patch in found.series.patches)
    return msgspec.structs.replace(found, series=msgspec.structs.replace(found.series, patches=patches))


def _to_p1(patch: Patch, strip: int) -> bytes:
    try:
        return to_p1(patch.diff or b"", strip)
    except ValueError as error:
        raise InputError(f"{patch.origin}, -p{strip}: {error}") from error
