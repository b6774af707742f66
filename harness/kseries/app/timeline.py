# SPDX-License-Identifier: GPL-2.0-only
"""When each state was built and booted in a run, and where, and when something was found first, as it is heard."""

import time
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from kseries.model import Stage, TimedStage, events

_MOST = 20_000
"""Stages, of which there are two to a state: a result is to be read in a moment."""


@dataclass(frozen=True)
class _Open:
    """A stage that has begun."""

    series: str
    state: str
    stage: Stage
    where: str
    began: float


class Timeline:
    """A listener that notes when stages began and ended, in seconds since ``began``, a reading of time.monotonic()."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._own: str | None = None
        """The series of the run, which is the first to be carried out."""
        self._series = ""
        """That which is carried out now, where it is another."""
        self._open: dict[str, _Open] = {}
        """By its state, what goes on."""
        self._ended: list[TimedStage] = []
        self.first_finding: float | UnsetType = UNSET
        """When the first finding that counts was certain; UNSET as long as there is none."""

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.RunStarted(series):
                self._own = self._own if self._own is not None else series
                self._series = series if series != self._own else ""
            case events.StageStarted(state, stage, where=where):
                self._end(state)  # its build; or what a host was at that is lost, when another gets it
                self._open[state] = _Open(self._series, state, Stage(stage), where, self._now())
            case events.Built(state):
                self._end(state, Stage.BUILD)
            case events.StateDone(result):
                self._end(result.id)
            case events.Found():
                self.found()

    def found(self) -> None:
        """Something was found, now or before."""
        if self.first_finding is UNSET:
            self.first_finding = self._now()

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def _end(self, state: str, stage: Stage | None = None) -> None:
        """A state is through with what it was at, if that is this stage, or whatever it is."""
        one = self._open.get(state)
        if one is None or stage not in (None, one.stage):
            return
        del self._open[state]
        if len(self._ended) < _MOST:
            self._ended.append(self._timed(one))

    def _timed(self, one: _Open) -> TimedStage:
        return TimedStage(
            series=one.series, state=one.state, stage=one.stage, where=one.where, began=one.began, ended=self._now()
        )

    def stages(self) -> tuple[TimedStage, ...] | UnsetType:
        """All of them until now, in the order in which they began; UNSET where nothing was built or booted."""
        whole = [*self._ended, *map(self._timed, self._open.values())][:_MOST]
        return tuple(sorted(whole, key=lambda one: one.began)) or UNSET
