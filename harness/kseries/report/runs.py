# SPDX-License-Identifier: GPL-2.0-only
"""The list of runs as text: a row each, in 100 columns."""

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from kseries.cache.runs import Kept, Run, Stage
from kseries.model import Verdict
from kseries.model.sanitize import line

WIDE = 100
_SERIES = 26
_ANSWERS = {True: "yes", False: "NO", None: "?"}
_WRONG = {2: "wrong input", 3: "host failed"}
_RESULT = {Kept.THERE: "", Kept.NONE: " (none)", Kept.GONE: " (gone)", Kept.REPLACED: " (replaced)"}


def render(runs: Sequence[Run], here: Path, zone: tzinfo | None = None) -> str:
    """The rows; directories below ``here`` are shown from there. Times are local, or those of ``zone``."""
    rows = [_cells(run, here, zone) for run in runs]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(_fitted([*row[:4], row[4], row[5]], widths) for row in rows)


def _cells(run: Run, here: Path, zone: tzinfo | None) -> tuple[str, str, str, str, str, str]:
    series = line(run.series) + (f" v{run.version}" if run.version > 1 else "")
    when = run.began.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    out = Path(run.out)
    place = str(out.relative_to(here) if out.is_relative_to(here) and out != here else out)
    kept = _RESULT[run.result] if run.stage is not Stage.AT_WORK else ""
    return str(run.id), when, _right(series, _SERIES), state(run), line(place), kept


def state(run: Run) -> str:
    """The verdict of a run, or how far it came; both of one whose budget did not do for all."""
    far = f"{run.states_done} of {run.states}" if run.states else "at the plan"
    if run.stage is not Stage.ENDED:
        return f"{run.stage}, {far}"
    if run.exit_status in _WRONG:
        return f"{_WRONG[run.exit_status]}, {far}"
    return _verdict(run.verdict) + (f", {far}" if run.states_done < run.states else "")


def _verdict(verdict: Verdict) -> str:
    if verdict.bisectable is None and verdict.revert_safe is None:
        return "not judged"
    return f"bisect {_ANSWERS[verdict.bisectable]}, revert {_ANSWERS[verdict.revert_safe]}"


def _fitted(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, *others = (cell.ljust(width) for cell, width in zip(cells[:4], widths, strict=True))
    head = "  ".join([number.strip().rjust(widths[0]), *others, ""])
    place, kept = cells[4:]
    room = WIDE - len(head) - len(kept)
    return head + _left(place, room) + kept


def _right(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."


def _left(text: str, room: int) -> str:
    return text if len(text) <= room else f"...{text[len(text) - room + 3 :]}"
