# SPDX-License-Identifier: GPL-2.0-only
"""Short tools (git, apt) and streams: run to their end, outside of a box."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.host import cachelock, signals
from kseries.host.processes.passed_on import NOBODYS, environment, words_of
from kseries.host.processes.together import KILL_SECONDS, Company, kill, mine
from kseries.model.errors import InfraError, in_words

_SAID = 64 * 1024
"""Bytes of what a program says on standard error that are kept, its last ones."""
_READ = 1024


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


def run(
    argv: Sequence[str | Path],
    *,
    seconds: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path = NOBODYS,
    umask: int = -1,
) -> Done:
    """Run a short tool to its end, in nobody's folder if not in ``cwd``.

    Raises InfraError when it cannot start or takes too long.
    A signal that ends us kills it (signals.py). If we are killed, what it writes to is locked until it has ended: it
    holds our locks too (cachelock.py).
    """
    words = words_of(argv)
    together = mine()
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
            env=environment(env),
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
            kill(child)
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
    together = mine()
    with signals.instead(together.end):
        child = subprocess.Popen(
            words_of(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(env),
            cwd=NOBODYS,
            start_new_session=True,
            pass_fds=cachelock.held(),
        )
        with together.joined_by(child), _limited(child, seconds) as late, _heard(child) as said:
            try:
                yield child
            except BaseException:
                kill(child)
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
    late = threading.Timer(seconds, kill, (child,))
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
        reader.join(KILL_SECONDS)  # what it has left behind could hold the pipe
