# SPDX-License-Identifier: GPL-2.0-only
"""One job evaluated on this host, from nothing but the job, the cache and the objects of its trees."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from kseries import arch as archs
from kseries import kbuild
from kseries.app.premises import at_work, freedom, room
from kseries.app.setup import check_names, known_probes, worker_of
from kseries.cache import store
from kseries.cache.store import Store
from kseries.evaluate.bases import Bases
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.evaluate.memory import Memory
from kseries.evaluate.setup import Setup
from kseries.guest import added, emulator, sysroot, userland
from kseries.host import extras, paths, signals
from kseries.kbuild import keptselftests
from kseries.kbuild.config import Config, Start
from kseries.model import Conditions, Job, Observation, Origin, Probe, Userland, events
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened
from kseries.probes import hosttests, kunit, programs, selftests, targets
from kseries.sources import TreeStore

_TREE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHOWN = 100
"""Characters of a job that an error repeats."""


def evaluate(job: Job, tell: events.Listener, jobs: int | None = None) -> Observation:
    """What is seen of a job, from the cache where it is known; the logs are in the cache afterwards. ``jobs``
    are make's.

    Raises InputError for a job that this kseries cannot carry out as it was meant, InfraError where this host is why
    nothing was seen.
    """
    with begun(job, tell) as (setup, memory):
        known = memory.find(job)
        if known is not None:
            return known
        return signals.run(_evaluated(job, setup, memory, tell, jobs))


@contextlib.contextmanager
def begun(job: Job, tell: events.Listener) -> Iterator[tuple[Setup, Memory]]:
    """Be at work on a job, with what this host has for it and knows of it. Raises as ``evaluate``."""
    _check(job)
    with freedom(unboxed=not job.conditions.boxed), room(), at_work(tell):
        setup = setup_of(job.conditions)
        if setup.conditions != job.conditions:  # a test without its target, or twice
            raise InputError(
                "the job's conditions are not as this kseries writes them\n  see its programs and selftests"
            )
        yield setup, Memory(setup, Store(paths.cache("results")))


def _check(job: Job) -> None:
    """Raise InputError for a job that would be found again by what is no name of a tree, or that others would build
    upon though somebody's patches may be in it.
    """
    for tree in (job.tree, job.base, *job.series):
        if not _TREE.fullmatch(tree):
            raise InputError(
                f"this is no tree's id: {shortened(line(tree), _SHOWN)}\n  git rev-parse REV^{{tree}} tells it"
            )
    if job.trusted and not (job.is_base and job.tree == job.base):
        raise InputError(
            f"the tree of {shortened(line(job.name), _SHOWN)} is not that of base\n  no other can be trusted"
        )


async def _evaluated(
    job: Job, setup: Setup, memory: Memory, tell: events.Listener, jobs: int | None = None
) -> Observation:
    executor = executor_of(job, setup, jobs)
    await executor.take(tell)
    try:
        if (known := memory.find(job)) is not None:  # found out by another while this one waited for it
            return known
        with executor.scratch() as scratch:
            seen = await executor.evaluate(job, scratch, tell)
            return memory.keep(job, seen, scratch)
    finally:
        executor.give_back()


def executor_of(job: Job, setup: Setup, jobs: int | None = None) -> Local:
    """What builds and boots a job here, with make -jN. Raises InputError for trees that are not here."""
    worker = _worker(job, setup, jobs or os.cpu_count() or 1)
    return Local(setup, worker, Store(paths.cache("results")), Images(), Bases())


def setup_of(conditions: Conditions) -> Setup:
    """What this host has for jobs under some conditions. Raises InputError where that is something else."""
    if conditions.host_tests:
        extras.require("pytest")
    arch = archs.get(conditions.arch)
    config = Config.of(conditions.config, conditions.make, Start(conditions.start or Start.TINY))
    accel = archs.accel_for(arch, conditions.machine)
    image = userland.path(paths.cache(), conditions.userland) if conditions.userland else None
    found = Setup(
        arch,
        accel,
        kbuild.toolchain(arch, config),
        config,
        conditions.probes,
        store.program(),
        repeat=conditions.repeat,
        programs=tuple(programs.kept(paths.cache("programs"), one.name, one.digest) for one in conditions.programs),
        selftests=selftests.tests(selftests.parse(conditions.selftests)),
        build_only=conditions.boots is False,
        unboxed=not conditions.boxed,
        emulator=emulator.version(arch, accel) if conditions.boots is not False else "",
        machine=conditions.machine,
        userland=_userland(image),
        image=image,
        added=added.kept(conditions.added, paths.cache("programs")) if conditions.added else None,
        kunit=kunit.parse(conditions.kunit or ()),
        targets=targets.parse(conditions.targets or ()),
        host_tests=tuple(
            hosttests.kept(paths.cache("programs"), one.name, one.digest) for one in conditions.host_tests or ()
        ),
        sysroot=sysroot.kept(conditions.sysroot, paths.cache()) if conditions.sysroot else None,
        record_console=bool(conditions.record_console),
        attempt=conditions.attempt or 0,
        installed=keptselftests.kept(conditions.installed, paths.cache("programs")) if conditions.installed else None,
    )
    check_names(conditions.probes, (*found.programs, *found.selftests))
    there = {Probe.ours(name).argv[0] for name in known_probes()}
    there |= {Probe.program(one.name).argv[0] for one in found.programs} | {one.path for one in found.selftests}
    programs_of = (one for one in conditions.probes if one.origin is not Origin.COMMAND)
    unknown = [one.name for one in programs_of if one.argv[0] not in there]
    if unknown:
        raise InputError(f"no such probe: {unknown[0]}\n  the job was made by another version of kseries")
    return found


def _userland(image: Path | None) -> Userland | None:
    """What is known of an image by its file: how its maker named it is not."""
    return Userland(name="", digest=image.stem, size=image.stat().st_size) if image is not None else None


def _worker(job: Job, setup: Setup, jobs: int) -> kbuild.Worker:
    trees = TreeStore(paths.cache("trees.git"))
    for tree in (job.tree, job.base, *job.series):
        if not trees.has(tree):
            raise InputError(f"no such tree in {paths.cache('trees.git')}: {tree}\n  bring its objects there first")
    return worker_of(setup, trees, "\n".join((job.base, *job.series)), jobs)
