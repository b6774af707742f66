# SPDX-License-Identifier: GPL-2.0-only
"""kseries report, and the files that a run leaves."""

import ast
import functools
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from kseries import cli
from kseries.app import reports, rundir
from kseries.cache import runs
from kseries.model import RESULT, SCHEMA_VERSION, Document, RunResult, VariantResult, Verdict
from kseries.report import json as as_json
from kseries.report import text
from kseries.report.reporter import FinishedRun
from kseries.sources import TreeStore
from tests.support.runs import SPLIT, run, split_run, state


@pytest.mark.parametrize("name", ["", "result.json"])
def test_json_is_what_result_json_holds(name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT / name), "--format", "json"]) == 0
    assert msgspec.json.decode(capfdbinary.readouterr().out, type=Document) == Document.of(split_run())


def test_text_is_the_default(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT)]) == 0
    assert capfdbinary.readouterr().out.decode() == text.render(split_run()) + "\n"


def test_a_strict_report_exits_as_a_strict_run_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = rundir.read(SPLIT)
    run = msgspec.structs.replace(run, findings=())
    for answer, status in ((True, 0), (None, 1)):
        verdict = Verdict(bisectable=answer, revert_safe=True)
        rundir.write(tmp_path, msgspec.structs.replace(run, verdict=verdict))
        assert cli.main(["report", str(tmp_path)]) == 0
        assert cli.main(["report", str(tmp_path), "--strict"]) == status
        assert ("strict: what is not judged makes this exit 1" in capsys.readouterr().out) is bool(status)
        assert cli.main(["compare", str(tmp_path), str(tmp_path)]) == 0
        assert cli.main(["compare", str(tmp_path), str(tmp_path), "--strict"]) == status
        capsys.readouterr()


def test_junit_and_html_go_to_a_file_logs_and_all(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for form in ("junit", "html"):
        assert cli.main(["report", str(SPLIT), "--format", form, "-o", str(tmp_path / form)]) == 0
    assert capfdbinary.readouterr() == (b"", b"")
    assert "Linux version 6.12" in "".join(ElementTree.parse(tmp_path / "junit").getroot().itertext())
    assert "Linux version 6.12" in (tmp_path / "html").read_text(encoding="utf-8")


def refused(run_: Path, capsys: pytest.CaptureFixture[str], *more: str, status: int = 2) -> str:
    """What ``kseries report`` says when it does not do it, in one line or two."""
    assert cli.main(["report", str(run_), *more]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("kseries: ") and len(said.err.splitlines()) <= 2
    return said.err


def test_a_run_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path, tmp_path / "none", SPLIT / "result.json" / "x"):
        assert "no result of a run" in refused(place, capsys)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"schema": "1"}',
        b'{"schema": 1}',
        (SPLIT / "result.json").read_bytes()[:5000],
        b'{"schema": 1, "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_file_that_is_no_result(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert "is not the result of a run" in refused(tmp_path, capsys)


@pytest.mark.timeout(60)
def test_a_pipe_in_a_results_place_keeps_nobody_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "result.json")
    assert "result.json is not a regular file" in refused(tmp_path, capsys)


def test_a_result_of_another_kseries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for schema in (0, SCHEMA_VERSION + 1):
        (tmp_path / "result.json").write_text(json.dumps({"schema": schema, "all": "else differs"}))
        assert f"has schema {schema}, this kseries reads 1 to {SCHEMA_VERSION}" in refused(tmp_path, capsys)


def test_a_result_of_several_variants_is_a_later_kseries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = Document.of(split_run())
    for count in (0, 2):
        several = msgspec.structs.replace(document, variants=document.variants * count)
        (tmp_path / "result.json").write_bytes(msgspec.json.encode(several))
        assert f"has {count} variants, this kseries reads a result of one" in refused(tmp_path, capsys)


def test_a_run_and_its_document_have_the_same() -> None:
    """No field of either is forgotten on the way there and back."""
    shared = {*Document.__struct_fields__} - {"schema", "variants"}
    assert {*RunResult.__struct_fields__} == shared | {*VariantResult.__struct_fields__}
    whole = split_run()
    assert Document.of(whole).runs() == (whole,)
    (strict,) = Document.of(whole).runs(strict=True)
    assert strict.strict and not whole.strict


