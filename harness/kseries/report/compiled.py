# SPDX-License-Identifier: GPL-2.0-only
"""Which changed lines are compiled, in words."""

from collections.abc import Iterable, Iterator

from kseries.kbuild import fragment
from kseries.model import ChangedLines, PatchResult
from kseries.model.sanitize import few, line

_FEW = 4
"""Places that a line of the report names; the other reports have them all."""


def brief(patch: PatchResult) -> str:
    """How many of a patch's lines are compiled, and which are not or may not be; empty where it has none."""
    parts = [f"{_count(patch, True)} of {sum(map(_lines, patch.changed))} changed lines are compiled"]
    if missing := [place(one) for one in patch.changed if one.compiled is False]:
        parts.append(f"not {few(missing, _FEW)}")
    if unknown := [place(one) for one in patch.changed if one.compiled is None]:
        parts.append(f"not known: {few(unknown, _FEW)}")
    return line("; ".join(parts)) if patch.changed else ""


def all_compiled(patch: PatchResult) -> bool:
    """Whether there is nothing that a reader has to be told."""
    return all(one.compiled for one in patch.changed)


def details(patch: PatchResult) -> Iterator[str]:
    """A line for each range of lines: compiled or not, by which options, or why not."""
    for one in patch.changed:
        said = {True: "compiled", False: "not compiled", None: "not known"}[one.compiled]
        by = f" ({', '.join(_options(one))})" if one.options else ""
        yield line(f"{place(one)} {said}{by}{f': {one.why}' if one.why else ''}")


def place(one: ChangedLines) -> str:
    """As compilers have it, with the last line where there are several."""
    return f"{one.file}:{one.first}{f'-{one.last}' if one.last > one.first else ''}"


def _options(one: ChangedLines) -> Iterable[str]:
    return (fragment.assignment(name.removeprefix("!"), "n" if name.startswith("!") else "y") for name in one.options)


def _count(patch: PatchResult, compiled: bool) -> int:
    return sum(_lines(one) for one in patch.changed if one.compiled is compiled)


def _lines(one: ChangedLines) -> int:
    return one.last - one.first + 1
