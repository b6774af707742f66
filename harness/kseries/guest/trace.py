# SPDX-License-Identifier: GPL-2.0-only
"""Call traces of a kernel log, decoded to file and line. Parsing is pure; only ``resolve`` starts a process.

What scripts/decode_stacktrace.sh does, for the log of one boot: vmlinux has line tables (KCFLAGS in
harness/kseries/kbuild/), nm tells where a symbol is, addr2line what was compiled there, inlined functions too.
"""

import bisect
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseries import arch as archs
from kseries.arch import Arch
from kseries.guest import klog
from kseries.kbuild import binutils
from kseries.model import Frame

MAX_FRAMES = 64
"""Frames that are decoded, from the first complaint on."""

# printk's %pS (Documentation/core-api/printk-formats.rst), where it stands alone on the line of a call trace or
# behind the name of a register: the program counter, or where it returns to.
_SYMBOL = r"(?P<function>[A-Za-z_][\w.]*)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)"
_NAMED = re.compile(_SYMBOL)
_OF_MODULE = re.compile(r" \[\w")
"""What stands behind the size of a module's function: its name (kernel/kallsyms.c, __sprint_symbol())."""
_CALL = re.compile(rf"^\s*(?P<doubt>\? )?{_SYMBOL}(?: \[[^\]]*\])?(?: \([A-Z]+\))?\s*$")
_COUNTERS, _LINKS = archs.either(lambda arch: arch.counter), archs.either(lambda arch: arch.link)
_COUNTER = re.compile(rf"^\s*(?:(?:{_COUNTERS})|(?P<return>{_LINKS})){_SYMBOL}")
# Where a lock was taken that is held (kernel/locking/lockdep.c, print_lock()): an unlock that was left out leaves no
# other trace. No brace in braces, or each of a line full of them would be looked at up to the line's end.
_HELD = re.compile(rf"\)\{{[^{{}}]*\}}-\{{\d+:\d+\}}, at: {_SYMBOL}\s*$")

# What nm and addr2line print. A name in a kernel's symbols may be anything, a line that looks like another one too.
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}")
_HEX = re.compile(r"[0-9a-f]{1,16}")
_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d{1,9})\b")
# lib/bug.c and __warn() in kernel/panic.c, where CONFIG_DEBUG_BUGVERBOSE has them tell.
_AT = re.compile(
    r"(?:kernel BUG|WARNING: .*) at (?P<file>[\w./-]+):(?P<line>\d{1,9})"
    r"|WARNING: (?:\[.*\] )?(?P<new_file>[\w./-]+):(?P<new_line>\d{1,9}) at "  # from 6.19 on
)


@dataclass(frozen=True)
class Spot:
    """A place in the kernel's text as a log names it: ``offset`` bytes into a function of ``size`` bytes."""

    function: str
    offset: int
    size: int
    sure: bool = True
    """False behind a "?": an address found on the stack that need not be a caller."""
    called: bool = True
    """True where the address is the one to return to, so that the call lies before it."""
    module: bool = False
    """It is in a module, of whose code the kernel's own symbols say nothing, though a name be the same."""


def spot_of(line: str) -> Spot | None:
    """What a line of a log says of the kernel's text, if it is one of a call trace."""
    if "+0x" not in line:  # as hardly any has; three expressions need not be tried
        return None
    text = klog.message(line)
    if call := _CALL.match(text):
        return _spot(call, sure=not call["doubt"], called=True)
    if counter := _COUNTER.match(text):
        return _spot(counter, sure=True, called=bool(counter["return"]))
    if held := _HELD.search(text):
        return _spot(held, sure=True, called=True)
    return None


def is_counter(line: str) -> bool:
    """True for a line that tells where the CPU was, and not who had called whom."""
    counter = _COUNTER.match(klog.message(line)) if "+0x" in line else None
    return counter is not None and not counter["return"]


