# SPDX-License-Identifier: GPL-2.0-only
"""What this host has for jobs of some conditions: its tools, and the build folder that is warm."""

from collections.abc import Iterable

from kseries import arch as archs
from kseries import kbuild
from kseries.guest import emulator, trial
from kseries.host import extras, paths, signals
from kseries.kbuild.config import Config, Start
from kseries.kbuild.dependencies import FolderDependencies
from kseries.model import Accel, Conditions, Dependencies, HostFacts, Job
from kseries.probes import selftests, targets
from kseries.sources import TreeStore


def host(conditions: Conditions) -> HostFacts:
    """What of this host its observations depend on. Raises InfraError where it lacks something, InputError where its
    QEMU does not take the machine.
    """
    if conditions.host_tests:
        extras.require("pytest")
    arch, config = archs.get(conditions.arch), _config(conditions)
    accel = archs.accel_for(arch, conditions.machine)
    boots = conditions.boots is not False
    if boots and conditions.machine.unusual:
        signals.run(trial.check(arch, accel, conditions.machine))
    return HostFacts(
        accel=Accel(name=accel.name, why=""),
        toolchain=kbuild.toolchain(arch, config),
        emulator=emulator.version(arch, accel) if boots else "",
    )


def read(job: Job, trees: Iterable[str]) -> tuple[Dependencies | None, tuple[str, ...]]:
    """What the build of a job's tree has read here, None where that is not known; and of which of some trees it is."""
    there = _dependencies(job)
    return there.of(job.tree), tuple(filter(there.knows, trees))


def readers(job: Job, paths_: Iterable[str]) -> dict[str, list[int]]:
    """Which targets of the folder were made of each file, as numbers; empty where nothing is built."""
    there = _dependencies(job)
    found = {path: there.readers(path) for path in paths_} if there else {}
    numbers = {target: number for number, target in enumerate(sorted(frozenset[str]().union(*found.values())))}
    return {path: sorted(numbers[target] for target in made) for path, made in found.items()}


def _dependencies(job: Job) -> FolderDependencies:
    """The notes of the folder that a job would be built in, as its series would find it."""
    conditions = job.conditions
    return kbuild.Worker(
        paths.cache("workers", "0"),
        TreeStore(paths.cache("trees.git")),
        archs.get(conditions.arch),
        _config(conditions),
        1,
        selftests=selftests.tests(selftests.parse(conditions.selftests)),
        targets=targets.parse(conditions.targets or ()),
        boxed=conditions.boxed,
        series="\n".join((job.base, *job.series)),
    ).dependencies


def _config(conditions: Conditions) -> Config:
    return Config.of(conditions.config, conditions.make, Start(conditions.start or Start.TINY))
