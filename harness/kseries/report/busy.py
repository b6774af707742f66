# SPDX-License-Identifier: GPL-2.0-only
"""When each host built and booted what: a chart with a row for each, of bars that do not cover each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.model import RunResult, Stage, TimedStage
from kseries.report import hosts

_MOST = 4000
"""Bars: a page with more takes seconds to open, and each is thinner than what a screen can show."""
_LANES = 4
"""Builds, and boots, of one host that stand above each other: more than it is likely to do at a time."""


@dataclass(frozen=True)
class Bar:
    """A stage of a state, in percent of the chart. ``lane`` is which row of its host it is in."""

    stage: TimedStage
    lane: int
    left: float
    width: float

    @property
    def name(self) -> str:
        """The state, and the series where that is not the run's own."""
        return f"{self.stage.state} of {self.stage.series}" if self.stage.series else self.stage.state


@dataclass(frozen=True)
class Row:
    """A host: how many states it has built, and in what share of the time it was busy with any."""

    host: str
    bars: tuple[Bar, ...]
    lanes: int
    states: int
    busy: float
    """In percent."""


@dataclass(frozen=True)
class Chart:
    """All hosts, from the beginning of the run to the end of its last stage, in seconds."""

    rows: tuple[Row, ...]
    seconds: float
    left_out: int
    """Stages that there is no room for."""


def chart(run: RunResult) -> Chart | None:
    """None where this run has built and booted nothing."""
    stages = (run.timeline or ())[:_MOST]
    if not stages:
        return None
    by_host: dict[str, list[TimedStage]] = {}
    for stage in sorted(stages, key=lambda one: one.began):
        by_host.setdefault(stage.where, []).append(stage)
    whole = max(stage.ended for stage in stages) or 1.0
    rows = tuple(_row(host, by_host[host], whole) for host in sorted(by_host))
    return Chart(rows, whole, len(run.timeline or ()) - len(stages))


def _row(host: str, stages: Sequence[TimedStage], whole: float) -> Row:
    bars = tuple(_bars(stages, whole))
    return Row(
        host=hosts.name(host),
        bars=bars,
        lanes=1 + max(bar.lane for bar in bars),
        states=len({(one.series, one.state) for one in stages}),
        busy=round(100 * _covered(stages) / whole, 1),
    )


def _bars(stages: Sequence[TimedStage], whole: float) -> Iterator[Bar]:
    """Builds above, boots below them."""
    above = 0
    for kind in Stage:
        some = [stage for stage in stages if stage.stage is kind]
        lanes = list(_lanes(some))
        for stage, lane in zip(some, lanes, strict=True):
            left, width = (round(100 * part / whole, 3) for part in (stage.began, stage.ended - stage.began))
            yield Bar(stage, above + lane, left, width)
        above += 1 + max(lanes, default=-1)


def _lanes(stages: Sequence[TimedStage]) -> Iterator[int]:
    """Of each, the first lane that is free when it begins; where there are too many, that which is free first."""
    free: list[float] = []
    """When the last stage of each lane ended."""
    for stage in stages:
        lane = next((number for number, ended in enumerate(free) if ended <= stage.began), len(free))
        if lane == _LANES:
            lane = free.index(min(free))
        free[lane : lane + 1] = [stage.ended]
        yield lane


def _covered(stages: Sequence[TimedStage]) -> float:
    """Seconds in which any of some stages went on; they are in the order in which they began."""
    covered, until = 0.0, 0.0
    for stage in stages:
        covered += max(0.0, stage.ended - max(stage.began, until))
        until = max(until, stage.ended)
    return covered
