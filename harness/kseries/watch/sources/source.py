# SPDX-License-Identifier: GPL-2.0-only
"""Where mails come from: what each kind of source has in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Batch:
    """Some mails, and the position after them, from which a source goes on: text of its own, kept with the mails."""

    mails: tuple[tuple[bytes, str], ...]
    """Each with where it was found, for messages."""
    position: str
    told: tuple[str, ...] = ()
    """What was passed over, and why."""


class Source(Protocol):
    """One place. It holds nothing: where it is, the queue knows."""

    @property
    def name(self) -> str:
        """By what its position is kept: the same for the same place, whoever names it."""
        ...

    def new(self, position: str, since: float | None) -> Iterator[Batch]:
        """What has come since a position ("" is none), a batch at a time; nothing where nothing has.

        What was posted before ``since`` (seconds since 1970) may be left out. Raises InputError where there is no such
        source, and InfraError where it cannot be read now.
        """
        ...
