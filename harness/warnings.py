# SPDX-License-Identifier: GPL-2.0-only
"""The compiler's warnings of a source tree, although an incremental build shows only those of what it compiled.

With make's --output-sync a step ("CC virt/kvm/kvm_main.o") is followed by what the compiler said of it. Beside
the build folder's objects we keep what was last said of each.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

_STEP = re.compile(r"^  [A-Z][A-Z0-9 ]*?(?: \[M\])?\s+(?P<object>\S+)$")
_WARNING = re.compile(r"^(?P<file>\S+?):(?:\d+:)*\s*warning: (?P<text>.*)$")
_OFFSET = re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")


def said_of(log: str, source: Path) -> dict[str, tuple[str, ...]]:
    """What the compiler said of each object in a build log.

    Line numbers and offsets are left out: a warning is not new because the lines above it have moved.
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in log.splitlines():
        if step := _STEP.match(line):
            current = found[step["object"]] = []
        elif warning := _WARNING.match(line):
            file = warning["file"].removeprefix(f"{source}/")
            current.append(f"{file}: {_OFFSET.sub('', warning['text'])}")
    return {name: tuple(warnings) for name, warnings in found.items()}


def update(notes: Path, said: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Bring what is kept in ``notes`` up to date with a build; all warnings of the tree, sorted."""
    known = msgspec.json.decode(notes.read_bytes(), type=dict[str, tuple[str, ...]]) if notes.exists() else {}
    known |= said
    beside = notes.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode({name: warnings for name, warnings in known.items() if warnings}))
    beside.replace(notes)
    return tuple(sorted(warning for warnings in known.values() for warning in warnings))
