# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-from tip: the tip's own tests run on the kernel of every state, single ones as programs that it brings.

A state's kernel is then told what its own tests, older or not there, could not tell of it. As each program is known by
its digest, results and jobs need no more of a tip than these. Scripts and whole targets: tiptargets.py.
"""

from dataclasses import replace
from pathlib import Path

import msgspec

from kseries.app import athome, tiptargets
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.host import checksummed, checksums, paths, signals
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.kbuild.testbuild import Workbench
from kseries.model import NamedProgram, Plan, events
from kseries.model.errors import InputError
from kseries.probes import programs, selftests, targets
from kseries.probes.programs import Program
from kseries.sources import TreeStore

STATE, TIP = "state", "tip"
"""Whose tests run on a kernel: those of its own tree, or those of the tip."""
_FORM = "1"
"""How they are built (kbuild/testbuild.py): other ways make other programs."""


def check(options: Options) -> None:
    """Raise InputError where the tip's tests are asked for, and none."""
    if options.selftests_from == TIP and not options.selftests:
        raise InputError("--selftest-from tip: of no test\n  add --selftest TARGET:TEST")


def tree_of(options: Options, planned: Plan) -> str:
    """The tree whose tests tell what configuration they want of all kernels."""
    return _tip(planned) if options.selftests_from == TIP else planned.base.tree


def built(setup: Setup, options: Options, trees: TreeStore, planned: Plan, tell: events.Listener) -> Setup:
    """A setup for the states of a plan: with the tip's tests, built unless they are kept, where that is asked for.
    Raises InputError for one that the tip does not have, or that does not build.
    """
    if options.selftests_from != TIP:
        return setup
    _check(setup, planned, trees)
    ours = athome.of(setup, options)
    tests = _kept(ours, planned) or _made(ours, options, trees, planned, tell) if setup.selftests else ()
    bench = workbench(ours, options, trees)
    whole = tiptargets.installed(ours, _tip(planned), _home(), bench, tell) if setup.targets else None
    return _with(setup, tests, whole)


def foreseen(setup: Setup, options: Options, trees: TreeStore, planned: Plan) -> Setup:
    """The same, with nothing built: where the tests are not kept, no state of the plan is known. Raises InputError."""
    if options.selftests_from != TIP:
        return setup
    _check(setup, planned, trees)
    ours = athome.of(setup, options)
    unknown = tuple(Program(test.name, Path(), "") for test in setup.selftests)
    whole = tiptargets.known(ours, _tip(planned), _home()) or tiptargets.UNKNOWN if setup.targets else None
    return _with(setup, _kept(ours, planned) or unknown, whole)


def workbench(setup: Setup, options: Options, trees: TreeStore) -> Workbench:
    """Where tests of a tip are built, apart from all kernels."""
    return Workbench(
        paths.cache("workers", "0"),
        trees,
        setup.arch,
        setup.config,
        options.jobs,
        setup.machine.build_seconds,
        boxed=not setup.unboxed,
        sysroot=setup.sysroot.path if setup.sysroot is not None else None,
    )


def _check(setup: Setup, planned: Plan, trees: TreeStore) -> None:
    """Raise InputError for a test that the tip does not have, before any is built."""
    selftests.check_tip(setup.selftests, setup.arch, trees, _tip(planned))
    targets.check_tip(setup.targets, trees, _tip(planned))


def _with(setup: Setup, tests: tuple[Program, ...], whole: KeptSelftests | None) -> Setup:
    """The same for states that build no test of their own, and need nothing to do so."""
    return replace(setup, programs=(*setup.programs, *tests), selftests=(), targets=(), sysroot=None, installed=whole)


def _made(
    setup: Setup, options: Options, trees: TreeStore, planned: Plan, tell: events.Listener
) -> tuple[Program, ...]:
    tell(events.Preparing("building the tip's tests"))
    bench = workbench(setup, options, trees)
    made = signals.run(bench.programs(_tip(planned), setup.selftests, _home(), tell))
    names = [NamedProgram(name=one.name, digest=one.digest) for one in made]
    checksummed.write(_note(setup, planned), msgspec.json.encode(names))
    return made


def _kept(setup: Setup, planned: Plan) -> tuple[Program, ...]:
    """What was built of the same before; nothing where not all of it is there."""
    if (data := checksummed.read(_note(setup, planned))) is None:
        return ()
    try:
        return tuple(
            programs.kept(_home(), one.name, one.digest)
            for one in msgspec.json.decode(data, type=tuple[NamedProgram, ...])
        )
    except InputError:  # kseries gc has removed it
        return ()


def _note(setup: Setup, planned: Plan) -> Path:
    """Where it is noted what was built: by all that it is built of."""
    tests = (f"{one.target}:{one.test}" for one in setup.selftests)
    of = (_FORM, _tip(planned), setup.arch.name, setup.config.hash, setup.toolchain, str(setup.unboxed), *tests)
    return _home() / f"{checksums.of_words(of)}.tests"


def _tip(planned: Plan) -> str:
    return planned.patches[-1].tree_after


def _home() -> Path:
    return paths.cache("programs")