def is_of_lock(line: str) -> bool:
    """True for a line that tells where a lock was taken."""
    return _HELD.search(line[: klog.MAX_LINE]) is not None


def named(line: str, *, called: bool) -> Spot | None:
    """The first place that a line names, wherever in it."""
    found = _NAMED.search(line[: klog.MAX_LINE]) if "+0x" in line else None
    return _spot(found, sure=True, called=called) if found is not None else None


def _spot(match: re.Match[str], *, sure: bool, called: bool) -> Spot:
    module = _OF_MODULE.match(match.string, match.end("size")) is not None
    return Spot(match["function"], int(match["offset"], 16), int(match["size"], 16), sure, called, module)


def spots(lines: Iterable[str]) -> tuple[Spot, ...]:
    """The distinct places of the call traces in these lines, in their order, then those of locks: MAX_FRAMES in all."""
    calls: dict[Spot, None] = {}
    locks: dict[Spot, None] = {}
    for line in lines:
        spot = spot_of(line)
        if spot is not None:
            (locks if is_of_lock(line) else calls)[spot] = None
        if len(calls) == MAX_FRAMES:
            break
    return tuple(calls | locks)[:MAX_FRAMES]


# --- addresses ----------------------------------------------------------------------------------


class Symbols:
    """The text symbols of a vmlinux, from what ``nm`` prints of it."""

    def __init__(self, nm: Iterable[str]) -> None:
        rows = [line.split() for line in nm]
        of_text = (row for row in rows if len(row) == 3 and row[1] in "tTwW" and _HEX.fullmatch(row[0]))
        text = [(int(row[0], 16), row[2]) for row in of_text]
        self._addresses = sorted({address for address, _ in text})
        self._by_name: dict[str, list[int]] = {}
        for address, name in text:
            self._by_name.setdefault(name, []).append(address)

    def address(self, spot: Spot) -> int | None:
        """Where a spot is; None if it cannot be told, as of two functions with one name and one size.

        A function's size is the distance to the next symbol, as in kernel/kallsyms.c get_symbol_pos().
        """
        places = self._by_name.get(spot.function, []) if not spot.module else []
        if len(places) > 1:
            places = [place for place in places if self._size(place) == spot.size]
        if len(places) != 1:
            return None
        return places[0] + spot.offset - (1 if spot.called and spot.offset else 0)

    def start(self, function: str) -> int | None:
        """Where a function begins; None unless just one has that name."""
        places = self._by_name.get(function, [])
        return places[0] if len(places) == 1 else None

    def around(self, addresses: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """The functions that addresses are in, whole: where each begins, and where the next one does."""
        found = set()
        for address in addresses:
            following = bisect.bisect_right(self._addresses, address)
            if 0 < following < len(self._addresses):
                found.add((self._addresses[following - 1], self._addresses[following]))
        return tuple(sorted(found))

    def _size(self, address: int) -> int | None:
        following = bisect.bisect_right(self._addresses, address)
        return self._addresses[following] - address if following < len(self._addresses) else None


def frames_of(addr2line: Iterable[str]) -> dict[int, tuple[tuple[str, str, int], ...]]:
    """By address, what ``addr2line -a -f -i`` prints: (function, file, line), what is inlined before its caller."""
    found: dict[int, tuple[tuple[str, str, int], ...]] = {}
    address, function = None, None
    for line in addr2line:
        if told := _ADDRESS.fullmatch(line):
            address, function = int(told[0], 16), None
            found[address] = ()
        elif address is not None and function is None:
            function = line.strip()
        elif address is not None and function is not None:
            place = _PLACE.match(line)
            if place and place["file"] != "??":
                found[address] += ((function, posixpath.normpath(place["file"]), int(place["line"])),)
            function = None
    return found


async def resolve(wanted: Sequence[Spot], kernel: Path, arch: Arch) -> dict[Spot, tuple[Frame, ...]]:
    """File and line of each spot in a vmlinux; spots that cannot be told are left out.

    The tools run in a box: what they read is made of the patches under test.
    """
    if not wanted:
        return {}
    symbols = Symbols(await binutils.output([f"{arch.toolchain.prefix}nm", kernel], kernel))
    addresses = {spot: address for spot in wanted if (address := symbols.address(spot)) is not None}
    if not addresses:
        return {}
    words: list[str | Path] = [f"{arch.toolchain.prefix}addr2line", "-a", "-f", "-i", "-e", kernel]
    told = frames_of(await binutils.output([*words, *(hex(address) for address in addresses.values())], kernel))
    return {
        spot: tuple(Frame(function=name, file=file, line=line, sure=spot.sure) for name, file, line in told[address])
        for spot, address in addresses.items()
        if told.get(address)
    }


# --- what a result keeps ------------------------------------------------------------------------

_FROM_FIRST = 120
"""Lines that are kept from the first complaint on: KASAN's report of a use after free is that long."""
_AT_END = 60
"""Lines that are kept from the end of the log."""
_BEFORE = 3
"""Lines before the first complaint: "cut here", and what WARN() was given to say."""
_MAX_WIDTH = 300


@dataclass(frozen=True)
class Decoded:
    """The part of a log that tells, with file and line, and the frames of its call traces."""

    tail: str
    frames: tuple[Frame, ...]
    places: Mapping[Spot, tuple[Frame, ...]] = field(default_factory=dict)
    """What is known of each of the spots."""


async def decode(log: str, kernel: Path, arch: Arch, more: Sequence[Spot] = ()) -> Decoded:
    """Decode what a log has from its first complaint on, and ``more`` spots, wherever in the log they are."""
    lines = log.split("\n") if log else []
    first = klog.first_complaint(lines)
    wanted = spots(lines[first:]) if first is not None else ()
    found = await resolve(tuple(dict.fromkeys((*wanted, *more))), kernel, arch)
    frames = dict.fromkeys(frame for spot in wanted for frame in found.get(spot, ()))
    if first is not None and (own := told_by(lines[first], wanted)) is not None:
        frames = {own: None, **frames}
    return Decoded("\n".join(excerpt(lines, first, found)), tuple(frames), found)


def told_by(complaint: str, behind: Sequence[Spot]) -> Frame | None:
    """The line that a WARNING or a BUG names itself (CONFIG_DEBUG_BUGVERBOSE): its trap has none of its own."""
    at = _AT.search(complaint[: klog.MAX_LINE])
    if at is None:
        return None
    file, line = at["file"] or at["new_file"], at["line"] or at["new_line"]
    return Frame(function=behind[0].function if behind else "", file=file, line=int(line))


def excerpt(lines: Sequence[str], first: int | None, found: Mapping[Spot, tuple[Frame, ...]]) -> Iterator[str]:
    """The lines about the first complaint and the last ones, decoded and bounded."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    tail = max(0, end - _AT_END)
    if first is not None and first < tail:
        start = max(0, first - _BEFORE)
        yield from (annotated(line, found) for line in lines[start : min(start + _FROM_FIRST, tail)])
        if start + _FROM_FIRST < tail:
            yield f"[... {tail - start - _FROM_FIRST} lines ...]"
    yield from (annotated(line, found) for line in lines[tail:end])


def annotated(line: str, found: Mapping[Spot, tuple[Frame, ...]]) -> str:
    """A line of the log with file and line of what it names, innermost first."""
    text = line.rstrip()[:_MAX_WIDTH]
    spot = spot_of(line)
    frames = found.get(spot, ()) if spot is not None else ()
    if not frames:
        return text
    *inlined, own = frames
    places = [*(f"{frame.file}:{frame.line} in {frame.function}" for frame in inlined), f"{own.file}:{own.line}"]
    return f"{text} ({', '.join(places)})"
