# SPDX-License-Identifier: GPL-2.0-only
"""What the sandbox denied a build, as far as its log tells.

Of a file that it could not have, where a tool hides what it was told, nothing is known but that it came to nothing.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kseries.host.box.epilogue import LEFT, NETWORK
from kseries.kbuild.limits import SHOWN

_MOST = 20
_WIDTH = 300
# strerror(3) of what a path outside of the box, or a file that may only be read, comes to.
_FILE = re.compile(
    rb"No such file or directory|Permission denied|Read-only file system|Operation not permitted"
    rb"|Directory nonexistent"
)
_NETWORK = re.compile(
    rb"Network is unreachable|Connection refused|[Nn]ame resolution|[Uu]nable to resolve|Could not resolve"
)
# Who speaks may be a path, too: "/bin/sh: 1: ./configure: Permission denied".
_SPEAKER = re.compile(rb"^[^\s:]+:(?:\d+:)*(?: (?:line )?\d+:)? ")
_PATH = re.compile(rb"(?<![^\s'\"`:=(<>])/[^\s'\"`:;,)]+")


def refused(log: bytes, ours: Sequence[Path]) -> tuple[str, ...]:
    """The lines that tell of a file outside ``ours``, of a network, or of a process that make left running."""
    own = tuple(bytes(place) + b"/" for place in ours)
    return tuple(dict.fromkeys(_lines(log, own)))[:_MOST]


def _lines(log: bytes, ours: tuple[bytes, ...]) -> Iterator[str]:
    for line in log.splitlines():
        if (
            line.startswith(LEFT.encode())
            or line == NETWORK.encode()
            or (not SHOWN.match(line) and _outside(line, ours))
        ):
            yield line.decode(errors="replace").strip()[:_WIDTH]


def _outside(line: bytes, ours: tuple[bytes, ...]) -> bool:
    if _NETWORK.search(line):
        return True
    if not _FILE.search(line):
        return False
    told = _SPEAKER.sub(b"", line)
    return any(not (path + b"/").startswith(ours) for path in _PATH.findall(told))
