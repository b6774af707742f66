# SPDX-License-Identifier: GPL-2.0-only
"""This host as an executor: a worker builds, and QEMU boots beside its next build."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from kseries.cache.store import Store
from kseries.coverage.tracepoints import MadeOf, Watch, Watched
from kseries.evaluate import basecheck, images, observe
from kseries.evaluate.bases import Bases
from kseries.evaluate.images import Images
from kseries.evaluate.setup import Setup
from kseries.guest import asciicast, driven, isolation, kunitboots, machine, repeat, surfaces
from kseries.guest.asciicast import Cast
from kseries.guest.machine import Booting
from kseries.guest.pytests import About
from kseries.kbuild import Worker, modules
from kseries.kbuild.brought import Brought
from kseries.model import Baseline, Boot, Build, Dependencies, Job, Observation, Outcome, Probe, events, notewords
from kseries.model.errors import DiskFullError, InfraError
from kseries.plan.samebuild import Footprint
from kseries.plan.schedule import Place
from kseries.probes import commands, kunit, printed, runner

_OF_BOOT = ("console.log", printed.LOG, asciicast.FILE)
_TREE = 12
"""Digits of a tree's id that say which it is."""


@dataclass(frozen=True)
class _Built:
    """A job that was built, and is to be booted."""

    job: Job
    setup: Setup
    build: Build
    image: machine.Image
    probes: tuple[Probe, ...]
    into: Path
    watch: Watch | None
    made_of: MadeOf | None

    def enough(self, seen: Observation) -> bool:
        """Whether what was seen of such an image is all that the job asks for."""
        return observe.suffices(seen, self.job.baseline)


