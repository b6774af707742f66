# SPDX-License-Identifier: GPL-2.0-only
"""The tables of docs/against-peers.md, of the pieces that there are: medians, how far they spread, and ratios."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers.pieces import BASE, BOOT, CLEAN, KSERIES, ONE_TREE, REST, VNG, Piece, Pieces

UNKNOWN = "not measured"
CPU, CLOCK, UNITS = MEASURES = ("CPU seconds", "seconds", "null makes")
_NAMES = {CLEAN: "(a) clean builds", ONE_TREE: "(b) one tree, ccache, vng", KSERIES: "(c) kseries"}


@dataclass(frozen=True)
class Spread:
    """Figures for the same thing."""

    every: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.every)

    def __truediv__(self, other: "Spread") -> "Spread":
        """The ratio of the medians, and how far it could be off: what is most of one by what is least of the other."""
        low, high = min(self.every) / max(other.every), max(self.every) / min(other.every)
        return Ratio((low, self.median / other.median, high))

    def __str__(self) -> str:
        return self._shown(0 if self.median >= 100 else 2)

    def _shown(self, digits: int) -> str:
        low, median, high = (f"{one:.{digits}f}" for one in (min(self.every), self.median, max(self.every)))
        return f"{median} ({low} to {high})" if len(self.every) > 1 else median


class Ratio(Spread):
    """Of two such."""

    def __str__(self) -> str:
        return self._shown(2)


def markdown(pieces: Pieces, names: Iterable[str]) -> str:
    """What is known of each series."""
    return "\n".join(line for name in names for line in _of_series(pieces, name))


def _of_series(pieces: Pieces, name: str) -> Iterator[str]:
    yield f"### {name}\n"
    totals = {way: {what: total(pieces, name, way, what) for what in MEASURES} for way in _NAMES}
    yield from _grid(("way", *MEASURES), ((_NAMES[way], *_shown(totals[way].values())) for way in _NAMES))
    yield from _grid(("as many as kseries'", *MEASURES), _ratios(totals))
    yield from _stages(pieces, name)
    yield from _steps(pieces, name)
    yield from _boots(pieces, name)


def total(pieces: Pieces, name: str, way: str, what: str) -> Spread | None:
    """What all states cost in one way, of which some is measured once and the rest in rounds. None where something was
    not measured.
    """
    usual = _usual_unit(pieces, name)
    if what == UNITS and not usual:
        return None
    if way == CLEAN:
        builds = [one.of * _worth(one, what, usual) for one in pieces.of(name, CLEAN)]
        return Spread(tuple(builds)) if builds else None
    once, rounds = ([_worth(one, what, usual) for one in pieces.of(name, way, part)] for part in (BASE, REST))
    return Spread(tuple(once[0] + one for one in rounds)) if once and rounds else None


def _usual_unit(pieces: Pieces, name: str) -> float:
    """For what was measured once: CPU seconds of a null make, in the middle."""
    units = [one.unit.cpu for way in _NAMES for one in pieces.of(name, way) if one.unit is not None]
    return statistics.median(units) if units else 0.0


def _worth(piece: Piece, what: str, usual: float) -> float:
    if what == CLOCK:
        return piece.cost.wall
    return piece.cost.cpu / ((piece.unit.cpu if piece.unit else usual) if what == UNITS else 1.0)


def _ratios(totals: dict[str, dict[str, Spread | None]]) -> Iterator[tuple[str, ...]]:
    for way in (CLEAN, ONE_TREE):
        pairs = ((totals[way][what], totals[KSERIES][what]) for what in MEASURES)
        yield _NAMES[way], *_shown(one / other if one and other else None for one, other in pairs)


def _shown(spreads: Iterable[Spread | None]) -> Iterator[str]:
    return (UNKNOWN if one is None else str(one) for one in spreads)


def _grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(line)} |"
    yield ""


def _stages(pieces: Pieces, name: str) -> Iterator[str]:
    """Where the time of all states behind base goes."""
    for way in (ONE_TREE, KSERIES):
        rounds = pieces.of(name, way, REST)
        if rounds:
            stages = [{**one.stages, "all": one.cost.wall} for one in rounds]
            figures = (Spread(tuple(one[stage] for one in stages)) for stage in stages[0])
            head = (f"{_NAMES[way]}, seconds", *stages[0])
            yield from _grid(head, [("all states behind base", *map(str, figures))])


def _steps(pieces: Pieces, name: str) -> Iterator[str]:
    """What came of the states in one tree."""
    for one in pieces.of(name, ONE_TREE, REST)[:1]:
        prefixes = [step for step in one.steps if step.state.startswith("prefix-")]
        booted = [step for step in one.steps if "boot" in step.costs]
        same = [step for step in booted if not step.changed]
        idle = sum(step.costs["boot"].cpu for step in same)
        compiled = sum(step.compiled > 0 for step in prefixes)
        failed = [step.state for step in one.steps if step not in booted]
        yield f"- states with trees of their own, base among them: {len(one.steps) + 1}"
        yield f"- patches for which make compiles something: {compiled} of {len(prefixes)}"
        yield f"- states whose kernel is the one before, and is booted again: {len(same)}, in {idle:.0f} CPU seconds"
        yield f"- checks that our probes answer under vng: {sum(step.checks for step in booted)} in {len(booted)} boots"
        yield f"- states that do not build: {', '.join(failed) or 'none'}\n"


def _boots(pieces: Pieces, name: str) -> Iterator[str]:
    found = {part: pieces.of(name, BOOT, part) for part in (VNG, KSERIES)}
    if not all(found.values()):
        return
    first = {part: Spread(tuple(one.cost.wall for one in some)) for part, some in found.items()}
    whole = Spread(tuple(one.stages["whole"] for one in found[VNG]))
    rows = [
        ("vng", str(first[VNG]), str(whole)),
        ("kseries", str(first[KSERIES]), ""),
        ("kseries' part of vng's", str(first[KSERIES] / first[VNG]), ""),
    ]
    yield from _grid(("boot to the first thing a program says", "seconds from QEMU's start", "from vng's"), rows)
