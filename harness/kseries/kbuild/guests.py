# SPDX-License-Identifier: GPL-2.0-only
"""What init and the probes in a build folder were made of, besides its headers: whether make has to look at them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kseries.host import checksummed, checksums

NOTE = "guests"


class Guests:
    """Those of one build folder, noted in ``place``, where nothing that is built can write; made of ``sources``."""

    def __init__(self, sources: Path, place: Path) -> None:
        self._sources = sources
        self._note = place / NOTE

    def are_of(self, commands: Iterable[Sequence[str]], programs: Iterable[Path]) -> bool:
        """True where these commands have made them of the files that are there now, the programs' folders too."""
        return checksummed.read(self._note) == self._digest(commands, programs)

    def made(self, commands: Iterable[Sequence[str]], programs: Iterable[Path]) -> None:
        """They were, and all went well."""
        checksummed.write(self._note, self._digest(commands, programs))

    def forget(self) -> None:
        """They are to be made again, or of other headers."""
        self._note.unlink(missing_ok=True)

    def _digest(self, commands: Iterable[Sequence[str]], programs: Iterable[Path]) -> bytes:
        folders = (self._sources, *(program.parent for program in programs))
        files = sorted(one for folder in folders for one in folder.rglob("*") if one.is_file())
        words = (word for command in commands for word in ("", *command))
        return checksums.of_words([*words, *(f"{one} {checksums.of_file(one)}" for one in files)]).encode()
