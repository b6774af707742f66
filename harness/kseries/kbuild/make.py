# SPDX-License-Identifier: GPL-2.0-only
"""make: its command line, the errors it prints, and one run of it in a box."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.arch import Arch
from kseries.host import processes
from kseries.kbuild import limits
from kseries.kbuild.config import Config
from kseries.model.errors import InfraError

Compiled = Callable[[str], None]
"""Called with each line of make's output that says what it works on ("CC kernel/fork.o")."""

_ERROR = re.compile(
    rb"^\S+:(\d+:)* (fatal )?error: |^\S*\bld: (?!warning)|undefined reference|^(error|ERROR): |Error: "
    rb"|^\S*Kconfig\S*:\d+: |^\S+:\d+: \*\*\* |^make(\[\d+\])?: \*\*\* "
)
_COMPILER = re.compile(rb"^\S+:(\d+:)* (fatal )?error: (?!ld returned)")
_IGNORED = re.compile(rb"^make(\[\d+\])?: \[.*\] Error \d+ \(ignored\)$")
_MAKE_GAVE_UP = re.compile(rb"^make(\[\d+\])?: \*\*\* ")
_MAX_ERRORS = 8
_SIGNALLED = 128
_STEP = re.compile(rb"^  (?:CC|AS|LD|AR|LINK)(?: \[M\])?\s+(\S+)")


def make_argv(
    arch: Arch, config: Config, source: Path, obj: Path, targets: tuple[str, ...], jobs: int, cache: str = "ccache "
) -> list[str]:
    """make's command line; ``cache`` goes before the compilers.

    The KBUILD_BUILD_* keep time, user and host out of the image.
    """
    return [
        "make",
        f"-j{jobs}",
        "--output-sync=target",  # what the compiler says stands below the step that it is about
        "-C",
        str(source),
        *variables(arch, config, source, obj, cache),
        *targets,
    ]


def variables(arch: Arch, config: Config, source: Path, obj: Path, cache: str = "") -> list[str]:
    """What make is told of a kernel, whatever it is to make of it; ``cache`` as above."""
    clang = config.of_llvm("clang")
    cc, host_cc = (clang, clang) if config.llvm else (f"{arch.toolchain.prefix}gcc", "gcc")
    return [
        f"O={obj}",
        f"ARCH={arch.make_arch}",
        f"CROSS_COMPILE={arch.toolchain.prefix}",
        f"CC={cache}{cc}",
        f"HOSTCC={cache}{host_cc}",
        # Line tables, and of all debug info only these: what decodes a call trace, for 2 % of a compiler's time.
        # Without the folders' names, an image does not depend on where it was built.
        f"KCFLAGS=-g1 -fdebug-prefix-map={source}/= -fdebug-prefix-map={obj}=.",
        "KBUILD_BUILD_TIMESTAMP=@0",
        "KBUILD_BUILD_USER=kseries",
        "KBUILD_BUILD_HOST=kseries",
        "KBUILD_BUILD_VERSION=1",
        *arch.make,
        *config.make,
    ]


def errors_of(log: bytes, source: Path) -> tuple[str, ...]:
    """The compiler's own error lines, paths as they are in the tree; what make says only when there are none."""
    found = [line for line in log.splitlines() if _ERROR.search(line)]
    own = [line for line in found if not _MAKE_GAVE_UP.search(line)] or found or log.splitlines()[-3:]
    return _in_tree(own, source)


def ignored_errors(log: bytes, source: Path) -> tuple[str, ...]:
    """The same of a make that goes on whatever fails (``--ignore-errors``); nothing where nothing has failed.

    Of what a linker says, make's own line tells which program that is about.
    """
    failed = [line for line in log.splitlines() if _IGNORED.search(line)]
    found = [line for line in log.splitlines() if _COMPILER.search(line)]
    return _in_tree(found or failed, source) if failed else ()


def _in_tree(lines: list[bytes], source: Path) -> tuple[str, ...]:
    return tuple(line.decode(errors="replace").replace(f"{source}/", "").strip() for line in lines[:_MAX_ERRORS])


@dataclass(frozen=True)
class Make:
    """Runs one make after another in the same box, into the same log, before the same deadline."""

    box: processes.Box
    log: IO[bytes]
    deadline: processes.Deadline
    compiled: Compiled
    place: Path
    """Where all that it writes is."""

    async def __call__(self, argv: list[str]) -> bool:
        output = limits.Output()
        async with processes.start(argv, self.box) as make:
            watching = asyncio.create_task(limits.watch(make, self.place, self.box.limits))
            try:
                async for line in make.lines(self.deadline):
                    self.log.write(line + b"\n")
                    output.add(line)
                    if step := _STEP.match(line):
                        self.compiled(step[1].decode(errors="replace"))
                status = await make.wait(self.deadline)
                if watching.done():
                    await watching
            finally:
                watching.cancel()
        self.log.flush()
        # bwrap passes on what became of make as a shell does (bwrap(1)): 128 + N for one that signal N ended.
        if status < 0 or status > _SIGNALLED:
            raise InfraError(f"make was killed (status {status}): by somebody, or for want of memory; run it again")
        return status == 0
