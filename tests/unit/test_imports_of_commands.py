# SPDX-License-Identifier: GPL-2.0-only
"""A command imports what it may need, and none of what takes long and is for others."""

import json
import subprocess
import sys

import pytest

from kseries.host import paths

TELL = """
import contextlib, io, json, sys
from kseries import cli
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    cli.main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
"""
NEVER = ("distributed", "dask", "pytest", "_pytest", "playwright", "kconfiglib", "jsonschema", "numpy", "requests")
"""What only those import who were asked for it, or tests."""
COMMANDS = ("kseries.app", "kseries.evaluate", "kseries.kbuild", "kseries.guest", "kseries.report.html", "jinja2")


def imported(*words: str) -> set[str]:
    env = {"PYTHONPATH": str(paths.project("harness"))}
    done = subprocess.run(
        [sys.executable, "-c", TELL, *words], env=env, capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_version_is_told_without_any_command() -> None:
    assert not imported("--version") & {*NEVER, *COMMANDS}


@pytest.mark.parametrize("command", ["run", "demo", "report", "runs", "plan", "try"])
def test_no_command_imports_what_is_for_a_cluster_for_pytest_or_for_a_box(command: str) -> None:
    assert not imported(command, "--help") & {*NEVER}


@pytest.mark.parametrize("command", ["runs", "gc", "completion"])
def test_what_builds_nothing_imports_nothing_that_builds(command: str) -> None:
    found = imported(command, "--help")
    assert not found & {"kseries.evaluate.local", "kseries.kbuild.worker", "qemu.qmp"}
