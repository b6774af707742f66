# SPDX-License-Identifier: GPL-2.0-only
"""kseries demo: the bundled series, end to end, checked against what it is known to hold."""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from kseries import inputs
from kseries.app import premises, reports, session, setup
from kseries.app.options import Options
from kseries.cli import reporting, target
from kseries.host import paths
from kseries.inputs import testcase
from kseries.judge import expectation
from kseries.model import RunResult
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line, named
from kseries.report import verdicts
from kseries.report.live import Progress
from kseries.report.reporter import FinishedRun
from kseries.sources import TreeStore, kernels

_RELEASE = re.compile(r"\d+\.\d+")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="the bundled series, end to end",
        description="Validate the bundled series; exit 0 when all is as expected.",
    )
    target.add_arch_argument(parser, several=True)
    parser.add_argument(
        "--tree",
        metavar="T",
        help=f"the kernel that the series is made for, as in kseries run (default: {kernels.DEFAULT})",
    )
    target.add_strict_argument(parser)
    target.add_out_argument(parser)
    parser.add_argument("--yes", action="store_true", help="install missing Debian packages without asking")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    names = target.arch_names(args)
    setup.require(tuple(Options(out=args.out, arch=arch) for arch in names))
    status = 0
    for case in _cases(args.tree or kernels.DEFAULT):
        out = args.out / case.series.name
        runs = [
            Options(out=out / (arch if len(names) > 1 else ""), tree=args.tree, arch=arch, strict=args.strict)
            for arch in names
        ]
        results = [_judged(case, options) for options in runs]
        if len(results) > 1:
            print(verdicts.render([result for result, _ in results]))
        status = max(status, *(0 if expected else 1 for _, expected in results))
    return status


def _cases(tree: str) -> list[inputs.Target]:
    """The bundled series that are shown on a kernel, in the order of their names. Raises InputError or InfraError."""
    made_for = _made_for()
    release = _release(tree)
    shown = [name for name, made in made_for.items() if _release(made) == release]
    if not shown:
        there_are = ", ".join(dict.fromkeys(made_for.values()))
        raise InputError(
            f"{named(tree)}: no series of the demo is made for this kernel{f', {release}' if release else ''}\n"
            f"  --tree takes {there_are}, or one of these in a folder, a repository or a tarball"
        )
    return [inputs.load(str(paths.project("testcases", name))) for name in shown]


def _made_for() -> Mapping[str, str]:
    """The test cases that are for showing, and the kernel of each."""
    files = sorted(paths.project("testcases").glob(f"*/{testcase.FILE}"))
    cases = {file.parent.name: testcase.read(file) for file in files}
    return {name: case.tree for name, case in cases.items() if case.demo}


def _release(tree: str) -> str | None:
    """VERSION.PATCHLEVEL of a kernel: what the name of a package says, else its Makefile; None where that says none."""
    found = _RELEASE.search(tree if tree.startswith("debian:") else _version(tree))
    return found[0] if found is not None else None


def _version(tree: str) -> str:
    """The version of a kernel in a folder, a repository or a tarball. Raises InputError."""
    tell = Progress(sys.stderr)
    place = kernels.called(tree)
    kernels.check_readable(place)
    with premises.room(), premises.at_work(tell):
        return kernels.get(place, None, TreeStore(paths.cache("trees.git")), paths.cache(), tell).version


def _judged(case: inputs.Target, options: Options) -> tuple[RunResult, bool]:
    """One series on one architecture, told, and whether all was as expected. Raises InfraError."""
    assert case.testcase is not None
    tree = ("--tree", named(options.tree)) if options.tree is not None else ()
    words = (f"testcases/{case.series.name}", *tree, "--arch", options.arch)
    result = session.run(case, replace(options, words=words), Progress(sys.stderr))
    failed = reporting.make(FinishedRun(result, options.out), (*reports.BESIDE, reports.ON_TERMINAL))
    print(f"\nthe whole result: {options.out / 'result.json'}; to read: {options.out / 'report.html'}")
    if result.partial:
        raise KeyboardInterrupt
    if session.exit_status(result) == 3:
        raise InfraError("some states could not be built or booted on this host; see above")
    if failed:
        raise InfraError("a report could not be written; see above")
    wrong = expectation.differences(case.testcase.expect, result)
    print("as expected." if not wrong else "NOT as expected:\n" + "\n".join(f"  {line(one)}" for one in wrong))
    return result, not wrong and (session.judged(result) or not options.strict)
