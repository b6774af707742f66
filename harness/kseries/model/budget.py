# SPDX-License-Identifier: GPL-2.0-only
"""The time after which a run begins no state any more: what somebody asked for, and what that has left out."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from kseries.model.record import Record

_MINUTE, _HOUR = 60, 3600


class Step(StrEnum):
    """What a run does once the states of its series are judged, in this order; each may take more states."""

    PARTNERS = "partners"
    CURES = "cures"
    REVERT_SETS = "revert-sets"
    JOURNEYS = "journeys"


class Budget(Record, frozen=True):
    """What --budget asked for, in ``seconds`` since the command began, and what it has left out."""

    seconds: float
    share: float | UnsetType = UNSET
    """What of it this variant had, in seconds since it began; not there where the run has no other."""
    left_out: tuple[str, ...] = ()
    """The states of the series that were not begun before it was used up, by their ids."""
    unfinished: Step | UnsetType = UNSET
    """The step that wanted another state after that; those after it were not begun. Not there where none did."""

    @property
    def used_up(self) -> bool:
        """True where anything was left out for it."""
        return bool(self.left_out) or self.unfinished is not UNSET

    @property
    def words(self) -> str:
        """As a person says it: budget of 20m."""
        of_whole = f"budget of {in_words(self.seconds)}"
        if self.share is UNSET or self.share < 1:  # nothing was left, and so it had no part in it
            return of_whole
        return f"share of {in_words(self.share)} in the {of_whole}"


def in_words(seconds: float) -> str:
    """A time as --budget takes it, in whole seconds: 90s, 20m, 2h, 1h30m."""
    whole = round(seconds)
    if whole < 2 * _MINUTE and whole % _MINUTE:
        return f"{whole}s"
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
