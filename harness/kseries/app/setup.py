# SPDX-License-Identifier: GPL-2.0-only
"""What every kernel of a run has in common, made of the options: what builds it, boots it and asks it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from kseries import arch as archs
from kseries import judge, kbuild
from kseries.app import flakiness, suiting, tiptests
from kseries.app import selftests as stay
from kseries.app.options import Options
from kseries.arch import Arch
from kseries.cache import store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.bases import Bases
from kseries.evaluate.crew import Crew, Fixed
from kseries.evaluate.engine import Engine
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.evaluate.setup import Setup
from kseries.guest import added, emulator, sysroot, trial, userland
from kseries.guest.sysroot import Sysroot
from kseries.host import extras, paths, processes, signals
from kseries.inputs import contracts
from kseries.kbuild.config import Config, Start
from kseries.model import (
    Accel,
    AppliedPatch,
    Base,
    Contract,
    Forecast,
    HostFacts,
    Plan,
    Probe,
    Userland,
    Variant,
    events,
    surface,
)
from kseries.model.errors import InputError
from kseries.probes import commands, hosttests, install, programs, runner, selftests, targets
from kseries.probes.hosttests import HostTest
from kseries.probes.programs import Program
from kseries.sources import TreeStore

_CAPABILITIES = "capabilities"
_NOT_UNASKED = (surface.PROBE,)
"""Those of ours that run where somebody asks for them."""

_NOT_ASKED = HostFacts(accel=Accel(name="", why=""), toolchain="")
"""What this host has, where others build and boot: the hosts of a cluster are asked (app/clusters.py)."""

_SLOW = "_slow"
"""What the name of a probe ends in whose checks take more than a second each; ``quick`` leaves it out."""


def known_probes() -> tuple[str, ...]:
    """The probes that we have, capabilities first: the others are read in its light."""
    names = sorted(source.stem for source in paths.project("guests", "probes").glob("*.c"))
    return tuple(sorted(names, key=lambda name: name != _CAPABILITIES))


def known_host_tests() -> dict[str, Path]:
    """Those that we have, by their names."""
    found = sorted(paths.project("guests", "hosttests").glob("*/test_*.py"))
    return {file.stem.removeprefix("test_"): file for file in found}


def asked(setup: Setup, options: Options) -> tuple[Contract, ...]:
    """What is asked of the kernels of a run, as far as its probes can tell. Raises InputError.

    Without the probe that tells of our contracts whether they are advertised, none of them can be judged.
    """
    ours = contracts.ours() if _CAPABILITIES in setup.probe_names and not options.no_contracts else ()
    every = (*ours, *contracts.read(options.contracts))
    names = (*setup.probe_names, *of_targets(every, setup))
    contracts.check(every, frozenset((*known_probes(), *known_host_tests(), *names)))
    return tuple(judge.asked(as_driven(contract, names), names) for contract in every)


def as_driven(contract: Contract, names: Iterable[str]) -> Contract:
    """A contract without what our host-side tests tell that are not among ``names``: who asks for none misses none."""
    unasked = {*known_host_tests()} - {*names}
    kept = tuple(name for name in contract.optional if name.partition(".")[0] not in unasked)
    return msgspec.structs.replace(contract, optional=kept)


def of_targets(every: tuple[Contract, ...], setup: Setup) -> Iterator[str]:
    """The tests of whole targets that contracts name: which there are, each state's tree tells once it is built."""
    whole = tuple(f"{name}." for name in runner.whole(setup.probes))
    checks = (name for one in every for name in (one.when, *one.checks, *one.otherwise, *one.optional))
    return (name.rpartition(".")[0] for name in checks if name.startswith(whole))


def forecast(planned: Plan, options: Options, trees: TreeStore, tell: events.Listener) -> tuple[Forecast, ...]:
    """What a plan would cost here. Raises InfraError where the compiler is not there that would decide it, and
    InputError for what a run of it would not take.
    """
    setup = suiting.foreseen(setup_of(options, tell, fetch=False), options, planned, trees, tell)
    asked(setup, options)
    crew = crew_of(setup, options, trees, planned)
    return engine_of(setup, trees, lambda _: None, planned, crew, options).forecast(planned)


def require(wanted: tuple[Options, ...], tell: events.Listener = lambda _: None) -> None:
    """Raise InfraError unless this host has what every one of these runs needs: before the first begins.

    A userland is made here, which takes a minute and tells of its steps.
    """
    for options in wanted:
        setup_of(options, tell)


