# SPDX-License-Identifier: GPL-2.0-only
"""Who is at work on this host: in a place, for tests that ask whether anybody was left running, or below a process."""

import os
import time
from pathlib import Path

SLEEP = f"sleep 4711.{os.getpid()}"
"""A command that outlasts every test; the tests' other workers, each a process, have no such sleep of their own."""
_SLEEPS = SLEEP.encode().split()


def at_work(place: Path) -> list[str]:
    """The command lines of processes that name a place or anything in it, or are in a box that shows it to them.

    In a box it has another path, so that there no command line names it.
    """
    words = os.fsencode(place)
    shown = os.fsencode(Path("/") / place.relative_to(_mount_point(place)))
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes()
            # proc(5): the path that is bound, below the root of its file system.
            if words in told or shown in (process / "mountinfo").read_bytes():
                found.append(told.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return found


def asleep() -> list[str]:
    """The ids of processes that still sleep so, once those that are killed have had time to be gone."""
    found: list[str] = []
    for _ in range(100):
        found = [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if _words(path) == _SLEEPS]
        if not found:
            break
        time.sleep(0.1)
    return found


def booting(pid: int) -> int | None:
    """The QEMU below a process that boots a kernel; one that was asked for its version does not."""
    return below(pid, "qemu-system-x86", b"-kernel")


def below(pid: int, name: str, word: bytes = b"") -> int | None:
    """The first descendant of a process with this name (proc(5), comm) and, if one is given, this among its words."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        parent = int(text.rpartition(")")[2].split()[1])
        parents.setdefault(parent, []).append((int(path.parent.name), text.partition("(")[2].rpartition(")")[0]))
    found = [pid]
    for one in found:
        for child, comm in sorted(parents.get(one, ())):
            if comm == name and (not word or word in _words(Path(f"/proc/{child}/cmdline"))):
                return child
            found.append(child)
    return None


def _words(cmdline: Path) -> list[bytes]:
    try:
        return cmdline.read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return []


def _mount_point(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.is_mount())
