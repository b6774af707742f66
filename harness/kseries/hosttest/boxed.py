# SPDX-License-Identifier: GPL-2.0-only
"""Host-side tests in the box of a run: one file of them, which tells each result as it comes."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from kseries.hosttest.control import Control
from kseries.hosttest.machine import State
from kseries.hosttest.plugin import Plugin
from kseries.probes.hosttests import HostTest

_RANKS = ("pass", "xfail", "skip", "fail")
"""Of what the phases of a test come to the last counts."""
_LEFT = {"pass": "pass", "xfail": "pass", "skip": "skip", "fail": "fail"}
"""As a mark in the kernel's log has it (guest/klog.py)."""

_CONSOLE = "the console, at last"
"""The section of a report."""


class Boxed(Plugin):
    """One file of tests; guest/pytests.py hears what comes of each."""

    def __init__(self, control: Control, hello: dict[str, Any], state: State) -> None:
        super().__init__(control, state, float(hello["seconds"]), float(hello["most"]), Path(hello["symbols"]))
        self._test = HostTest(hello["name"], Path(), "")
        self._done = frozenset(hello["done"])
        self._said: dict[str, tuple[str, str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item], config: pytest.Config) -> None:
        self._names = self._test.checks(item.nodeid for item in items)
        self._control.tell("collected", names=[*self._names])
        items[:] = [item for item in items if item.nodeid not in self._done]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._control.tell("broken", detail=report.longreprtext)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._control.tell("begun", name=item.nodeid, seconds=self._seconds_of(item))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """With what the console has printed, where a test has failed that had it."""
        report = yield
        guest = self._guest if report.failed and self._lent_to == item.nodeid else None
        if guest is not None and (printed := guest.printed().strip("\n")):
            report.sections.append((_CONSOLE, printed))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        status, detail = _told(report)
        known = self._said.get(report.nodeid, ("pass", ""))
        if _RANKS.index(status) >= _RANKS.index(known[0]):
            known = (status, detail or known[1])
        self._said[report.nodeid] = known
        if report.when == "teardown":
            deaf = self._lent_to == report.nodeid and not self._left_well(known[0], report.nodeid)
            self._control.ask("result", name=report.nodeid, status=known[0], detail=known[1], deaf=deaf)

    def _left_well(self, status: str, test: str) -> bool:
        """Whether a guest still does something, however a test has left the machine: it is gone on with."""
        self._control.ask("resume")
        return self._mark(f"leave {{}} {_LEFT[status]}", test)


def _told(report: pytest.TestReport) -> tuple[str, str]:
    """What a phase of a test came to, as a check has it."""
    if report.failed:
        printed = (f"--- {title}\n{text}" for title, text in report.sections if title == _CONSOLE)
        return "fail", "\n".join([report.longreprtext, *printed])
    if report.skipped:
        if hasattr(report, "wasxfail"):
            return "xfail", report.wasxfail
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        return "skip", why.removeprefix("Skipped: ")
    return "pass", ""
