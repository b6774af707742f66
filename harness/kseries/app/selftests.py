# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests in a run: which of them the series changes, which stay whatever base does, what is told."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

from kseries import arch as archs
from kseries.app.options import Options
from kseries.arch import Arch
from kseries.coverage.selftestsource import SelftestSource
from kseries.model import Check, Contract, Origin, Plan, Probe, SelftestNote, Status
from kseries.model.sanitize import few
from kseries.probes import absent, selftests, targets
from kseries.probes.absent import Absent
from kseries.probes.ktap import EXIT_STATUS
from kseries.probes.selftests import Call, Selftest
from kseries.sources import TreeStore

_FOREIGN = frozenset({"loongarch", "mips", "powerpc", "ppc64", "riscv", "s390", "s390x"})
"""Folders of a target for architectures that we have none of, beside those of ours (tools/testing/selftests)."""
_ABSENT = "it was not built"
"""What init says of a test that a state's tree does not have."""
_ENDING = re.compile(r"(?:no answer after|exit status|killed by signal) \d+.*")
"""What init says of how it ended (guests/init/init.c, tell_status)."""
_NAMED = 6
"""Tests that a line proposes."""


@dataclass(frozen=True)
class Changed:
    """What a series changes of the kernel's own tests: some by their sources, and what others of a target share."""

    tests: tuple[Selftest, ...] = ()
    shared: frozenset[str] = frozenset()

    def has(self, test: Selftest, arch: Arch) -> bool:
        """Whether it changes a test, or what it may be made of."""
        return test.target in self.shared or any(_is(test, one, arch) for one in self.tests)


def calls(options: Options) -> tuple[Call, ...]:
    """The tests that a run is asked for and that need no userland, whoever's they are. Raises InputError."""
    return selftests.parse(targets.programs(options.selftests))


def asked(options: Options) -> tuple[Selftest, ...]:
    """The same, each once, whatever words it runs with."""
    return selftests.tests(calls(options))


def changed(planned: Plan, trees: TreeStore) -> Changed:
    """What the patches of a series change, as the tip's source tells."""
    paths = dict.fromkeys(path for patch in planned.patches for path in patch.files)
    source = SelftestSource(_reader(trees, planned.patches[-1].tree_after))
    tests = (source.test(path) for path in paths)
    shared = (source.shared(path) for path in paths)
    return Changed(tuple(one for one in tests if one is not None), frozenset(one for one in shared if one is not None))


def _reader(trees: TreeStore, tree: str) -> Callable[[str], str | None]:
    def read(path: str) -> str | None:
        found = trees.file(tree, path)
        return found.decode(errors="replace") if found is not None else None

    return read


def _is(asked: Selftest, found: Selftest, arch: Arch) -> bool:
    """Whether a test that was found is what somebody asks for; they may leave out the architecture's folder."""
    return asked.target == found.target and found.test in asked.places(arch)


# --- what is proposed ---------------------------------------------------------------------------


def proposed(planned: Plan, options: Options, trees: TreeStore) -> Iterator[str]:
    """A line of the tests that the series changes and that nobody has asked for. Raises InputError."""
    arch = archs.get(options.arch)
    already = asked(options)
    found = changed(planned, trees).tests
    left = [one for one in found if _runs_on(one, arch) and not any(_is(test, one, arch) for test in already)]
    if left:
        names = [f"{one.target}:{one.test}" for one in left]
        options_for = " ".join(f"--selftest {name}" for name in _lists(left[:_NAMED]))
        yield f"the series changes {few(names, _NAMED)}; add {options_for}"


def brought(planned: Plan, options: Options, trees: TreeStore) -> Iterator[str]:
    """A line of the tests that are asked for, come with the series, and are each state's own. Raises InputError."""
    if options.selftests_from != "state":
        return
    asked_for = calls(options)
    tests, scripts = selftests.tests(asked_for), targets.parse(options.selftests)
    wanted = absent.sources([call.probe for call in asked_for], tests, scripts, archs.get(options.arch))
    lacking = Absent(wanted, planned.patches[-1].tree_after, trees).of(planned.base.tree)
    if lacking:
        yield f"the series brings {few(lacking, _NAMED)}: no state without it is asked; add --selftest-from tip"


def _runs_on(test: Selftest, arch: Arch) -> bool:
    """False of a test in the folder of another architecture."""
    others = _FOREIGN.union(*(_folders(archs.get(name)) for name in archs.known())) - _folders(arch)
    return others.isdisjoint(test.test.split("/")[:-1])


def _folders(arch: Arch) -> frozenset[str]:
    return frozenset((arch.name, arch.machine, arch.source))


def _lists(tests: Iterable[Selftest]) -> Iterator[str]:
    """``TARGET:TEST,TEST`` for each target."""
    by_target: dict[str, list[str]] = {}
    for one in tests:
        by_target.setdefault(one.target, []).append(one.test)
    return (f"{target}:{','.join(names)}" for target, names in by_target.items())


# --- what stays ---------------------------------------------------------------------------------


def kept(
    probes: tuple[Probe, ...],
    tests: tuple[Selftest, ...],
    planned: Plan,
    trees: TreeStore,
    options: Options,
    contracts: tuple[Contract, ...],
) -> frozenset[str]:
    """The tests that every state is asked though base may give no answer: those that the series changes, those of
    which a contract or the user asks a check, and all where the user has it so.
    """
    ours = [one for one in probes if one.origin is Origin.SELFTEST]
    if not ours or options.keep_timeouts:
        return frozenset(one.name for one in ours)
    wanted = [*options.checks, *(name for one in contracts for name in _checks(one))]
    found, arch = changed(planned, trees), archs.get(options.arch)
    touched = [test for test in tests if found.has(test, arch)]
    named = {name.rpartition(".")[0] for name in wanted}
    return frozenset(one.name for one in ours if one.name in named or selftests.are_of(one, touched))


def _checks(contract: Contract) -> tuple[str, ...]:
    return (*contract.checks, *contract.otherwise, *contract.optional)


# --- what is told -------------------------------------------------------------------------------


def notes(
    probes: Iterable[Probe], tests: Iterable[Selftest], base: Iterable[Check], left_out: Set[str]
) -> tuple[SelftestNote, ...]:
    """What is to be told of the tests of a run, by what is seen of them on base."""
    by_path = {test.path: test for test in tests}
    status = {check.id: check for check in base}
    told = (
        SelftestNote(
            name=probe.name,
            call=_call(probe, by_path[probe.argv[0]]),
            on_base=_on_base(status.get(f"{probe.name}.{EXIT_STATUS}")),
            left_out=probe.name in left_out,
        )
        for probe in probes
        if probe.argv[0] in by_path
    )
    return tuple(one for one in told if one.call or one.on_base)


def _call(probe: Probe, test: Selftest) -> str:
    words = probe.argv[1:]
    usual = re.fullmatch(rf"{re.escape(test.name)}(?:-\d+)?", probe.name)
    own = "" if usual else f"{probe.name}="
    return f"{own}{shlex.join((f'{test.target}:{test.test}', *words))}" if own or words else ""


def _on_base(check: Check | None) -> str:
    """How a test ended on base, if it does not pass there; what it has printed before tells less."""
    if check is None or check.status not in (Status.FAIL, Status.MISSING) or check.gist == _ABSENT:
        return ""
    return next(filter(_ENDING.fullmatch, check.detail.splitlines()), "") or check.gist or str(check.status)
