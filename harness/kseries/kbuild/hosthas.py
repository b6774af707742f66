# SPDX-License-Identifier: GPL-2.0-only
"""Whether this host has a header or a program that a build looked for and did not find.

It is asked where the build looked, in its box. What is there, and a header of a package that is there, is no want of
this host: then a patch has a wrong name for it, or a wrong way to it.
"""

import contextlib
from collections.abc import Sequence

from kseries.arch import Arch
from kseries.host import processes

_SECONDS = 30

_PROGRAM = 'command -v -- "$1" >/dev/null'
# gcc's plugins are compiled for the compiler of the kernel, with its headers (scripts/gcc-plugins/Makefile).
_HEADER = """\
plugins=$("$1" -print-file-name=plugin)/include
shift
for header; do
    printf '#if !__has_include(<%s>)\\n#error\\n#endif\\n' "$header" | gcc -I "$plugins" -E -x c -o /dev/null - && exit
done
exit 1
"""


async def program(name: str, where: processes.Box) -> bool:
    """Whether a shell in that box finds a program. Raises InfraError where there is no box."""
    return await _well(["sh", "-c", _PROGRAM, "sh", name], where)


async def header(names: Sequence[str], arch: Arch, where: processes.Box) -> bool:
    """Whether the host's compiler in that box finds one of some headers. Raises InfraError where there is no box."""
    return await _well(["sh", "-c", _HEADER, "sh", f"{arch.toolchain.prefix}gcc", *names], where)


async def _well(argv: list[str], where: processes.Box) -> bool:
    """Whether something went well. A host that is too slow to answer says nothing against what the build printed."""
    deadline = processes.Deadline.after(_SECONDS)
    async with processes.start(argv, where) as running:
        with contextlib.suppress(processes.DeadlineError):
            async for _ in running.lines(deadline):
                pass
            return await running.wait(deadline) == 0
    return False
