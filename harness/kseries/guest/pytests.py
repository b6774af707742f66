# SPDX-License-Identifier: GPL-2.0-only
"""A pytest in a box that runs one file of host-side tests, and begins again behind a test that took it down."""

import asyncio
import contextlib
import socket
import tempfile
from pathlib import Path

import msgspec

from kseries.host import interpreter, processes
from kseries.host.box import Box, Limits
from kseries.hosttest import control
from kseries.model import Check, Record, Status
from kseries.model.errors import InfraError
from kseries.model.sanitize import shortened
from kseries.probes import hosttests
from kseries.probes.hosttests import HostTest

TEST_SECONDS = 60.0
"""For each phase of a test that has no marker of its own (hosttest/plugin.py)."""
MOST_TEST_SECONDS = 900.0
"""For one that has."""
_PHASES = 3
_GRACE_SECONDS = 15.0
"""For a test to end that is over time, before its whole process is killed."""
_COLLECT_SECONDS = 60.0
_MOST_STARTS = 50
"""Of pytest for one file."""
_MOST_TESTS = 2000
_READ = 64 * 1024
_MIB = 1 << 20
_LIMITS = Limits(processes=256, memory=4096 * _MIB, file=64 * _MIB, temporary=128 * _MIB)
_LINES = 20
"""Of what pytest printed, that are told where it told of nothing."""
_LONGEST = 4000
"""Characters of what a test came to."""
_LONGEST_NAME = 500
_LONGEST_MESSAGE = 4 << 20


class About(Record, frozen=True):
    """What tests are told of the state: nothing that another with the same kernel has not, whose result this one is."""

    arch: str
    userland: bool = False


class Message(Record, frozen=True):
    """What pytest says (hosttest/boxed.py); ``ended`` is ours, of one that says no more."""

    what: str
    number: int = 0
    """Of a question."""
    name: str = ""
    names: tuple[str, ...] = ()
    status: str = ""
    detail: str = ""
    seconds: float = TEST_SECONDS
    fresh: bool = False
    deaf: bool = False
    """The guest did not answer any more when the test had ended."""


def longest(seconds: float) -> float:
    """The longest that a test may take that has so many seconds for each of its phases, until it is killed."""
    return _PHASES * min(max(seconds, 0.0), MOST_TEST_SECONDS) + _GRACE_SECONDS


