# SPDX-License-Identifier: GPL-2.0-only
"""Where jobs are evaluated. Nothing above it knows whether that is this host or another."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from kseries.model import Dependencies, Job, Observation, events
from kseries.plan.schedule import Place


class Executor(Protocol):
    """Evaluates one job after the other: it builds one while those before it boot. What it tells, it tells within the
    loop of who has called it.
    """

    @property
    def where(self) -> str:
        """The name of its host in a cluster; empty of this one."""

    lost: str
    """Why nothing more is given to it in this plan; empty while something is. Also set by who does not want it any
    more, so that its crew sends another.
    """
    for_good: bool
    """Whether nothing is to be given to its host any more."""

    async def take(self, tell: events.Listener | None = None) -> None:
        """Have it to ourselves; ``tell`` hears whom we wait for. Raises BlockingIOError where nobody hears."""

    def give_back(self) -> None:
        """As often as it was taken."""

    def scratch(self) -> AbstractContextManager[Path]:
        """An empty folder for logs until they are stored, gone afterwards. While it is ours."""

    def place(self, base: str) -> Place:
        """What it holds, told by how that differs from ``base``, and what building from there would make again."""

    def vouches(self, tree: str, read: Dependencies) -> bool:
        """Whether this is what the build of a tree has read here, so that another may be taken for it.

        Never of what was read elsewhere, in which somebody else's patches may have had a hand, nor of a tree that was
        built beside patches that are not of this series; no more once what is there has been thrown away.
        """

    def seconds(self, targets: int) -> float | None:
        """What a build that makes so many targets again is likely to take; None where too few were seen."""

    def measured(self, targets: int, seen: Observation) -> None:
        """Note what a build of so many targets took."""

    def say(self, what: str, done: int, total: int) -> None:
        """Tell who waits for it what it is at, and how many states of it are done."""

    def lacks(self, base: Job) -> bool:
        """Whether ``prepare`` would have to build base, as far as one can tell before this is taken."""

    async def prepare(self, base: Job, into: Path, tell: events.Listener) -> None:
        """Have base built here, too, while another evaluates it, or where it is known; where its objects are here
        already, nothing is done. The log is put into a folder. It may be cancelled.

        Raises LostError of a host of a cluster on which base does not build, InfraError where that is this host. Of
        what else keeps a host from it nothing is told: it is told of what the host is to evaluate next.
        """

    async def evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        """Build, boot and ask; the logs are put into a folder.

        ``tell`` hears Built when another job may be given to it, whatever came of this one's build. Where the host is
        why there is no answer, the outcome is INFRA_ERROR; raises InfraError where nothing else can be evaluated there
        either: of base, of a disk that is full, of a cache that takes no result. Raises LostError where the host is
        gone: of each job that it was at, so that another may have it; no other is given to it.
        """


class Voucher(Protocol):
    """An executor, or several."""

    def vouches(self, tree: str, read: Dependencies) -> bool:
        """As Executor.vouches."""


def vouched(by: Voucher, tree: str, read: Dependencies | None) -> Dependencies | None:
    """What the build of a tree has read, as long as who has it built can be relied on for it."""
    return read if read is not None and by.vouches(tree, read) else None
