# SPDX-License-Identifier: GPL-2.0-only
"""What is removed, in which order, and when that is enough.

Leftovers of killed runs always go. The rest goes only while the cache takes more than it may, what costs least to have
again first; figures are those of docs/how-it-works.md.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.cache.flakes import Flakes
from kseries.cache.gc import compiled, leftovers
from kseries.cache.gc.trees import Trees
from kseries.cache.patchindex import PatchIndex
from kseries.cache.runs import Runs, Stage
from kseries.cache.store import OBSERVATION
from kseries.host import cachelock, files
from kseries.host.database import DatabaseError
from kseries.host.turns import QUEUE
from kseries.model import Record, events
from kseries.model.errors import InfraError, in_words
from kseries.sources import archive, corruption, gitmemo

_USERLAND = "userland"
"""guest/userland.py keeps images there, what they were made of, and package lists."""
PARTS = ("results", "workers", "ccache", "trees.git", "bases", archive.NAME, "programs", _USERLAND)
OTHER = "other"
"""The list of runs and that of their patches, what fails by chance, locks, and what is not ours."""
_CHECKED_OUT = ("source", "names", "names.json")
"""Of a worker: the tree that it builds, and what is told of it."""
_TRIALS = 5
"""How often ccache is asked for more."""
_CCACHE_SHARE = 4
"""ccache keeps one part in so many of what the cache may take, until nothing else is left to remove."""


class Part(Record, frozen=True):
    """One part of the cache: bytes before and after, and how many of what were removed."""

    name: str
    before: int
    after: int
    removed: dict[str, int]


class Collected(Record, frozen=True):
    """What was done; with ``dry_run``, what would be."""

    parts: tuple[Part, ...]
    max_size: int
    dry_run: bool

    @property
    def before(self) -> int:
        return sum(part.before for part in self.parts)

    @property
    def after(self) -> int:
        return sum(part.after for part in self.parts)


def collect(cache: Path, max_size: int, dry_run: bool, tell: events.Listener) -> Collected:
    """Bound the cache to ``max_size`` bytes, as far as what has to stay allows.

    Raises InfraError when somebody is at work in it; a dry run then tells what it can tell.
    """
    damaged = events.Preparing("trees.git is damaged, and is removed")
    try:
        try:
            with cachelock.alone(cache):
                if not dry_run:
                    corruption.discard_alone(cache / "trees.git", lambda: tell(damaged))
                return _Collector(cache, max_size, dry_run, alone=True).run()
        except cachelock.BusyError as error:
            who = _at_work(cache, error, tell)
            if not dry_run:
                raise InfraError(f"{who}\n  nothing was removed; wait for it to end, or see --dry-run") from error
            tell(events.Preparing(f"{who}; gc would not start now"))
            return _Collector(cache, max_size, dry_run, alone=False).run()
    except OSError as error:
        raise InfraError(f"{in_words(error)} ({error.filename})") from error


def _at_work(cache: Path, error: cachelock.BusyError, tell: events.Listener) -> str:
    with contextlib.suppress(InfraError):
        runs = [run for run in Runs(cache, tell).all() if run.stage is Stage.AT_WORK]
        if runs:
            return "at work: " + ", ".join(f"run {run.id} ({run.series}, PID {run.pid})" for run in runs)
    return f"another kseries is at work: it holds {error}"


@dataclass(frozen=True)
class _Entry:
    """Something that goes as a whole."""

    paths: tuple[Path, ...]
    used: float
    what: str


class _Collector:
    """Keeps account of each part while things go; a dry run only keeps account."""

    def __init__(self, cache: Path, max_size: int, dry_run: bool, alone: bool) -> None:
        self._cache = cache
        self._max = max_size
        self._dry = dry_run
        self._alone = alone
        self._before = {part: files.used(cache / part) for part in PARTS}
        self._before[OTHER] = files.used(cache) - sum(self._before.values())
        self._after = dict(self._before)
        self._gone: set[Path] = set()
        self._removed: dict[str, Counter[str]] = {part: Counter() for part in self._before}

    def run(self) -> Collected:
        if self._alone:
            for part in leftovers.PLACES:
                self._remove_all(part, leftovers.found(self._cache, part))
        for step in (
            self._package_lists,
            self._older_builds,
            self._planned_trees,
            self._compiled_above_share,
            self._workers,
            self._results,
            self._programs,
            self._userlands,
            self._compiled,
        ):
            if self._over > 0:
                step()
        self._pack()  # last, since it takes some room before it gives any
        if not self._dry:
            for forget in (PatchIndex(self._cache).forget_gone, Flakes(self._cache).forget_old):
                with contextlib.suppress(DatabaseError):  # what it forgets is a few kilobytes of a run
                    forget()
            self._measure_again()
        return Collected(parts=tuple(self._part(name) for name in self._before), max_size=self._max, dry_run=self._dry)

    def _part(self, name: str) -> Part:
        return Part(name=name, before=self._before[name], after=self._after[name], removed=dict(self._removed[name]))

    @property
    def _over(self) -> int:
        """Bytes that are still too many."""
        return sum(self._after.values()) - self._max

    # --- how things go ----------------------------------------------------------------------

    def _remove_all(self, part: str, paths: Iterable[Path]) -> None:
        for path in sorted(paths):
            self._remove(part if part in self._after else OTHER, _Entry((path,), 0.0, "leftovers"))

    def _remove(self, part: str, entry: _Entry) -> None:
        for path in entry.paths:
            if path in self._gone:
                continue
            self._gone.add(path)
            self._after[part] -= files.used(path)
            if not self._dry:
                files.remove_whole(path)
        self._removed[part][entry.what] += 1

    def _remove_longest_unused(self, part: str, entries: Iterable[_Entry]) -> None:
        for entry in sorted(entries, key=lambda entry: entry.used):
            if self._over <= 0:
                return
            self._remove(part, entry)

    def _measure_again(self) -> None:
        self._after = {part: files.used(self._cache / part) for part in PARTS}
        self._after[OTHER] = files.used(self._cache) - sum(self._after.values())

    # --- what goes --------------------------------------------------------------------------

    def _package_lists(self) -> None:
        """Debian's package lists: to have them again takes 20 MB of a network, when a kernel is not known yet."""
        home = self._cache / archive.NAME
        paths = tuple(path for path in (home / name for name in archive.LISTS) if path.exists())
        if paths:
            self._remove(archive.NAME, _Entry(paths, 0.0, "package lists"))

    def _older_builds(self) -> None:
        """Build folders but for each worker's last: half a minute each, with ccache."""
        entries = (
            _Entry((obj,), _built_at(obj), "builds")
            for worker in self._worker_homes()
            for obj in self._builds(worker)[:-1]
        )
        self._remove_longest_unused("workers", entries)

    def _workers(self) -> None:
        """All of a worker but its lock, which others may wait for: the source folder is checked out anew."""
        entries = (
            _Entry(
                (worker / "index", *(worker / name for name in _CHECKED_OUT), *self._builds(worker)),
                files.last_use(worker / "index"),
                "workers",
            )
            for worker in self._worker_homes()
        )
        self._remove_longest_unused("workers", entries)

    def _worker_homes(self) -> list[Path]:
        return sorted(path for path in (self._cache / "workers").glob("*") if (path / "source").is_dir())

    def _builds(self, worker: Path) -> list[Path]:
        """The build folders of a worker, the one that was built in last at the end."""
        others = self._gone | {worker / name for name in (*_CHECKED_OUT, "scratch", QUEUE)}
        return sorted((path for path in worker.iterdir() if path.is_dir() and path not in others), key=_built_at)

    def _results(self) -> None:
        """Results of trees and of images: to have one again costs a build and a boot."""
        entries = (_Entry((path,), files.last_use(path / OBSERVATION), "results") for path in self._result_places())
        self._remove_longest_unused("results", entries)

    def _result_places(self) -> list[Path]:
        return [path for path in (self._cache / "results").glob("*") if path.is_dir() and path not in self._gone]

    def _programs(self) -> None:
        """Programs of users, copied by their digests: a run that has them as probes copies them again."""
        places = [path for path in (self._cache / "programs").glob("*") if path not in self._gone]
        entries = (_Entry((path,), files.last_use(path), "programs") for path in places)
        self._remove_longest_unused("programs", entries)

    def _userlands(self) -> None:
        """Images of userlands, by their digests: to have one of Debian's packages again takes a minute, and a network.

        What tells of what an image was made of goes with the others' lists: without its image it is of no use.
        """
        home = self._cache / _USERLAND
        places = [path for path in home.glob("*") if path.suffix != ".lock" and path not in self._gone]
        entries = (_Entry((path,), files.last_use(path), "userlands") for path in places)
        self._remove_longest_unused(_USERLAND, entries)

    def _compiled_above_share(self) -> None:
        self._trim(self._max // _CCACHE_SHARE)

    def _compiled(self) -> None:
        self._trim(0)

    def _trim(self, least: int) -> None:
        """Have ccache make room, and keep ``least``: to compile a kernel without it takes minutes."""
        home, size = self._cache / "ccache", self._after["ccache"]
        goal = max(least, size - self._over)
        if goal >= size:
            return
        self._removed["ccache"]["trimmed"] = 1
        if self._dry:
            self._after["ccache"] = goal
        else:
            self._after["ccache"] = _trimmed(home, goal)

    # --- trees.git --------------------------------------------------------------------------

    def _repository(self) -> Trees | None:
        home = self._cache / "trees.git"
        return Trees(home) if (home / "HEAD").exists() else None

    def _pack(self) -> None:
        trees = None if self._removed["trees.git"]["planned trees"] else self._repository()
        if trees is None or not (scattered := trees.scattered()):
            return
        self._removed["trees.git"]["packed"] = scattered
        if not self._dry:
            trees.pack()
            self._after["trees.git"] = files.used(self._cache / "trees.git")

    def _planned_trees(self) -> None:
        """The trees of planned series: a plan makes them again in seconds."""
        trees = self._repository()
        if trees is None:
            return
        home = self._cache / "trees.git"
        if shutil.disk_usage(home).free < files.used(home):
            return  # git writes all that stays once more before it removes what was
        spare = files.used(home / "objects") + files.used(home / gitmemo.NAME) - trees.needed()
        self._removed["trees.git"]["planned trees"] = 1
        self._after["trees.git"] -= max(0, spare)
        if not self._dry:
            trees.forget_series()
            self._after["trees.git"] = files.used(home)


def _trimmed(home: Path, goal: int) -> int:
    """The bytes that ccache takes when it was told to come down to ``goal``.

    It counts its files, and each sixteenth of them apart. The folders count here too: it is asked for more until they
    are made up for.
    """
    limit = used = goal
    for _ in range(_TRIALS):
        compiled.trim(home, max(limit, 0))
        used = files.used(home)
        if used <= goal:
            break
        limit -= used - goal
    return used


def _built_at(obj: Path) -> float:
    return files.last_use(obj / "configured") or files.last_use(obj)
