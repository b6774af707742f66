# SPDX-License-Identifier: GPL-2.0-only
"""What a program says of its version: asked once of a file that is the program itself.

A script is asked each time, and so is a program under another's name: what they start may be another by then. What is
said has to stand in the file, too: a copy, or a hard link, of what starts another has the very name. It is not for
compilers, whose version stands in whatever they have compiled (its section .comment).
"""

import mmap
import re
from pathlib import Path

from kseries.host import processes
from kseries.host.processes import Done

_ELF = b"\x7fELF"
_MOST = 64
"""Answers that are kept."""
_NUMBER = re.compile(rb"[^\s(),]*[0-9][^\s(),]*")
_known: dict[tuple[str | int, ...], Done] = {}


def told(program: str, seconds: float) -> Done:
    """What ``program --version`` says; ``program`` is a path. Raises as processes.run()."""
    asked = _as_it_is(program)
    if asked is not None and asked in _known:
        return _known[asked]
    done = processes.run([program, "--version"], seconds=seconds)
    if asked is not None and len(_known) < _MOST and _tells_of_itself(program, done):
        _known[asked] = done
    return done


def _as_it_is(program: str) -> tuple[str | int, ...] | None:
    """By which an answer is known as long as the file is the same; None where it has another name, or is not there."""
    try:
        file = Path(program).resolve()
        now = file.stat()
    except (OSError, RuntimeError):  # the second of links that go round
        return None
    if Path(program).name not in file.name:
        return None
    return program, str(file), now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _tells_of_itself(program: str, done: Done) -> bool:
    """Whether the version that a program has told stands in its file, which is compiled."""
    numbers = _NUMBER.findall(done.stdout.partition(b"\n")[0])
    if done.returncode != 0 or not numbers:
        return False
    try:
        with Path(program).open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
            return file[: len(_ELF)] == _ELF and all(file.find(one) >= 0 for one in numbers)
    except (OSError, ValueError):  # nobody but root may read it, or it is empty by now
        return False