class Local:
    """Evaluates jobs of one series under one setup. ``images`` and ``bases`` are shared with the other executors of a
    run, so that none of them boots what another has booted, nor compiles the base that another compiles.
    """

    where = ""
    lost = ""
    for_good = False

    def __init__(self, setup: Setup, worker: Worker, store: Store, images: Images, bases: Bases) -> None:
        self._setup = setup
        self.worker = worker
        self._store = store
        self._images = images
        self._bases = bases

    async def take(self, tell: events.Listener | None = None) -> None:
        await self.worker.take(tell)

    def give_back(self) -> None:
        self.worker.give_back()

    def scratch(self) -> AbstractContextManager[Path]:
        return self.worker.scratch()

    def place(self, base: str) -> Place:
        held = self.worker.holds
        changes = self.worker.trees.changes_since(base, held) if held is not None else ()
        return Place(self.worker.dependencies, Footprint.of(changes or ()))

    def vouches(self, tree: str, read: Dependencies) -> bool:
        own = self.worker.dependencies.of(tree)
        return own is read or own == read

    def seconds(self, targets: int) -> float | None:
        return self.worker.timing.seconds(targets)

    def measured(self, targets: int, seen: Observation) -> None:
        self.worker.timing.note(targets, seen)

    def say(self, what: str, done: int, total: int) -> None:
        self.worker.say(what, done, total)

    def lacks(self, base: Job) -> bool:
        # What is built of one with patches, nobody else builds upon: any other state would do as well.
        return base.trusted and not self.worker.begins_with(base.tree)

    async def prepare(self, base: Job, into: Path, tell: events.Listener) -> None:
        if not base.trusted or await self.worker.finds(base.tree):
            return
        async with self._bases.building(base.tree) as first:
            if first:
                tell(events.Preparing(notewords.BASE_AGAIN))
            build = await self._compile(base, into, tell)
            basecheck.check_again(build)
        for file in (build.kernel, build.symbols, build.initrd):
            Path(file or "").unlink()

    async def evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        setup = self._setup.under(job.conditions)
        assert job.conditions == setup.conditions, "a job of another setup"
        tell(events.StageStarted(job.name, "build"))
        try:
            build = await self._build(job, into, tell)
        except InfraError as error:
            tell(events.Built(job.name, well=False))
            if job.is_base or isinstance(error, DiskFullError):
                raise
            return Observation(tree=job.tree, outcome=Outcome.INFRA_ERROR, detail=str(error), host=self._setup.host)
        read = self.worker.dependencies.of(job.tree) if build.ok else None
        watch = Watch(self.worker.trees, job.base, job.tree) if job.traced else None
        made_of = self._made_of(watch)  # before anything else is built there
        probes = commands.for_kernel(setup.probes, lambda: self.worker.configuration)
        probes = runner.for_kernel(probes, lambda name: self.worker.selftest_file(name))
        well = build.ok and not (job.is_base and build.unbuilt)
        tell(events.Built(job.name, well, read))
        if not well or build.kernel is None or build.symbols is None or build.initrd is None:
            return observe.unbuilt(job.tree, build, self._setup.host)
        if setup.build_only:
            for file in (build.kernel, build.symbols, build.initrd):
                Path(file).unlink()
            return observe.built(job.tree, build, read, self._setup.host, made_of)
        image = machine.Image(Path(build.kernel), Path(build.symbols), Path(build.initrd), self._setup.image)
        seen = await self._booted(_Built(job, setup, build, image, probes, into, watch, made_of), tell)
        return observe.with_build(seen, build, read)

    async def _build(self, job: Job, into: Path, tell: events.Listener) -> Build:
        if not job.trusted:
            return await self._compile(job, into, tell)
        async with self._bases.building(job.tree):
            return await self._compile(job, into, tell)

    async def _compile(self, job: Job, into: Path, tell: events.Listener) -> Build:
        return await self.worker.build(
            job.tree,
            into,
            tell,
            name=job.name,
            trusted=job.trusted,
            of_base=job.is_base,
            brought=Brought(self.worker.trees, job.base, job.series) if job.is_base else None,
        )

    def _made_of(self, watch: Watch | None) -> MadeOf | None:
        if watch is None:
            return None
        reads = self.worker.dependencies
        return watch.made_of(reads.readers, self.worker.configuration, modules.notes(self.worker.modules))

    async def _booted(self, built: _Built, tell: events.Listener) -> Observation:
        """What the kernel did: it is booted unless an image with the same bytes has been, now or in an earlier run."""
        image, tree = built.image, built.job.tree
        apart = (tree, "alone") if built.build.irreproducible else ()
        digest = await asyncio.to_thread(images.digest, image.kernel, image.initrd)
        name = built.setup.key("image", digest, *apart, *commands.lacking(built.probes))
        try:
            seen, fresh = await self._images.result(
                name, lambda: self._boot(built, name, tell), afresh=built.watch is not None, enough=built.enough
            )
        finally:
            for file in (image.kernel, image.symbols, image.initrd):
                file.unlink()
        if not (fresh and seen.tree == tree):
            self._store.copy_logs(name, built.into, _OF_BOOT)
            seen = replace(observe.of_image(seen, tree), seconds={})
        if built.made_of is not None and seen.coverage is not None:
            seen = replace(seen, coverage=built.made_of.noted(seen.coverage))
        return seen

    async def _boot(self, built: _Built, name: str, tell: events.Listener) -> Observation:
        """What an image did, if that is not known: each is stored by its name, and by that of what is traced in it."""
        setup, job = built.setup, built.job
        watch, symbols = built.watch, built.image.symbols
        watched = await Watched.find(watch, symbols, setup.arch, setup.accel) if watch is not None else None
        names = (setup.key(name, "watched", watched.digest), name) if watched is not None else (name,)
        known = self._store.find(names[0])
        if known is not None and built.enough(known):  # whosever tree it was, under whichever name: its log is there
            self._store.copy_logs(names[0], built.into, _OF_BOOT)
            return known
        tell(events.StageStarted(job.name, "boot"))

        try:
            with _recording(built) as cast:
                booting = self._booting(built, watched.addresses if watched is not None else (), cast)
                # What is told of somebody's patch has been seen twice.
                boot_once, console = partial(self._boot_all, booting, built), built.into / "console.log"
                seen = await repeat.boot(boot_once, setup.repeat, console, job.baseline or Baseline())
        except InfraError as error:
            return Observation(tree=job.tree, outcome=Outcome.INFRA_ERROR, detail=str(error), host=setup.host)
        _write(built.into / printed.LOG, printed.log(seen.boot.printed))
        plain = whole = observe.booted(job.tree, seen, setup.host)
        if watched is not None:
            whole = replace(plain, coverage=watched.coverage(seen.boot.executed))
        for kept, what in zip(names, (whole, plain), strict=False):
            self._store.put(kept, what, built.into)
        return whole

    def _booting(self, built: _Built, addresses: tuple[tuple[int, int], ...], cast: Cast | None) -> Booting:
        setup = self._setup
        files = setup.added.path if setup.added is not None else None
        return Booting(setup.arch, setup.accel, built.image, setup.machine, addresses, files, cast)

    async def _boot_all(self, booting: Booting, built: _Built, log: Path) -> Boot:
        """What a kernel does once, with its probes and by testing itself, in as many boots as that takes."""
        globs, tests, probes = built.setup.kunit, built.setup.host_tests, built.probes
        words = kunit.words(None) if globs else ()

        def boot_once(some: tuple[Probe, ...], file: Path) -> Awaitable[Boot]:
            return machine.boot_as(booting, some, file, words)

        if tests:
            about = About(arch=booting.arch.name, userland=booting.image.userland is not None)
            whole = await driven.boot(booting, probes, tests, about, log, (*words, *booting.arch.stopped))
        else:
            whole = await isolation.boot(boot_once, probes, log)
        if built.setup.repeat == 1:  # else this is not the only one that is asked
            whole = await surfaces.confirmed(boot_once, whole, log)
        return await kunitboots.boot(booting, globs, whole, log) if globs else whole


@contextlib.contextmanager
def _recording(built: _Built) -> Iterator[Cast | None]:
    """What records all boots of a kernel, if that is asked for; it lies beside their log however they end.

    It names a tree and no state, as what others are told of it does: they may have the same kernel.
    """
    if not built.setup.record_console:
        yield None
        return
    cast = Cast(f"{built.setup.arch.name}, tree {built.job.tree[:_TREE]}")
    try:
        yield cast
    finally:
        _write(built.into / asciicast.FILE, cast.end())


def _write(log: Path, text: str) -> None:
    """Have a log hold this; where it would be empty there is none, though an earlier run had one."""
    log.unlink(missing_ok=True)
    if text:
        log.write_text(text)