JOURNEY = {"patch": 3, "state": "without-3", "end": "silently broken"}
UNSOUND: dict[str, str] = {
    "findings.0.state: 'without-9'": "it has no state without-9",
    "findings.0.patch: 9": "it has no patch 9",
    "findings.0.partner: 9": "it has no patch 9",
    "findings.0.evidence: []": "its silent-break in without-3 has no evidence",
    "findings.0.contract: 'none'": "without-3 has no contract none",
    "findings.0.advice: {}": "its advice on without-3 says nothing",
    "findings.0.advice: {'squash': [3]}": "its advice on without-3 says nothing",
    "findings.0.advice: {'squash': [3, 7]}": "it has no patch 7",
    "findings.0.advice: {'order': [1, 7]}": "it has no patch 7",
    "series.patches.0.number: 2": "its patches are numbered [2, 2, 3, 4, 5, 6]",
    "series.patches.0.tree_before: '--output=/x'": "--output=/x is no tree",
    "series.patches.0.tree_after: 'HEAD'": "HEAD is no tree",
    "base.tree: '-x'": "-x is no tree",
    "states.0.tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904\\n'": "is no tree",
    "states.0.id: 'prefix-1'": "two of one name",
    "states.0.same_as: 'none'": "it has no state none",
    "states.1.applied: [0]": "it has no patch 0",
    "states.1.suspects: [7]": "it has no patch 7",
    "states.1.patch: 7": "it has no patch 7",
    "states.1.seconds: {'build': 1e308}": "it took 1e+308 s",
    f"journeys: [{JOURNEY | {'patch': 7}}]": "it has no patch 7",
    f"journeys: [{JOURNEY | {'state': 'x'}}]": "it has no state x",
    f"journeys: [{JOURNEY | {'state': 'base'}}]": "it has no silent break in base, where a journey ends in one",
    "patches: [{'number': 7, 'verdict': {'bisectable': None, 'revert_safe': None}, 'exercise': 'no-code'}]": "patch 7",
    "checkpatch: {'patches': [{'number': 7, 'failed': 'x'}]}": "it has no patch 7",
    "couplings: [{'kind': 'build', 'patch': 1, 'needs': 7, 'state': 'base'}]": "it has no patch 7",
    "began: 'yesterday'": "it began at yesterday, which is no date",
    "began: '2026-01-01'": "it began at 2026-01-01, in no zone",
    "began: '0001-01-01T00:00:00+14:00'": "it began at 0001-01-01T00:00:00+14:00, in no year of ours",
    "began: '9999-12-31T23:00:00-14:00'": "it began at 9999-12-31T23:00:00-14:00, in no year of ours",
    "timeline: [{'state': 'base', 'stage': 'boot', 'began': 2.0, 'ended': 1.0}]": "boot of base is from 2.0 to 1.0",
    "timeline: [{'state': 'base', 'stage': 'boot', 'began': -1, 'ended': 1.0}]": "boot of base is from -1.0 to 1.0",
    "timeline: [{'state': 'base', 'stage': 'boot', 'began': 0, 'ended': 1e99}]": "boot of base is from 0.0 to 1e+99",
    "timeline: [{'state': 'base', 'stage': 'boot', 'began': 9e11, 'ended': 9e11}]": "is from 900000000000.0 to",
}


@pytest.mark.parametrize(("change", "said"), UNSOUND.items())
def test_a_result_that_does_not_hold_together(
    change: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, _, value = change.partition(": ")
    result = json.loads((SPLIT / "result.json").read_text())
    place = place if place.partition(".")[0] in result else f"variants.0.{place}"
    *parents, last = (int(key) if key.isdecimal() else key for key in place.split("."))
    functools.reduce(lambda part, key: part[key], parents, result)[last] = ast.literal_eval(value)
    (tmp_path / "result.json").write_text(json.dumps(result))
    told = refused(tmp_path, capsys)
    assert "is not the result of a run: " in told and said in told


def test_a_tree_that_git_would_take_for_an_option_does_not_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What kseries compare asks of the sources writes to no file of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    TreeStore(tmp_path / "cache" / "kseries" / "trees.git")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    result = json.loads((SPLIT / "result.json").read_text())
    result["series"]["patches"][0] |= {"tree_before": f"--output={precious}", "subject": "none like it", "files": []}
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert cli.main(["compare", str(SPLIT), str(tmp_path)]) == 2
    assert "is no tree" in capsys.readouterr().err and precious.read_text() == "mine"


def test_an_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such directory" in refused(SPLIT, capsys, "-o", str(tmp_path / "none" / "x"))
    assert "it is a directory" in refused(SPLIT, capsys, "-o", str(tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_is_a_fault_of_this_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No space left on device" in refused(SPLIT, capsys, "-o", "/dev/full", status=3)


def test_a_run_leaves_its_result_and_its_reports_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(SPLIT / "states", tmp_path / "states")
    rundir.write(tmp_path, split_run())
    assert reports.make(FinishedRun(split_run(), tmp_path), reports.BESIDE) == ()
    assert {path.name for path in tmp_path.iterdir()} == {"states", "result.json", "report.html", "junit.xml"}
    assert rundir.read(tmp_path) == (split_run(), tmp_path)
    assert "Linux version 6.12" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Linux version 6.12" in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def test_a_result_is_replaced_in_one_step(tmp_path: Path) -> None:
    rundir.write(tmp_path, split_run())
    reader = (tmp_path / "result.json").open(encoding="utf-8")
    rundir.write(tmp_path, run(state("base")))
    with reader:
        assert os.fstat(reader.fileno()).st_nlink == 0
        assert json.load(reader)["series"]["name"] == split_run().series.name


def test_json_says_the_same_and_cannot_steer_a_terminal() -> None:
    hurt = state("base", detail="\x1b[2J\x7f\x9b31m\u202e\U0001fffe ü \U0001f427")
    told = as_json.render(run(hurt))
    assert msgspec.json.decode(told, type=Document) == Document.of(run(hurt))
    assert not set("\x1b\x7f\x9b\u202e\U0001fffe") & set(told) and "ü \U0001f427" in told


def test_a_run_may_lie_in_a_folder_of_any_name_and_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / os.fsdecode(b"\xff #?%41:,;\"'$(x)\n\xc3\xa4") / ("long" * 60) / ("long" * 60) / ("long" * 60)
    shutil.copytree(SPLIT, place)
    assert reports.make(FinishedRun(rundir.read(place)[0], place), reports.BESIDE) == ()
    assert "Linux version 6.12" in (place / "report.html").read_text(encoding="utf-8")
    for form in ("text", "html", "junit", "json", "mail"):
        assert cli.main(["report", str(place), "--format", form]) == 0
        assert capsys.readouterr().out
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with runs.Runs(tmp_path / "cache" / "kseries", lambda event: pytest.fail(str(event))).recording(
        "s", 1, "x86_64", place
    ) as recording:
        recording.ended(0, split_run().verdict, place / RESULT)
    assert cli.main(["runs"]) == 0 and cli.main(["runs", "--json"]) == 0
    assert "\\xff #?%41" in capsys.readouterr().out
