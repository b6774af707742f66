# SPDX-License-Identifier: GPL-2.0-only
"""What is found in testcases/exit-on-missing-split."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.commands import TOP
from tests.support.told import read_one

SILENT_BREAK = (
    "SILENT-BREAK: Reverting 3/8 'KVM: x86: Annotate guest accesses to pages user space has not mapped' leaves"
    " KVM_CAP_EXIT_ON_MISSING advertised (by 4/8 'KVM: x86: Honour KVM_MEM_EXIT_ON_MISSING'), but the kernel"
)

IN_THE_TABLE_OF_BOTH = {
    "  3/8  SILENT-BREAK with 4     another architecture's  KVM: x86: Annotate guest accesses to pages user space has"
    " not mapped",
    "  7/8  another architecture's  SILENT-BREAK with 8     KVM: arm64: Report faults that user space has no page for",
}
"""Lines of what is said of both architectures together."""


def result_of(path: Path) -> Any:
    """A result.json that is as its schema has it."""
    text = path.read_text()
    jsonschema.validate(json.loads(text), json.loads((TOP / "docs" / "result.schema.json").read_text()))
    return read_one(text)


def assert_silent_break(result: Any) -> None:
    {"x86_64": _of_x86_64, "arm64": _of_arm64}[result["arch"]](result)
    assert result["verdict"] == {"bisectable": True, "revert_safe": False}


def _of_x86_64(result: Any) -> None:
    finding, advice = result["findings"]
    assert (finding["kind"], finding["state"], finding["contract"]) == ("silent-break", "without-3", "exit-on-missing")
    assert (finding["patch"], finding["partner"], finding["advice"]["squash"]) == (3, 4, [3, 4])
    assert finding["advice"]["verified"] is True
    assert (advice["kind"], advice["patch"], advice["partner"]) == ("undocumented-dependency", 4, 3)
    assert ("exit_on_missing_access.write_exits", "fail") in [
        (one["name"], one["status"]) for one in finding["evidence"] if one["kind"] == "check"
    ]


def _of_arm64(result: Any) -> None:
    finding, advice = result["findings"]
    assert (finding["kind"], finding["patch"], finding["partner"]) == ("silent-break", 7, 8)
    assert (finding["advice"]["squash"], finding["advice"]["verified"]) == ([7, 8], True)
    assert (advice["kind"], advice["patch"], advice["partner"]) == ("undocumented-dependency", 8, 7)


def assert_logs_are_there(result: Any, out: Path) -> None:
    """Every log that a result in a folder names."""
    logs = [log for state in result["states"] for log in state["logs"].values()]
    assert logs and all((out / log).stat().st_size > 0 for log in logs)