def setup_of(options: Options, tell: events.Listener = lambda _: None, *, fetch: bool = True) -> Setup:
    """Raises InputError for what the user asks for and cannot have, InfraError for what this host lacks.

    Without ``fetch`` it may lack the packages of a userland: then it can boot nothing, and no result is of it.
    """
    options = options.to_build() if options.build_only else options
    if options.start is Start.ALLNOCONFIG and not options.build_only:
        raise InputError("--config allnoconfig: such a kernel has nothing that could be asked\n  add --build-only")
    arch = archs.get(options.arch)
    tiptests.check(options)
    commands.check_userland(options.runs, there=options.userland is not None)
    ours = [
        *([arch.config] if options.start is not Start.ALLNOCONFIG else ()),
        *(["debug.config"] if options.debug else ()),
        *([arch.pci] if options.machine.needs_pci else ()),
        *(["userland.config"] if options.userland is not None else ()),
    ]
    fragments = (*(paths.project("kernels", name) for name in ours), *options.config)
    config = Config.read(fragments, options.make, options.start)
    home = paths.cache("programs")
    given = tuple(programs.keep(one, home) for one in programs.read(options.programs, known_probes()))
    calls = stay.calls(options)
    tests = selftests.tests(calls)
    whole = targets.parse(options.selftests)
    targets.check_userland(whole, there=options.userland is not None)
    for tool in install.TOOLS if whole else ():
        processes.require(tool, tool)
    probes = (
        *chosen(options.probes, options.quick, surface_too=options.surface),
        *(Probe.program(one.name) for one in given),
        *(call.probe for call in calls),
        *runner.probes(whole),
        *commands.probes(options.runs, known_probes()),
    )
    driving = driving_of(options, probes, home)
    others = (*given, *beside(driving, given, home))
    check_names(probes, (*others, *tests))
    probes = timed(probes, options.timeouts)
    facts = _facts(arch, config, options) if options.cluster is None else _NOT_ASKED
    found = userland_of(options, arch, tell, fetch=fetch)
    return Setup(
        arch,
        facts.accel,
        facts.toolchain,
        config,
        probes,
        store.program(),
        repeat=options.repeat,
        programs=others,
        selftests=tests,
        build_only=options.build_only,
        unboxed=options.unboxed,
        emulator=facts.emulator,
        machine=options.machine,
        userland=found,
        image=userland.path(paths.cache(), found.digest) if found is not None and found.digest else None,
        added=added.keep(options.add, home) if options.add is not None else None,
        targets=whole,
        host_tests=driving,
        sysroot=sysroot_of(options, arch, tell) if whole and found is not None and found.digest else None,
        record_console=options.record_console,
    )


def _facts(arch: Arch, config: Config, options: Options) -> HostFacts:
    """What this host builds and boots with. Raises InfraError for what is not there, InputError for a machine that QEMU
    does not take.
    """
    accel = archs.accel_for(arch, options.machine)
    if options.machine.unusual:
        signals.run(trial.check(arch, accel, options.machine))
    version = emulator.version(arch, accel) if not options.build_only else ""
    return HostFacts(accel=accel, toolchain=kbuild.toolchain(arch, config), emulator=version)


def driving_of(options: Options, probes: Iterable[Probe], home: Path) -> tuple[HostTest, ...]:
    """The host-side tests that are asked for, as they are now. Raises InputError, InfraError."""
    if options.host_tests:
        extras.require("pytest")
    ours = known_host_tests()
    files: list[Path] = []
    for path in options.host_tests:
        if path.name == str(path) and not path.suffix and path.name not in ours:
            raise InputError(
                f"no such host-side test: {path}\n  there are: {', '.join(ours)}; a file of yours is test_NAME.py"
            )
        files.append(ours.get(str(path), path))
    names = (*known_probes(), *(probe.name for probe in probes))
    found = hosttests.read(files, names)
    for test in found:
        if test.name in ours and not test.file.samefile(ours[test.name]):
            why = f"there is one of ours that is called {test.name}"
            raise InputError(f"--host-test {test.file}: {why}\n  give the file another name")
    return tuple(hosttests.keep(one, home) for one in found)


def beside(driving: Iterable[HostTest], given: Iterable[Program], home: Path) -> tuple[Program, ...]:
    """The programs that lie beside host-side tests; files of one folder share theirs. Raises InputError."""
    names = (*known_probes(), *(one.name for one in given))
    found = {one.digest: one for test in driving for one in programs.read(test.programs, names)}
    return tuple(programs.keep(one, home) for one in found.values())


def userland_of(options: Options, arch: Arch, tell: events.Listener, *, fetch: bool) -> Userland | None:
    """The image that is asked for, as userland.find() has it. Raises InputError, InfraError."""
    if options.userland is None:
        if options.packages:
            raise InputError(f"--package {options.packages[0]}: of no userland\n  add --userland debian:bookworm")
        return None
    libraries = sysroot.LIBRARIES if targets.parse(options.selftests) else ()
    libraries = libraries if options.userland.startswith(userland.PREFIX) else ()
    wanted = userland.Wanted(options.userland, (*options.packages, *libraries))
    found = userland.find(wanted, arch, paths.cache(), tell, fetch=fetch)
    userland.check_memory(found, options.machine)
    return found


def sysroot_of(options: Options, arch: Arch, tell: events.Listener) -> Sysroot | None:
    """What programs for the userland are compiled against, made where it is not there. Raises as ``userland_of``."""
    if options.userland is None:
        return None
    return sysroot.find(options.userland, options.packages, arch, paths.cache(), tell)


