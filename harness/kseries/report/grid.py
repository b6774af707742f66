# SPDX-License-Identifier: GPL-2.0-only
"""The matrix of states and checks as a table: what stands in which cell, and what it means in words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby

from kseries.model import Ending, Outcome, RunResult, StateResult, Status
from kseries.model.sanitize import shortened
from kseries.report.evidence import Exhibit, by_place
from kseries.report.idle import Idle, idle


@dataclass(frozen=True)
class Scenario:
    """How the columns of a scenario are headed, and what it asks of a patch."""

    title: str
    asks: str


SCENARIOS = {
    "prefixes": Scenario("patches 1 to …", "Bisect through it?"),
    "reverts": Scenario("all but …", "Revert it alone?"),
    "alone": Scenario("only …", "Apply it alone?"),
    "pairs": Scenario("all but …", "Revert it with another?"),
}


@dataclass(frozen=True)
class Sign:
    """A cell's sign for the eye, its word for everybody, and its CSS class."""

    sign: str
    word: str
    looks: str


STATUSES = {
    Status.PASS: Sign("✓", "pass", "pass"),
    Status.FAIL: Sign("✗", "fail", "fail"),
    Status.SKIP: Sign("s", "skip", "skip"),
    Status.XFAIL: Sign("x", "expected failure", "skip"),
    Status.MISSING: Sign("?", "missing", "miss"),
}
OUTCOMES = {
    Outcome.OK: Sign("ok", "ok", "pass"),
    Outcome.CONFLICT: Sign("confl.", "conflict", "loud"),
    Outcome.BUILD_FAILED: Sign("build", "build failed", "loud"),
    Outcome.BOOT_FAILED: Sign("boot", "boot failed", "loud"),
    Outcome.CRASHED: Sign("crash", "crashed", "fail"),
    Outcome.TIMED_OUT: Sign("hang", "timed out", "fail"),
    Outcome.NOT_BOOTED: Sign("built", "built, not booted", "pass"),
    Outcome.INFRA_ERROR: Sign("infra", "this host failed", "miss"),
    Outcome.NOT_TRIED: Sign("-", "not tried", "miss"),
}
ENDINGS = {
    Ending.DONE: Sign("done", "done", "none"),
    Ending.WARNING: Sign("warn", "warning", "miss"),
    Ending.OOPS: Sign("oops", "oops", "fail"),
    Ending.PANIC: Sign("panic", "panic", "fail"),
    Ending.RESET: Sign("reset", "reset", "fail"),
    Ending.POWEROFF: Sign("off", "poweroff", "fail"),
    Ending.HANG: Sign("hang", "hang", "fail"),
    Ending.FLOOD: Sign("flood", "flood", "fail"),
    Ending.DEADLINE: Sign("late", "deadline", "fail"),
}
_TITLE = 300
"""Characters of what a check said that a cell's title has room for; there are as many titles as cells."""
_NOTHING = Sign("", "not run", "none")


@dataclass(frozen=True)
class Cell:
    """One thing seen in one state. ``finding`` is the number of the finding that it is evidence of.

    ``href`` leads to that finding, or to what else is told of it.
    """

    sign: Sign
    title: str
    finding: int | None = None
    href: str | None = None


@dataclass(frozen=True)
class Row:
    """A name, and a cell for each state. ``id`` is the check's, or the name of what else is told."""

    id: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A state at the head of its column, under the title of its scenario."""

    state: StateResult
    head: str
    title: str


@dataclass(frozen=True)
class Grid:
    """The whole table: columns in groups (title, columns), rows in groups (title, rows).

    ``idle`` are the checks that have no row, since they would say nothing in it.
    """

    columns: tuple[tuple[str, tuple[Column, ...]], ...]
    sections: tuple[tuple[str, tuple[Row, ...]], ...]
    idle: Idle | None

    @property
    def starts(self) -> frozenset[int]:
        """The columns at which a group begins."""
        return frozenset(accumulate((len(columns) for _, columns in self.columns), initial=0))


def anchor(state: str) -> str:
    """The HTML id of a state's details."""
    return "state-" + re.sub(r"[^\w.+-]", "_", state)


