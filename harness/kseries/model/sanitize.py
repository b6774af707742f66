# SPDX-License-Identifier: GPL-2.0-only
"""Text from a patch, a compiler or a guest, made fit to show: on a terminal, in XML, in HTML."""

import json
import re
from collections.abc import Sequence

# Colour (ECMA-48, SGR), which compilers and tests bring in good faith. Of any other sequence only the escape character
# goes: where one that is begun and not ended could take more with it, it would take our words that come after it.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
# What XML 1.0 calls Char (section 2.2), less what it discourages there: C1 controls and noncharacters; and less what
# turns the direction of the text after it (Unicode UAX 9, 2.1 to 2.4), which would make our words read as others.
_UNFIT = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 17))
    + "]"
)


def printable(text: str) -> str:
    """``text`` without colours, each other character that is no text shown as U+FFFD; what can be read stays."""
    return _UNFIT.sub("\ufffd", _LINE_ENDS.sub("\n", _COLOURS.sub("", text)))


def line(text: str) -> str:
    """``printable``, in one line: for an attribute, a title, a heading."""
    return " ".join(printable(text).split())


def joined(text: str) -> str:
    """An error of two lines in one, ``line`` each, and a semicolon where nothing else parts them."""
    told = "\n".join(filter(None, map(line, printable(text).splitlines())))
    return re.sub(r"(?<![:;,])\n", "; ", told).replace("\n", " ")


def word(text: str) -> str:
    """``printable``, as a word of a command: in one line, and without what a shell that is typed to takes for a key."""
    return re.sub("[\t\n]", "\ufffd", printable(text))


def few(names: Sequence[str], limit: int = 3) -> str:
    """The first of some names, each in one line, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(line, names[:limit])) + more


def named(name: str) -> str:
    """The name of a file as text that can be kept: of bytes that are no UTF-8, and say so, each as ``\\xff``."""
    return _SURROGATES.sub(_byte, name)


def _byte(surrogate: re.Match[str]) -> str:
    """What Python has put in the place of a byte (PEP 383), or of something else that is no text."""
    byte = ord(surrogate[0]) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else "\ufffd"


def escaped(document: str) -> str:
    """A JSON document that means the same, with all that ``printable`` replaces as JSON's escapes, within strings."""
    return _UNFIT.sub(lambda found: json.dumps(found[0])[1:-1], document)


def shortened(text: str, limit: int) -> str:
    """The first ``limit`` characters, and how many more there were, where that is shorter."""
    short = f"{text[:limit]} [and {len(text) - limit} more characters]"
    return text if len(text) <= max(limit, len(short)) else short
