# SPDX-License-Identifier: GPL-2.0-only
"""Results of schema 1, as kseries wrote them: read, shown and compared as what they would be today."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kseries import cli
from kseries.app import rundir
from kseries.judge import evidence
from kseries.model import SCHEMA_VERSION, Evidence, EvidenceKind, FindingKind, RunResult, StateResult
from tests.support.runs import SPLIT, split_run
from tests.support.told import lines

OLD = Path(__file__).parent / "data" / "version-1"
"""``split`` is a real run; ``all-kinds`` was made up, so that it has nearly all that there was."""
FORMS = ("text", "html", "junit", "mail", "json")


def raw(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OLD / name / "result.json").read_text())
    assert found["schema"] == 1
    return found


def read(name: str) -> RunResult:
    return rundir.read(OLD / name)[0]


@pytest.mark.parametrize("name", ["split", "all-kinds"])
def test_what_it_rests_on_is_told_as_it_was(name: str) -> None:
    for kind in ("findings", "couplings"):
        there = getattr(read(name), kind)
        assert [lines(one.evidence) for one in there] == [tuple(one["evidence"]) for one in raw(name).get(kind, [])]


def test_of_thousands_of_checks_each_is_looked_at_once_however_many_findings_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = raw("all-kinds")
    state = next(state for state in result["states"] if state["checks"])
    state["checks"] = [{**state["checks"][0], "id": f"check-{number}"} for number in range(40)]
    one = {**result["findings"][0], "kind": "regression", "state": state["id"]}
    result["findings"] = [{**one, "evidence": [f"check-{number}: fail"]} for number in range(40)]
    (tmp_path / "result.json").write_text(json.dumps({**result, "couplings": [], "squashes": []}))
    looked_at: list[int] = []
    of_check = evidence.of_check

    def counted(name: str, among: StateResult) -> Evidence:
        looked_at.append(len(among.checks))
        return of_check(name, among)

    monkeypatch.setattr(evidence, "of_check", counted)
    found = rundir.read(tmp_path)[0].findings
    assert [one.evidence[0].name for one in found] == [f"check-{number}" for number in range(40)]
    assert sum(looked_at) == 40


def test_each_line_is_known_for_what_it_tells_of() -> None:
    run = read("all-kinds")
    found = {(finding.kind, one.kind) for finding in run.findings for one in finding.evidence}
    complains = (FindingKind.KERNEL_COMPLAINT, EvidenceKind.COMPLAINT)
    assert found >= {
        complains,
        (FindingKind.NEW_WARNING, EvidenceKind.WARNING),
        (FindingKind.SANDBOX_DENIAL, EvidenceKind.DENIAL),
        (FindingKind.FLAKY, EvidenceKind.FLAKY),
        (FindingKind.FLAKY, EvidenceKind.COMPLAINT),
        (FindingKind.SILENT_BREAK, EvidenceKind.CHECK),
        (FindingKind.SILENT_BREAK, EvidenceKind.COMPLAINT),
        (FindingKind.REGRESSION, EvidenceKind.OUTCOME),
    }
    assert not any(one.kind is EvidenceKind.ERROR for finding in run.findings for one in finding.evidence)
    behind = {one.name: one.complaint for finding in run.findings for one in finding.evidence if one.complaint}
    assert behind == {"other.works": "BUG: y", "crashed": "BUG: x at 0x10"}
    places = [(one.function, one.line) for finding in run.findings for one in finding.evidence if one.function]
    assert ("f", 7) in places, "they are the state's own complaints, and not taken from the line"
    assert {one.kind for coupling in run.couplings for one in coupling.evidence} == {
        EvidenceKind.CHECK,
        EvidenceKind.OUTCOME,
        EvidenceKind.ERROR,
        EvidenceKind.CONFLICT,
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_report_of_it_is_that_of_the_same_run_today(
    form: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    shutil.copytree(SPLIT / "states", tmp_path / "states")
    shutil.copy(OLD / "split" / "result.json", tmp_path)
    for place in (tmp_path, SPLIT):
        assert cli.main(["report", str(place), "--format", form]) == 0
    said = capfdbinary.readouterr().out
    assert said[: len(said) // 2] == said[len(said) // 2 :] != b""


@pytest.mark.parametrize("form", FORMS)
def test_any_report_of_the_other_can_be_made(form: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(OLD / "all-kinds"), "--format", form]) == 0
    assert b"BUG: x" in capfdbinary.readouterr().out


def test_it_is_written_as_what_it_would_be_today(tmp_path: Path) -> None:
    run = read("all-kinds")
    rundir.write(tmp_path, run)
    assert json.loads((tmp_path / "result.json").read_text())["schema"] == SCHEMA_VERSION
    assert rundir.read(tmp_path)[0] == run


def test_compare_finds_no_change_between_a_run_and_the_same_of_today(capfd: pytest.CaptureFixture[str]) -> None:
    assert read("split") == split_run()
    for old, new in ((OLD / "split", SPLIT), (SPLIT, OLD / "split")):
        assert cli.main(["compare", str(old), str(new)]) == 0
        said = capfd.readouterr().out
        assert "Nothing got worse." in said
        assert not any(word in said for word in ("GONE", "NEW", "CHANGED", "UNTRIED", "worse:"))
    assert cli.main(["compare", str(SPLIT), str(OLD / "all-kinds")]) == 1
    assert "NEW: sandbox-denial: " in capfd.readouterr().out


def test_a_line_that_an_older_kseries_worded_otherwise_keeps_its_words(tmp_path: Path) -> None:
    """Whatever it was made of is not there any more, or says something else now."""
    result = json.loads((OLD / "all-kinds" / "result.json").read_text())
    known = {
        "TEST: ping: fail: it was: so": (EvidenceKind.CHECK, "TEST: ping"),
        "p.a: fail: it was BUG: x at 0x10": (EvidenceKind.CHECK, "p.a"),
        "p.a: BUG: z": (EvidenceKind.COMPLAINT, "p.a"),
        "outside of any check: BUG: z": (EvidenceKind.COMPLAINT, ""),
        "crashed: ": (EvidenceKind.OUTCOME, "crashed"),
        "no colon": (EvidenceKind.ERROR, ""),
        ": x": (EvidenceKind.ERROR, ""),
        "": (EvidenceKind.ERROR, ""),
    }
    finding = next(one for one in result["findings"] if one["state"] == "without-3")
    finding["evidence"] = [*known]
    (tmp_path / "result.json").write_text(json.dumps(result))
    found = next(one for one in rundir.read(tmp_path)[0].findings if one.state == "without-3").evidence
    assert lines(found) == tuple(line.removesuffix(": ") for line in known)
    assert [(one.kind, one.name) for one in found] == [*known.values()]
    assert [one.complaint for one in found if one.complaint] == ["BUG: x at 0x10"]


def test_a_kind_of_finding_that_it_did_not_have_is_no_result_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (OLD / "all-kinds" / "result.json").read_text().replace("reaches-out", "sandbox-denial")
    (tmp_path / "result.json").write_text(text)
    assert cli.main(["report", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "is not the result of a run: Invalid enum value 'sandbox-denial'" in told and len(told.splitlines()) == 1
