# SPDX-License-Identifier: GPL-2.0-only
"""Which patches of Debian's queue are measured: the first that apply in their order and change a .c or .h file."""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kseries.sources import TreeStore, git

_CODE = (b".c", b".h")


def first(
    count: int, names: Iterable[str], touched: Callable[[str], Iterable[bytes]], applied: Callable[[str], bool]
) -> list[str]:
    """The first of some patches that change code and apply, each on top of those before it that were chosen."""
    chosen: list[str] = []
    for name in names:
        if len(chosen) == count:
            break
        if any(path.endswith(_CODE) for path in touched(name)) and applied(name):
            chosen.append(name)
    return chosen


def names_of(series: str) -> Iterator[str]:
    """The patches that a series file of Debian's names."""
    yield from re.findall(r"^[^#\s]\S*", series, re.MULTILINE)


def of_queue(count: int, queue: Path, tree: str, store: TreeStore) -> list[str]:
    """The first of Debian's queue (debian/patches) that apply to a tree."""
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as scratch:
        index = Path(scratch) / "index"
        store.git("read-tree", tree, index=index)

        def applied(name: str) -> bool:
            words = ("apply", "--cached", "--whitespace=nowarn", "-")
            diff = (queue / name).read_bytes()
            return store.git(*words, stdin=diff, index=index, statuses=git.ANSWERS).returncode == 0

        names = names_of((queue / "series").read_text())
        return first(count, names, lambda name: store.touched((queue / name).read_bytes()), applied)


def write(chosen: Iterable[str], queue: Path, into: Path) -> None:
    """A queue of some patches of another."""
    for name in chosen:
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((queue / name).read_bytes())
    (into / "series").write_text("".join(f"{name}\n" for name in chosen))
