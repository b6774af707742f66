# SPDX-License-Identifier: GPL-2.0-only
"""The warnings of a source tree, although an incremental build shows only those of what it made again.

With make's --output-sync a step ("CC kernel/fork.o") is followed by what was said of it: by the compiler,
objtool and kernel-doc (W=1), and below a step CHECK by sparse (C=1). Beside the build folder's objects we keep what
was last said of each. ccache prints again what the compiler had said; the others run whenever make makes an object,
wherever ccache had it from.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from kseries.host import checksummed
from kseries.model import Record

_STEP = re.compile(r"^  (?P<what>[A-Z][A-Z0-9 ]*?)(?: \[M\])?\s+(?P<target>\S+)$")
_WARNING = re.compile(r"^(?P<file>\S+?):(?P<place>(?:\d+:)*)\s*(?P<kind>warning|error): (?P<text>.*)$")
# sparse, below "incorrect type": what was expected, and what it got.
_MORE = re.compile(r"^\S+?:\d+:\d+:\s{2,}(?P<text>\S.*)$")
# What moves when the lines above it move: objtool's offsets, places that a text refers to, names made of __COUNTER__.
_MOVES = (
    (re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"), ""),
    (re.compile(r"(\.[chS]):\d+(?::\d+)?\b"), r"\1"),
    (re.compile(r"(__UNIQUE_ID_\w*?)\d+\b"), r"\1"),
)
_CHECK = "CHECK"
"""make's word for sparse at work; and what names its warnings of an object, apart from the compiler's."""


class _Notes(Record, frozen=True):
    """``said`` is what was last said of each object; ``linked`` are all that were ever part of a kernel here."""

    said: dict[str, tuple[str, ...]]
    linked: frozenset[str] = frozenset()


def said_of(log: str, source: Path, fragment: Path | None = None) -> dict[str, tuple[str, ...]]:
    """What was said of each object in a build log, as ``FILE: TEXT``; by a checker, of ``CHECK OBJECT``.

    Line numbers and offsets are left out: a warning is not new because the lines above it have moved. What Kconfig says
    of the ``fragment`` that we gave to it is left out, too (conf_warning() in scripts/kconfig/confdata.c): that a later
    line overrides an earlier one, or has no fit value, is said of a symbol from the patch on that brings it. What it
    says of the tree's own files is the tree's.
    """
    found: dict[str, Counter[str]] = {}
    for name, warnings in _blocks(log, source, fragment):
        found[name] = found.get(name, Counter()) | Counter(warnings)
    return {name: tuple(warnings.elements()) for name, warnings in found.items()}


def _blocks(log: str, source: Path, fragment: Path | None) -> Iterator[tuple[str, list[str]]]:
    """Each object that a log has a step of, and what stands below."""
    name, checking = "", False
    said: list[str] = []
    of_make: list[str] = []
    for line in log.split("\n"):
        if step := _STEP.match(line):
            yield from _closed(name, checking, said, of_make)
            name, checking = _plain(step["target"], source), step["what"] == _CHECK
            said, of_make = [], []
        elif (warning := _WARNING.match(line)) and warning["file"] != str(fragment):
            # Below CHECK, and after it, stands what kernel-doc says of the object: without a column.
            by_checker = checking and warning["place"].count(":") == 2
            if by_checker or warning["kind"] == "warning":
                words = f"{_plain(warning['file'], source)}: {_still(warning['text'])}"
                (said if by_checker or not checking else of_make).append(words)
        elif checking and said and (more := _MORE.match(line)):
            said[-1] += f", {_still(more['text'])}"
    yield from _closed(name, checking, said, of_make)


def _closed(name: str, checking: bool, said: list[str], of_make: list[str]) -> Iterator[tuple[str, list[str]]]:
    if not name:
        return
    if not checking:
        yield name, said
        return
    made = f"{posixpath.splitext(name)[0]}.o"  # a checker's step names the source
    yield f"{_CHECK} {made}", said
    if of_make:
        yield made, of_make


def _plain(path: str, source: Path) -> str:
    """A path in the tree: an object may name its source from three folders up (../../../virt)."""
    return posixpath.normpath(path.removeprefix(f"{source}/"))


def _still(text: str) -> str:
    for moving, kept in _MOVES:
        text = moving.sub(kept, text)
    return text


class Kept:
    """What was said of all objects of a build folder, kept in it: without that the next build cannot be judged."""

    def __init__(self, obj: Path) -> None:
        self._path = obj / "said.json"

    @property
    def known(self) -> bool:
        """False in a folder in which somebody has built whose warnings we have not seen."""
        return checksummed.read(self._path) is not None

    @property
    def written(self) -> float:
        """When a build ended here last, by the clock of that time: seconds since 1970, 0 before any has."""
        return self._path.stat().st_mtime if self._path.exists() else 0.0

    def update(self, said: Mapping[str, tuple[str, ...]], linked: frozenset[str] | None) -> tuple[str, ...]:
        """Take in what a build has said. All warnings of its kernel, which is ``linked`` of these objects; see merged.

        None for a build that failed: of what it did not come to nothing is known, so only its own words are told.
        An object that was part of an earlier kernel and is none of this one's is remembered, since make does not
        remove it, but has no say.
        """
        notes = self._read()
        known = {name: warnings for name, warnings in {**notes.said, **said}.items() if warnings}
        notes = _Notes(said=known, linked=notes.linked | (linked or frozenset()))
        checksummed.write(self._path, msgspec.json.encode(notes))
        if linked is None:
            return merged(said)
        gone = notes.linked - linked
        return merged({name: told for name, told in notes.said.items() if name.removeprefix(f"{_CHECK} ") not in gone})

    def _read(self) -> _Notes:
        data = checksummed.read(self._path)
        return msgspec.json.decode(data, type=_Notes) if data is not None else _Notes(said={})


def merged(said: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The warnings of many objects, sorted: each as often as the object that has it most often has it.

    So a header's is there once, however many objects include it.
    """
    most: Counter[str] = Counter()
    for warnings in said.values():
        most |= Counter(warnings)
    return tuple(sorted(most.elements()))
