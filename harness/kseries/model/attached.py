# SPDX-License-Identifier: GPL-2.0-only
"""A line of ``kseries evaluate --attached``: what it is at, and at last what was seen."""

from msgspec import UNSET, Raw, UnsetType

from kseries.model.errors import DiskFullError, InputError, KseriesError
from kseries.model.record import Record


class Line(Record, frozen=True):
    """One line; what it does not tell of is not there. The last one has ``observation`` or ``error``, or, where only a
    build was asked for, ``built``.
    """

    stage: str | UnsetType = UNSET
    """``build`` or ``boot``, which begins."""
    compiled: int | UnsetType = UNSET
    """What make has made so far; told at most once a second."""
    what: str | UnsetType = UNSET
    """The last of those."""
    built: bool | UnsetType = UNSET
    """The build has ended, well or not: another process may build now."""
    waiting: str | UnsetType = UNSET
    """For whom it waits, in words."""
    observation: Raw | UnsetType = UNSET
    """The JSON of an Observation."""
    logs: str | UnsetType | None = UNSET
    """The folder on that host that has its logs; None where there is none. Of what is not stored, as where the host is
    why nothing was seen, they are there as long as standard input is open: only then does the process end.
    """
    program: str | UnsetType = UNSET
    """What the observation was made by, as cache.store.program(): that of this process, which may be newer than who has
    started it.
    """
    error: str | UnsetType = UNSET
    """Why nothing was seen, in a line or two."""
    kind: str | UnsetType = UNSET
    """What kind of error that is: ``input``, ``infra`` or ``disk``."""

    @property
    def last(self) -> bool:
        """Whether nothing that is of use comes after it."""
        return self.observation is not UNSET or self.error is not UNSET


def kind_of(error: KseriesError) -> str:
    """What kind of error that is, for ``Line.kind``."""
    return "input" if isinstance(error, InputError) else "disk" if isinstance(error, DiskFullError) else "infra"
