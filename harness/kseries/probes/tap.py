# SPDX-License-Identifier: GPL-2.0-only
"""TAP as the world writes it, line by line -> results, whatever their form and however deep they are nested.

KTAP 1 (Documentation/dev-tools/ktap.rst), TAP 12 to 14 (testanything.org), and what the kernel's own producers print:
kselftest.h, kselftest_harness.h, kselftest/runner.sh, lib/kunit/test.c. A number, a description and a directive are
optional; a directive's case does not matter. No result is dropped, and nothing is called passed that has not been said
to be: a plan's results that do not come are MISSING, after ``Bail out!`` nothing passes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from kseries.model import Status

Put = Callable[[str, Status, str], None]
"""Takes the name of a result, its status and its detail."""
PLAN = "plan"
"""The check that tells, by failing, of results that were not planned, and of a plan of none by being skipped."""
BAIL_OUT = "bail_out"
"""The check that tells, by failing, of a program that gave up."""

_RESULT = re.compile(r"(?P<not>not )?ok(?=\s|$)\s*(?:(?P<number>[0-9]+)(?=[\s#]|$)\s*)?(?:-(?=\s|$)\s*)?(?P<rest>.*)")
# A hash in a description ("issue #42", "\#") stands for itself: what sets off a directive has space on both sides
# (ktap.rst, TAP 14), or is a directive itself ("#skip", in TAP 12).
_HASH = re.compile(r"(?:^|(?<=\s))#(?=\s|$|(?i:skip|skipped|todo|xfail)(?![\w-]))\s*(?P<said>.*)")
_DIRECTIVE = re.compile(r"(?P<word>(?P<any>(?i:skip|skipped|todo|xfail))|TIMEOUT|ERROR)(?![\w-])[\s:]*")
_NO_NAME = re.compile(r"[^\w-]+")
"""What the name of a check is not made of; kselftest's programs name theirs in sentences. A dot ends a probe's name."""
_VERSION = re.compile(r"K?TAP version [0-9]+$")
_PLAN = re.compile(r"1\.\.(?P<count>[0-9]{1,9})(?:\s*#\s*(?P<said>.*))?$")
_BAIL_OUT = re.compile(r"(?i:bail out!)\s*(?P<why>.*)")
_SUBTEST = re.compile(r"# Subtest: (?P<name>.+)")
_COMMENT = re.compile(r"# ?")
_MAX_DIGITS = 9
"""A result's number has no more, or is none."""
_MAX_DEPTH = 16
"""Levels of nested results that are told apart; KUnit has three."""
_MAX_WAITING = 5000
"""Results that wait for the name of their parent."""


@dataclass(frozen=True)
class Result:
    """A result line. ``said`` stands behind the hash, without a directive that ``status`` has in it."""

    ok: bool
    number: int | None
    description: str
    directive: str
    said: str

    @property
    def status(self) -> Status:
        """What the line says, taken by itself.

        kselftest writes "ok" before XFAIL, others "not ok": both say that it failed as expected. TODO is that where it
        fails, and a pass where it does not. What timed out or could not be run has not passed, whatever stands before.
        """
        match self.directive:
            case "SKIP" | "SKIPPED":
                return Status.SKIP
            case "XFAIL":
                return Status.XFAIL
            case "TODO" if not self.ok:
                return Status.XFAIL
            case "TIMEOUT" | "ERROR":
                return Status.FAIL
        return Status.PASS if self.ok else Status.FAIL


def result(text: str) -> Result | None:
    """The result that a line without its indentation tells, None where it tells none."""
    found = _RESULT.fullmatch(text)
    if found is None:
        return None
    split = _HASH.search(found["rest"])
    description = found["rest"][: split.start()] if split else found["rest"]
    directive, said = _directive(split["said"] if split else "")
    digits = found["number"] or ""
    number = int(digits) if 0 < len(digits) <= _MAX_DIGITS else None
    return Result(not found["not"], number, description.strip(), directive, said)


