# SPDX-License-Identifier: GPL-2.0-only
"""Which step of either of two ways is needed for what only both of them bring about: by halving.

Nothing is taken for known that was not asked: what is told is a place where one more step of either way decides.
"""

from collections.abc import Callable
from dataclasses import dataclass

Breaks = Callable[[int, int], bool | None]
"""Whether so many steps of the first way and so many of the second bring it about; None where that cannot be told."""


class SpentError(Exception):
    """No more may be asked."""


@dataclass(frozen=True)
class Span:
    """Of one way: it is seen at ``bad``, and not at ``good``. In between nobody can tell, or has not asked yet."""

    good: int
    bad: int

    @property
    def steps(self) -> tuple[int, ...]:
        """Those of which one decides."""
        return tuple(range(self.good + 1, self.bad + 1))


@dataclass(frozen=True)
class Corner:
    """What is known so far. It is seen at ``bad`` of both, and no more with only ``good`` of either."""

    first: Span
    second: Span
    spent: bool = False
    """True where no more might be asked before all was known that can be."""


def narrow(first: int, second: int, breaks: Breaks) -> Corner:
    """Where something begins that is seen at the ends of both ways, and with no step of either is not.

    ``breaks`` may raise SpentError: then what is known so far is told.
    """
    narrowing = _Narrowing(first, second, breaks)
    try:
        narrowing.go_on()
        spent = False
    except SpentError:
        spent = True
    of_first, of_second = narrowing.spans
    return Corner(of_first, of_second, spent)


class _Narrowing:
    """The spans of both ways, one halved after the other."""

    def __init__(self, first: int, second: int, breaks: Breaks) -> None:
        self.spans = [Span(0, first), Span(0, second)]
        self._breaks = breaks

    def go_on(self) -> None:
        """Until what is told of each way is so with what is left of the other."""
        sure = [False, False]
        while not all(sure):
            way = sure.index(False)
            before = self.spans[way].bad
            self._halve(way)
            sure[way] = True
            shorter = self.spans[way].bad != before
            sure[1 - way] = sure[1 - way] and (not shorter or self._still_so(1 - way))

    def _halve(self, way: int) -> None:
        span = self.spans[way] = Span(0, self.spans[way].bad)
        untold: set[int] = set()
        while left := [step for step in range(span.good + 1, span.bad) if step not in untold]:
            middle = min(left, key=lambda step: abs(2 * step - span.good - span.bad))
            broken = self._at(way, middle)
            if broken is None:
                untold.add(middle)
            else:
                span = self.spans[way] = Span(span.good, middle) if broken else Span(middle, span.bad)

    def _still_so(self, way: int) -> bool:
        """Whether a single step of a way decides, now that the other one is shorter."""
        span = self.spans[way]
        return len(span.steps) == 1 and self._at(way, span.good) is False

    def _at(self, way: int, step: int) -> bool | None:
        """Whether it is seen with so many steps of one way, and what is left of the other."""
        steps = [span.bad for span in self.spans]
        steps[way] = step
        return self._breaks(steps[0], steps[1])
