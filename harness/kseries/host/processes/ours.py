# SPDX-License-Identifier: GPL-2.0-only
"""Programs of ours that are at work beside this one, and end with it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import IO

from kseries.host.processes.passed_on import NOBODYS, TOKENS, environment, words_of
from kseries.host.processes.together import KILL_SECONDS, begun, kill, over
from kseries.model.errors import InfraError, in_words

_READ = 64 * 1024
_SAID = 64 * 1024
"""Bytes of what one says on standard error among which its last line is looked for."""
_LONGEST = 64 << 20
"""Bytes of a line: it may have all in it that was seen of a kernel."""
_GENTLE_SECONDS = 5.0
"""For one that was told to end."""


def beside(
    argv: Sequence[str | Path], folder: Path, files: tuple[int, ...], said: IO[bytes], publishes: bool = False
) -> "subprocess.Popen[bytes]":
    """Start a program of ours in a folder that ends when a file that it inherits is closed, ours with us.

    Ctrl-C at our terminal is not for it. All that it prints goes to ``said``. Only one that publishes has the tokens.
    Raises InfraError.
    """
    kept = {name: value for name, value in os.environ.items() if publishes or name not in TOKENS}
    try:
        return subprocess.Popen(
            words_of(argv),
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
                kill(process)
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
            await self._gone(KILL_SECONDS)

    async def _gone(self, seconds: float) -> bool:
        """Whether it is gone in time. What it prints meanwhile is dropped, or asyncio would wait for a reader of it."""
        try:
            async with asyncio.timeout(seconds):
                assert self._process.stdout is not None
                while await self._process.stdout.read(_READ):
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
            process = await begun(
                asyncio.create_subprocess_exec(
                    *words_of(argv),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=said,
                    env=environment(None),
                    cwd=NOBODYS,
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
                await over(ending)
                raise
