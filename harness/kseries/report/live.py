# SPDX-License-Identifier: GPL-2.0-only
"""Progress: one line that is rewritten on a terminal, a line per step elsewhere."""

import shutil
import statistics
import time
from typing import TextIO

from kseries.host.turns import lives
from kseries.model import Finding, Outcome, StateResult, events
from kseries.model.events import Wait
from kseries.model.notewords import unbuilt
from kseries.model.sanitize import few, line
from kseries.report import atwork
from kseries.report.plans import kernels

_REDRAW_SECONDS = 0.1
_PATIENCE_SECONDS = 2.0
"""A plan that is there sooner says nothing."""
_LINE_SECONDS = 10.0
"""Between lines that say how far a plan is, where there is no terminal, or those for whom we wait."""
_FEW = 2
"""Of what a finding rests on, as many are named in its line."""
_MARGIN = "        "
"""As wide as what stands before the text of a line."""


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
        self._tasks: dict[str, atwork.Task] = {}
        """By its state, what is built; what boots, too, where it does so on a host of a cluster."""
        self._builds: dict[str, list[float]] = {}
        """By the host, what each build took."""

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing(what):
                self._line(what)
            case events.Planning(what, done, total):
                self._planning(f"{what}: {done} of {total}", over=done == total)
            case events.RunStarted(series, total, todo, alike):
                self._line(f"{series}: {kernels(total, total - todo, alike)}")
            case events.StageStarted(state, stage, position, todo, where):
                self._started(atwork.Task(f"[{position}/{todo}]", state, stage, where), todo - position + 1)
            case events.Compiled():
                self._compiled(event)
            case events.StateDone(result, known) if not known:
                self._done(result)
            case events.Found(finding):
                self._line(found(finding))
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

    def _started(self, task: atwork.Task, left: int) -> None:
        self._tasks.pop(task.state, None)
        if task.stage == "build" or task.where:
            self._tasks[task.state] = task
        self._line(task.line + (self._left(left) if task.stage == "build" else ""))
        self._show_hosts(task.where)

    def _compiled(self, event: events.Compiled) -> None:
        task = self._tasks.get(event.state)
        if task is None or (task.stage, task.where) != ("build", event.where):
            return  # of a host that was lost: another has its state
        task.objects = task.objects + 1 if event.so_far is None else event.so_far
        if event.where:
            self._redraw(atwork.hosts(self._tasks.values(), event.where, self._width()))
            return
        building = "; ".join(f"{one.line}, {one.objects} objects" for one in self._tasks.values())
        self._redraw(f"{building}, {event.what}")

    def _done(self, result: StateResult) -> None:
        task = self._tasks.pop(result.id, None)
        where = task.where if task is not None else ""
        self._builds.setdefault(where, []).append(result.seconds.get("build", 0.0))
        spent = ", ".join(
            f"{stage} {result.seconds[stage]:.1f} s" for stage in ("build", "boot") if stage in result.seconds
        )
        if result.built_as:
            spent = unbuilt(result.unread, result.built_as)
        why = f": {result.detail.splitlines()[0]}" if result.outcome is not Outcome.OK and result.detail else ""
        on = f" on {where}" if where else ""
        self._line(f"{result.id}: {result.outcome}{on}{why}" + (f" ({spent})" if spent else ""))
        self._show_hosts(where)

    def _show_hosts(self, last: str) -> None:
        """Below a line of a host, what the others go on with."""
        if last and self._tasks:
            self._drawn = 0.0  # it is gone with the line
            self._redraw(atwork.hosts(self._tasks.values(), last, self._width()))

    def _left(self, states: int) -> str:
        """How long the states left may take, once two have told: a host's first is a cold build, and no measure."""
        later = [seconds for builds in self._builds.values() for seconds in builds[1:]]
        if not later:
            return ""
        building = sum(task.stage == "build" for task in self._tasks.values())
        minutes = statistics.mean(later) * states / building / 60
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
        self._stream.write(f"\r\x1b[K{_MARGIN}{line(text)[: self._width()]}")
        self._stream.flush()

    def _width(self) -> int:
        return max(shutil.get_terminal_size().columns - 1 - len(_MARGIN), 0)

    def _clear(self) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")


def found(finding: Finding) -> str:
    """What is certain while other states still come, and by which checks."""
    breaks = f" breaks {finding.contract}" if finding.contract is not None else ""
    return f"found: {finding.kind}: {finding.state}{breaks}: {few([one.name for one in finding.evidence], _FEW)}"


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
