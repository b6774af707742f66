# SPDX-License-Identifier: GPL-2.0-only
"""KUnit's results in a kernel log: what each suite said, and which lines came during which case. Pure.

Suites that are built in run before init does, and print KTAP among the kernel's other messages (lib/kunit/test.c,
lib/kunit/executor.c). A case is named when it has ended, so that what came before its result came during it, or, where
the log breaks off, during the one that is next. debugfs keeps the same results, and loses them where the machine dies.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kseries.guest import klog
from kseries.probes import kunit, tap

Suites = Mapping[str, tuple[str, ...]]
"""The cases of suites, all in the order in which they run."""

_HEADERS = ("KTAP version 1", "TAP version 14")
_INDENT = 4
_SUBTEST = "# Subtest: "
_NOT_OF_A_CASE = ("# module: ", "# Totals: ")
_LISTED = re.compile(r"(?P<suite>[\w-]+)\.(?P<case>[A-Za-z_]\w*)", re.ASCII)
"""A case in the list of a kernel before 6.6, which names no suite beforehand (lib/kunit/executor.c)."""


@dataclass(frozen=True)
class Results:
    """What KUnit has said in a log."""

    ktap: str
    """As a program says it that runs the suites as probes (probes/ktap.py)."""
    log: str
    """The log, with the marks of the cases (klog.py)."""
    running: str | None
    """The probe that the log breaks off in."""


def read(log: str, listed: Suites | None = None) -> Results:
    """Read a log; ``listed`` are the suites of that boot, where they are known."""
    reading = _Reading({} if listed is None else listed)
    for raw in log.split("\n"):
        reading.line(raw)
    reading.end()
    return Results("".join(f"{line}\n" for line in reading.ktap), "\n".join(reading.log), reading.running)


def suites(log: str) -> dict[str, tuple[str, ...]]:
    """The suites, and the cases of each, that a kernel has listed in its log (kunit.action=list)."""
    found: dict[str, list[str]] = {}
    begun, named = False, set[str]()
    plainly: dict[str, list[str]] = {}
    for said in map(str.rstrip, klog.messages(log)):
        name, dot, case = said.partition(".")
        if not begun:
            begun = said in _HEADERS
        elif dot and name in named and case:
            found.setdefault(name, []).append(case)
        else:
            named.add(said)
            if listed := _LISTED.fullmatch(said):
                plainly.setdefault(listed["suite"], []).append(listed["case"])
    return {name: tuple(cases) for name, cases in (found or plainly).items()}


def announced(suite: str, cases: Iterable[str]) -> list[str]:
    """How a suite begins, in lines as of ``Results.ktap``, with the names of its cases."""
    names = [name for case in cases if (name := tap.tidy(case))]
    return [f"    # Subtest: {kunit.probe(suite)}", *([f"    # plan: {' '.join(names)}"] if names else [])]


@dataclass
class _Reading:
    """The state of the reader between two lines."""

    listed: Suites
    log: list[str] = field(default_factory=list)
    ktap: list[str] = field(default_factory=list)
    running: str | None = None
    done: bool = False
    """All suites that were planned have ended."""
    _begun: bool = False
    _planned: int | None = None
    _ended: int = 0
    """Suites that have."""
    _suite: str | None = None
    """The one that is open."""
    _cases: int = 0
    """Those of it that have ended."""
    _beside: bool = False
    """Whether it has a check for what is of none of them."""
    _since: int = 0
    """Where in the log the part begins that nobody has been named for."""

    def line(self, raw: str) -> None:
        said = klog.message(raw).rstrip()
        text = said.lstrip(" ")
        self.log.append(raw)
        if self.done:
            return
        if not self._begun:
            self._begun = said in _HEADERS
            self._since = len(self.log)
        elif text == said:
            self._outermost(said)
        elif self._suite is None:
            self._begin(said, text)
        elif len(said) - len(text) >= _INDENT:
            self._inside(said, text)

    def _outermost(self, said: str) -> None:
        """A line that is not indented: the plan, a suite's result, or the kernel's own."""
        if self._planned is None and said.startswith("1..") and said[3:].isdigit():
            self._planned = int(said[3:])
            self._since = len(self.log)
        elif (found := tap.result(said)) and found.number is not None and self._is_of_suite(found.description):
            self._end_suite(found)
        self.done = self._planned is not None and self._ended >= self._planned

    def _is_of_suite(self, name: str) -> bool:
        """Whether a result that is not indented is that of the suite which is open, or of one that could not begin."""
        return name == self._suite if self._suite is not None else bool(name)

    def _begin(self, said: str, text: str) -> None:
        if said.startswith(" " * _INDENT + _SUBTEST):
            self._suite = text.removeprefix(_SUBTEST)
            self._open(self._suite)
            self._name_if_bad(len(self.log) - 1)

    def _open(self, suite: str) -> None:
        self._cases, self._beside = 0, False
        self.ktap += announced(suite, self.listed.get(suite, ()))

    def _inside(self, said: str, text: str) -> None:
        """A line of a suite: a case's result ends the case."""
        if text.startswith(_NOT_OF_A_CASE):
            return
        self.ktap.append(said)
        found = tap.result(text) if len(said) - len(text) == _INDENT else None
        if found is not None:
            self._cases += 1
            self._name(tap.tidy(found.description) or str(found.number or self._cases), len(self.log))
        elif text.startswith("1.."):
            self._name_if_bad(len(self.log))

    def _end_suite(self, found: tap.Result) -> None:
        """Its result; of a suite that could not be set up nothing but that has come (suite_init)."""
        opened = self._suite is not None
        self._suite = self._suite or found.description
        if not opened:
            self._open(self._suite)
        self._name_if_bad(len(self.log))
        if not (found.ok or self._cases):
            self.ktap.append(f"    not ok {kunit.BESIDE} # it could not be set up")
        self.ktap.append(f"{'ok' if found.ok else 'not ok'} {kunit.probe(self._suite)}")
        self._suite, self._ended = None, self._ended + 1

    def end(self) -> None:
        """The log has ended: where not all came, it did so in what was to come next."""
        if not self._begun or self.done:
            return
        suite, case = self._next()
        if suite is not None:
            if self._suite is None:
                self._open(suite)
            self._suite, self.running = suite, kunit.probe(suite)
            self.log.insert(self._since, f"kseries: enter {self.running}.{case}")

    def _next(self) -> tuple[str | None, str]:
        """The suite and the case that were next, as far as the list tells."""
        if self._suite is None:
            left: Sequence[str] = [*self.listed][self._ended :]
            return (left[0] if left else None), kunit.BESIDE
        cases = self.listed.get(self._suite, ())
        return self._suite, (tap.tidy(cases[self._cases]) if self._cases < len(cases) else kunit.BESIDE)

    # --- marks ----------------------------------------------------------------------------------

    def _name(self, check: str, until: int) -> None:
        """Have what was said since the last result be of a check of the suite."""
        assert self._suite is not None
        name = f"{kunit.probe(self._suite)}.{check}"
        self.log.insert(self._since, f"kseries: enter {name}")
        self.log.insert(until + 1, f"kseries: leave {name}")
        self._since = len(self.log)

    def _name_if_bad(self, until: int) -> None:
        """The same of no case, where the kernel complained: then the suite has such a check, which fails by that."""
        if any(klog.head(klog.message(line)) for line in self.log[self._since : until]):
            self._name(kunit.BESIDE, until)
            if not self._beside:
                self.ktap.append(f"    ok {kunit.BESIDE}")
            self._beside = True
        self._since = len(self.log)
