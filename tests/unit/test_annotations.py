# SPDX-License-Identifier: GPL-2.0-only
"""Findings as remarks on source: where they are shown, how bad they are, and that SARIF and GitLab take them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries import __version__
from kseries.app import rundir
from kseries.model import (
    AppliedPatch,
    ChangedLines,
    Complaint,
    Evidence,
    EvidenceKind,
    Exercise,
    Finding,
    FindingKind,
    Frame,
    Gravity,
    Outcome,
    PatchResult,
    RunResult,
    Status,
    Verdict,
)
from kseries.report import gitlab, sarif
from kseries.report.annotations import Level, annotations, level
from kseries.report.spots import Spot, spot
from tests.support.runs import SPLIT, checks, finding, hostile, run, split_run, state

DATA = SPLIT.parent
SCHEMA = json.loads((DATA / "sarif-schema-2.1.0.json").read_text())
"""OASIS's own, errata 01."""
VERDICT = Verdict(bisectable=None, revert_safe=None)
WARNING = Evidence(kind=EvidenceKind.WARNING, file="kernel/x.c", said="unused")
CHECK = Evidence(kind=EvidenceKind.CHECK, name="p.works", status=Status.FAIL)


def changed(number: int, *places: tuple[str, int]) -> PatchResult:
    lines = tuple(ChangedLines(file=file, first=first, last=first + 9, compiled=True) for file, first in places)
    return PatchResult(number=number, verdict=VERDICT, exercise=Exercise.EXERCISED, changed=lines)


def a_run(seen: Evidence, *patches: PatchResult, files: tuple[str, ...] = (), **more: Any) -> RunResult:
    """A run that has one finding, in the series up to its first patch, which changes these files."""
    given = {"applied": (1,), **more}
    result = run(state("base"), state("prefix-1", 1, **given), findings=(
        Finding(kind=FindingKind.REGRESSION, state="prefix-1", patch=1, partner=None, contract=None, evidence=(seen,)),
    ), patches=patches)  # fmt: skip
    first, second = result.series.patches
    series = (msgspec.structs.replace(first, files=files), second)
    return msgspec.structs.replace(result, series=msgspec.structs.replace(result.series, patches=series))


def shown(result: RunResult) -> Spot | None:
    return spot(result, result.findings[0])


# --- where --------------------------------------------------------------------------------------


def test_where_the_kernel_points_to_comes_first() -> None:
    seen = Evidence(kind=EvidenceKind.COMPLAINT, said="WARNING", file="kernel/w.c", line=9)
    assert shown(a_run(seen, changed(1, ("kernel/x.c", 5)))) == Spot("kernel/w.c", 9)


def test_a_check_that_failed_of_a_complaint_is_shown_where_the_kernel_complained() -> None:
    one = Complaint(gravity=Gravity.OOPS, kind="BUG", said="BUG: x", file="kernel/w.c", line=9)
    seen = msgspec.structs.replace(CHECK, complaint="BUG: x")
    assert shown(a_run(seen, complaints=(one,))) == Spot("kernel/w.c", 9)


def test_a_warning_is_shown_where_the_patch_changes_that_file() -> None:
    assert shown(a_run(WARNING, changed(1, ("kernel/a.c", 3), ("kernel/x.c", 5)))) == Spot("kernel/x.c", 5)
    assert shown(a_run(WARNING, changed(1, ("kernel/a.c", 3)))) == Spot("kernel/x.c", 1)


def test_a_crash_is_shown_where_its_trace_comes_by_the_patch() -> None:
    trace = (Frame("panic", "kernel/panic.c", 1), Frame("f", "kernel/f.c", 7), Frame("g", "kernel/g.c", 8, sure=False),
             Frame("h", "kernel/x.c", 44))  # fmt: skip
    crashed = {"outcome": Outcome.CRASHED, "ending": "panic", "trace": trace}
    assert shown(a_run(CHECK, files=("kernel/g.c", "kernel/x.c"), **crashed)) == Spot("kernel/x.c", 44)
    assert shown(a_run(CHECK, changed(1, ("kernel/y.c", 5)), files=("kernel/y.c",), **crashed)) == Spot("kernel/y.c", 5)


def test_else_it_is_the_first_line_that_the_patch_changes_or_the_top_of_its_first_file() -> None:
    assert shown(a_run(CHECK, changed(2, ("b.c", 9)), changed(1, ("a.c", 5)))) == Spot("a.c", 5)
    assert shown(a_run(CHECK, files=("a.c", "b.c"))) == Spot("a.c", 1)
    assert shown(a_run(CHECK)) is None


@pytest.mark.parametrize("file", ["/etc/passwd", "../../x", "a/../../x", "..", ".", "a\x1b[2J.c", "a\nb"])
def test_what_leads_out_of_the_source_is_no_place(file: str) -> None:
    seen = Evidence(kind=EvidenceKind.COMPLAINT, said="W", file=file, line=9)
    assert shown(a_run(seen)) is None
    assert shown(a_run(seen, files=(file, "a.c"))) == Spot("a.c", 1)


