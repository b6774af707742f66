# SPDX-License-Identifier: GPL-2.0-only
"""Which states of a run have a source, a build and a boot of their own: of what is proved to be the same one has."""

from collections.abc import Mapping

from kseries.model import Outcome, RunResult, StateResult
from kseries.model.sanitize import line

_UNMADE = (Outcome.NOT_TRIED, Outcome.CONFLICT)


class Kernels:
    """The states of a run, by what of each is its own. One that was not tried has nothing."""

    def __init__(self, run: RunResult) -> None:
        made = {one.id: one for one in run.states if one.outcome not in _UNMADE}
        self.builder = {name: _end(one, made, booted=False) for name, one in made.items()}
        """By the id of a state, the one whose build its would be: most often itself. Not there where none was made."""
        self.booter = {name: _end(self.builder[name], made, booted=True) for name, one in made.items()}
        """Likewise, the one whose boot tells what it does: one that has a build of its own."""
        self.built = tuple(one for one in made.values() if self.builder[one.id] is one)
        self.booted = tuple(one for one in made.values() if self.booter[one.id] is one)
        self.checked_out = tuple(one for one in run.states if self._has_source(one))

    def _has_source(self, state: StateResult) -> bool:
        """Each prefix is a source of its own, whatever else is the same; so is what nobody could put together."""
        if state.outcome is Outcome.NOT_TRIED:
            return False
        return state.scenario in ("base", "prefixes") or self.builder.get(state.id, state) is state

    def same_as(self, state: StateResult) -> list[str]:
        """The ids of the other states that have this one's build."""
        return [line(name) for name, one in self.builder.items() if one is state and name != state.id]


def _end(state: StateResult, made: Mapping[str, StateResult], *, booted: bool) -> StateResult:
    """Where one comes along what is the same; a state that leads back to itself stands for itself."""
    seen, at = {state.id}, state
    while True:
        names = (at.same_as, at.built_as, at.booted_as if booted else None)
        other = next((made[name] for name in names if name is not None and name in made), None)
        if other is None:
            return at
        if other.id in seen:
            return state
        seen.add(other.id)
        at = other
