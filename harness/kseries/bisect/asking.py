# SPDX-License-Identifier: GPL-2.0-only
"""How a kernel answers a question, boot by boot: what a search asks for, and what it is told."""

from typing import Protocol

from kseries.model import Evidence, Record


class Answers(Record, frozen=True):
    """How many boots of one kernel passed, and how many failed; none of either where it cannot be tested."""

    passed: int = 0
    failed: int = 0
    why: tuple[Evidence, ...] = ()
    """Of a failure, or of why it cannot be tested."""
    same: str | None = None
    """The commit, asked before or GOOD, whose kernel this one's is, byte for byte: nothing was booted for it, and it is
    as good or as bad as that one. ``passed`` and ``failed`` are those of that one.
    """

    @property
    def testable(self) -> bool:
        return self.passed + self.failed > 0


class Asker(Protocol):
    """Who builds and boots commits."""

    def ask(self, commit: str, boots: int) -> Answers:
        """Boot the kernel of a commit at least so many times more, and tell of those boots. Raises InfraError."""
        ...
