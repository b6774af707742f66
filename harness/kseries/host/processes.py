# SPDX-License-Identifier: GPL-2.0-only
"""The only place that starts a process: what it may write, how long it may take, and how it dies.

Short tools (git, apt) go through ``run``. What comes from the series under test (its Makefiles, its
kernel) goes through ``start`` in a Box (box/): a bwrap pid namespace that dies with us, kill -9 included,
because the kernel kills every process of a namespace whose init is gone (pid_namespaces(7)).
"""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import termios
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from kseries.host import cachelock, signals
from kseries.host.box import UID, Host, keyring, syscalls
from kseries.host.box import Box as Box
from kseries.model.errors import InfraError, in_words

MAX_LINE = 64 * 1024
"""Bytes of one line that ``lines`` returns; the rest of a longer line comes as further lines."""


# What a kernel's make may see of our environment. MAKEFLAGS, KCFLAGS or LOCALVERSION would change what is built.
_BOX_ENVIRONMENT = frozenset({"PATH", "LC_ALL"})
_KILL_SECONDS = 10.0
"""A killed process that is not gone after this long is stuck in the host's kernel."""
_GIVE_SECONDS = 600.0
"""For the owner of all in a build folder or a ccache to be changed."""
# Who speaks for the box itself, in it: what they were to start did not start (setpriv(1), choom(1), prlimit(1)).
_BOX_WORDS = (b"setpriv: ", b"choom: ", b"prlimit: ")
_NOBODYS = Path("/")
"""Where tools are started: ours is often a kernel's tree, in which some look for a configuration, and for code."""
# Prefixes of what is left out of the environment of tools. A hook that calls us has GIT_DIR set to a repository of its
# own; PYTHONPATH, PERL5LIB and the compiler's paths may say '.', and a build in its box has none of them. A token is
# for what publishes alone (publish/tokens.py).
_TOKENS = ("KSERIES_PATCHWORK_TOKEN", "KSERIES_GITHUB_TOKEN", "KSERIES_KCIDB_TOKEN", "GITHUB_TOKEN")
_NOT_PASSED_ON = (
    *("GIT_", "PYTHON", "PERL", "CCACHE_"),
    *("GCC_", "COMPILER_PATH", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH"),
    *_TOKENS,
)
_unboxed = ContextVar("unboxed", default=False)
_SAID = 64 * 1024
"""Bytes of what a program says on standard error that are kept, its last ones."""
_READ = 1024
_LONGEST = 64 << 20
"""Bytes of a line of a program of ours: it may have all in it that was seen of a kernel."""
_GENTLE_SECONDS = 5.0
"""For a program of ours that was told to end."""

P = ParamSpec("P")
T = TypeVar("T")


@contextlib.contextmanager
def unboxed() -> Iterator[None]:
    """Start what comes from a series without a box: with all rights of ours. Only where the user says so."""
    token = _unboxed.set(True)
    try:
        yield
    finally:
        _unboxed.reset(token)


class DeadlineError(Exception):
    """A wait took longer than it was given; what it waited for has been killed."""


@dataclass(frozen=True)
class Deadline:
    """A point on a monotonic clock. Pass it down, so that a chain of waits shares one limit."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        return cls(clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock())

    @property
    def passed(self) -> bool:
        return self.left == 0.0


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace").strip()


def require(tool: str, package: str) -> str:
    """The path of ``tool``; raises InfraError that names the Debian package when it is not installed."""
    path = shutil.which(tool)
    if path is None:
        raise InfraError(f"{tool} is not installed\n  install it with: apt-get install {package}")
    return path


class Company:
    """Programs of one or several threads that are ended together, by another thread or for a signal."""

    def __init__(self) -> None:
        self._there: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.RLock()  # a handler may interrupt who holds it
        self.over = False

    @contextlib.contextmanager
    def joined_by(self, child: "subprocess.Popen[bytes]") -> Iterator[None]:
        """Have a program among them until the context is left, by when it has ended, well or not."""
        with self._lock:
            self._there.add(child)
            if self.over:
                _kill_all(child)
        try:
            yield
        finally:
            with self._lock:
                self._there.remove(child)

    def end(self) -> None:
        """Kill them, and whatever joins them later."""
        with self._lock:
            self.over = True
            for child in tuple(self._there):
                _kill_all(child)

    def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do some work in this thread, with all that it has ``run`` being of this company."""
        token = _company.set(self)
        try:
            return work(*args, **kwargs)
        finally:
            _company.reset(token)


_company: "ContextVar[Company | None]" = ContextVar("company", default=None)


@contextlib.contextmanager
def company() -> Iterator[Company]:
    """Programs that other threads start for this one: none is left when this one is told to end, or fails."""
    made = Company()
    try:
        yield made
    except BaseException:
        made.end()
        raise


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread(), but one who is cancelled kills what the thread runs, and waits for the thread.

    Whoever holds a lock gives it back then, and nobody is still at what it is for.
    """
    together = Company()
    thread = asyncio.ensure_future(asyncio.to_thread(lambda: together.call(work, *args, **kwargs)))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        together.end()
        await _over(thread)
        raise


async def _over(task: "asyncio.Future[T]") -> None:
    """Wait for something that will end soon, whoever else would have us cancelled; what came of it is of no matter."""
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # or asyncio tells of one that nobody asked for


def run(
    argv: Sequence[str | Path],
    *,
    seconds: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path = _NOBODYS,
    umask: int = -1,
) -> Done:
    """Run a short tool to its end, in nobody's folder if not in ``cwd``.

    Raises InfraError when it cannot start or takes too long.
    A signal that ends us kills it (signals.py). If we are killed, what it writes to is locked until it has ended: it
    holds our locks too (cachelock.py).
    """
    words = _words(argv)
    together = _company.get() or Company()
    try:
        with signals.instead(together.end):
            return _run(words, together, seconds, stdin, env, cwd, umask)
    finally:  # whatever came of it: one who lives with a failure is not to go on
        if together.over:
            signals.leave()


def _run(
    words: list[str],
    together: Company,
    seconds: float,
    stdin: bytes,
    env: Mapping[str, str] | None,
    cwd: Path,
    umask: int,
) -> Done:
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=cwd,
            env=_environment(env),
            umask=umask,
            start_new_session=True,
            pass_fds=cachelock.held(),
        )
    except FileNotFoundError as error:
        raise InfraError(f"{error.filename} is not there: cannot run {words[0]}") from error
    except OSError as error:
        raise InfraError(f"cannot run {words[0]}: {in_words(error)} ({error.filename})") from error
    with child, together.joined_by(child):
        try:
            stdout, stderr = child.communicate(stdin, timeout=seconds)
        except BaseException as error:
            _kill_all(child)
            if isinstance(error, subprocess.TimeoutExpired):
                raise InfraError(f"{' '.join(words[:3])} gave no answer in {seconds:.0f} s") from error
            raise
    return Done(child.returncode, stdout, stderr)


@contextlib.contextmanager
def feeding(
    argv: Sequence[str | Path],
    env: Mapping[str, str] | None = None,
    seconds: float = 3600.0,
    statuses: Container[int] = (0,),
) -> Iterator[IO[bytes]]:
    """A process with an open standard input, for a stream too large to hold; what it prints is nobody's.

    Raises InfraError if it fails, with what it said last, or if it has not taken all of it and ended in time.
    """
    with _streaming(argv, env, seconds, statuses, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the process says why on stderr
            yield child.stdin
            child.stdin.close()


@contextlib.contextmanager
def reading(
    argv: Sequence[str | Path], stdin: bytes = b"", env: Mapping[str, str] | None = None, seconds: float = 3600.0
) -> Iterator[IO[bytes]]:
    """A process whose standard output is open to be read to its end, for a stream too large to hold.

    Raises InfraError as ``feeding`` does; of one that is not read to its end, too: it has nobody to write to.
    """
    with tempfile.TemporaryFile() as asked:  # in the place of a pipe, which it might read later than it writes
        asked.write(stdin)
        asked.seek(0)
        with _streaming(argv, env, seconds, (0,), stdin=asked, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            yield child.stdout


@contextlib.contextmanager
def _streaming(
    argv: Sequence[str | Path],
    env: Mapping[str, str] | None,
    seconds: float,
    statuses: Container[int],
    stdin: int | IO[bytes],
    stdout: int,
) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that a stream leads to or from; it has ended when the context is left. Raises InfraError."""
    together = _company.get() or Company()
    with signals.instead(together.end):
        child = subprocess.Popen(
            _words(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=_environment(env),
            cwd=_NOBODYS,
            start_new_session=True,
            pass_fds=cachelock.held(),
        )
        with together.joined_by(child), _limited(child, seconds) as late, _heard(child) as said:
            try:
                yield child
            except BaseException:
                _kill_all(child)
                raise
            finally:
                for pipe in filter(None, (child.stdin, child.stdout)):
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
                status = child.wait()
            in_time = late.is_alive()
    if together.over:
        signals.leave()
    if not in_time:
        raise InfraError(f"{' '.join(map(str, argv[:2]))} was still at work after {seconds:.0f} s")
    if status not in statuses:
        raise InfraError(
            f"{argv[0]} failed: {b''.join(said).decode(errors='replace').strip() or f'exit status {status}'}"
        )


@contextlib.contextmanager
def _limited(child: "subprocess.Popen[bytes]", seconds: float) -> Iterator[threading.Timer]:
    """A timer that kills a process, since a write to it knows of no deadline; it is gone with the context."""
    late = threading.Timer(seconds, _kill_all, (child,))
    late.daemon = True  # or Python would wait for it at our exit
    late.start()
    try:
        yield late
    finally:
        late.cancel()


@contextlib.contextmanager
def _heard(child: "subprocess.Popen[bytes]") -> "Iterator[deque[bytes]]":
    """What a process says on standard error, its last words, read as they come: else it would wait for a reader, and we
    for it. All is there when the context is left.
    """
    assert child.stderr is not None
    stream = child.stderr
    said: deque[bytes] = deque(maxlen=_SAID // _READ)
    reader = threading.Thread(
        target=lambda: said.extend(iter(lambda: os.read(stream.fileno(), _READ), b"")), daemon=True
    )
    reader.start()
    try:
        yield said
    finally:
        reader.join(_KILL_SECONDS)  # what it has left behind could hold the pipe


def _kill_all(child: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads a session, and what it has started: that could keep our end of a pipe waiting."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _words(argv: Sequence[str | Path]) -> list[str]:
    """A command line that means the same in another folder than ours."""
    return [str(word.absolute() if isinstance(word, Path) else word) for word in argv]


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Our environment in the C locale, so that what a tool prints can be read by a program."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    return {**ours, "LC_ALL": "C", **(extra or {})}


class Running:
    """A process in a Box. Leaving ``start``'s context kills its whole namespace."""

    def __init__(self, process: asyncio.subprocess.Process, status: IO[bytes]) -> None:
        self._process = process
        self._status = status
        self._last = b""
        self._said = 0

    async def lines(self, deadline: Deadline) -> AsyncIterator[bytes]:
        """Lines of output as they come, each without its newline; raises DeadlineError."""
        assert self._process.stdout is not None
        pending = b""
        while True:
            try:
                async with asyncio.timeout(deadline.left):
                    chunk = await self._process.stdout.read(MAX_LINE)
            except TimeoutError as error:
                raise DeadlineError from error
            if not chunk:
                break
            *whole, pending = (pending + chunk).split(b"\n")
            for line in whole:
                self._last = line
                self._said += 1
                for start in range(0, max(1, len(line)), MAX_LINE):
                    yield line[start : start + MAX_LINE]
            while len(pending) > MAX_LINE:
                yield pending[:MAX_LINE]
                pending = pending[MAX_LINE:]
        if pending:
            yield pending

    async def wait(self, deadline: Deadline) -> int:
        """The exit status; raises DeadlineError, and InfraError where no box could be made."""
        try:
            async with asyncio.timeout(deadline.left):
                status = await self._process.wait()
        except TimeoutError as error:
            raise DeadlineError from error
        if status and self._of_box(status):
            _, _, said = self._last.decode(errors="replace").partition(": ")
            raise InfraError(
                f"bwrap cannot make a box: {said}\n  it needs user namespaces (kernel.unprivileged_userns_clone,"
                " user.max_user_namespaces), or root; see kseries doctor"
            )
        return status

    def _of_box(self, status: int) -> bool:
        """True where there was no box, or nothing in it that could be run."""
        if self._last.startswith(b"bwrap: "):
            # bwrap tells of an exit code only if what it was to run did run (monitor_child() in bubblewrap.c).
            return status == 1 and b"exit-code" not in (self._status.read() or b"")
        return self._said == 1 and self._last.startswith(_BOX_WORDS)

    def processes(self) -> list[int]:
        """Those in the box, its own two or three among them."""
        children: dict[int, list[int]] = {}
        for place in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended
                parent = int(place.read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(place.parent.name))
        found = [self._process.pid]
        for pid in found:
            found += children.get(pid, ())
        return found

    def memory(self) -> int:
        """Bytes that are resident for those in the box, what they share as often as they do (proc(5), statm).

        And what is in files that are memory and have no name, of which nobody need have a page (memfd_create(2)).
        """
        pages, nameless = 0, dict[int, int]()
        for pid in self.processes():
            with contextlib.suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                for link in Path(f"/proc/{pid}/fd").iterdir():
                    nameless |= _nameless(link)
        return pages * os.sysconf("SC_PAGE_SIZE") + sum(nameless.values())

    def signal_end(self) -> None:
        """Kill the namespace; harmless once it has ended."""
        # The group, and not bwrap alone: in its first milliseconds its child does not yet die with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _nameless(link: Path) -> dict[int, int]:
    """Of a process's open file its inode and bytes, if it is memory without a name; it may be closed meanwhile."""
    with contextlib.suppress(OSError):
        if os.readlink(link).startswith("/memfd:"):
            seen = link.stat()
            return {seen.st_ino: seen.st_blocks * 512}
    return {}


@contextlib.asynccontextmanager
async def start(argv: Sequence[str | Path], box: Box, sockets: tuple[int, ...] = ()) -> AsyncIterator[Running]:
    """Start a process in a box, output and errors in one stream; it is gone when the context is left.

    It inherits ``sockets``, as descriptors of the same numbers: bwrap and what comes after it leave them open.
    Must be called from the main thread: --die-with-parent follows the thread that forked (prctl(2)).
    """
    with _pipe() as (reader, writer), _filter() as (options, files):
        process = await _begun(
            asyncio.create_subprocess_exec(
                *_boxed(argv, box, "--json-status-fd", str(writer.fileno()), *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=_allowed(box),
                cwd=box.cwd if _unboxed.get() else _NOBODYS,
                start_new_session=True,
                # What is in a box could unlock what it inherits (flock(2)), and dies with us; without one it does not.
                pass_fds=(writer.fileno(), *files, *sockets, *(cachelock.held() if _unboxed.get() else ())),
            )
        )
        writer.close()
        running = Running(process, reader)
        try:
            yield running
        finally:
            running.signal_end()
            async with asyncio.timeout(_KILL_SECONDS):
                # What it printed and nobody read would keep its pipe open, and asyncio waiting for that.
                await process.communicate()


async def _begun(starting: "Coroutine[None, None, asyncio.subprocess.Process]") -> asyncio.subprocess.Process:
    """A process that is being started; of one who is cancelled meanwhile all of its group is killed."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _over(task)
        if not task.cancelled() and task.exception() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(task.result().pid, signal.SIGKILL)
            await _over(asyncio.ensure_future(task.result().communicate()))
        raise


def beside(
    argv: Sequence[str | Path], folder: Path, files: tuple[int, ...], said: IO[bytes], publishes: bool = False
) -> "subprocess.Popen[bytes]":
    """Start a program of ours in a folder that ends when a file that it inherits is closed, ours with us.

    Ctrl-C at our terminal is not for it. All that it prints goes to ``said``. Only one that publishes has the tokens.
    Raises InfraError.
    """
    kept = {name: value for name, value in os.environ.items() if publishes or name not in _TOKENS}
    try:
        return subprocess.Popen(
            _words(argv),
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=folder,
            start_new_session=True,
            pass_fds=files,
        )
    except OSError as error:
        raise InfraError(f"cannot run {argv[0]}: {in_words(error)}") from error


def ends(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether one that was started so is gone within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextlib.contextmanager
def ended(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[None]:
    """Have one that was started so be gone afterwards: told to end, and killed with its group if that takes longer."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            if not ends(process, seconds):
                _kill_all(process)
                process.wait()


class Piped:
    """A program of ours that is told by its standard input, and tells by its standard output."""

    def __init__(self, process: asyncio.subprocess.Process, said: IO[bytes]) -> None:
        self._process = process
        self._said = said

    @property
    def pid(self) -> int:
        return self._process.pid

    async def write(self, data: bytes) -> None:
        """Have it read this; of one that is gone, ``lines`` tells."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def lines(self) -> AsyncIterator[bytes]:
        """What it prints, line by line, until it has ended, or has closed that. No deadline: its user has one."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            yield line

    async def last_words(self) -> str:
        """Its exit status and what it said last on standard error, in a line, once it prints no more."""
        await self.end(_GENTLE_SECONDS)
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _SAID))
        *_, last = ("", *filter(None, self._said.read().decode(errors="replace").splitlines()))
        return f"exit status {self._process.returncode}: {last}" if last else f"exit status {self._process.returncode}"

    async def end(self, seconds: float = 0.0) -> None:
        """Wait so long for its end, then have it end: its standard input is closed, and SIGTERM sent. What is not gone
        soon is killed, with its group.
        """
        if await self._gone(seconds):
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        if not await self._gone(_GENTLE_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._gone(_KILL_SECONDS)

    async def _gone(self, seconds: float) -> bool:
        """Whether it is gone in time. What it prints meanwhile is dropped, or asyncio would wait for a reader of it."""
        try:
            async with asyncio.timeout(seconds):
                assert self._process.stdout is not None
                while await self._process.stdout.read(MAX_LINE):
                    pass
                await self._process.wait()
        except TimeoutError:
            return self._process.returncode is not None
        return True


@contextlib.asynccontextmanager
async def piped(argv: Sequence[str | Path]) -> AsyncIterator[Piped]:
    """Start a program of ours that ends when its standard input does: with us, however we end.

    It is ended, and gone, when the context is left, also by one who is cancelled. Ctrl-C at our terminal is not for it.
    Raises InfraError where it cannot be started.
    """
    with tempfile.TemporaryFile() as said:
        try:
            process = await _begun(
                asyncio.create_subprocess_exec(
                    *_words(argv),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=said,
                    env=_environment(None),
                    cwd=_NOBODYS,
                    start_new_session=True,
                    limit=_LONGEST,
                )
            )
        except OSError as error:
            raise InfraError(f"cannot run {argv[0]}: {in_words(error)}") from error
        running = Piped(process, said)
        try:
            yield running
        finally:
            ending = asyncio.ensure_future(running.end())
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:  # once more, by one who has lost patience: it is bounded
                await _over(ending)
                raise


def on_terminal(argv: Sequence[str | Path], box: Box, sockets: tuple[int, ...] = ()) -> int:
    """Run a process in a box on our own standard input and output, to its end; its exit status.

    It inherits ``sockets``, as in ``start``.
    The box's process is of a session of its own: Ctrl-C is for whoever reads the terminal in there. The terminal gets
    its settings back, whatever became of the process.
    """
    settings = termios.tcgetattr(0) if os.isatty(0) else None
    with (
        _filter() as (options, files),
        subprocess.Popen(
            _boxed(argv, box, *options),
            env=_allowed(box),
            cwd=box.cwd if _unboxed.get() else _NOBODYS,
            pass_fds=(*files, *sockets),
        ) as process,
    ):
        try:
            return process.wait()
        finally:
            process.kill()
            if settings is not None:
                termios.tcsetattr(0, termios.TCSADRAIN, settings)


def _boxed(argv: Sequence[str | Path], box: Box, *options: str) -> list[str]:
    """The command line that makes the box; what it shows is opened to who will be in it."""
    if _unboxed.get():
        return [str(word) for word in argv]
    require("bwrap", "bubblewrap")
    keyring.leave()
    host = Host.here()
    if host.drops:
        with contextlib.suppress(FileNotFoundError):  # of which bwrap will tell
            for place in box.writable:
                _give(place)
            for place in box.readable:
                _show(place)
    bwrap, *words = box.argv(argv, host)
    return [bwrap, *options, *words]


@contextlib.contextmanager
def _filter() -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """What bwrap is told of the filter of system calls, and the files that it is to inherit for it."""
    file = None if _unboxed.get() else syscalls.filter_file()
    if file is None:
        yield (), ()
        return
    with file:
        yield ("--seccomp", str(file.fileno())), (file.fileno(),)


def _allowed(box: Box) -> dict[str, str]:
    """What is left of our environment, in a box or without one."""
    kept = {name: value for name, value in _environment(None).items() if name in _BOX_ENVIRONMENT}
    return {**kept, **box.env} if _unboxed.get() else kept


def _give(place: Path) -> None:
    """Make the user of the box the owner of a place, and of all in one that was not theirs: it may be a copy."""
    place = place.resolve()  # a part of the cache may be a link to another disk
    if not place.is_dir():
        os.chown(place, UID, UID)
    elif place.stat().st_uid != UID:
        # Of a folder the top comes last; and it may be deeper than Python goes.
        run(["chown", "--no-dereference", "--recursive", f"{UID}:{UID}", "--", place], seconds=_GIVE_SECONDS)


def _show(place: Path) -> None:
    """Let the user of the box read what nobody but us may: a temporary folder, or all that we have (umask 077)."""
    seen = place.lstat()
    mode = seen.st_mode
    if mode & stat.S_IROTH or stat.S_ISLNK(mode) or UID in (seen.st_uid, seen.st_gid):
        return
    os.chown(place, -1, UID)
    executable = 0o010 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0
    place.chmod(stat.S_IMODE(mode) | 0o040 | executable)
    if stat.S_ISDIR(mode):
        for below in place.iterdir():
            _show(below)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Both ends of a pipe, the reader not blocking: a process that was left behind may hold the writer open."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    with open(ours, "rb") as reader, open(theirs, "wb") as writer:  # noqa: PTH123
        yield reader, writer
