# SPDX-License-Identifier: GPL-2.0-only
"""What was measured, a piece at a time, in a JSON file that a second start goes on with."""

from pathlib import Path

import msgspec

from benchmarks.peers.meter import Cost
from kseries.host import files
from kseries.model.record import Record

CLEAN, ONE_TREE, KSERIES, BOOT = WAYS = ("clean", "one-tree", "kseries", "boot")
BASE, REST = "base", "rest"
VNG = "vng"
"""What is booted by it; KSERIES, by us."""

_Key = tuple[str, str, str, int]


class Step(Record, frozen=True):
    """A state in one tree: what each stage cost, and what came of it."""

    state: str
    costs: dict[str, Cost]
    compiled: int
    """Objects that make has made."""
    changed: bool
    """Whether make has made another kernel."""
    checks: int = 0
    """Lines of the probes that tell of one."""


class Piece(Record, frozen=True):
    """One thing that was measured."""

    series: str
    way: str
    part: str
    """``base``, ``rest`` (all states behind it), or what was built or booted."""
    cost: Cost
    round: int = 0
    unit: Cost | None = None
    """A make that has nothing to do, just before: what this host was worth then."""
    stages: dict[str, float] = {}  # noqa: RUF012 - of a record's empty default msgspec makes a new one each time
    """Seconds of the clock, by what they went to."""
    steps: tuple[Step, ...] = ()
    of: int = 0
    """How many states that stands for."""

    @property
    def key(self) -> _Key:
        return self.series, self.way, self.part, self.round


class Pieces:
    """The file, and what is in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pieces = self._read()

    def has(self, series: str, way: str, part: str, number: int = 0) -> bool:
        return (series, way, part, number) in self._pieces

    def add(self, piece: Piece) -> None:
        """Keep one more, in the place of an older one, beside what others have added; the file is there whole or as it
        was.
        """
        self._pieces = {**self._read(), piece.key: piece}
        files.write(self._path, msgspec.json.format(msgspec.json.encode(list(self._pieces.values()))))

    def _read(self) -> dict[_Key, Piece]:
        found = msgspec.json.decode(self._path.read_bytes(), type=list[Piece]) if self._path.exists() else []
        return {piece.key: piece for piece in found}

    def of(self, series: str, way: str, part: str | None = None) -> list[Piece]:
        """Those of a way, by their rounds."""
        found = [one for one in self._pieces.values() if (one.series, one.way) == (series, way)]
        return sorted((one for one in found if part in (None, one.part)), key=lambda one: one.round)
