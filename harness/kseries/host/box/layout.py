# SPDX-License-Identifier: GPL-2.0-only
"""Where who is in a box sees what it is shown: fixed paths, so that nothing made there tells of whose cache it is in.

What is shown at all: bwrap.py, and of a build kbuild/buildbox.py.

A path goes into objects (debug info, __FILE__), into the command lines that make compares, into warnings, and into
what ccache finds an object by; and make and sh take some paths apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kseries.host import checksums
from kseries.model.errors import InfraError

TOP = Path("/kseries")
"""The folder of the fixed paths, which is there in boxes only."""

# make takes blanks, ":", "#", "$", "%" and "=" for its own, sh quotes and the like, gcc's -Wp the comma.
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


@dataclass(frozen=True)
class Layout:
    """The fixed paths of some files and folders of this host; all else is seen under its own."""

    fixed: Mapping[Path, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, places: Mapping[str, Path]) -> "Layout":
        """Each place under its name in /kseries."""
        return cls({place: TOP / name for name, place in places.items()})

    def inside(self, path: Path) -> Path:
        """The path under which a file or folder of this host is seen."""
        for place, fixed in self.fixed.items():
            if path.is_relative_to(place):
                return fixed / path.relative_to(place)
        return path

    def told(self, said: bytes) -> bytes:
        """What was said by who saw these places under their own paths, as if it had been under the fixed ones."""
        for place, fixed in self.fixed.items():
            said = said.replace(bytes(place), bytes(fixed))
        return said


OWN = Layout()
"""For who is in no box: all is seen under its own path."""


BOXED = "boxed"
"""In the name of a build folder: all of it was made under fixed paths."""


def unboxed(home: Path) -> str:
    """The same of one that was made below ``home``, whose objects are of no use below another."""
    return f"unboxed-{checksums.of_bytes(bytes(home))[:8]}"


def check_own(*places: Path) -> None:
    """Raise InfraError where what is built under these paths would fail for them, as if it did for its patches."""
    for place in places:
        if not _PLAIN.fullmatch(str(place)):
            raise InfraError(
                f"--unboxed builds in {str(place)!r}, of which make or sh would take more than a path\n"
                "  letters, digits, _ . + and - are only letters to them; XDG_CACHE_HOME moves the cache elsewhere"
            )