def check_names(probes: Iterable[Probe], files: Iterable[Program | selftests.Selftest]) -> None:
    """Raise InputError for two probes of one name, or two programs, as that of a selftest is, whichever folder it is
    in.
    """
    for names in ([one.name for one in probes], [one.name for one in files]):
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(
                f"two probes are called {twice[0]}\n  each needs a name of its own, which its checks have, too"
            )


def timed(probes: tuple[Probe, ...], seconds: Mapping[str, int]) -> tuple[Probe, ...]:
    """The probes, with the time that some of them have for themselves. Raises InputError for one that there is not."""
    names = [one.name for one in probes]
    if unknown := [name for name in seconds if name not in names]:
        raise InputError(f"--timeout {unknown[0]}=..: no such probe in this run\n  there are: {', '.join(names)}")
    return tuple(
        msgspec.structs.replace(one, seconds=seconds[one.name]) if one.name in seconds else one for one in probes
    )


def crew_of(setup: Setup, options: Options, trees: TreeStore, planned: Plan) -> Crew:
    """Who builds and boots the states of a plan: as many workers of this host as are asked for."""
    kept, booted, bases = store.Store(paths.cache("results")), Images(), Bases()
    series = series_of(planned.base, planned.patches)
    jobs = jobs_of(options)
    workers = (worker_of(setup, trees, series, jobs, number) for number in range(options.workers))
    return Fixed(tuple(Local(setup, one, kept, booted, bases) for one in workers))


def jobs_of(options: Options) -> int:
    """How many jobs of make each worker has."""
    return max(1, options.jobs // options.workers)


def series_of(base: Base, patches: Iterable[AppliedPatch]) -> str:
    """What names whose patches are built, as Worker has it."""
    return "\n".join((base.tree, *(patch.tree_after for patch in patches)))


def variant_of(setup: Setup, label: str = "") -> Variant:
    """For which kernels the verdict of a run is."""
    return Variant(
        label=label or setup.arch.name,
        arch=setup.arch.name,
        toolchain=setup.toolchain,
        config=setup.config.text,
        config_hash=setup.config.hash,
        make=setup.config.make,
        userland=setup.userland,
    )


def engine_of(
    setup: Setup,
    trees: TreeStore,
    tell: events.Listener,
    planned: Plan,
    crew: Crew,
    options: Options,
) -> Engine:
    """The engine for a plan, and for those that are made of the same tip. Raises InputError for an unknown test."""
    selftests.check(setup.selftests, setup.arch, trees, planned.base.tree, planned.patches[-1].tree_after)
    targets.check(setup.targets, trees, planned.base.tree, planned.patches[-1].tree_after)
    watch = Watch.of(trees, planned.base.tree, planned.patches)
    # A contract that is not asked still says which tests a state has: what is known of it is known without it, too.
    spoken = contracts.read((*options.contracts, *options.unasked))
    kept = stay.kept(setup.probes, stay.asked(options), planned, trees, options, spoken)
    tell = flakiness.counting(tell, planned.base.version, options)
    return Engine(setup, crew, trees, store.Store(paths.cache("results")), tell, watch, kept, options.deadline)


def worker_of(setup: Setup, trees: TreeStore, series: str, jobs: int, number: int = 0) -> kbuild.Worker:
    """A place to build in, which all runs of this host share; ``series`` as Worker has it."""
    return kbuild.Worker(
        paths.cache("workers", str(number)),
        trees,
        setup.arch,
        setup.config,
        jobs,
        probes=tuple(name for name in known_probes() if name in setup.probe_names),
        programs=setup.programs,
        selftests=setup.selftests,
        targets=setup.targets,
        sysroot=setup.sysroot.path if setup.sysroot is not None else None,
        kept_tests=setup.installed,
        boxed=not setup.unboxed,
        seconds=setup.machine.build_seconds,
        series=series,
    )


def chosen(names: tuple[str, ...] | None, quick: bool, *, surface_too: bool = False) -> tuple[Probe, ...]:
    """Those of ours that run: without ``names`` all that need not be asked for. Raises InputError."""
    known = known_probes()
    for name in names or ():
        if name not in known:
            raise InputError(
                f"no such probe: {name}\n  there are: {', '.join(known)}; a program of yours is named as ./{name}"
            )
        if quick and name.endswith(_SLOW):
            raise InputError(f"--quick leaves out {name}, which --probe asks for\n  drop one of them")
    usual = tuple(name for name in known if name not in _NOT_UNASKED)
    asked = (*(usual if names is None else names), *((surface.PROBE,) if surface_too else ()))
    # Without it nothing is known to be advertised, and none of our contracts could be judged.
    wanted = dict.fromkeys((_CAPABILITIES, *asked) if asked else ())
    return tuple(Probe.ours(name) for name in wanted if not (quick and name.endswith(_SLOW)))
