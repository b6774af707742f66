# SPDX-License-Identifier: GPL-2.0-only
"""What a state costs for which nothing is compiled, against a null ``make vmlinux`` in the same box: where it goes.

.venv/bin/python -m benchmarks.null_state [ROUNDS [KIND ...]]

In the cache as it is, from a build of 6.12: now it, now the same with one file changed in a way that comes to nothing,
which make has to look at; and after each of them make alone, which finds that there is nothing to do.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kseries import arch as archs
from kseries import kbuild
from kseries.host import paths, processes
from kseries.kbuild import initramfs, names
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.folder import Folder
from kseries.kbuild.kconfig import Kconfig
from kseries.kbuild.make import Make
from kseries.sources import TreeStore, kernels

_CHANGED = {
    "Kconfig": ("init/Kconfig", b"\thelp\n", b"\thelp\n\t  Another text.\n"),
    "Makefile": ("mm/Makefile", b"\n", b"\n# Another comment.\n"),
    "source": ("mm/util.c", b"\n", b"/* Another comment. */\n"),
}
"""By what is measured: a file, some bytes of it, and what it has instead of the first of them."""
_PARTS: tuple[tuple[Any, str], ...] = (
    (Folder, "enter"),
    (TreeStore, "check_out"),
    (names.Names, "update"),
    (Kconfig, "may_differ"),
    (Kconfig, "reads_all"),
    (FolderDependencies, "of_last"),
    (FolderDependencies, "update"),
    (Folder, "note"),
    (kbuild.Worker, "_take"),
    (initramfs, "write"),
)
"""What is done around make, each a row of the table; of one within another, both have its seconds."""


@dataclass
class Spent:
    """Seconds of one state, by what they went to."""

    wall: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.wall[what] += time.monotonic() - began


class Measured:
    """All that ``_PARTS`` names and each make, timed into ``spent``, whichever that is at the time."""

    def __init__(self) -> None:
        self.spent = Spent()
        for owner, name in _PARTS:
            setattr(owner, name, self._timed(getattr(owner, name), f"{owner.__name__.rpartition('.')[2]}.{name}"))
        make = Make.__call__

        async def timed(this: Make, argv: list[str]) -> bool:
            target = next((word for word in reversed(argv) if "=" not in word), "")
            with self.spent.at(f"make {target}" if argv[0] == "make" else argv[0]):
                return await make(this, argv)

        Make.__call__ = timed  # type: ignore[assignment, method-assign]

    def _timed(self, work: Callable[..., Any], what: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.spent.at(what):
                return work(*args, **kwargs)

        return timed


def main() -> None:
    """Measure, and print a table for each kind of change."""
    arch = archs.get("x86_64")
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    config = Config.read((paths.project("kernels", arch.config),))
    worker = kbuild.Worker(paths.cache("workers", "0"), trees, arch, config, os.cpu_count() or 1)
    measured = Measured()
    rounds, kinds = int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2:] or list(_CHANGED)
    for kind in kinds:
        path, old, new = _CHANGED[kind]
        text = trees.file(base, path)
        assert text is not None
        other = trees.with_file(base, path, text.replace(old, new, 1))
        _table(kind, asyncio.run(_measure(worker, (base, other), rounds, measured)))


async def _measure(
    worker: kbuild.Worker, trees: tuple[str, str], rounds: int, measured: Measured
) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as into:
        async with worker.locked(lambda _: None):
            for tree in trees:
                await _built(worker, tree, Path(into))
            for tree in trees * rounds:
                spent = measured.spent = Spent()
                with spent.at("whole"):
                    await _built(worker, tree, Path(into))
                rows.append({**spent.wall, "null make": await _null_make(worker, Path(into))})
                print({what: round(seconds, 2) for what, seconds in rows[-1].items()}, flush=True)
    return rows


async def _built(worker: kbuild.Worker, tree: str, into: Path) -> None:
    built = await worker.build(tree, into, lambda _: None)
    assert built.ok, built.errors


async def _null_make(worker: kbuild.Worker, into: Path) -> float:
    """Seconds of a make that has nothing to do, where the last build was."""
    with (into / "null.log").open("wb") as log:
        place = worker._folder.place
        make = Make(worker._box(trusted=False), log, processes.Deadline.after(3600), lambda _: None, place)
        began = time.monotonic()
        assert await make(worker._kernel_argv(worker._arch.kernel_target))
        seconds = time.monotonic() - began
    worker._folder.note()  # or the next run would find files that no build of ours has left
    return seconds


def _table(kind: str, rows: list[dict[str, float]]) -> None:
    unit = statistics.median(row["null make"] for row in rows)
    print(f"{kind:32}{'seconds':>9}{'of a null make':>16}")
    for what in dict.fromkeys(what for row in rows for what in row):
        median = statistics.median(row.get(what, 0.0) for row in rows)
        print(f"{what:32}{median:9.2f}{median / unit:16.2f}")


if __name__ == "__main__":
    main()
