# SPDX-License-Identifier: GPL-2.0-only
"""kselftest as one tree has installed it, for the guests of all states: kept by a digest of every byte.

What each state installs of its own goes from its build folder into its initramfs (installed.py). This is the same
members of an initramfs, made once (testbuild.py) and kept in the cache, where no build writes.
"""

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kseries.host import checksums, files
from kseries.kbuild import initramfs, installed
from kseries.model.errors import InputError
from kseries.probes.runner import PLACE

LOG = "make.log"
"""Beside them: what make said, as the build.log of a state has it for its own."""
_MEMBERS = "selftests.members"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class KeptSelftests:
    """Members of an initramfs in a file, which lies in the cache by their digest."""

    digest: str
    path: Path

    @property
    def log(self) -> Path:
        """What make said when they were made."""
        return self.path.with_name(LOG)

    def text(self, name: str) -> str:
        """A file of them, by its path below PLACE; empty where there is none."""
        start, size = self._places.get(f"{PLACE}/{name}", (0, 0))
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size).decode(errors="replace")

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Where each file begins, and its bytes: a target with a hundred tests is asked about for each of them."""
        return initramfs.places(self.path.read_bytes())


def keep(obj: Path, log: bytes, home: Path) -> KeptSelftests:
    """What was installed in the build folder ``obj``, in a folder of ``home``. Raises NotRegularError."""
    data = b"".join(installed.members(obj))
    place = home / checksums.of_bytes(data)

    def fill(made: Path) -> None:
        (made / _MEMBERS).write_bytes(data)
        (made / LOG).write_bytes(log)

    if not _is_whole(place):
        shutil.rmtree(place, ignore_errors=True)
        files.fill(place, fill)
    return kept(place.name, home)


def kept(digest: str, home: Path) -> KeptSelftests:
    """Those that are kept. Raises InputError where they are not, or not as they were; ``digest`` may be anybody's."""
    place = home / digest
    if not (_DIGEST.fullmatch(digest) and _is_whole(place)):
        raise InputError("the tip's selftests are not in the cache as they were\n  run it again")
    with contextlib.suppress(OSError):
        os.utime(place)  # used now: kseries gc takes first what was used longest ago
    return KeptSelftests(digest, place / _MEMBERS)


def _is_whole(place: Path) -> bool:
    file = place / _MEMBERS
    return file.is_file() and checksums.of_file(file) == place.name
