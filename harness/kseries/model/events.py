# SPDX-License-Identifier: GPL-2.0-only
"""What the engine tells while it works. The terminal view and the log are listeners; the engine prints nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from kseries.model import Dependencies, Finding, Job, Observation, Record, StateResult


@dataclass(frozen=True)
class Preparing:
    """Something before the first state: a source that is fetched or imported."""

    what: str


@dataclass(frozen=True)
class Planning:
    """Source trees are being made: ``done`` steps of ``total``."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class RunStarted:
    """``todo`` of the distinct ``total`` trees are not known from before; of those ``alike`` are, by what builds have
    read until now, such as no build can tell from another.
    """

    series: str
    total: int
    todo: int
    alike: int = 0


@dataclass(frozen=True)
class StageStarted:
    """A state enters "build" or "boot"; of the ``todo`` kernels that a run is to build it is number ``position``."""

    state: str
    stage: str
    position: int = 1
    todo: int = 1
    where: str = ""
    """The host of a cluster that it does so on; empty of this one."""


@dataclass(frozen=True)
class Compiled:
    """make has made something."""

    state: str
    what: str
    where: str = ""
    so_far: int | None = None
    """How much it has made, where not each of them is told; None where each is."""


@dataclass(frozen=True)
class Built:
    """A build has ended, well or not: where it was, another may begin."""

    state: str
    well: bool
    dependencies: Dependencies | None = None
    """What it has read; None where that is not known, or not to be relied on."""


@dataclass(frozen=True)
class StateDone:
    """A state is finished; ``known`` if its result was there before this run."""

    result: StateResult
    known: bool


@dataclass(frozen=True)
class Found:
    """A finding that is certain though states are left, without what these may tell of it: partner and advice."""

    finding: Finding


@dataclass(frozen=True)
class BaseSeen:
    """What was seen of a base, now or before this run; ``name`` is the one that it is stored by."""

    name: str
    job: Job
    seen: Observation


class Holder(Record, frozen=True):
    """Who has a lock: the series of a run, or a command, and how many of its states are done, where it has some."""

    pid: int
    what: str
    done: int = 0
    total: int = 0


class Wait(Record, frozen=True):
    """What somebody waits for. ``holder`` is None where nobody has said; ``before`` counts those who came earlier."""

    holder: Holder | None
    before: int


@dataclass(frozen=True)
class Waiting:
    """Another kseries builds in the same place: who, and how many wait who came earlier. Told whenever that changes."""

    wait: Wait


Event = Preparing | Planning | RunStarted | StageStarted | Compiled | Built | StateDone | Found | BaseSeen | Waiting
Listener = Callable[[Event], None]


def unheard(_: Event) -> None:
    """The listener of what nobody wants to hear."""