def _directive(behind: str) -> tuple[str, str]:
    """What stands behind a hash: the directive in capitals, if it is one, and what is said."""
    word = _DIRECTIVE.match(behind)
    if word is None:
        return "", behind.strip()
    return word["word"].upper(), behind[word.end() if word["any"] else 0 :].strip()


def tidy(description: str) -> str:
    """A name made of a description; empty where there is nothing to make it of."""
    name = _NO_NAME.sub("_", description)
    return name if name.strip("_") else ""


@dataclass
class _Level:
    """The results at one depth of indentation, of the document that is open there."""

    indent: int
    name: str = ""
    """Of the test that they are the parts of, where "# Subtest" told it."""
    plan: int | None = None
    why_none: str = ""
    """What stands behind the plan."""
    numbers: list[int] = field(default_factory=list)
    """Of the results that came."""
    waiting: list[tuple[str, Status, str]] = field(default_factory=list)
    """Results, names and all, whose parent has not come."""
    failed: bool = False

    @property
    def begun(self) -> bool:
        return self.plan is not None or bool(self.numbers)

    def anew(self) -> None:
        """Another document begins."""
        self.plan, self.why_none = None, ""
        self.numbers.clear()

    def missing(self) -> Iterator[int]:
        """The numbers of the planned results that did not come: as many as lack, should others share a number."""
        planned, came = self.plan or 0, {*self.numbers}
        lacking = (number for number in range(1, planned + 1) if number not in came)
        shared = len(self.numbers) - sum(1 <= number <= planned for number in came)
        return islice(lacking, max(shared, 0), None)

    def excess(self) -> str:
        """What came and was not planned, in words; empty where nothing did."""
        planned, came = self.plan or 0, len(self.numbers)
        if came > planned:
            return f"{came} results came"
        outside = (f"number {number} came" for number in self.numbers if not 1 <= number <= planned)
        return next(outside, "")


