# SPDX-License-Identifier: GPL-2.0-only
"""kseries report, and the files that a run leaves."""

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from harness import cli, rundir
from harness.model import SCHEMA_VERSION, RunResult
from harness.render import json as as_json
from harness.render import text
from tests.unit.runs import SPLIT, run, split_run, state


@pytest.mark.parametrize("name", ["", "result.json"])
def test_json_is_what_result_json_holds(name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT / name), "--format", "json"]) == 0
    assert msgspec.json.decode(capfdbinary.readouterr().out, type=RunResult) == split_run()


def test_text_is_the_default(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT)]) == 0
    assert capfdbinary.readouterr().out.decode() == text.render(split_run()) + "\n"


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
    ],
)
def test_a_file_that_is_no_result(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert "is not the result of a run" in refused(tmp_path, capsys)


def test_a_result_of_another_kseries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"schema": SCHEMA_VERSION + 1, "all": "else differs"}))
    assert f"has schema {SCHEMA_VERSION + 1}, this kseries reads {SCHEMA_VERSION}" in refused(tmp_path, capsys)


def test_a_result_whose_finding_is_in_no_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads((SPLIT / "result.json").read_text())
    result["findings"][0]["state"] = "without-9"
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert "is not the result of a run: it has no state without-9" in refused(tmp_path, capsys)


def test_an_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such directory" in refused(SPLIT, capsys, "-o", str(tmp_path / "none" / "x"))
    assert "it is a directory" in refused(SPLIT, capsys, "-o", str(tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_is_a_fault_of_this_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No space left on device" in refused(SPLIT, capsys, "-o", "/dev/full", status=3)


def test_a_run_leaves_its_result_and_its_reports_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(SPLIT / "states", tmp_path / "states")
    rundir.write(tmp_path, split_run())
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
    assert msgspec.json.decode(told, type=RunResult) == run(hurt)
    assert not set("\x1b\x7f\x9b\u202e\U0001fffe") & set(told) and "ü \U0001f427" in told
