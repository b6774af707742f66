# SPDX-License-Identifier: GPL-2.0-only
"""Progress: one line that is rewritten on a terminal, a line per step elsewhere."""

import shutil
import statistics
import time
from dataclasses import dataclass
from typing import TextIO

from kseries.host.turns import lives
from kseries.model import Outcome, events
from kseries.model.events import Wait
from kseries.model.notewords import unbuilt
from kseries.model.sanitize import line
from kseries.report.plans import kernels

_REDRAW_SECONDS = 0.1
_PATIENCE_SECONDS = 2.0
"""A plan that is there sooner says nothing."""
_LINE_SECONDS = 10.0
"""Between lines that say how far a plan is, where there is no terminal, or those for whom we wait."""


@dataclass
class _Building:
    """A state that a worker builds, and how far make is."""

    what: str
    objects: int = 0


class Progress:
    """A listener that writes what is at work and what is left to a stream (standard error).

    What make, a compiler or a kernel said is somebody else's text: it gets no further than its line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._began = time.monotonic()
        self._drawn = 0.0
        self._plan_at: float | None = None
        self._say_at = 0.0
        self._waits_for: tuple[int | None, int] | None = None
        self._building: dict[str, _Building] = {}
        self._builds: list[float] = []

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing(what):
                self._line(what)
            case events.Planning(what, done, total):
                self._planning(f"{what}: {done} of {total}", over=done == total)
            case events.RunStarted(series, total, todo, alike):
                self._line(f"{series}: {kernels(total, total - todo, alike)}")
            case events.StageStarted(state, "build", position, todo):
                self._building[state] = _Building(f"[{position}/{todo}] {state}: building")
                self._line(self._building[state].what + self._left(todo - position + 1))
            case events.StageStarted(state, stage, position, todo):
                self._building.pop(state, None)
                self._line(f"[{position}/{todo}] {state}: {stage}ing")
            case events.Compiled(state, what):
                self._building[state].objects += 1
                at_work = "; ".join(f"{one.what}, {one.objects} objects" for one in self._building.values())
                self._redraw(f"{at_work}, {what}")
            case events.StateDone(result, known) if not known:
                self._building.pop(result.id, None)
                self._builds.append(result.seconds.get("build", 0.0))
                spent = ", ".join(
                    f"{stage} {result.seconds[stage]:.1f} s" for stage in ("build", "boot") if stage in result.seconds
                )
                if result.built_as:
                    spent = unbuilt(result.unread, result.built_as)
                why = f": {result.detail.splitlines()[0]}" if result.outcome is not Outcome.OK and result.detail else ""
                self._line(f"{result.id}: {result.outcome}{why}" + (f" ({spent})" if spent else ""))
            case events.Waiting(wait):
                self._waiting(wait)

    def _planning(self, text: str, over: bool) -> None:
        now = time.monotonic()
        if self._plan_at is None:
            self._plan_at = now + _PATIENCE_SECONDS
        if now < self._plan_at:
            return
        if over:
            self._clear()
        elif self._terminal:
            self._redraw(text)
        else:
            self._plan_at = now + _LINE_SECONDS
            self._line(text)

    def _waiting(self, wait: Wait) -> None:
        """For whom, said anew where it is another, and else now and then with how far they are."""
        now = time.monotonic()
        whom = (wait.holder.pid if wait.holder is not None else None, wait.before)
        if whom == self._waits_for and now < self._say_at:
            self._redraw(waiting(wait))
            return
        self._waits_for, self._say_at = whom, now + _LINE_SECONDS
        self._line(waiting(wait))

    def _left(self, states: int) -> str:
        """How long the states left may take, once two have told: the first is a cold build, and no measure."""
        later = self._builds[1:]
        if not later:
            return ""
        minutes = statistics.mean(later) * states / len(self._building) / 60
        return f" (about {max(1, round(minutes))} min left)"

    def _line(self, text: str) -> None:
        self._clear()
        elapsed = int(time.monotonic() - self._began)
        print(f"{elapsed // 60:3d}:{elapsed % 60:02d}  {line(text)}", file=self._stream, flush=True)

    def _redraw(self, text: str) -> None:
        now = time.monotonic()
        if not self._terminal or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K        {line(text)}"[: width + 4])
        self._stream.flush()

    def _clear(self) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")


def waiting(wait: Wait) -> str:
    """For whom, how far they are, and who comes before us."""
    holder, others = wait.holder, f"; {_kseries(wait.before)} before this one" if wait.before else ""
    if holder is None:
        return f"waiting for another kseries that is building here{others}"
    if not lives(holder.pid):
        return f"waiting for what {holder.what} (PID {holder.pid}) has left running, which was killed{others}"
    far = f", {holder.done} of {holder.total} states done" if holder.total else ""
    return f"waiting for {holder.what} (PID {holder.pid}){far}{others}"


def _kseries(number: int) -> str:
    return f"{number} other{'s' * (number != 1)}"
