# SPDX-License-Identifier: GPL-2.0-only
"""Which Makefiles make has read of a tree, and which Kconfig files Kconfig has, as they tell it themselves.

A make has a list of all that it has read (MAKEFILE_LIST), and a build has some hundred makes: parsed.mk, which each of
them reads first, has it written down. Kconfig lists its files for make, which asks it again when one is newer
(conf_write_autoconf_cmd() in scripts/kconfig/confdata.c).
"""

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.host import files
from kseries.kbuild import artifacts

RECORD = "kseries.makefiles"
"""Below a build folder, where no kernel has that name: what all makes have read since what was there was taken in."""
MAKEFILES, KCONFIG = "Makefiles", "Kconfig files"
"""Under which names the two are kept among the notes of a folder: no note file is called so."""
NAMES = {MAKEFILES: ("Makefile", "Kbuild"), KCONFIG: ("Kconfig",)}
"""What such files are called; behind a dot there may be more."""
FIRST = {MAKEFILES: "Makefile", KCONFIG: "Kconfig"}
"""What each list has, whatever the tree: one without it is none."""
LISTED = "include/config/auto.conf.cmd"
"""Below a build folder, Kconfig's list, which a make includes that runs Kconfig again where one of it is newer."""
_MOST = 64 << 20
"""Bytes of a record. The makes of a kernel write one MiB each time."""
_LIST = re.compile(rb"^deps_config := \\\n(.*?)\n\n", re.DOTALL | re.MULTILINE)


def told(obj: Path, source: Path) -> dict[str, bytes]:
    """What both tell, by its name among the notes, and in their manner: files of the tree have ``source`` before them.

    Nothing of what there is none of. Raises NotRegularError, of a record that is too long, too.
    """
    return {MAKEFILES: b"\n".join(record(obj)), KCONFIG: b"\n".join(_kconfig(obj, source))}


def forget(obj: Path) -> None:
    """Have the record begin anew: it was taken in."""
    files.remove(obj / RECORD)


@dataclass(frozen=True)
class Since:
    """A point in time, by what is in a build folder then."""

    top: Path
    """The folder, as makes see it."""
    length: int
    """Bytes of the record: what stands behind them was read later."""
    written: int
    """Nanoseconds: what is written later has this time, or one behind it (st_mtime_ns)."""

    def below(self, path: bytes) -> str:
        """A path of the record as one below the folder."""
        return posixpath.relpath(path, bytes(self.top)).decode(errors="replace")


def length(obj: Path) -> int:
    """Bytes of the record; 0 where there is none that can be read."""
    try:
        with artifacts.opened(obj, RECORD) as file:
            return file.seek(0, os.SEEK_END)
    except (FileNotFoundError, artifacts.NotRegularError):
        return 0


def record(obj: Path, since: int = 0) -> list[bytes]:
    """The paths of all that was read, notes of the build folder and all, from a byte on. Raises NotRegularError."""
    try:
        with artifacts.opened(obj, RECORD) as file:
            file.seek(since)
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        return []
    if len(data) > _MOST:
        raise artifacts.NotRegularError(f"{RECORD} has more than {_MOST >> 20} MiB")
    return sorted(set(data.splitlines()))


def _kconfig(obj: Path, source: Path) -> Iterable[bytes]:
    found = _LIST.search(artifacts.text(obj, LISTED).encode())
    for word in found[1].replace(b"\\\n", b"\n").split() if found is not None else ():
        yield word if word.startswith(b"/") else b"%b/%b" % (bytes(source), word)