def grid(run: RunResult) -> Grid:
    """The matrix of a run."""
    columns = groupby((_column(run, state) for state in run.states), lambda column: column.state.scenario)
    groups = tuple((_group_title(scenario), tuple(group)) for scenario, group in columns)
    rows = _Rows(run)
    probes: dict[str, list[Row]] = {}
    silent = idle(run)
    names = dict.fromkeys(check.id for state in run.states for check in state.checks)
    for name in (one for one in names if silent is None or one not in silent.names):
        probes.setdefault(name.rpartition(".")[0], []).append(rows.check(name))
    sections = (("kernel", tuple(rows.about_state())), *((probe, tuple(members)) for probe, members in probes.items()))
    return Grid(groups, sections, silent)


def _group_title(scenario: str) -> str:
    return SCENARIOS[scenario].title if scenario in SCENARIOS else scenario


def _column(run: RunResult, state: StateResult) -> Column:
    """``without-3`` is headed "3": the group says the rest."""
    tip = ": the tip" if len(state.applied) == len(run.series.patches) and state.scenario == "prefixes" else ""
    same = f", same source tree as {state.same_as}" if state.same_as else ""
    short = state.id.partition("-")[2] if state.scenario in SCENARIOS else state.id
    return Column(state, short or state.id, f"{state.id}{tip}{same}")


class _Rows:
    """Makes the rows of a run."""

    def __init__(self, run: RunResult) -> None:
        self._run = run
        self._evidence = by_place(run)

    def about_state(self) -> Iterator[Row]:
        yield Row("outcome", "outcome", tuple(self._outcome(state) for state in self._run.states))
        if any(state.ending not in (None, Ending.DONE) for state in self._run.states):
            yield Row("ending", "ending", tuple(_ending(state) for state in self._run.states))
        for cap in dict.fromkeys(cap for state in self._run.states for cap in state.caps):
            yield Row(cap, cap, tuple(_cap(state, cap) for state in self._run.states))

    def check(self, name: str) -> Row:
        test = name.rpartition(".")[2]
        return Row(name, test, tuple(self._status(state, name) for state in self._run.states))

    def _outcome(self, state: StateResult) -> Cell:
        sign = OUTCOMES[state.outcome]
        detail = f": {state.detail}" if state.detail else ""
        if state.same_as:
            sign = Sign("=", f"{sign.word}, same source tree as {state.same_as}", sign.looks)
        told_below = None if state.outcome.well else f"#{anchor(state.id)}"
        return self._cell(state, state.outcome, sign, detail, told_below)

    def _status(self, state: StateResult, name: str) -> Cell:
        check = next((check for check in state.checks if check.id == name), None)
        if check is None:
            # Evidence may name a check that never came, not even as missing.
            missed = (state.id, name) in self._evidence
            return self._cell(state, name, STATUSES[Status.MISSING] if missed else _NOTHING, "")
        detail = f": {check.words}" if check.words else ""
        return self._cell(state, name, STATUSES[check.status], detail)

    def _cell(self, state: StateResult, name: str, sign: Sign, detail: str, href: str | None = None) -> Cell:
        number = self._number(self._evidence.get((state.id, name), []))
        return Cell(
            sign,
            f"{state.id}: {sign.word}{shortened(detail, _TITLE)}",
            number,
            f"#finding-{number}" if number else href,
        )

    def _number(self, told: list[Exhibit]) -> int | None:
        """The number of the first finding, one that fails the run before what does not."""
        numbered = [(not one.finding.counts, self._run.findings.index(one.finding) + 1) for one in told]
        return min(numbered)[1] if numbered else None


def _ending(state: StateResult) -> Cell:
    if state.ending is None:
        return Cell(_NOTHING, f"{state.id}: {'no boot' if state.outcome.loud else 'not known'}")
    sign = ENDINGS[state.ending]
    href = None if state.ending is Ending.DONE else f"#{anchor(state.id)}"
    return Cell(sign, f"{state.id}: {sign.word}", href=href)


def _cap(state: StateResult, name: str) -> Cell:
    if name not in state.caps:
        return Cell(_NOTHING, f"{state.id}: not known")
    sign = Sign("yes", "advertised", "yes") if state.caps[name] else Sign("no", "not advertised", "no")
    return Cell(sign, f"{state.id}: {sign.word}")
