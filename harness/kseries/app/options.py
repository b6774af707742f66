# SPDX-License-Identifier: GPL-2.0-only
"""What a command is asked for, and what a TARGET brings to it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries import arch as archs
from kseries import inputs
from kseries.cluster.address import Access
from kseries.evaluate.deadline import NEVER, Deadline
from kseries.kbuild.config import Start
from kseries.model import DEFAULT_MACHINE, Inference, KnownIssue, Machine
from kseries.plan import scenarios
from kseries.probes import kunit
from kseries.probes.commands import Run


@dataclass(frozen=True)
class Options:
    """What the command line asks for; None where the TARGET or the architecture decides."""

    out: Path
    tree: str | None = None
    base: str | None = None
    prerequisites: tuple[str, ...] = ()
    """What the series is made on top of, each as a TARGET is named."""
    arch: str = field(default_factory=archs.default)
    scenarios: tuple[str, ...] = scenarios.DEFAULT
    probes: tuple[str, ...] | None = None
    jobs: int = os.cpu_count() or 1
    workers: int = 1
    config: tuple[Path, ...] = ()
    start: Start = Start.TINY
    auto: bool = False
    """Whether what the series changes is to be compiled, by options that are found for it."""
    make: tuple[str, ...] = ()
    debug: bool = False
    build_only: bool = False
    """No state is booted."""
    repeat: int = 1
    quick: bool = False
    checkpatch: bool = False
    selftest_clang: bool = False
    """Whether clang compiles the tip's selftests, too, as advice."""
    surface: bool = False
    """Whether what each kernel shows to user space is listed."""
    unboxed: bool = False
    strict: bool = False
    """What is not judged exits 1."""
    record_console: bool = False
    """Whether the consoles of all boots are recorded."""
    programs: tuple[Path, ...] = ()
    """Probes that are not ours: C source, or static binaries."""
    contracts: tuple[Path, ...] = ()
    """Contracts beside ours."""
    no_contracts: bool = False
    """Whether ours are left out, and those that a TARGET brings."""
    unasked: tuple[Path, ...] = ()
    """Those of a TARGET that are left out."""
    inference: Inference = Inference.SUSPECT
    """What is made of promises that no contract speaks of."""
    selftests: tuple[str, ...] = ()
    """Tests of the kernel's own, each as ``--selftest`` has it (probes/selftests.py)."""
    timeouts: Mapping[str, int] = field(default_factory=dict)
    """Seconds that some probes may run, by their names; the others have what the machine gives each."""
    keep_timeouts: bool = False
    """Every state is asked tests that give no answer on base in time."""
    checks: tuple[str, ...] = ()
    """Those that the user asks about, by their ids."""
    selftests_from: str = "state"
    """Whose they are: each state's own, or on all states the tip's (app/tiptests.py)."""
    runs: tuple[Run, ...] = ()
    """Commands of a shell, in the userland."""
    add: Path | None = None
    """A directory whose files the guests have."""
    host_tests: tuple[Path, ...] = ()
    """Files of pytest that drive the guests from outside."""
    kunit: tuple[str, ...] = ()
    """Globs of KUnit's suites, or "auto"."""
    reverts: tuple[str, ...] = ()
    """Patches that are reverted together, beside the scenarios': "2+3"."""
    revert_sets: bool = False
    """Whether kernels are built to find what has to go with each patch whose revert does not do."""
    most: int = 0
    """So many of them for a patch."""
    fuzz: int = 0
    """Lines of context at either end of a hunk that may be wrong, as patch(1) counts them."""
    machine: Machine = DEFAULT_MACHINE
    """What kernels are booted on."""
    userland: str | None = None
    """What programs a guest has: debian:SUITE, a folder, or a squashfs image."""
    packages: tuple[str, ...] = ()
    """Debian's, which it has beside the usual ones."""
    deadline: Deadline = NEVER
    """When no state is begun any more but base."""
    known_issues: tuple[KnownIssue, ...] = ()
    """What the user knows to fail for a reason that is not the series'."""
    brought: bool = False
    """Whether the TARGET brings programs of its own into the guests, or drives them."""
    label: str = ""
    """What the user calls this variant; empty where it is known by its architecture."""
    cluster: Access | None = None
    """Whose hosts build and boot; None where this one does."""
    words: tuple[str, ...] = ()
    """TARGET and these options as they were typed, for whoever wants to see a state again."""

    def of(self, target: inputs.Target) -> "Options":
        """These, with what a TARGET brings: probes and contracts of its own, and which of ours it is about."""
        case = target.testcase
        asked = case.probes if case is not None and self.probes is None else self.probes
        tests = case.selftests if case is not None else ()
        whole = replace(
            self,
            probes=asked,
            programs=tuple(dict.fromkeys((*self.programs, *target.programs))),
            host_tests=tuple(dict.fromkeys((*self.host_tests, *target.host_tests))),
            contracts=tuple(dict.fromkeys((*self.contracts, *(target.contracts if not self.no_contracts else ())))),
            unasked=tuple(target.contracts) if self.no_contracts else (),
            runs=tuple(dict.fromkeys((*self.runs, *target.runs))),
            kunit=kunit.parse((*self.kunit, *(case.kunit if case is not None else ()))),
            selftests=tuple(dict.fromkeys((*self.selftests, *tests))),
            userland=self.userland or (case.userland if case is not None else None),
            brought=bool(target.programs or target.host_tests or target.runs),
        )
        return whole.to_build() if self.build_only else whole

    def to_build(self) -> "Options":
        """The same without all that only a kernel which is booted can be asked."""
        return replace(
            self,
            probes=(),
            programs=(),
            host_tests=(),
            contracts=(),
            unasked=(),
            runs=(),
            kunit=(),
            selftests=(),
            selftests_from="state",
            timeouts={},
            keep_timeouts=False,
            checks=(),
            userland=None,
            packages=(),
            add=None,
            record_console=False,
            surface=False,
            repeat=1,
        )
