# SPDX-License-Identifier: GPL-2.0-only
"""What a schedule would cost: which states no build can tell from another, and what the others compile."""

from collections.abc import Callable, Iterable

from kseries.model import Forecast
from kseries.plan.schedule import Place, Schedule


def forecast(
    known: Iterable[str], schedule: Schedule, place: Place, expected: Callable[[int], float | None]
) -> tuple[Forecast, ...]:
    """The states that are known, then those of a schedule by one worker, as if each built.

    One that does not, or a kernel that equals another byte for byte, costs less than is said here. What a change of
    Kconfig compiles is not told by what was read, so that costs more. ``expected`` are the seconds of a build that
    makes so many targets again.
    """
    told = [Forecast(state=state, known=True) for state in known]
    while schedule.left:
        state, same = schedule.next(place)
        if same is not None:
            told.append(Forecast(state=state.id, built_as=same.state, unread=same.paths))
            continue
        targets = schedule.cost(state, place) if place.dependencies else None
        seconds = expected(targets) if targets is not None else None
        told.append(Forecast(state=state.id, targets=targets, seconds=seconds))
        schedule.built(state, place, lambda: place.dependencies.now)
    return tuple(told)