class Documents:
    """What one program prints: documents one after the other, each with others nested in it.

    A result of a nested one is called ``PARENT/NAME``; one without a description by its number, which is the next
    where the line has none. A parent whose part fails has failed. Lines that are none of TAP's explain the result that
    follows them.
    """

    def __init__(self, put: Put, most_missing: int) -> None:
        """``most_missing`` results are told to be missing: one line of a plan may promise any number."""
        self.names: list[str] = []
        """Of all results at the outermost level, where they were announced; the plan by number is superfluous then."""
        self.diagnostics: list[str] = []
        self.bailed = ""
        """The line in which the program gave up."""
        self._put = put
        self._levels = [_Level(0)]
        self._waiting = 0
        self._missing = most_missing

    def line(self, indent: int, text: str) -> None:
        """Read a line that has so many spaces before it."""
        if found := result(text):
            self._result(indent, found)
        elif plan := _PLAN.match(text):
            self._plan(indent, int(plan["count"]), plan["said"] or "")
        elif _VERSION.match(text):
            self._document(indent)
        elif bailed := _BAIL_OUT.match(text):
            self._bail_out(f"Bail out! {bailed['why']}".rstrip())
        elif subtest := _SUBTEST.match(text):
            self._subtest(indent, subtest["name"])
        elif text:
            self.diagnostics.append(_COMMENT.sub("", text, count=1))

    def end(self, why: str = "") -> None:
        """The program has ended: what was planned and has not come does not come any more."""
        self._orphaned(0, why)
        self._settle(self._levels[0], why)
        self._levels[0].anew()

    def cut(self) -> None:
        """The machine has ended first. Of a document that came no further than its plan nothing is known by number."""
        if not self._levels[0].numbers:
            self._levels[0].anew()
        self.end()

    # --- lines ----------------------------------------------------------------------------------

    def _result(self, indent: int, found: Result) -> None:
        parts = self._leave(indent)
        level = self._enter(indent)
        number = (level.numbers[-1] if level.numbers else 0) + 1 if found.number is None else found.number
        level.numbers.append(number)
        name = tidy(found.description) or self._announced(level, number)
        status = found.status
        if parts is not None:
            self._adopt(level, parts, name)
        said = [*self.diagnostics, found.said]
        if not tidy(found.description):
            said.append(found.description)
        if parts is not None and parts.failed and status is not Status.FAIL:
            status = Status.FAIL
            said.append("a part of it failed")
        if self.bailed and status in (Status.PASS, Status.XFAIL):
            status = Status.FAIL
            said.append(self.bailed)
        self._add(level, name, status, "\n".join(line for line in said if line))
        self.diagnostics.clear()

    def _announced(self, level: _Level, number: int) -> str:
        """The name of a result that has a number only."""
        announced = level is self._levels[0] and 1 <= number <= len(self.names)
        return self.names[number - 1] if announced else str(number)

    def _plan(self, indent: int, count: int, why: str) -> None:
        self._orphaned(indent)
        level = self._enter(indent)
        if level.plan is not None:
            self._settle(level)
            level.anew()
        level.plan, level.why_none = count, _directive(why)[1]

    def _document(self, indent: int) -> None:
        self._orphaned(indent)
        level = self._enter(indent)
        if level.begun:
            self._settle(level)
            level.anew()

    def _subtest(self, indent: int, name: str) -> None:
        self._orphaned(indent)
        level = self._enter(indent)
        if level is not self._levels[0] and not level.numbers:
            level.name = tidy(name)

    def _bail_out(self, line: str) -> None:
        self.bailed = self.bailed or line
        self._put(BAIL_OUT, Status.FAIL, "\n".join([*self.diagnostics, line]))
        self.diagnostics.clear()

    # --- levels ---------------------------------------------------------------------------------

    def _enter(self, indent: int) -> _Level:
        """The level of a line that is not left of any."""
        if self._levels[-1].indent < indent and len(self._levels) < _MAX_DEPTH:
            self._levels.append(_Level(indent))
        return self._levels[-1]

    def _leave(self, indent: int, why: str = "") -> _Level | None:
        """Leave the levels right of an indentation. The outermost of them is told, with all that was in the others."""
        left: _Level | None = None
        while self._levels[-1].indent > indent:
            level = self._levels.pop()
            self._settle(level, why)
            if left is not None:
                self._adopt(level, left, left.name)
            left = level
        return left

    def _orphaned(self, indent: int, why: str = "") -> None:
        """The same for a line that is nobody's parent."""
        left = self._leave(indent, why)
        if left is not None:
            self._adopt(self._levels[-1], left, left.name)

    def _adopt(self, level: _Level, parts: _Level, name: str) -> None:
        self._waiting -= len(parts.waiting)
        for part, status, detail in parts.waiting:
            self._add(level, f"{name}/{part}" if name else part, status, detail)
        level.failed = level.failed or parts.failed

    def _add(self, level: _Level, name: str, status: Status, detail: str) -> None:
        level.failed = level.failed or status is Status.FAIL
        if level is self._levels[0] or self._waiting >= _MAX_WAITING:
            self._put(name, status, detail)
        else:
            self._waiting += 1
            level.waiting.append((name, status, detail))

    def _settle(self, level: _Level, why: str = "") -> None:
        """Compare what came of a document with its plan."""
        if level.plan is None or (level is self._levels[0] and self.names):
            return
        planned, came = f"1..{level.plan} was planned", len(level.numbers)
        why = self.bailed or why
        if level.plan == came == 0:
            self._add(level, PLAN, Status.SKIP, level.why_none)
        elif excess := level.excess():
            self._add(level, PLAN, Status.FAIL, f"{planned}, and {excess}")
        for number in [*islice(level.missing(), self._missing)] if self._missing else []:
            self._missing -= 1
            self._add(level, str(number), Status.MISSING, f"{planned}, and it never came" + (f": {why}" if why else ""))
