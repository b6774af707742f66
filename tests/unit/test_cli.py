# SPDX-License-Identifier: GPL-2.0-only
"""What the command line answers to what a user gets wrong: the exit status, and one or two lines."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import pytest

import kseries
from kseries import __version__, inputs
from kseries.app import shell
from kseries.cli import _parser, main
from kseries.cli.parser import commands
from kseries.model import sanitize
from kseries.model.errors import InputError
from kseries.sources import TreeStore, kernels
from tests.support.gitrepo import Repository

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n"


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache and a current directory of our own; main's signal handler is taken back."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def tree(tmp_path: Path) -> str:
    """A repository that calls itself a kernel, with one commit on top."""
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"Makefile": MAKEFILE, "file": "a\n"})
    repository.git("tag", "base")
    repository.commit("patch", {"file": "b\n"})
    repository.git("format-patch", "--quiet", "-o", str(tmp_path / "patches"), "base..")
    return str(repository.path)


def fails(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    """Run a command that must fail like this; what it said."""
    assert main(words) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    last = said.err[said.err.rindex("kseries: ") :]
    assert 1 <= len(last.splitlines()) <= 2
    return last


def test_what_a_series_brings_cannot_write_to_the_terminal_through_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches" / "0001-\x1b]0;title\x07\x9b2Jx.patch").write_text("no diff\n")
    assert "0001-\ufffd]0;title\ufffd\ufffd2Jx.patch holds no diff" in fails(capsys, 2, "plan", "patches")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no such TARGET: nowhere"),
        (("patches", "--arch", "riscv64"), "unknown architecture: riscv64"),
        (("patches", "--probe", "capabilities,nonsense"), "no such probe: nonsense"),
        (("patches", "--quick", "--probe", "exit_on_missing_slow"), "--quick leaves out exit_on_missing_slow"),
        (("base..HEAD", "--tree", "linux", "--scenario", "prefixes,sideways"), "no such scenario: sideways"),
        (("patches", "--scenario", " ,"), "--scenario names none"),
        (("patches", "--tree", "/no/where"), "no such kernel tree: /no/where"),
        (("patches", "--tree", "debian:linux-image-6.12"), "expected debian:linux-source-VERSION"),
        (("patches", "--tree", "patches"), "is not a kernel tree"),
        (("patches", "--tree", "linux", "--base", "v7"), "has no revision v7"),
        (("patches", "--tree", "linux", "--base", "HEAD"), "0001-patch.patch is already in linux HEAD"),
        (("base..base", "--tree", "linux"), "base..base holds no commit"),
        (("base..v7", "--tree", "linux"), "base..v7"),
        (("empty",), "holds no *.patch file"),
        (("garbage.tar",), "garbage.tar is no mbox and no diff"),
        (("patches", "--tree", "garbage.tar"), "garbage.tar is not a tarball"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_user_is_told_in_two_lines_and_status_2(
    words: tuple[str, ...], said: str, tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "garbage.tar").write_text("garbage")
    assert said in fails(capsys, 2, "run", *words)


def test_a_contract_about_no_probe_that_there_is_is_no_plan_either(
    tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text('id = "c"\ntitle = "C"\nwhen = "KVM_CAP_X"\nchecks = ["nonsense.works"]\n')
    words = ("patches", "--tree", "linux", "--base", "base", "--contract", "c.toml")
    assert "contract c: nonsense.works is of no probe that there is" in fails(capsys, 2, "plan", *words)
    assert "is already in" not in capsys.readouterr().err


def test_a_mistake_leaves_no_result_behind(tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, 2, "run", "patches", "--tree", "linux", "--out", "out")
    assert not list(tmp_path.glob("out/result.json*"))


_QUESTIONS: tuple[tuple[str, ...], ...] = ((), ("--boot",), ("--check", "capabilities.x"))


@pytest.mark.parametrize("question", _QUESTIONS)
@pytest.mark.parametrize(("status", "asked"), [(128, ("try", "prefix-1")), (2, ("bisect",))])
def test_what_needs_a_boot_is_not_asked_of_what_is_only_built(
    asked: tuple[str, ...], status: int, question: tuple[str, ...], tree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*asked, "patches", "--tree", "linux", "--base", "base", "--build-only", *question)
    assert "add --build, or drop --build-only" in fails(capsys, status, *words)


def test_a_file_for_the_sockets_is_told_before_a_build(
    tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shell, "check_terminal", lambda: None)
    (tmp_path / "file").write_text("mine")
    words = ("base", "patches", "--tree", "linux", "--base", "base", "--sockets", "file")
    assert "--sockets file: " in fails(capsys, 2, "shell", *words)


@pytest.mark.parametrize(("status", "asked"), [(128, ("try", "prefix-1")), (2, ("bisect",)), (2, ("revert", "1"))])
def test_logs_that_cannot_be_written_are_told_before_a_build(
    asked: tuple[str, ...], status: int, tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    words = (*asked, "patches", "--tree", "linux", "--base", "base", "--out", "file")
    assert "--out file: File exists" in fails(capsys, status, *words)


@pytest.mark.parametrize(
    "words",
    [(), ("run",), ("run", "x", "--nonsense"), ("run", "x", "-j", "0"), ("run", "x", "-j", "x")],
)  # fmt: skip
def test_a_command_line_that_makes_no_sense_is_status_2_and_two_lines(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("kseries") and second.startswith("  see kseries") and second.endswith(" --help")


OPTION, WORD = "name one, or leave the option out", "name one"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", ""), f"TARGET: it is empty\n  {WORD}"),
        *(
            (("run", "patches", option, ""), f"{option}: it is empty\n  {OPTION}")
            for option in ("--tree", "--base", "--add", "--out", "--contract", "--probe", "--append", "--budget")
        ),
        (("plan", "patches", "--tree="), f"--tree: it is empty\n  {OPTION}"),
        (("report", "out", "-o", ""), f"-o/--output: it is empty\n  {OPTION}"),
        (("publish", "out", "--to", ""), f"--to: it is empty\n  {WORD}"),
        (("compare", "", "out"), f"OLD: it is empty\n  {WORD}, or leave it out"),
        (("watch", "patches", "--tree", "linux", "--once", "--", "--config", ""), f"--config: it is empty\n  {OPTION}"),
    ],
)
def test_a_value_that_is_empty_is_not_as_if_none_was_given(
    words: tuple[str, ...], said: str, tree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails(capsys, 2, *words) == f"kseries: {said}\n"


@pytest.mark.parametrize("command", ["shell", "promise", "revert", "pick"])
def test_what_a_command_only_refuses_is_not_in_its_help(command: str) -> None:
    assert "--build-only" not in commands(_parser(command))[command].format_help()
    assert "--build-only" in commands(_parser("run"))["run"].format_help()


@pytest.mark.parametrize(("command", "takes"), [("run", "A,.."), ("demo", "A,.."), ("plan", "A"), ("shell", "A")])
def test_the_help_tells_how_many_architectures_a_command_takes(command: str, takes: str) -> None:
    told = commands(_parser(command))[command].format_help()
    assert re.search(rf"--arch {re.escape(takes)}\s", told)


def test_what_lends_states_to_a_pytest_may_be_asked_for_the_tip_by_nothing() -> None:
    assert _parser("lend").parse_args(["lend", "3", "4", "", "--", "patches"]).states == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "p", "--buid-only"), "plan: unrecognized arguments: --buid-only\n  did you mean --build-only? see"),
        (("plan", "p", "--build"), "plan: unrecognized arguments: --build\n  did you mean --build-only? see"),
        (("run", "p", "--conf=auto"), "run: unrecognized arguments: --conf=auto\n  did you mean --config? see"),
        (("run", "p", "--nonsense"), "run: unrecognized arguments: --nonsense\n  see"),
        (
            ("run", "1.patch", "2.patch"),
            "run: unrecognized arguments: 2.patch\n  TARGET is one: of several patches name",
        ),
        (("report", "1.patch", "2.patch"), "report: unrecognized arguments: 2.patch\n  see kseries report --help"),
        (("run", "1.patch", "\x1b[2J.patch"), "run: unrecognized arguments: \ufffd[2J.patch\n  TARGET is one"),
        (
            ("watch", "m", "--once", "--kunit", "auto"),
            "watch: unrecognized arguments: --kunit auto\n  options of kseries run follow",
        ),
        (
            ("watch", "m", "--once", "--timeout=3"),
            "watch: unrecognized arguments: --timeout=3\n  options of kseries run follow a --",
        ),
        (
            ("watch", "patches", "--tree", "linux", "--once", "--", "--kuni", "auto"),
            "run: unrecognized arguments: --kuni auto\n  did you",
        ),
    ],
)
def test_an_option_is_written_out_and_one_that_is_not_known_is_told_by_its_command(
    words: tuple[str, ...], said: str, tree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as usage:
        main(words)
    told = capsys.readouterr()
    assert (usage.value.code, told.out) == (2, "")
    assert told.err.startswith(f"kseries {said}") and told.err.endswith(" --help\n") and told.err.count("\n") == 2


def test_a_command_that_there_is_not_is_told_with_the_one_that_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(capsys, 2, "bisekt") == "kseries: no such command: bisekt\n  did you mean bisect?\n"
    said = fails(capsys, 2, "nonsense")
    assert said.startswith("kseries: no such command: nonsense\n  there are: demo, run, ") and "evaluate" not in said


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("run", "--help"), ("demo", "--help"), ("test", "--help")]
)
def test_what_is_asked_for_is_said_with_status_0(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith(f"kseries {__version__}" if words == ("--version",) else "usage: kseries")


@pytest.mark.parametrize("out", ["file", "file/out"])
def test_an_out_that_cannot_be_a_directory_is_a_mistake_of_the_user(
    out: str, tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    said = fails(capsys, 2, "run", "patches", "--tree", "linux", "--out", out)
    assert said.startswith(f"kseries: --out {out}: ")


def test_a_checker_that_is_not_installed_is_a_fault_of_the_host_and_told_before_anything_is_built(
    tree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "patches", "--tree", "linux", "--make", "C=1", "--make", "CHECK=no-such-checker")
    said = fails(capsys, 3, *words)
    assert said == ("kseries: no-such-checker is not installed\n  install it with: apt-get install no-such-checker\n")


def test_a_typo_in_a_scenario_is_told_before_a_base_is_looked_for(
    tree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such scenario" in fails(capsys, 2, "run", "patches", "--scenario", "sideways", "--tree", "/no/where")


def half_a_report(error: str, stdout: int | IO[str] = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    """A kseries whose command prints something and then ends with an error."""
    program = (
        "import sys\nfrom kseries import cli\nfrom kseries.cli import doctor\n"
        f"def broken(_):\n    print('half a report')\n    raise {error}\n"
        "doctor.command = broken\nsys.exit(cli.main(['doctor']))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(kseries.__file__).parents[1]), "PYTHONUNBUFFERED": ""}
    words = [sys.executable, "-c", program]
    return subprocess.run(words, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def test_what_was_printed_before_this_host_failed_is_not_lost() -> None:
    done = half_a_report("OSError(5, 'Input/output error', 'disk')")
    assert (done.returncode, done.stdout) == (3, "half a report\n")
    assert done.stderr == "kseries: Input/output error: disk\n"


@pytest.mark.parametrize("error", [InputError("no \x1b[2J\x9b\u202efile"), OSError(5, "no \x1b[2Jgood", "\x1b[2Jfile")])
def test_an_error_that_names_what_a_stranger_named_does_not_steer_the_terminal(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: object) -> int:
        raise error

    monkeypatch.setattr("kseries.cli.doctor.command", command)
    main(["doctor"])
    said = capsys.readouterr().err
    assert said.endswith("file\n") and not set("\x1b\x9b\u202e") & set(said)


@pytest.mark.parametrize(
    "error", [ValueError("half \x1b[2Ja\nword" * 99), MemoryError(), ExceptionGroup("two", [KeyError(1)])]
)
def test_a_fault_of_ours_is_no_finding(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: object) -> int:
        raise error

    monkeypatch.setattr("kseries.cli.doctor.command", command)
    said = fails(capsys, 3, "doctor")
    assert type(error).__name__ in said and len(said) < 500 and "\x1b" not in said
    monkeypatch.setenv("KSERIES_TRACEBACK", "1")
    assert main(["doctor"]) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told and f"in {command.__name__}" in told and "\x1b" not in told


def test_what_was_printed_before_a_fault_of_ours_is_not_lost_and_its_status_stays() -> None:
    done = half_a_report("ValueError('ours')")
    assert (done.returncode, done.stdout) == (3, "half a report\n")
    with Path("/dev/full").open("w") as full:
        done = half_a_report("ValueError('ours')", full)
    assert done.returncode == 3 and "Traceback" not in done.stderr


NINES = "9" * 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        *(
            (("run", "patches", option, number), f"is not a number from 1 to {most}\n")
            for option, most in (("--repeat", 1000), ("--jobs", 4096), ("--workers", 256), ("-v", 9999))
            for number in ("0", "-1", "1000000000", NINES, "\u0663")
        ),
        (("gc", "--max-size", f"{NINES}T"), "is not a size such as 500M or 20G\n"),
    ],
)
def test_a_number_that_nobody_can_mean_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as usage:
        main(words)
    assert usage.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_that_no_database_can_have_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no run 9" in fails(capsys, 2, "report", "9" * 200)


def test_names_that_are_no_text_are_told_in_what_can_be_kept(
    tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = tmp_path / os.fsdecode(b"\xff strange\n#?%41")
    strange.mkdir()
    (tmp_path / "linux").rename(strange / "linux")
    (tmp_path / "patches" / "0001-patch.patch").rename(strange / os.fsdecode(b"0001-\xfe.patch"))
    words = ("plan", str(strange), "--tree", str(strange / "linux"), "--base", "base")
    assert main(words) == 0
    capsys.readouterr()
    assert main((*words, "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["series"] == "\\xff strange\n#?%41"
    assert told["base"]["name"].endswith("/\\xff strange\n#?%41/linux base")


def test_a_branch_may_have_a_name_that_is_no_text(tree: str, tmp_path: Path) -> None:
    branch = os.fsdecode(b"topic/\xff")
    Repository(Path(tree)).git("branch", branch)
    store = TreeStore(tmp_path / "trees.git")
    base = kernels.get(tree, branch, store, tmp_path, lambda _: None)
    assert base.name == f"{tree} topic/\\xff" and msgspec.json.encode(base)


@pytest.mark.parametrize("name", ["a\udcff", "\ud800\udc00", "\udc01"])
def test_what_is_kept_of_a_name_can_be_written(name: str) -> None:
    assert sanitize.named(name).encode() and sanitize.named("\u00e4 \U0001f600") == "\u00e4 \U0001f600"


# --- what a process finds itself in -------------------------------------------------------------


def test_a_current_folder_that_is_gone_is_named_whatever_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        for words in (("plan", "patches"), ("runs",)):
            assert f"the current folder is gone: {gone}\n" in fails(capsys, 3, *words)
        assert main(("try", "base", "patches")) == 129
    finally:
        os.chdir(tmp_path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("kind", "said"), [("nowhere", "No such file or directory"), ("file", "Not a directory")])
def test_a_tmpdir_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, said: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TMPDIR", kind)
    assert f"cannot write to TMPDIR, {tmp_path / kind}: {said}\n" in fails(capsys, 3, "plan", "patches")


def test_a_relative_tmpdir_is_made_one_that_everybody_finds(
    tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", "t")
    assert main(("plan", "base..HEAD", "--tree", tree)) == 0
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path / "t")


@pytest.mark.parametrize("error", [OSError("AF_UNIX path too long"), OSError()])
def test_an_error_of_the_system_without_words_gets_some(
    error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(inputs, "load", fail)
    assert fails(capsys, 3, "plan", "patches") == f"kseries: {str(error) or 'OSError'}\n"


def test_a_name_with_a_line_end_in_it_makes_no_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a\nall is well\nb").mkdir()
    said = fails(capsys, 2, "plan", "a\nall is well\nb", "--tree", "debian:nothing")
    assert said.startswith("kseries: a all is well b holds no *.patch file\n  make some with: ")
    assert said.count("\n") == 2
