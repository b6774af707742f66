# SPDX-License-Identifier: GPL-2.0-only
"""Text from a patch, a compiler or a guest, made fit to show: on a terminal, in XML, in HTML."""

import json
import re

# ECMA-48: CSI sequences (colour, cursor), OSC sequences up to their end (window title, links), and two-byte escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_LINE_ENDS = re.compile(r"\r\n?")
# What XML 1.0 calls Char (section 2.2), less what it discourages there: C1 controls and noncharacters; and less what
# turns the direction of the text after it (Unicode UAX 9, 2.1 to 2.4), which would make our words read as others.
_UNFIT = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 17))
    + "]"
)


def plain(text: str) -> str:
    """``text`` without escape sequences, each other character that is no text shown as U+FFFD."""
    return _UNFIT.sub("\ufffd", _LINE_ENDS.sub("\n", _ESCAPES.sub("", text)))


def line(text: str) -> str:
    """``plain``, in one line: for an attribute, a title, a heading."""
    return " ".join(plain(text).split())


def escaped(document: str) -> str:
    """A JSON document that means the same, with what ``plain`` takes away as JSON's escapes: it stands in strings."""
    return _UNFIT.sub(lambda found: json.dumps(found[0])[1:-1], document)


def shortened(text: str, limit: int) -> str:
    """The first ``limit`` characters, and how many more there were."""
    return text if len(text) <= limit else f"{text[:limit]} [and {len(text) - limit} more characters]"
