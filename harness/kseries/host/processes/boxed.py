# SPDX-License-Identifier: GPL-2.0-only
"""What comes from the series under test (its Makefiles, its kernel): processes in a Box.

That is a bwrap pid namespace that dies with us, kill -9 included, because the kernel kills every process of a namespace
whose init is gone (pid_namespaces(7)).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import termios
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import IO

from kseries.host import cachelock
from kseries.host.box import Box
from kseries.host.processes import boxing
from kseries.host.processes.deadline import Deadline, DeadlineError
from kseries.host.processes.together import KILL_SECONDS, begun
from kseries.model.errors import InfraError

MAX_LINE = 64 * 1024
"""Bytes of one line that ``lines`` returns; the rest of a longer line comes as further lines."""
# Who speaks for the box itself, in it: what they were to start did not start (setpriv(1), choom(1), prlimit(1)).
_BOX_WORDS = (b"setpriv: ", b"choom: ", b"prlimit: ")


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
    with _pipe() as (reader, writer), boxing.filtered() as (options, files):
        process = await begun(
            asyncio.create_subprocess_exec(
                *boxing.argv_of(argv, box, "--json-status-fd", str(writer.fileno()), *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=boxing.allowed(box),
                cwd=boxing.folder(box),
                start_new_session=True,
                # What is in a box could unlock what it inherits (flock(2)), and dies with us; without one it does not.
                pass_fds=(writer.fileno(), *files, *sockets, *(() if boxing.is_boxed() else cachelock.held())),
            )
        )
        writer.close()
        running = Running(process, reader)
        try:
            yield running
        finally:
            running.signal_end()
            async with asyncio.timeout(KILL_SECONDS):
                # What it printed and nobody read would keep its pipe open, and asyncio waiting for that.
                await process.communicate()


def on_terminal(argv: Sequence[str | Path], box: Box, sockets: tuple[int, ...] = ()) -> int:
    """Run a process in a box on our own standard input and output, to its end; its exit status.

    It inherits ``sockets``, as in ``start``.
    The box's process is of a session of its own: Ctrl-C is for whoever reads the terminal in there. The terminal gets
    its settings back, whatever became of the process.
    """
    settings = termios.tcgetattr(0) if os.isatty(0) else None
    with (
        boxing.filtered() as (options, files),
        subprocess.Popen(
            boxing.argv_of(argv, box, *options),
            env=boxing.allowed(box),
            cwd=boxing.folder(box),
            pass_fds=(*files, *sockets),
        ) as process,
    ):
        try:
            return process.wait()
        finally:
            process.kill()
            if settings is not None:
                termios.tcsetattr(0, termios.TCSADRAIN, settings)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Both ends of a pipe, the reader not blocking: a process that was left behind may hold the writer open."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    with open(ours, "rb") as reader, open(theirs, "wb") as writer:  # noqa: PTH123
        yield reader, writer
