# SPDX-License-Identifier: GPL-2.0-only
"""git bisect's own way through a history, without git: what a search with a confidence is compared with."""

from kseries.bisect import ancestry
from kseries.model.lineage import Lineage
from tests.support.simulated import Simulated


def worth(below: tuple[int, ...], suspects: int, place: int) -> int:
    """How many suspects an answer of a commit rules out at least: git asks the commit that has most of it."""
    inside = (below[place] & suspects).bit_count()
    return min(inside, suspects.bit_count() - inside)


def best(below: tuple[int, ...], suspects: int) -> int:
    """A commit that git would ask: the last of the best ones, as its list begins with the newest."""
    return max(ancestry.places(suspects), key=lambda place: (worth(below, suspects, place), place))


def bisect(lineage: Lineage, asker: Simulated, repeats: int) -> int:
    """The place of the commit that git bisect run blames. A commit is bad if one of so many boots of it fails."""
    below = ancestry.below(lineage)
    suspects = (1 << len(below)) - 1
    while suspects.bit_count() > 1:
        place = best(below, suspects)
        bad = any(asker.ask(lineage.commits[place], 1).failed for _ in range(repeats))
        suspects &= below[place] if bad else ~below[place]
    return suspects.bit_length() - 1
