# SPDX-License-Identifier: GPL-2.0-only
"""Text that a mailer has stuffed and folded for others to fold again: ``format=flowed`` (RFC 3676).

A patch in it has a space too many before each line that begins with one, which is every context line. What is done of
it is what ``git mailinfo`` does (handle_filter_flowed() in mailinfo.c), down to this: where a line of the diff itself
ends in a space, it runs into the next, and no program can tell.
"""

import email.message
import io
from collections.abc import Iterable, Iterator

_SIGNATURE = b"-- "
"""Ends in a space and flows nevertheless into nothing."""


def decoded(text: bytes, part: email.message.Message) -> bytes:
    """The text of a mail, or of a part of one, as its lines were before ``format=flowed``; as it is without that."""
    if _parameter(part, "format") != "flowed":
        return text
    return b"".join(_lines(io.BytesIO(text), _parameter(part, "delsp") == "yes"))  # which splits at \n alone


def _parameter(part: email.message.Message, name: str) -> str:
    return str(part.get_param(name, "")).strip().lower()


def _lines(stuffed: Iterable[bytes], delete_space: bool) -> Iterator[bytes]:
    flowing = bytearray()  # what the next line goes on with
    for line in stuffed:
        row = line.removesuffix(b"\n").removesuffix(b"\r")
        if row == _SIGNATURE:
            yield bytes(flowing) + line
            flowing.clear()
            continue
        end, row = line[len(row) :], row.removeprefix(b" ")
        flowing += row
        if not row.endswith(b" "):
            yield bytes(flowing) + end
            flowing.clear()
        elif delete_space:
            del flowing[-1]
    yield bytes(flowing)
