# SPDX-License-Identifier: GPL-2.0-only
"""What init runs in a booted state, one after the other."""

import re
from enum import StrEnum

from kseries.model.machine import MOST_SECONDS
from kseries.model.record import Record

MOST_WORDS = 31
"""Of a command line, and of an environment: what init has room for (guests/init/init.c, WORDS)."""
MOST_NAME = 128
"""Characters of a name: init marks with it, in a line of 256 bytes, what the kernel's log is about."""
_NAME = re.compile(rf"\w[\w.+-]{{0,{MOST_NAME - 1}}}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BREAKS = re.compile(r"[\n\0]")
"""What would end a line of init's list."""


class Origin(StrEnum):
    """Whose a probe is. Ours speak KTAP and name their checks; of all others the exit status is a check."""

    OURS = "ours"
    PROGRAM = "program"
    SELFTEST = "selftest"
    COMMAND = "command"
    """Of a shell, in the userland; it leaves no process behind."""


class Probe(Record, frozen=True):
    """A program, and how it is started. Raises ValueError for what init could not be told."""

    name: str
    """What its checks are called by; no two of a boot have the same."""
    argv: tuple[str, ...]
    """First its path in the guest."""
    origin: Origin = Origin.OURS
    seconds: int | None = None
    """How long it may run; None for what the machine gives each probe."""
    environment: dict[str, str] = {}
    """Beside what the kernel gives init."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a probe")
        if not (0 < len(self.argv) <= MOST_WORDS and len(self.environment) <= MOST_WORDS):
            raise ValueError(f"the probe {self.name} has no command line, or more than {MOST_WORDS} words")
        if self.seconds is not None and not 1 <= self.seconds <= MOST_SECONDS:
            raise ValueError(f"the probe {self.name} has {self.seconds} seconds")
        if any(map(_BREAKS.search, (*self.argv, *self.environment.values()))):
            raise ValueError(f"a word of the probe {self.name} has an end of line in it")
        if not all(map(_VARIABLE.fullmatch, self.environment)):
            raise ValueError(f"the probe {self.name} has a variable without a name")

    @classmethod
    def ours(cls, name: str) -> "Probe":
        """One that kseries has (guests/probes)."""
        return cls(name=name, argv=(f"/probes/{name}",))

    @classmethod
    def program(cls, name: str, origin: Origin = Origin.PROGRAM) -> "Probe":
        """One of anybody else, which was built or copied into the image."""
        return cls(name=name, argv=(f"/programs/{name}",), origin=origin)
