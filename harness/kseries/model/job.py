# SPDX-License-Identifier: GPL-2.0-only
"""What is to be evaluated, wherever that is done: it names no path and no program of a host."""

from msgspec import UNSET, UnsetType

from kseries.model.machine import DEFAULT_MACHINE, Machine
from kseries.model.probe import Probe
from kseries.model.record import Record


class NamedProgram(Record, frozen=True):
    """A program that is a probe and not ours. ``digest`` is of all its files, which lie in a cache by that name."""

    name: str
    digest: str


class Conditions(Record, frozen=True):
    """Under which all states of a run are built, booted and asked."""

    arch: str
    config: str = ""
    """The fragments that make the configuration, joined."""
    make: tuple[str, ...] = ()
    """Words for make, such as ``LLVM=1``, which is a toolchain, too."""
    start: str | UnsetType = UNSET
    """What options have that no fragment names (kbuild/config.py); not there where that is tinyconfig's."""
    probes: tuple[Probe, ...] = ()
    """What init runs, in this order."""
    programs: tuple[NamedProgram, ...] = ()
    """What those of the probes are that are not ours, and what lies beside host-side tests: they alone start that."""
    selftests: tuple[str, ...] = ()
    """Those of them that each state's tree has, as TARGET:TEST."""
    machine: Machine = DEFAULT_MACHINE
    """What each is booted on, and how long all may take."""
    repeat: int = 1
    """How often each kernel is booted; at least twice where there is something to blame a patch for."""
    boots: bool | UnsetType = UNSET
    """False where they are only built; else not there, as it was before that could be asked."""
    boxed: bool = True
    """False where what comes from the series may do all that its user may."""
    userland: str | UnsetType = UNSET
    """The digest of the image that programs run in; of a job without one nothing is written, as before there were."""
    added: str | UnsetType = UNSET
    """A digest of the user's own files that the guest has; not there where it has none, as it was before there were."""
    kunit: tuple[str, ...] | UnsetType = UNSET
    """Globs of the suites that the kernel tests itself with, as kunit.filter_glob has them; likewise."""
    targets: tuple[str, ...] | UnsetType = UNSET
    """What of kselftest each state installs, as TARGET or TARGET:TEST; not there where that is nothing."""
    host_tests: tuple[NamedProgram, ...] | UnsetType = UNSET
    """Files of pytest that drive the guest from outside; likewise."""
    sysroot: str | UnsetType = UNSET
    """The digest of the headers and libraries that it is compiled against; not there where those are this host's."""
    record_console: bool | UnsetType = UNSET
    """True where its console is recorded, which is among the logs then; not there where nobody asks for it."""
    attempt: int | UnsetType = UNSET
    """Which time it is that this is asked, where an answer of before does not do; not there the first time."""
    installed: str | UnsetType = UNSET
    """The digest of kselftest as one tree has installed it, which all guests have; not there where each has its own."""


class Baseline(Record, frozen=True):
    """What base has answered, which the answers of other kernels are held against."""

    passed: tuple[str, ...] = ()
    """The checks that it passed."""
    lacks: tuple[str, ...] = ()
    """The capabilities that it says it has not got."""


class Job(Record, frozen=True):
    """A state to be built, booted and asked. Of all trees it has the ids alone: where it is evaluated, a tree store
    has their objects.
    """

    name: str
    """What events call it: a state's id."""
    tree: str
    base: str
    """The tree that is compared with, and that the series begins at."""
    series: tuple[str, ...]
    """The trees after each of its patches: those whose patches may share a build folder and a ccache."""
    conditions: Conditions
    trusted: bool = False
    """The tree has nobody's patches: what is built of it, others build upon."""
    is_base: bool = False
    """Others are compared with it, so that each option and each probe must be there, or it ends once that is known."""
    traced: bool = False
    """Which lines that the series changes have run is to be told."""
    baseline: Baseline | UnsetType = UNSET
    """What a kernel has no answer to has to be so in two boots; not there of base itself, nor before base answers."""
