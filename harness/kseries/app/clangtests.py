# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-clang: the tip's tests compiled by clang, too. What it alone refuses is told, and judges nothing.

A test is built with gcc, whatever builds the kernel. Who posts one has readers with clang.
"""

import shutil

import msgspec

from kseries.app import athome, selftests, tiptests
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.host import checksummed, checksums, paths, processes, signals
from kseries.model import ClangTests, Plan, events
from kseries.model.errors import DiskFullError, KseriesError
from kseries.probes.selftests import Selftest
from kseries.sources import TreeStore

_SECONDS = 30
_FORM = "1"


def of_tip(setup: Setup, options: Options, trees: TreeStore, planned: Plan, tell: events.Listener) -> ClangTests:
    """What clang says of the tests that are asked for, and of those that the series touches; kept from run to run."""
    if shutil.which("clang") is None:
        return ClangTests(compiler=None, missing="clang is not installed (apt-get install clang)")
    try:
        compiler = processes.run(["clang", "--version"], seconds=_SECONDS).text.partition("\n")[0]
        setup = athome.of(setup, options)
    except KseriesError as error:  # the run has its result by now
        return ClangTests(compiler=None, missing=str(error).partition("\n")[0])
    tip = planned.patches[-1].tree_after
    tests = tuple(dict.fromkeys((*selftests.asked(options), *selftests.changed(planned, trees).tests)))
    names = (f"{one.target}:{one.test}" for one in tests)
    of = (_FORM, tip, setup.arch.name, compiler, setup.toolchain, str(setup.unboxed), *names)
    note = paths.cache("programs") / f"{checksums.of_words(of)}.clang"
    if (known := checksummed.read(note)) is not None:
        return msgspec.json.decode(known, type=ClangTests)
    found = _asked(setup, options, trees, tip, tests, compiler, tell)
    if not found.missing:
        note.parent.mkdir(parents=True, exist_ok=True)
        checksummed.write(note, msgspec.json.encode(found))
    return found


def _asked(
    setup: Setup,
    options: Options,
    trees: TreeStore,
    tip: str,
    tests: tuple[Selftest, ...],
    compiler: str,
    tell: events.Listener,
) -> ClangTests:
    if not tests:
        return ClangTests(compiler=compiler)
    tell(events.Preparing("compiling the tip's tests by clang"))
    bench = tiptests.workbench(setup, options, trees)
    try:
        compiled, refused = signals.run(bench.refused_by("clang", tip, tests, tell))
    except DiskFullError:
        raise
    except KseriesError as error:  # of the tip, or of this host: no reason to have no result
        return ClangTests(compiler=compiler, missing=str(error).partition("\n")[0])
    return ClangTests(compiler=compiler, compiled=compiled, refused=refused)