class Pytest:
    """The tests of one file. What it says may be a test's own words: it is believed of the test that runs alone."""

    def __init__(self, test: HostTest, about: About, symbols: Path) -> None:
        self._test, self._about, self._symbols = test, about, symbols
        self._scratch = contextlib.AsyncExitStack()
        self._process: processes.Running | None = None
        self._wire: socket.socket | None = None
        self._begun = bytearray()
        self._checks: dict[str, str] | None = None
        """What the check of each test is called; None as long as none has been found."""
        self._done: dict[str, None] = {}
        self._now: str | None = None
        self._broken = ""
        self._file_is_told = False
        self._starts = 0
        self._heard = False
        self._said: list[str] = []
        self._left = _COLLECT_SECONDS
        """Seconds that it has for what it does now, when it was last waited for."""
        self._deadline: processes.Deadline | None = None
        """None as long as nobody waits for it."""

    @classmethod
    async def start(cls, test: HostTest, about: About, symbols: Path) -> "Pytest":
        """Have it find its tests; ``symbols`` are the kernel's vmlinux. Raises InfraError."""
        found = cls(test, about, symbols)
        await found._start()
        return found

    @property
    def process(self) -> object:
        """The process that runs them now: another has none of its sockets."""
        return self._process

    @property
    def now(self) -> str | None:
        """The test that runs."""
        return self._now

    @property
    def check_now(self) -> str:
        """What the check of the test that runs is called."""
        assert self._now is not None and self._checks is not None
        return self._checks[self._now]

    async def end(self) -> None:
        """Leave nothing of it."""
        await self._scratch.aclose()
        self._process = self._wire = None

    # --- what comes of tests --------------------------------------------------------------------

    def check(self, told: Message) -> Check:
        """What the test that runs came to."""
        status = next((one for one in Status if one == told.status), Status.FAIL)
        return self._ended(status, told.detail)

    def ended(self, told: Message) -> Check:
        """What is told of a pytest that says no more: of the test that it ended in, or of the file."""
        if self._now is not None:
            return self._ended(Status.FAIL, told.detail)
        self._file_is_told = True
        return Check(id=self._test.collected, status=Status.FAIL, detail=shortened(told.detail, _LONGEST))

    def missing(self, why: str) -> list[Check]:
        """Those that have not come to anything; where it was never heard which there are, the file."""
        if self._checks is None:
            return [] if self._file_is_told else [Check(id=self._test.collected, status=Status.MISSING, detail=why)]
        left = (check for name, check in self._checks.items() if name not in self._done)
        return [Check(id=check, status=Status.MISSING, detail=why) for check in left]

    def _ended(self, status: Status, detail: str) -> Check:
        assert self._now is not None and self._checks is not None
        name, self._now = self._now, None
        self._done[name] = None
        return Check(id=self._checks[name], status=status, detail=shortened(detail, _LONGEST))

    # --- what it says ---------------------------------------------------------------------------

    async def answer(self, asked: Message, *, files: tuple[int, ...] = (), **more: object) -> None:
        """Answer what it has asked; if it is gone, that is told next. A guest may have been long in coming."""
        if asked.what == "guest":
            self._deadline = processes.Deadline.after(self._left)
        if self._wire is None:
            return
        data = control.line("answer", number=asked.number, **more)
        with contextlib.suppress(OSError, TimeoutError):
            sent = socket.send_fds(self._wire, [data], files)
            async with asyncio.timeout(self._deadline.left if self._deadline is not None else _GRACE_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self._wire, data[sent:])

    async def next(self) -> Message | None:
        """What it asks or tells next; None once all of it is done."""
        while True:
            if self._process is None and not await self._again():
                return None
            if self._deadline is None:
                self._deadline = processes.Deadline.after(self._left)
            said = await self._hear(self._deadline)
            if said is None:
                if (told := await self._gone()) is not None:
                    return told
                continue
            self._heard = True
            match said.what:
                case "collected" if self._checks is None and _are_sound(said.names):
                    self._checks = self._test.checks(said.names)
                case "broken":
                    self._broken = said.detail
                case "begun" if self._now is None and said.name in (self._checks or {}) and said.name not in self._done:
                    self._now, self._deadline = said.name, processes.Deadline.after(longest(said.seconds))
                case "result" if self._now is not None and said.name == self._now:
                    self._deadline = processes.Deadline.after(_COLLECT_SECONDS)
                    return said
                case "guest" if self._now is not None and said.name == self._now:
                    self._left = self._deadline.left
                    return said
                case "log" | "resume":
                    return said

    async def _hear(self, deadline: processes.Deadline) -> Message | None:
        """Its next message; None where there is none to come, or it is overdue."""
        assert self._wire is not None
        loop = asyncio.get_running_loop()
        try:
            while b"\n" not in self._begun and len(self._begun) < _LONGEST_MESSAGE:
                async with asyncio.timeout(deadline.left):
                    piece = await loop.sock_recv(self._wire, _READ)
                if not piece:
                    return None
                self._begun += piece
        except (TimeoutError, OSError):
            return None
        line, newline, rest = bytes(self._begun).partition(b"\n")
        self._begun = bytearray(rest)
        return _message(line) if newline and not deadline.passed else None

    # --- its process ----------------------------------------------------------------------------

    async def _start(self) -> None:
        self._starts += 1
        self._scratch = contextlib.AsyncExitStack()
        place = Path(self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="kseries-")))
        folder = place / "tests"
        hosttests.copy(self._test, folder)
        ours, theirs = socket.socketpair()
        self._scratch.callback(ours.close)
        ours.setblocking(False)
        words = (str(theirs.fileno()), str(folder / self._test.file.name))
        argv = interpreter.argv("kseries.hosttest", *words)
        with theirs:
            running = processes.start(argv, _box(folder, self._symbols), (theirs.fileno(),))
            self._process = await self._scratch.enter_async_context(running)
        self._wire, self._begun, self._said = ours, bytearray(), []
        self._left, self._deadline = _COLLECT_SECONDS, None
        for work in (self._read(self._process), self._greet(ours)):
            self._scratch.callback(asyncio.create_task(work).cancel)

    async def _greet(self, wire: socket.socket) -> None:
        """Tell it what it has to know; of many tests that are done it reads as it begins."""
        state = msgspec.to_builtins(self._about)
        more = {"state": state, "done": [*self._done], "seconds": TEST_SECONDS, "most": MOST_TEST_SECONDS}
        more["symbols"] = str(self._symbols)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(wire, control.line("hello", name=self._test.name, **more))

    async def _again(self) -> bool:
        """Begin behind the test that took it down, if there is more."""
        left = self._checks is not None and any(name not in self._done for name in self._checks)
        if not left or self._starts >= _MOST_STARTS:
            return False
        await self._start()
        return True

    async def _read(self, running: processes.Running) -> None:
        """What it prints is of no use but where it says nothing else."""
        with contextlib.suppress(processes.DeadlineError):
            async for line in running.lines(processes.Deadline.after(24 * 3600)):
                self._said[:] = [*self._said[-_LINES:], line.decode(errors="replace")]

    async def _gone(self) -> Message | None:
        """What is to be told of a process that says no more: which is killed, if it is still there."""
        how = await self._how()
        said = "\n".join(self._said)
        await self.end()
        if self._now is not None:
            return Message(what="ended", name=self._now, detail=how)
        none_left = all(name in self._done for name in self._checks or ())
        if not self._broken and self._checks and none_left:
            return None
        self._starts = _MOST_STARTS  # it would find and leave out the same again
        nothing = "it has no tests" if self._checks is not None and not self._checks else f"{how}\n{said}"
        return Message(what="ended", detail=self._broken or nothing)

    async def _how(self) -> str:
        """Raises InfraError where there was no box for it."""
        assert self._process is not None
        if self._deadline is not None and self._deadline.passed:
            return "no answer, and it did not end: it was killed"
        try:
            return f"pytest ended: exit status {await self._process.wait(processes.Deadline.after(_GRACE_SECONDS))}"
        except processes.DeadlineError:
            return "pytest tells nothing more"
        except InfraError:
            if not self._heard:
                raise
            return "pytest ended"


def _are_sound(names: tuple[str, ...]) -> bool:
    return len(names) <= _MOST_TESTS and all(len(name) <= _LONGEST_NAME for name in names)


def _message(line: bytes) -> Message:
    """A message; one without meaning where it is none: who writes it may be a test."""
    try:
        return msgspec.json.decode(line, type=Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Message(what="nonsense")


def _box(folder: Path, symbols: Path) -> Box:
    """What pytest may touch: the tests, Python, our package, and the kernel's symbols; no network."""
    readable = (*interpreter.readable(), symbols)
    return Box(writable=(folder,), readable=readable, cwd=folder, env=interpreter.environment(), limits=_LIMITS)
