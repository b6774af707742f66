# SPDX-License-Identifier: GPL-2.0-only
"""What a schedule would cost: which states no build can tell from another, and what the others compile."""

from collections.abc import Callable, Iterable

from kseries.model import Forecast
from kseries.plan.samebuild import Footprint
from kseries.plan.schedule import Place, Schedule


def forecast(
    known: Iterable[str],
    schedule: Schedule,
    place: Place,
    expected: Callable[[int], float | None],
    *,
    again: bool = False,
) -> tuple[Forecast, ...]:
    """The states that are known, then those of a schedule by one worker, as if each built; with base built ``again``
    before the first of them.

    One that does not, or a kernel that equals another byte for byte, costs less than is said here. What a change of
    Kconfig compiles is not told by what was read, so that costs more. ``expected`` are the seconds of a build that
    makes so many targets again.
    """
    told: list[Forecast] = []
    if again:
        place.here = Footprint({}, {})
    while schedule.left:
        state, same = schedule.next(place)
        if same is not None:
            told.append(Forecast(state=state.id, built_as=same.state, unread=same.paths))
            continue
        targets = schedule.cost(state, place) if place.dependencies else None
        seconds = expected(targets) if targets is not None else None
        told.append(Forecast(state=state.id, targets=targets, seconds=seconds))
        schedule.built(state, place, lambda: place.dependencies.now)
    again = again and any(one.to_build for one in told)
    return (*(Forecast(state=state, known=True, again=again and state == "base") for state in known), *told)
