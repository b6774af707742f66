# SPDX-License-Identifier: GPL-2.0-only
"""A series for the tiny kernel as a repository: each patch changes lines of its own, so that any of them reverts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import tiny
from tests.support.gitrepo import Repository

_APART = "\t/* nothing changes here */\n" * 8
_GOOD, _BAD = "@    ok 1 a", "@    not ok 1 a"


def repository(
    place: Path, patches: int, *, broken: int | None = None, sleep: Sequence[float] = (), delay: int = 1
) -> Path:
    """A repository whose ``base..topic`` has so many patches; ``broken`` makes a check fail and the one after mends it.

    A build takes one of the ``sleep`` seconds, each time the same tree the same; a boot takes as long as ``delay`` has
    it (tiny.kernel).
    """
    made = Repository(place)
    for number in range(patches + 1):
        made.commit(f"lib: Change block {number}", _files(number, patches, broken, sleep, delay))
        if number == 0:
            made.git("tag", "base")
    made.git("tag", "topic")
    return place


def _files(number: int, patches: int, broken: int | None, sleep: Sequence[float], delay: int) -> dict[str, str]:
    files = tiny.kernel("one", delay, log="a tiny kernel\n")
    if number == broken:
        files["main.S"] = files["main.S"].replace(_GOOD, _BAD)
    files["Makefile"] = noted(files["Makefile"])
    if sleep:
        chosen = f"set -- {' '.join(map(str, sleep))}; shift $$(($$(cksum <lib.S | cut -d ' ' -f 1) % $$#))"
        files["Makefile"] += f"vmlinux: | wait\nwait:\n\t@{chosen}; sleep $$1\n"
    blocks = (f'\t.asciz "block {one}: {"new" if one <= number else "old"}"\n' for one in range(1, patches + 1))
    return {**files, "lib.S": tiny.LIB + _APART.join(("", *blocks)), "arch/x86/kvm/Kconfig": ""}


def noted(makefile: str) -> str:
    """The tiny kernel's Makefile with a note of what is read, as kbuild has it."""
    for name in ("lib", "main"):
        note = f"$(CC) -m32 -MD -MF $(O)/{name}.d -c -o $@ {name}.S"
        makefile = makefile.replace(f"$(CC) -m32 -c -o $@ {name}.S", note)
    return makefile


_TIMES = ("began", "seconds", "timeline", "first_finding", "budget")
_PLACES = ("made_on", "host", "why", "out", "words", "reproduce")
_LUCK = ("objects", "booted_as", "built_as", "unread", "notes", "ran")
"""What depends on which state was built first, and on what ccache had; how many functions of a file ran in a boot."""


def essence(result: Path) -> dict[str, Any]:
    """A result but for times, places, and which of two equal kernels was built or booted."""
    found: dict[str, Any] = without_places(json.loads(result.read_text()))
    return found


def without_places(value: Any) -> Any:
    """Likewise, of what any command prints as JSON."""
    if isinstance(value, dict):
        return {name: without_places(one) for name, one in value.items() if name not in (*_TIMES, *_PLACES, *_LUCK)}
    return [without_places(one) for one in value] if isinstance(value, list) else value
