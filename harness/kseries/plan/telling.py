# SPDX-License-Identifier: GPL-2.0-only
"""How much a state may tell, before it is built: from what the patches say of each other, and what the tip has shown.

Nothing depends on it but which states come first. So what is said here may be wrong of a state, and is quick.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cached_property

from kseries.model import AppliedPatch, Coverage, Plan, State
from kseries.plan.names import COMPILED, Wording, is_code


class Tells(IntEnum):
    """How much may come of a state, beside others: one that tells twice as much may cost twice as much, too."""

    LITTLE = 1
    """Advice at most, or nothing: it fails loudly, or runs as the tip does."""
    SOME = 2
    MUCH = 4
    """It may well break something that nobody notices."""
    ALL = 1000
    """It is the tip, without which no revert tells anything."""


class Prospects:
    """The states of a plan by what they may tell. ``wordings`` are those of its patches; ``tip`` is what is known of
    what the tip's build has read and which of it ran, None before that.
    """

    def __init__(self, plan: Plan, wordings: Sequence[Wording], tip: Coverage | None) -> None:
        self._plan = plan
        self._tip = tip
        told = zip(plan.patches, wordings, strict=True)
        self._patches = {patch.number: _Part(patch, words, tip) for patch, words in told}

    @cached_property
    def by_state(self) -> dict[str, Tells]:
        """Each state that is built, as the most telling one of those that it stands for."""
        found: dict[str, Tells] = {}
        for state in self._plan.states:
            built = state.same_as or state.id
            found[built] = max(found.get(built, Tells.LITTLE), self._of(state))
        return found

    def _of(self, state: State) -> Tells:
        if state.id == self._plan.tip:
            return Tells.ALL
        patch = self._patches.get(state.patch or 0)
        match state.scenario:
            case "reverts" if patch is not None:
                return self._of_revert(patch)
            case "prefixes" if patch is not None:
                return Tells.MUCH if self._is_early(patch) else Tells.SOME
            case "pairs":
                return Tells.SOME
            case _:
                return Tells.LITTLE

    def _of_revert(self, patch: "_Part") -> Tells:
        """A revert breaks silently what a later patch builds upon, as long as that one is still compiled, and runs."""
        later = list(self._after(patch))
        if not patch.files or self._is_silent(patch) or any(patch.brings & other.uses for other in later):
            return Tells.LITTLE
        return Tells.MUCH if any(map(patch.is_near, later)) else Tells.SOME

    def _is_early(self, patch: "_Part") -> bool:
        """True where a patch uses what only a later one brings: git bisect would stop there."""
        return any(patch.uses & (other.brings - patch.brings) for other in self._after(patch))

    def _after(self, patch: "_Part") -> Iterator["_Part"]:
        return (other for number, other in self._patches.items() if number > patch.number)

    def _is_silent(self, patch: "_Part") -> bool:
        """True where all code of a patch was watched, and none of it has run; of a module nobody sees that."""
        tip = self._tip
        if tip is None or tip.unknown:
            return False
        watched = tip.code.keys() - {*(tip.modules or ())}
        return patch.files <= watched and tip.ran.keys().isdisjoint(patch.files)


class _Part:
    """What of the kernel is of one patch: its files, as far as the tip is known to be made of them, and their names."""

    def __init__(self, patch: AppliedPatch, words: Wording, tip: Coverage | None) -> None:
        read = tip.read if tip is not None else None
        self.number = patch.number
        self.files = frozenset(
            path for path in filter(is_code, patch.files) if read is None or path in read or not path.endswith(COMPILED)
        )
        self.brings = words.brings
        self.uses = frozenset[str]().union(*(names for path, names in words.uses.items() if path in self.files))

    def is_near(self, other: "_Part") -> bool:
        """True where both change one file, or have a name that the series brings."""
        return not self.files.isdisjoint(other.files) or not self.uses.isdisjoint(other.uses)
