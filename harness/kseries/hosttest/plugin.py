# SPDX-License-Identifier: GPL-2.0-only
"""What pytest is taught for host-side tests: fixtures, markers and deadlines.

Who lends the machine is boxed.py within a run, and lent.py in a pytest of the user's own.
"""

import contextlib
import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import pytest

from kseries.hosttest.control import Control, Message
from kseries.hosttest.debugger import Debugger
from kseries.hosttest.entry import MARKERS
from kseries.hosttest.inside import InsideError
from kseries.hosttest.machine import Guest, Monitor, State


class Plugin:
    """Tests, and the machine that they have at a time."""

    _timed = True
    """Whether the deadlines of tests are ours."""

    def __init__(
        self, control: Control, state: State, seconds: float, most: float, symbols: Path | None = None
    ) -> None:
        self._control = control
        self._symbols = symbols
        self._state = state
        self._names: dict[str, str] = {}
        """What the check of each test is called."""
        self._seconds, self._most = seconds, most
        self._guest: Guest | None = None
        self._wire: socket.socket | None = None
        self._monitor: Monitor | None = None
        self._debugger: Debugger | None = None
        self._lent_to = ""
        """The test that had it last."""

    # --- fixtures -------------------------------------------------------------------------------

    @pytest.fixture
    def state(self) -> State:
        """The state that is booted."""
        return self._state

    @pytest.fixture
    def guest(self, state: State) -> Guest:
        """A booted kernel whose probes have run."""
        assert self._guest is not None, "no guest was asked for"
        return self._guest

    @pytest.fixture
    def qmp(self, guest: Guest) -> Monitor:
        """QEMU's monitor."""
        if self._monitor is None:
            assert self._wire is not None
            self._monitor = Monitor(self._wire)
        return self._monitor

    @pytest.fixture
    def gdb(self, qmp: Monitor) -> Debugger:
        """gdb on the machine."""
        if self._debugger is None:
            self._debugger = Debugger(qmp, self._state.arch, self._symbols)
        return self._debugger

    # --- what is run ----------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        for marker in MARKERS:
            config.addinivalue_line("markers", marker)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        if self._drives(item):
            self._skip(item)
            self._have(item)  # which may take a boot
        with self._deadline(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        with self._deadline(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        with self._deadline(item):
            return (yield)

    # --- its machine ----------------------------------------------------------------------------

    def _drives(self, item: pytest.Item) -> bool:
        """Whether a test is one that has a machine."""
        return True

    def _skip(self, item: pytest.Item) -> None:
        if self._timed and self._asked_seconds(item) == 0:
            pytest.fail("the marker timeout wants seconds: @pytest.mark.timeout(30)", pytrace=False)
        arch = item.get_closest_marker("arch")
        if arch is not None and self._state.arch not in arch.args:
            pytest.skip(f"it is for {', '.join(map(str, arch.args))}")
        if item.get_closest_marker("needs_userland") is not None and not self._state.userland:
            pytest.skip("it needs a userland, and there is none (--userland)")

    def _have(self, item: pytest.Item) -> None:
        """Have a guest that runs: the same as before, or another one. Each test has one, whether or not it asks."""
        fresh = item.get_closest_marker("fresh_boot") is not None
        seconds = self._seconds_of(item)
        answer, files = self._ask(item, fresh=fresh, seconds=seconds)
        self._state.caps.update(answer["caps"])
        self._symbols = Path(answer["symbols"]) if "symbols" in answer else self._symbols
        if files:
            self._leave()
            console, programs, self._wire = (socket.socket(fileno=file) for file in files)
            self._guest = Guest(self._control, self._state, console, programs)
        self._lent_to = item.nodeid
        self._mark("enter {}", item.nodeid)
        if self._guest is not None:
            self._guest.renew()
        if self._monitor is not None:
            self._monitor.renew()

    def _ask(self, item: pytest.Item, *, fresh: bool, seconds: float) -> tuple[Message, tuple[int, ...]]:
        """Ask for a guest; sockets come where it is another than before."""
        return self._control.ask("guest", name=item.nodeid, fresh=fresh, seconds=seconds)

    def _leave(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
        if self._guest is not None:
            with contextlib.suppress(OSError):
                self._guest.close()
        if self._debugger is not None:
            self._debugger.close()
        self._guest = self._monitor = self._debugger = self._wire = None

    def _mark(self, what: str, test: str) -> bool:
        """Have the kernel's log tell which test it is about; whether it does."""
        try:
            if self._guest is not None:
                self._guest.mark(what.format(self._names[test]))
        except InsideError:
            return False
        return self._guest is not None

    def _seconds_of(self, item: pytest.Item) -> float:
        return self._asked_seconds(item) or self._seconds

    def _asked_seconds(self, item: pytest.Item) -> float | None:
        """What a test asks for; 0 where that is no time."""
        marker = item.get_closest_marker("timeout")
        if marker is None:
            return None
        seconds = next(iter((*marker.args, *marker.kwargs.values())), 0)
        return min(float(seconds), self._most) if isinstance(seconds, int | float) and seconds > 0 else 0

    @contextlib.contextmanager
    def _deadline(self, item: pytest.Item) -> Iterator[None]:
        if not (self._timed and self._drives(item)):
            yield
            return
        seconds = self._seconds_of(item)

        def over(number: int, frame: FrameType | None) -> NoReturn:
            pytest.fail(f"no answer after {seconds:g} s")

        before = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
