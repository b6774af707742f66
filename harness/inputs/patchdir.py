# SPDX-License-Identifier: GPL-2.0-only
"""A directory of patches, as ``git format-patch`` writes it."""

import contextlib
import email
import email.errors
import email.header
import email.message
import email.policy
import re
from pathlib import Path

from harness.errors import InputError
from harness.model import Patch, Series

_PREFIX = re.compile(r"^\s*\[(?P<tags>[^\]]*)\]\s*")
_VERSION = re.compile(r"\bv(\d+)\b", re.IGNORECASE)
_COVER = re.compile(r"^(v\d+-)?0000-")
_DIFF = re.compile(rb"^(diff --git |--- (?:a/|/dev/null))", re.MULTILINE)


def read(directory: Path) -> Series:
    """The series in a directory: every ``*.patch`` or ``*.diff`` in the order of their names.

    A cover letter (``0000-…``) is passed over. Raises InputError for a directory that cannot be read
    or holds no patch, and for a file without a diff.
    """
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".patch", ".diff"))
    except OSError as error:
        raise InputError(f"cannot read {directory}: {error.strerror}") from error
    files = [path for path in files if not _COVER.match(path.name)]
    if not files:
        raise InputError(f"{directory} holds no *.patch file\n  make some with: git format-patch -o {directory} BASE..")
    patches = tuple(read_patch(number, path) for number, path in enumerate(files, 1))
    versions = {version for path in files if (version := _version(path))}
    return Series(name=directory.resolve().name, version=max(versions, default=1), patches=patches)


def _message(path: Path) -> email.message.Message:
    return email.message_from_bytes(_bytes(path), policy=email.policy.compat32)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _subject_line(path: Path) -> str:
    # Read as text: git writes a subject as it is, in UTF-8, where format.encodeEmailHeaders is off.
    text = _bytes(path).decode(errors="replace")
    raw = email.message_from_string(text, policy=email.policy.compat32).get("Subject", "")
    with contextlib.suppress(LookupError, UnicodeError, email.errors.MessageError):
        raw = str(email.header.make_header(email.header.decode_header(raw)))
    return " ".join(raw.split())


def _version(path: Path) -> int | None:
    tags = _PREFIX.match(_subject_line(path))
    version = _VERSION.search(tags["tags"]) if tags else None
    return int(version[1]) if version else None


def read_patch(number: int, path: Path) -> Patch:
    """One patch from a file: mail as ``git format-patch`` writes it, or a bare diff. Raises InputError."""
    message = _message(path)
    body = message.get_payload(decode=True)
    # A file without mail headers is a bare diff: the parser may take its first lines for headers.
    diff = body if "Subject" in message and isinstance(body, bytes) else _bytes(path)
    if not _DIFF.search(diff):
        raise InputError(f"{path} holds no diff\n  is it a cover letter, or cut short?")
    return Patch(
        number=number,
        subject=_PREFIX.sub("", _subject_line(path)) or path.stem,
        origin=path.name,
        message=_changelog(diff) if "Subject" in message else "",
        diff=diff,
    )


def _changelog(body: bytes) -> str:
    """What stands above git's "---" line: the message without the subject."""
    return re.split(r"^(?:---$|diff --git )", body.decode(errors="replace"), maxsplit=1, flags=re.MULTILINE)[0].strip()
