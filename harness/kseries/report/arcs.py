# SPDX-License-Identifier: GPL-2.0-only
"""The picture of which patch needs which: arcs beside a list of the patches, as SVG paths."""

from collections.abc import Sequence
from dataclasses import dataclass

from kseries.model import AppliedPatch, Bond, Coupling

ROW = 32
"""The height of a patch in the picture, in units of its viewBox; reports/run.css shows it as 2rem."""
WIDTH = 112
_MARGIN = 10
"""How far the points are from the right edge of the picture."""
_APART = {Bond.BEHAVIOUR: 0, Bond.BUILD: 5, Bond.TEXTUAL: -5, Bond.BOOT: 9}
"""How much further out the arc of each kind is, so that two between the same patches are seen."""


@dataclass(frozen=True)
class Arc:
    """A coupling as SVG paths: the arc, and the arrow at the patch that is needed."""

    coupling: Coupling
    path: str
    tip: str


@dataclass(frozen=True)
class Picture:
    """The arcs of a series, and where the points of its patches are."""

    width: int
    height: int
    x: int
    points: tuple[int, ...]
    arcs: tuple[Arc, ...]


def picture(patches: Sequence[AppliedPatch], couplings: Sequence[Coupling]) -> Picture:
    """Points below each other at the right, each arc further out the more patches it spans."""
    place = {patch.number: at for at, patch in enumerate(patches)}
    points = tuple(at * ROW + ROW // 2 for at in range(len(patches)))
    known = [
        (one, place[one.patch], place[one.needs]) for one in couplings if one.patch in place and one.needs in place
    ]
    widest = max((abs(patch - needs) for _, patch, needs in known), default=1) or 1
    arcs = tuple(_arc(one, points[patch], points[needs], widest) for one, patch, needs in known)
    return Picture(WIDTH, len(patches) * ROW, WIDTH - _MARGIN, points, arcs)


def _arc(coupling: Coupling, start: int, end: int, widest: int) -> Arc:
    x = WIDTH - _MARGIN
    reach = 24 + (x - 34) * abs(start - end) // (ROW * widest) + _APART[coupling.kind]
    end += 6 if end < start else -6
    path = f"M{x} {start} C{x - reach} {start} {x - reach} {end} {x - 8} {end}"
    return Arc(coupling, path, f"M{x - 3} {end} l-8 -4 v8 z")
