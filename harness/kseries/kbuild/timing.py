# SPDX-License-Identifier: GPL-2.0-only
"""How long builds in one folder took, so that one can say how long the next ones may."""

import statistics
from pathlib import Path

import msgspec

from kseries.host import checksummed
from kseries.model import Observation, Outcome, Record

_KEPT = 30


class _Sample(Record, frozen=True):
    targets: int
    seconds: float


class Timing:
    """The last builds of a folder: what make made again, and the seconds that it took."""

    def __init__(self, obj: Path) -> None:
        self._place = obj / "timing.json"

    def note(self, targets: int, seen: Observation) -> None:
        """Keep what a build took, unless it failed or ccache had most of it, which makes it no measure."""
        objects, seconds = seen.objects, seen.seconds.get("build")
        if objects is None or seconds is None or seen.outcome is Outcome.BUILD_FAILED:
            return
        if objects.found * 2 > objects.compiled:
            return
        samples = [*self._samples(), _Sample(targets=targets, seconds=seconds)][-_KEPT:]
        checksummed.write(self._place, msgspec.json.encode(samples))

    def seconds(self, targets: int) -> float | None:
        """By the line through what is known; None before there are two builds that differ in size."""
        samples = self._samples()
        sizes, times = [one.targets for one in samples], [one.seconds for one in samples]
        if len(set(sizes)) < 2:
            return None
        slope, start = statistics.linear_regression(sizes, times)
        return round(max(start + slope * targets, min(times)), 1)

    def _samples(self) -> list[_Sample]:
        try:
            return msgspec.json.decode(checksummed.read(self._place) or b"", type=list[_Sample])
        except msgspec.DecodeError:
            return []
