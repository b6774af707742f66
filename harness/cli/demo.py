# SPDX-License-Identifier: GPL-2.0-only
"""kseries demo: the bundled series, end to end, checked against what it is known to hold."""

import argparse
import sys
from pathlib import Path

from harness import expectation, inputs, resources, session
from harness.errors import InfraError
from harness.render import text
from harness.render.live import Progress

_CASES = ("exit-on-missing-split", "exit-on-missing-squashed")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="the bundled series, end to end",
        description="Validate the bundled series; exit 0 when all is as expected.",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("kseries-out"), help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="install missing Debian packages without asking")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    status = 0
    for name in _CASES:
        target = inputs.load(str(resources.project("testcases", name)))
        assert target.testcase is not None
        result = session.run(target, session.Options(out=args.out / name), Progress(sys.stderr))
        print(text.render(result))
        print(f"\nthe whole result: {args.out / name / 'result.json'}; to read: {args.out / name / 'report.html'}")
        if session.exit_status(result) == 3:
            raise InfraError("some states could not be built or booted on this host; see above")
        wrong = expectation.differences(target.testcase.expect, result)
        print("as expected." if not wrong else "NOT as expected:\n" + "\n".join(f"  {line}" for line in wrong))
        status = max(status, 1 if wrong else 0)
    return status
