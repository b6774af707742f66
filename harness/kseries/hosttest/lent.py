# SPDX-License-Identifier: GPL-2.0-only
"""Host-side tests in a pytest of the user's own: machines are lent by a kseries that it starts (lender.py).

A test that has one of our fixtures is a test of each state that was asked for. With pytest-xdist its controller starts
that kseries, and each worker has a machine of its own from it.
"""

import contextlib
import signal
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kseries.hosttest import control
from kseries.hosttest.control import Control, Message
from kseries.hosttest.lender import Hello, Lender, words
from kseries.hosttest.machine import State
from kseries.hosttest.plugin import Plugin
from kseries.model.errors import KseriesError
from kseries.probes import tap

_STATE = "kseries_state"
"""The fixture that is the id of a state."""
_LONGEST_NAME = 100
_WORKER = "kseries"
"""What a worker is told by, in its ``workerinput``."""
_GONE = (EOFError, OSError)
_PATIENCE_SECONDS = 2.0


@pytest.fixture(scope="session")
def kseries_state(request: pytest.FixtureRequest) -> str:
    """The id of the state that a test is about. In a class pytest would have it once for each instance."""
    return str(request.param)


class Lent(Plugin):
    """All tests of a pytest, and the machine that those have that want one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._hello: Hello | None = getattr(config, "workerinput", {}).get(_WORKER)
        self._lender: Lender | None = None
        self._begun = False
        self._known: dict[str, dict[str, Any]] = {}
        """The states, by their ids."""
        self._fences = 0

    # --- its beginning and its end --------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Know which states there are: before pytest finds tests, and before pytest-xdist starts its workers."""
        try:
            wire, hello = self._reach()
        except KseriesError as error:
            raise pytest.UsageError(str(error)) from None
        except OSError as error:
            raise pytest.UsageError(f"no kseries is there for this worker of pytest-xdist: {error}") from None
        self._hello = hello
        self._known = {one["id"]: one for one in hello["states"]}
        super().__init__(wire, State(hello["arch"], {}, hello["userland"]), hello["seconds"], hello["most"])
        self._timed = _may_have_deadlines(self._config)
        self._begun = True

    def _reach(self) -> tuple[Control, Hello]:
        if self._hello is not None:
            return Control(control.enter(Path(self._hello["door"]))), self._hello
        asked = {name: self._config.getoption(f"kseries_{name}") for name in ("tree", "arch", "userland")}
        given = (self._config.getoption(f"kseries_{name}") for name in ("target", "state", "args"))
        self._lender = Lender(words(*given, **asked), self._config.invocation_params.dir, self._tell)
        slow = threading.Timer(_PATIENCE_SECONDS, self._tell, ("looking which states there are",))
        slow.daemon = True
        slow.start()
        try:
            return self._lender.control, self._lender.hello()
        finally:
            slow.cancel()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where its machines come from."""
        node.workerinput[_WORKER] = self._hello

    def pytest_unconfigure(self) -> None:
        if self._begun:
            self._leave()
            self._control.close()
        if self._lender is not None:
            self._lender.end()

    def pytest_report_header(self) -> str | None:
        if self._hello is None:
            return None
        about = f"{self._hello['series']} on {self._hello['base']}, {self._hello['arch']}"
        return f"kseries: {about}: {', '.join(self._known)}"

    def _tell(self, line: str) -> None:
        """What kseries is at, on the terminal; from another thread."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"kseries: {line}")

    # --- states ---------------------------------------------------------------------------------

    @pytest.fixture
    def state(self, kseries_state: str) -> State:
        """The state that is booted."""
        return self._state

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if _STATE in metafunc.fixturenames:
            grouped = self._config.pluginmanager.hasplugin("xdist")  # else there is no such marker
            names = [
                pytest.param(name, id=name, marks=[pytest.mark.xdist_group(name)] if grouped else [])
                for name in self._known
            ]
            metafunc.parametrize(_STATE, names, indirect=True, scope="session")

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if self._drives(item):
            self._names[item.nodeid] = tap.tidy(item.nodeid)[-_LONGEST_NAME:]

    def _drives(self, item: pytest.Item) -> bool:
        return isinstance(item, pytest.Function) and hasattr(item, "callspec") and _STATE in item.callspec.params

    # --- its machine ----------------------------------------------------------------------------

    def _have(self, item: pytest.Item) -> None:
        if item.get_closest_marker("skip") is None:  # for which nobody has to boot anything
            super()._have(item)

    def _ask(self, item: pytest.Item, *, fresh: bool, seconds: float) -> tuple[Message, tuple[int, ...]]:
        assert isinstance(item, pytest.Function)
        wanted = self._known[str(item.callspec.params[_STATE])]
        name = wanted["id"]
        if wanted["conflicts"]:
            pytest.skip(f"{name} does not apply: conflict in {', '.join(wanted['conflicts'])}")
        try:
            with _without_alarm():
                answer, files = self._control.ask("guest", name=item.nodeid, state=name, fresh=fresh, seconds=seconds)
        except _GONE:
            pytest.fail(self._lost(), pytrace=False)
        if "refused" in answer:
            self._leave()
            pytest.fail(answer["refused"], pytrace=False)
        if name != self._state.id:
            self._state = State(self._state.arch, {}, self._state.userland, name, tuple(wanted["patches"]))
        return answer, files

    def _lost(self) -> str:
        return self._lender.last_words() if self._lender is not None else "kseries has ended"

    # --- what came of a test --------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        debugged = call.when == "call" and self._config.getoption("usepdb")  # and to be found as the test has left it
        if self._lent_to == item.nodeid and call.when != "setup" and not debugged:
            self._judge(report)
        return report

    def _judge(self, report: pytest.TestReport) -> None:
        """A test fails of which the machine ended, or the kernel complained, whatever it was to come to."""
        try:
            told = self._left(report.nodeid, last=report.when == "teardown")
        except _GONE:
            told = {"why": [self._lost()], "log": ""}
        if told["why"]:
            if report.failed:
                report.sections.append(("the kernel", "\n".join(told["why"])))
            else:
                report.outcome, report.longrepr = "failed", "\n".join(told["why"])
                vars(report).pop("wasxfail", None)
        if report.failed and told["log"]:
            report.sections.append(("kernel log", told["log"]))

    def _left(self, test: str, *, last: bool) -> Message:
        """What became of the machine, which goes on however a test has left it."""
        self._control.ask("resume")
        self._fences += 1
        mark = "leave {}" if last else f"so far {self._fences}: {{}}"
        deaf = not self._mark(mark, test)
        told, _ = self._control.ask("left", name=test, mark=mark.format(self._names[test]), deaf=deaf)
        return told


def _may_have_deadlines(config: pytest.Config) -> bool:
    """Whether tests may be stopped by us: nobody looks into one, and pytest-timeout, whose marker it is, is not there.

    signal(2) is for the main thread alone.
    """
    debugged = config.getoption("usepdb") or config.getoption("trace")
    main = threading.current_thread() is threading.main_thread()
    return main and not debugged and not config.pluginmanager.hasplugin("timeout")


@contextlib.contextmanager
def _without_alarm() -> Iterator[None]:
    """Build and boot in nobody's time: pytest-timeout has an alarm for a whole test, its setup too."""
    before = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
