# SPDX-License-Identifier: GPL-2.0-only
"""kseries demo: the bundled series, end to end, checked against what it is known to hold."""

import argparse
import sys
from pathlib import Path

from kseries import inputs
from kseries.app import reports, session, setup
from kseries.app.options import Options
from kseries.cli import reporting, target
from kseries.host import paths
from kseries.judge import expectation
from kseries.model import RunResult
from kseries.model.errors import InfraError
from kseries.model.sanitize import line
from kseries.report import verdicts
from kseries.report.live import Progress
from kseries.report.reporter import FinishedRun

_CASES = ("exit-on-missing-split", "exit-on-missing-squashed")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="the bundled series, end to end",
        description="Validate the bundled series; exit 0 when all is as expected.",
    )
    target.add_arch_argument(parser)
    target.add_strict_argument(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("kseries-out"), help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="install missing Debian packages without asking")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    names = target.arch_names(args)
    setup.require(tuple(Options(out=args.out, arch=arch) for arch in names))
    status = 0
    for name in _CASES:
        case = inputs.load(str(paths.project("testcases", name)))
        results = [
            _judged(case, arch, args.out / name / (arch if len(names) > 1 else ""), args.strict) for arch in names
        ]
        if len(results) > 1:
            print(verdicts.render([result for result, _ in results]))
        status = max(status, *(0 if expected else 1 for _, expected in results))
    return status


def _judged(case: inputs.Target, arch: str, out: Path, strict: bool) -> tuple[RunResult, bool]:
    """One series on one architecture, told, and whether all was as expected. Raises InfraError."""
    assert case.testcase is not None
    words = (f"testcases/{case.series.name}", "--arch", arch)
    result = session.run(case, Options(out=out, arch=arch, strict=strict, words=words), Progress(sys.stderr))
    failed = reporting.make(FinishedRun(result, out), (*reports.BESIDE, reports.ON_TERMINAL))
    print(f"\nthe whole result: {out / 'result.json'}; to read: {out / 'report.html'}")
    if result.partial:
        raise KeyboardInterrupt
    if session.exit_status(result) == 3:
        raise InfraError("some states could not be built or booted on this host; see above")
    if failed:
        raise InfraError("a report could not be written; see above")
    wrong = expectation.differences(case.testcase.expect, result)
    print("as expected." if not wrong else "NOT as expected:\n" + "\n".join(f"  {line(one)}" for one in wrong))
    return result, not wrong and (session.judged(result) or not strict)
