# SPDX-License-Identifier: GPL-2.0-only
"""KCIDB reports that KCIDB's own schema takes, and that hang together."""

import json
import subprocess
from pathlib import Path
from typing import Any

from kcidb_io.schema import LATEST

from kseries.app import rundir
from kseries.model import RunResult
from kseries.report import kcidb, patchfiles
from kseries.report.reporter import FinishedRun

LINKS = "https://ci.example.org/runs/42"
Report = dict[str, Any]


def report(run: RunResult, directory: Path = Path("/nonexistent"), links: str = LINKS, origin: str = "ci") -> Report:
    """The report of a run, once it is seen to be valid, and to be text that anybody can read."""
    made = kcidb.document(FinishedRun(run, directory, links), origin)
    LATEST.validate(made)
    read: Report = json.loads(json.dumps(made).encode())
    assert read == made
    _assert_it_hangs_together(made)
    return made


def assert_taken(out: Path) -> Report:
    """What is in the directory of a run makes such a report, and the patches there are what the tip was made of."""
    result, directory = rundir.read(out)
    made = report(result, directory)
    whole = [one for one in made["checkouts"] if len(one.get("patchset_files", ())) == len(result.series.patches)]
    assert {one["patchset_hash"] for one in whole} == {by_shell(directory / patchfiles.folder(result.series.patches))}
    return made


def by_shell(patches: Path) -> str:
    """The hash of a set of patches as the schema says that it is made."""
    command = "LC_ALL=C sha256sum *.patch | cut -c-64 | sha256sum | cut -c-64"
    return subprocess.run(["sh", "-c", command], cwd=patches, capture_output=True, text=True, check=True).stdout.strip()


def _assert_it_hangs_together(made: Report) -> None:
    ids = {kind: [one["id"] for one in made[kind]] for kind in made if kind != "version"}
    for kind, names in ids.items():
        assert len({*names}) == len(names), f"two {kind} have one id"
    assert {one["checkout_id"] for one in made["builds"]} <= {*ids["checkouts"]}
    assert {one["build_id"] for one in made["tests"]} <= {*ids["builds"]}
    assert {one["issue_id"] for one in made["incidents"]} <= {*ids["issues"]}
    assert {one["build_id"] for one in made["incidents"] if "build_id" in one} <= {*ids["builds"]}
    assert {one["test_id"] for one in made["incidents"] if "test_id" in one} <= {*ids["tests"]}
    places = [(one["build_id"], one["path"]) for one in made["tests"]]
    assert len({*places}) == len(places), "two tests of a build have one path"
