# SPDX-License-Identifier: GPL-2.0-only
"""What it takes to start something in a box (box/), or without one where the user says so."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

from kseries.host.box import UID, Box, Host, keyring, syscalls
from kseries.host.processes.passed_on import NOBODYS, environment
from kseries.host.processes.tools import require, run

# What a kernel's make may see of our environment. MAKEFLAGS, KCFLAGS or LOCALVERSION would change what is built.
_BOX_ENVIRONMENT = frozenset({"PATH", "LC_ALL"})
_GIVE_SECONDS = 600.0
"""For the owner of all in a build folder or a ccache to be changed."""
_unboxed = ContextVar("unboxed", default=False)


@contextlib.contextmanager
def unboxed() -> Iterator[None]:
    """Start what comes from a series without a box: with all rights of ours. Only where the user says so."""
    token = _unboxed.set(True)
    try:
        yield
    finally:
        _unboxed.reset(token)


def is_boxed() -> bool:
    """Whether what is started now gets a box."""
    return not _unboxed.get()


def folder(box: Box) -> Path:
    """The folder that it is started in; in a box it gets into its own later."""
    return NOBODYS if is_boxed() else box.cwd


def argv_of(argv: Sequence[str | Path], box: Box, *options: str) -> list[str]:
    """The command line that makes the box; what it shows is opened to who will be in it."""
    if not is_boxed():
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
def filtered() -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """What bwrap is told of the filter of system calls, and the files that it is to inherit for it."""
    file = syscalls.filter_file() if is_boxed() else None
    if file is None:
        yield (), ()
        return
    with file:
        yield ("--seccomp", str(file.fileno())), (file.fileno(),)


def allowed(box: Box) -> dict[str, str]:
    """What is left of our environment, in a box or without one."""
    kept = {name: value for name, value in environment(None).items() if name in _BOX_ENVIRONMENT}
    return kept if is_boxed() else {**kept, **box.env}


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
