# SPDX-License-Identifier: GPL-2.0-only
"""Watching a tip: where its kernel has the functions that a series changes, and which of their lines have run.

QEMU's TCG translates a block of code when the guest is about to run it, and logs it where it is asked to
(``-d in_asm``), by the addresses that ``-dfilter`` names. Nothing in the guest is changed, nor stopped; what is not
named costs nothing, and what is named costs its translation. An accelerator that runs code as it is has no such log.
"""

import bisect
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kseries import arch as archs
from kseries.arch import Arch
from kseries.coverage import linetable, source
from kseries.coverage.linetable import Code, Span
from kseries.guest.trace import Symbols
from kseries.host import checksums
from kseries.kbuild import binutils
from kseries.model import Accel, AppliedPatch, Coverage
from kseries.sources import TreeStore

_MOST_SPANS = 1000
"""Spans that QEMU is given; each block that it translates is held against all of them."""
_ALWAYS_RUNS = "start_kernel"
"""What every kernel runs: where it is not seen, the kernel is not where its vmlinux says, and nothing is known."""


_SET = re.compile(r"^CONFIG_(\w+)=y$", re.MULTILINE)
_MODULE = re.compile(r"^CONFIG_(\w+)=m$", re.MULTILINE)
_VALUED = re.compile(r"^CONFIG_(\w+)=[^ymn\n].*$", re.MULTILINE)


@dataclass(frozen=True)
class MadeOf:
    """What the kernel of a tip was built of."""

    read: tuple[str, ...]
    """Of the files that the series changes, those that its build read."""
    options: tuple[str, ...]
    """The options of its .config that are =y; for each that is =m what a source asks for it by, X_MODULE; and X= for
    one that has a number or a text.
    """
    modules: tuple[str, ...] = ()
    """Of the files that it read, those that went into a module."""

    def noted(self, coverage: Coverage) -> Coverage:
        """A tip's coverage with this; that of another kernel with the same bytes was not built of the same files."""
        modules = self.modules or msgspec.UNSET
        return msgspec.structs.replace(coverage, read=self.read, options=self.options, modules=modules)


@dataclass(frozen=True)
class Watch:
    """The tip of a series, whose functions that differ from base are to be watched while it runs."""

    trees: TreeStore
    base: str
    tip: str

    @classmethod
    def of(cls, trees: TreeStore, base: str, patches: tuple[AppliedPatch, ...]) -> "Watch | None":
        """The watch of a series; None of one that touches nothing that is compiled."""
        touched = source.compiled([path for patch in patches for path in patch.files])
        return cls(trees, base, patches[-1].tree_after) if touched else None

    def made_of(self, readers: Callable[[str], Set[str]], config: str, of_modules: Set[str] = frozenset()) -> "MadeOf":
        """What the tip has just been built of; ``readers`` tells of a path which notes of that build name it, and
        ``of_modules`` are those of what modules are linked of.
        """
        touched = source.compiled(self.trees.changed_paths(self.base, self.tip))
        made = {path: targets for path in touched if (targets := readers(path))}
        more = (
            *(f"{name}_MODULE" for name in _MODULE.findall(config)),
            *(f"{name}=" for name in _VALUED.findall(config)),
        )
        options = (*_SET.findall(config), *more)
        return MadeOf(tuple(made), options, tuple(path for path, targets in made.items() if targets & of_modules))

    def spans(self) -> dict[str, tuple[Span, ...]]:
        """By file, the lines of the tip's source that are watched: changed functions, and what changed outside them."""
        found: dict[str, tuple[Span, ...]] = {}
        for path, lines in changes(self.trees, self.base, self.tip).items():
            functions = [one for one in functions_of(self.trees, self.tip, path) if lines.inside(one)]
            outside = [line for line in lines.come if not any(one.has(line) for one in functions)]
            spans = (*((one.first, one.last) for one in functions), *((line, line) for line in outside))
            if spans:
                found[path] = spans
        return found


def changes(trees: TreeStore, old: str, new: str) -> Mapping[str, source.Changed]:
    """What leads from one tree to another, of the files that a kernel may be compiled from."""
    touched = source.compiled(trees.changed_paths(old, new))
    if not touched:
        return {}
    return source.changed(trees.diff(old, new, *touched))


def functions_of(trees: TreeStore, tree: str, path: str) -> tuple[source.Function, ...]:
    """The functions of a file in a tree; none of a file that is not there."""
    text = trees.file(tree, path)
    return source.functions(text.decode(errors="replace")) if text is not None else ()


@dataclass(frozen=True)
class Watched:
    """A kernel with the code that is watched in it."""

    code: tuple[Code, ...] | None
    """None where the kernel does not tell."""
    symbols: Symbols
    accel: Accel
    unread: str = ""
    """Why its line table could not be read."""

    @classmethod
    async def find(cls, watch: Watch, kernel: Path, arch: Arch, accel: Accel) -> "Watched":
        """Find what is to be watched in the kernel that was built of the tip."""
        code, unread = None, ""
        try:
            code = await linetable.read(kernel, arch, watch.spans())
        except binutils.UnreadError as error:
            unread = f"the line table could not be read: {error}"
        return cls(code, Symbols(await binutils.output([f"{arch.toolchain.prefix}nm", kernel], kernel)), accel, unread)

    @property
    def digest(self) -> str:
        """The name of what is watched: of two tips with one image, the lines may differ, and what they are told by."""
        return checksums.of_words([repr(self.code), self.accel.name])

    @property
    def addresses(self) -> tuple[Span, ...]:
        """What QEMU is to log; empty where nothing that is watched has code."""
        always = self.symbols.start(_ALWAYS_RUNS)
        if not self.code or always is None or not archs.translates(self.accel):
            return ()
        return linetable.merged(self.symbols.around([always, *(one.first for one in self.code)]), _MOST_SPANS)

    def coverage(self, executed: Iterable[int]) -> Coverage:
        """What of it has run, by the addresses of the instructions that have."""
        if self.code is None:
            return Coverage(unknown=self.unread or "the kernel has no line table")
        ran = sorted(set(executed))
        code: dict[str, set[int]] = {}
        seen: dict[str, set[int]] = {}
        for one in self.code:
            code.setdefault(one.file, set()).add(one.line)
            if _any_between(ran, one.first, max(one.end, one.first + 1)):
                seen.setdefault(one.file, set()).add(one.line)
        unknown = ""
        if not archs.translates(self.accel):
            unknown = f"the accelerator {self.accel.name} does not tell what runs"
        elif self.code and self.symbols.start(_ALWAYS_RUNS) not in ran:
            unknown = f"the kernel was not seen to run {_ALWAYS_RUNS}()"
        return Coverage(code=_sorted(code), ran=_sorted(seen), unknown=unknown)


def _any_between(ordered: list[int], first: int, end: int) -> bool:
    index = bisect.bisect_left(ordered, first)
    return index < len(ordered) and ordered[index] < end


def _sorted(lines: Mapping[str, set[int]]) -> dict[str, tuple[int, ...]]:
    return {path: tuple(sorted(numbers)) for path, numbers in sorted(lines.items())}