# --- how bad, and whether it is the same --------------------------------------------------------


@pytest.mark.parametrize("kind", FindingKind)
def test_what_fails_a_run_is_an_error_or_a_warning_and_advice_is_a_note(kind: FindingKind) -> None:
    mild = kind in (FindingKind.NEW_WARNING, FindingKind.SANDBOX_DENIAL)
    assert level(finding(kind, "base", "p.works: fail")) is (
        Level.NOTE if kind.advice else Level.WARNING if mild else Level.ERROR
    )


def prints(result: RunResult) -> list[str]:
    return [one.fingerprint for one in annotations(result)]


def test_a_finding_is_the_same_when_a_patch_comes_before_it_and_numbers_in_its_words_move() -> None:
    def of(number: int, said: str) -> list[str]:
        patches = tuple(
            AppliedPatch(number=one, subject=f"P {one - number}", tree_before="", tree_after="") for one in range(1, 4)
        )
        seen = Evidence(kind=EvidenceKind.COMPLAINT, said=said)
        told = Finding(kind=FindingKind.KERNEL_COMPLAINT, state=f"prefix-{number}", patch=number, partner=None,
                       contract=None, evidence=(seen,))  # fmt: skip
        result = run(state("base"), state(f"prefix-{number}", number), findings=(told,))
        return prints(msgspec.structs.replace(result, series=msgspec.structs.replace(result.series, patches=patches)))

    assert of(1, "BUG at 0x1234") == of(2, "BUG at 0x99") != of(2, "WARNING at 0x99")


def test_no_two_findings_of_a_run_have_one_fingerprint() -> None:
    twice = (finding(FindingKind.REGRESSION, "base", "p.works: fail"),) * 2
    assert len({*prints(run(state("base"), findings=twice))}) == 2


# --- what takes them ----------------------------------------------------------------------------


def valid_sarif(result: RunResult) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(sarif.render(result).encode())
    jsonschema.Draft4Validator(SCHEMA).validate(made)
    return made


def test_the_schema_of_sarif_refuses_what_is_none() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate({"version": "2.1.0", "runs": [{"results": []}]})


@pytest.mark.parametrize("place", [SPLIT, DATA / "version-1" / "split", DATA / "version-1" / "all-kinds"])
def test_sarif_and_gitlab_take_what_real_runs_have_found(place: Path) -> None:
    result, _ = rundir.read(place)
    (told,) = valid_sarif(result)["runs"]
    assert [one["ruleId"] for one in told["results"]] == [one.kind for one in result.findings]
    assert all(told["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in told["results"])
    entries = json.loads(gitlab.render(result))
    assert len({one["fingerprint"] for one in entries}) == len(entries) == len(result.findings)
    assert {one["severity"] for one in entries} <= {"critical", "minor", "info"}


@pytest.mark.parametrize("name", ["kseries.sarif", "gl-code-quality.json"])
def test_of_the_split_run_it_is_as_it_was(name: str) -> None:
    render = {"kseries.sarif": sarif.render, "gl-code-quality.json": gitlab.render}[name]
    files = (("arch/x86/kvm/mmu/mmu.c",), ("virt/kvm/kvm_main.c",))
    patches = tuple(
        msgspec.structs.replace(one, files=files[one.number % 2], commit=f"{one.number}" * 40)
        for one in split_run().series.patches
    )
    series = msgspec.structs.replace(split_run().series, patches=patches)
    made = render(msgspec.structs.replace(split_run(), series=series)).replace(f'"{__version__}"', '"VERSION"')
    assert f"{made}\n" == (DATA / "split-published" / name).read_text()


def test_a_place_is_relative_to_the_source_and_a_path_with_a_space_is_a_uri() -> None:
    (told,) = valid_sarif(a_run(CHECK, changed(1, ("a b/ä.c", 5))))["runs"][0]["results"]
    place = told["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/%C3%A4.c", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 5}
    assert "locations" not in valid_sarif(a_run(CHECK))["runs"][0]["results"][0]


def test_gitlab_leaves_out_what_has_no_file_and_so_each_has_one() -> None:
    (told,) = json.loads(gitlab.render(a_run(CHECK)))
    assert told["location"] == {"path": "Makefile", "lines": {"begin": 1}}


@given(hostile, hostile, hostile, st.integers(-2, 2**40))
def test_whatever_a_stranger_has_written_is_taken(name: str, said: str, file: str, line: int) -> None:
    seen = Evidence(kind=EvidenceKind.COMPLAINT, name=name, said=said, file=file, line=line)
    result = a_run(seen, changed(1, (file, 1)), files=(file,), detail=said, checks=checks(p__works=Status.FAIL))
    variant = msgspec.structs.replace(result.variant, label=name)
    result = msgspec.structs.replace(result, variant=variant, series=msgspec.structs.replace(result.series, name=name))
    assert len(valid_sarif(result)["runs"][0]["results"]) == 1
    assert "\x1b" not in gitlab.render(result) + sarif.render(result)
