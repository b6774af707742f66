# SPDX-License-Identifier: GPL-2.0-only
"""Reporters: ours, somebody else's, and one that fails."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from kseries import cli
from kseries.app import rundir, session, setup
from kseries.app.options import Options
from kseries.host import paths
from kseries.model import RunResult
from kseries.publish import registry
from kseries.report.reporter import Reporter
from tests.support import packages
from tests.support.runs import SPLIT, split_run

START = paths.project("harness", "kseries", "start")
TARGET = str(paths.project("testcases", "exit-on-missing-split"))
COUNT = """
from kseries.report.reporter import Document

COUNT = Document(lambda run: f"{len(run.result.findings)} findings", "count.txt")
"""
FAILS = """
class Fails:
    file = "fails.txt"

    def check(self, to):
        assert to is None

    def report(self, run, to):
        raise {error}
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package where Python looks."""

    def package(module: str, code: str, name: str, value: str = "") -> Path:
        info = packages.install(tmp_path / "site", module, code, name, value or f"{module}:{name.upper()}")
        monkeypatch.syspath_prepend(str(info.parent))
        monkeypatch.delitem(sys.modules, module, raising=False)
        return info

    return package


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``kseries run`` of a series whose result is known: its exit status. ``out`` is the run's directory."""
    found = msgspec.structs.replace(split_run(), findings=())

    def known(_target: object, options: Options, _tell: object) -> RunResult:
        shutil.copytree(SPLIT / "states", options.out / "states", dirs_exist_ok=True)
        rundir.write(options.out, found)
        return found

    monkeypatch.setattr(session, "run", known)
    monkeypatch.setattr(setup, "require", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli.main(["run", TARGET, "--out", "out", *words])


def last(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error in the end, which is one line or two."""
    said = capsys.readouterr().err
    said = said[said.rindex("kseries: ") :]
    assert 1 <= len(said.splitlines()) <= 2
    return said


# --- ours ---------------------------------------------------------------------------------------


def test_the_wheel_declares_what_a_clone_has_in_code() -> None:
    told = tomllib.loads(paths.project("pyproject.toml").read_text())["project"]["entry-points"][registry.GROUP]
    assert {name: EntryPoint(name, value, "").load() for name, value in told.items()} == registry.OURS


def test_what_lies_beside_a_result_is_there_without_a_word(run: Callable[..., int], tmp_path: Path) -> None:
    assert run() == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"states", "result.json", "report.html", "junit.xml"}


def test_run_and_report_write_the_same(
    run: Callable[..., int], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("--report", "text", "--report", "json=all.json", "--report", "junit=-") == 0
    printed = capfdbinary.readouterr().out
    for name, written in (
        ("text", (tmp_path / "out" / "report.txt").read_bytes()),
        ("json", (tmp_path / "all.json").read_bytes()),
        ("html", (tmp_path / "out" / "report.html").read_bytes()),
        ("junit", (tmp_path / "out" / "junit.xml").read_bytes()),
    ):
        assert cli.main(["report", "out", "--format", name]) == 0
        assert capfdbinary.readouterr().out == written
        assert (written in printed) is (name in ("text", "junit")), "the text is on the terminal always"


def test_a_folder_of_mails_has_those_of_this_run_alone(run: Callable[..., int], tmp_path: Path) -> None:
    place = tmp_path / "out" / "mails"
    place.mkdir(parents=True)
    for name in ("0001-of-the-last-run.mail", "cover"):
        (place / name).touch()
    assert run("--report", "mail") == 0
    assert [path.name for path in place.iterdir()] == ["cover"]
    assert cli.main(["report", str(SPLIT), "--format", "mail", "-o", str(place)]) == 0
    assert run("--report", "mail=out/mails/") == 0
    assert [path.name for path in place.iterdir()] == ["cover"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--report", "x\x1b[2J"), "there is no report x\ufffd[2J\n  there are: text, html, junit, json, mail"),
        (("--report", "html="), "--report html= names no file"),
        (("--report", "html=none/x"), "cannot write none/x: no such directory"),
        (("--report", "html=.", "--report", "text"), "cannot write .: it is a directory"),
        (("--report", "html=x", "--arch", "x86_64,arm64"), "--report html=x is one file, and there are 2 runs"),
        (("--publish", "sarif=x", "--arch", "x86_64,arm64"), "--publish sarif=x is one file, and there are 2 runs"),
    ],
)
def test_what_cannot_be_reported_is_said_before_anything_is_built(
    run: Callable[..., int],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*words) == 2
    assert said in last(capsys)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_runs_directory_need_not_have_a_directory_before(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--report", "html=out/mine.html") == 0
    assert (tmp_path / "out" / "mine.html").read_bytes() == (tmp_path / "out" / "report.html").read_bytes()


def test_each_architecture_has_its_report_in_its_own_directory(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--report", "text", "--arch", "x86_64,arm64") == 0
    assert all((tmp_path / "out" / arch / "report.txt").exists() for arch in ("x86_64", "arm64"))


@pytest.mark.parametrize("name", ["text", "html", "mail"])
def test_a_standard_output_that_takes_no_more_is_no_fault_of_a_reporter(name: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-I", START, "report", SPLIT, "--format", name],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    (said,) = done.stderr.decode().splitlines()
    assert said.startswith("kseries: ") and said.endswith("No space left on device") and "report" not in said


# --- somebody else's ----------------------------------------------------------------------------


def test_a_reporter_of_an_installed_package_is_as_good_as_ours(
    install: Install, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("counting", COUNT, "count")
    assert run("--report", "count", "--report", "count=here.txt") == 0
    assert (tmp_path / "out" / "count.txt").read_text() == (tmp_path / "here.txt").read_text() == "0 findings\n"
    capsys.readouterr()
    assert cli.main(["report", str(SPLIT), "--format", "count"]) == 0
    assert capsys.readouterr().out == f"{len(split_run().findings)} findings\n"


def test_a_class_is_called_for_the_reporter(install: Install) -> None:
    install("classy", FAILS.format(error="ValueError"), "fails", "classy:Fails")
    assert isinstance(registry.get("fails"), Reporter)


def test_what_nobody_asks_for_is_named_and_not_imported(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("loud", f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(0)\n", "noisy")
    assert cli.main(["report", str(SPLIT), "--format", "text"]) == 0
    assert cli.main(["report", str(SPLIT), "--format", "nosy"]) == 2
    assert last(capsys).endswith(f"{', '.join(registry.OURS)}, noisy\n")
    assert not (tmp_path / "ran").exists()


def test_a_name_of_ours_is_not_taken_from_us(install: Install) -> None:
    install("greedy", COUNT, "html", "greedy:COUNT")
    assert registry.get("html") is registry.OURS["html"]


def test_two_packages_with_one_name_are_told_apart_by_nobody(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        install(f"counting{number}", COUNT, "count")
    assert cli.main(["report", str(SPLIT), "--format", "count"]) == 2
    assert {"counting1", "counting2"} <= {*last(capsys).split()}


@pytest.mark.parametrize(
    ("code", "value", "said"),
    [
        ("raise SystemExit(0)", "", "cannot be loaded: SystemExit(0)"),
        ("import no_such_module", "", "cannot be loaded: ModuleNotFoundError"),
        ("def broken(", "", "cannot be loaded: SyntaxError"),
        ("", "", "cannot be loaded: AttributeError"),
        ("COUNT = 1", "", "is no reporter: it lacks file, check or report"),
        (COUNT, "bad:", "cannot be loaded"),
    ],
)
def test_one_that_cannot_be_loaded_is_a_fault_of_this_host(
    install: Install, run: Callable[..., int], code: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install("bad", code, "count", value)
    assert run("--report", "count") == 3
    told = last(capsys)
    assert said in told and "bad" in told


def test_metadata_that_are_no_text_keep_nobody_from_our_own(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    (install("counting", COUNT, "count") / "entry_points.txt").write_bytes(b"[\xff\n")
    assert cli.main(["report", str(SPLIT), "--format", "text"]) == 0
    assert cli.main(["report", str(SPLIT), "--format", "count"]) == 3
    assert "cannot tell what reports there are" in last(capsys)


@pytest.mark.parametrize(
    "error",
    [
        "ValueError('a\\nb\\x1b[2J')",
        "SystemExit(0)",
        "OSError(111, 'refused')",
        "__import__('asyncio').CancelledError",
    ],
)
def test_one_that_fails_costs_neither_the_run_nor_another_report(
    install: Install, run: Callable[..., int], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("counting", COUNT, "count")
    install("failing", FAILS.format(error=error), "fails", "failing:Fails")
    assert run("--report", "fails", "--report", "text", "--report", "count=-") == 3
    said = capsys.readouterr()
    assert "the report fails failed: " in said.err and "the result is there: out/result.json" in said.err
    assert len(said.err.splitlines()) == 2 and "\x1b" not in said.err
    assert "bisectable:" in said.out and said.out.startswith("0 findings\n")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"states", "result.json", "report.html", "junit.xml", "report.txt"}


def test_what_is_no_text_is_no_report(install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install("counting", COUNT.replace('f"', 'b"'), "count")
    assert cli.main(["report", str(SPLIT), "--format", "count", "-o", str(tmp_path / "count.txt")]) == 3
    assert "it renders bytes, and not str" in last(capsys)
    assert not (tmp_path / "count.txt").exists()


def test_one_that_refuses_says_so_in_its_own_words_and_the_worst_status_counts(
    install: Install, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = "__import__('kseries.model.errors').model.errors.InputError('no token\\n  set TOKEN')"
    install("refusing", FAILS.format(error=refusal), "fails", "refusing:Fails")
    install("failing", FAILS.format(error="ValueError()"), "worse", "failing:Fails")
    assert run("--report", "fails") == 2
    assert last(capsys) == "kseries: no token\n  set TOKEN\n"
    assert run("--report", "worse", "--report", "fails") == 2


def test_a_check_that_fails_is_told_before_anything_is_built(
    install: Install, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        "failing", FAILS.format(error="0").replace("assert to is None", "raise ValueError"), "fails", "failing:Fails"
    )
    assert run("--report", "fails") == 3
    assert "the report fails failed: ValueError()" in last(capsys)
    assert not (tmp_path / "out").exists()


def test_where_it_fails_is_shown_to_who_asks(
    install: Install, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("failing", FAILS.format(error="ValueError"), "fails", "failing:Fails")
    monkeypatch.setenv("KSERIES_TRACEBACK", "1")
    assert run("--report", "fails") == 3
    assert "Traceback" in capsys.readouterr().err


def test_none_comes_of_the_folder_or_of_a_python_path(install: Install, tmp_path: Path) -> None:
    """As the launcher starts it: a kernel's tree could bring one, metadata and all."""
    install("counting", f"open({str(tmp_path / 'ran')!r}, 'w')\n{COUNT}", "count")
    done = subprocess.run(
        [sys.executable, "-I", START, "report", SPLIT, "--format", "count"],
        cwd=tmp_path / "site",
        env={**os.environ, "PYTHONPATH": f":.:{tmp_path / 'site'}", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2 and "there is no report count\n" in done.stderr
    assert not (tmp_path / "ran").exists()
