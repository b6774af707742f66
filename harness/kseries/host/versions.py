# SPDX-License-Identifier: GPL-2.0-only
"""What a program says of its version: asked once of a file that is the program itself.

A script is asked each time, and so is a program under another's name, as ccache is where it stands for gcc: what they
start may be another by then.
"""

import functools
from pathlib import Path

from kseries.host import processes
from kseries.host.processes import Done

_ELF = b"\x7fELF"


def told(program: str, seconds: float) -> Done:
    """What ``program --version`` says; ``program`` is a path. Raises as processes.run()."""
    file = Path(program).resolve()
    try:
        now = file.stat()
    except OSError:  # what is not there can only be asked
        return _ask(program, seconds)
    if Path(program).name not in file.name or not _is_compiled(file):
        return _ask(program, seconds)
    return _asked(program, seconds, str(file), now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def _is_compiled(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_ELF)) == _ELF
    except OSError:
        return False


@functools.lru_cache(maxsize=64)
def _asked(program: str, seconds: float, *_as_it_is: str | int) -> Done:
    return _ask(program, seconds)


def _ask(program: str, seconds: float) -> Done:
    return processes.run([program, "--version"], seconds=seconds)
