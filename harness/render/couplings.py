# SPDX-License-Identifier: GPL-2.0-only
"""Which patches a run has seen to depend on which, and the picture of it: arcs beside the list of patches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import AppliedPatch, FindingKind, Outcome, RunResult, StateResult

ROW = 32
"""The height of a patch in the picture, in units of its viewBox; it is shown as two lines of text."""
WIDTH = 112
_EDGE = 10
"""How far the points are from the right edge of the picture."""


@dataclass(frozen=True)
class Edge:
    """``patch`` needs ``needs``: without, it fails at ``kind`` (text, build, boot, behaviour), as ``state`` shows."""

    kind: str
    patch: int
    needs: int
    state: str
    said: str


_LOUD = {Outcome.CONFLICT: "text", Outcome.BUILD_FAILED: "build", Outcome.BOOT_FAILED: "boot"}


def edges(run: RunResult) -> tuple[Edge, ...]:
    """Each dependency once, by behaviour first."""
    found: dict[tuple[int, int, str], Edge] = {}
    for edge in (*_by_behaviour(run), *_loud(run)):
        found.setdefault((edge.patch, edge.needs, edge.kind), edge)
    return tuple(found.values())


def _by_behaviour(run: RunResult) -> Iterator[Edge]:
    for finding in run.findings:
        if finding.patch is None or finding.partner is None:
            continue
        said = f"{finding.contract} is kept only with both"
        if finding.kind is FindingKind.SILENT_BREAK:
            yield Edge("behaviour", finding.partner, finding.patch, finding.state, said)
        elif finding.kind is FindingKind.UNDOCUMENTED_DEPENDENCY:
            yield Edge("behaviour", finding.patch, finding.partner, finding.state, said)


def _loud(run: RunResult) -> Iterator[Edge]:
    """A patch that fails alone as the tip does without an earlier one; of several, those that share a file with it."""
    files = {patch.number: {*patch.files} for patch in run.series.patches}
    for outcome, kind in _LOUD.items():
        reverted = _failed(run, "reverts", outcome)
        for number in _failed(run, "alone", outcome):
            needed = [other for other in reverted if other < number]
            if len(needed) > 1:
                needed = [other for other in needed if files[other] & files[number]]
            for other in needed:
                state = reverted[other]
                yield Edge(kind, number, other, state.id, state.detail.partition("\n")[0])


def _failed(run: RunResult, scenario: str, outcome: Outcome) -> dict[int, StateResult]:
    """By patch, the states of a scenario that came to this."""
    known = {patch.number for patch in run.series.patches}
    states = (state for state in run.states if state.scenario == scenario and state.outcome is outcome)
    return {state.patch: state for state in states if state.patch is not None and state.patch in known}


# --- the picture --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arc:
    """An edge as SVG paths: the arc, and the point at its end."""

    edge: Edge
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


def picture(patches: Sequence[AppliedPatch], found: Sequence[Edge]) -> Picture:
    """Points below each other at the right, each arc further out the more patches it spans."""
    place = {patch.number: at for at, patch in enumerate(patches)}
    points = tuple(at * ROW + ROW // 2 for at in range(len(patches)))
    widest = max((abs(place[edge.patch] - place[edge.needs]) for edge in found), default=1)
    arcs = (_arc(edge, points[place[edge.patch]], points[place[edge.needs]], widest) for edge in found)
    return Picture(WIDTH, len(patches) * ROW, WIDTH - _EDGE, points, tuple(arcs))


_APART = {"behaviour": 0, "build": 5, "text": -5, "boot": 9}
"""How much further out the arc of each kind is, so that two between the same patches are seen."""


def _arc(edge: Edge, start: int, end: int, widest: int) -> Arc:
    x = WIDTH - _EDGE
    reach = 24 + (WIDTH - _EDGE - 44) * abs(start - end) // (ROW * widest) + _APART[edge.kind]
    end += 6 if end < start else -6
    tip = f"M{x - 3} {end} l-8 -4 v8 z"
    return Arc(edge, f"M{x} {start} C{x - reach} {start} {x - reach} {end} {x - 8} {end}", tip)
