# SPDX-License-Identifier: GPL-2.0-only
"""The database of runs: what a run leaves in it, however it ends, and what is made of a file that is not ours."""

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kseries import cli
from kseries.cache.runs import Kept, Recording, Run, Runs, Stage
from kseries.host.database import Database
from kseries.model import Base, Verdict, events
from kseries.model.errors import InfraError, InputError
from kseries.report import runs as rows
from tests.support.hearing import Heard
from tests.support.runs import state

BASE = Base(name="linux-6.12", version="6.12", tree="t")
GOOD = Verdict(bisectable=True, revert_safe=False)


@pytest.fixture
def said() -> Heard:
    return Heard()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def known(cache: Path, said: Heard) -> Runs:
    return Runs(cache, said)


def record(known: Runs, out: Path, work: Callable[[Recording], None] = lambda _: None, series: str = "series") -> None:
    with known.recording(series, 1, "x86_64", out) as recording:
        work(recording)


def finish(recording: Recording, out: Path, content: str = "{}") -> None:
    out.mkdir(exist_ok=True)
    (out / "result.json").write_text(content)
    recording.ended(1, GOOD, out / "result.json")


def only(known: Runs) -> Run:
    (run,) = known.all()
    return run


# --- what a run leaves --------------------------------------------------------------------------


def test_where_no_run_was_there_is_no_list_and_no_file(known: Runs, cache: Path) -> None:
    assert known.all() == ()
    assert not cache.exists()


def test_a_run_is_there_from_its_start_and_brought_forward_by_events(known: Runs, tmp_path: Path) -> None:
    def work(recording: Recording) -> None:
        run = only(known)
        assert (run.stage, run.base, run.states, run.pid) == (Stage.AT_WORK, None, 0, os.getpid())
        recording.on(BASE)
        recording(events.RunStarted("series", total=17, todo=2))
        for number in range(1, 16):
            recording(events.StateDone(state(f"without-{number}", number), known=True))
        assert (only(known).states_done, only(known).states, only(known).base) == (15, 17, "linux-6.12")
        recording(events.StateDone(state("prefix-1", 1), known=False))
        assert only(known).states_done == 16
        recording(events.StateDone(state("prefix-2", 2), known=True))  # another run has done it meanwhile
        assert only(known).states_done == 17
        finish(recording, tmp_path / "out")

    record(known, tmp_path / "out", work)
    run = only(known)
    assert (run.id, run.stage, run.exit_status, run.verdict) == (1, Stage.ENDED, 1, GOOD)
    assert (run.series, run.arch, run.out, run.result) == ("series", "x86_64", str(tmp_path / "out"), Kept.THERE)
    assert run.ended is not None and run.began <= run.ended


def test_the_states_of_a_squashed_series_come_on_top(known: Runs, tmp_path: Path) -> None:
    def work(recording: Recording) -> None:
        recording(events.RunStarted("series", total=17, todo=0))
        recording(events.RunStarted("squash-3+4", total=14, todo=4))

    record(known, tmp_path, work)
    assert (only(known).states_done, only(known).states) == (27, 31)


@pytest.mark.parametrize(
    ("error", "status", "stage"),
    [
        (InputError("x"), 2, Stage.ENDED),
        (InfraError("x"), 3, Stage.ENDED),
        (OSError("x"), 3, Stage.ENDED),
        (KeyboardInterrupt(), 130, Stage.INTERRUPTED),
    ],
)
def test_an_error_that_ends_a_run_is_its_exit_status(
    error: BaseException, status: int, stage: Stage, known: Runs, tmp_path: Path
) -> None:
    def work(_: Recording) -> None:
        raise error

    with pytest.raises(type(error)):
        record(known, tmp_path, work)
    run = only(known)
    assert (run.exit_status, run.stage, run.result, run.ended is None) == (status, stage, Kept.NONE, False)


KILLED = """
import os, signal, sys
from pathlib import Path
from kseries.model import events
from kseries.cache.runs import Runs
with Runs(Path(sys.argv[1]), print).recording("series", 2, "x86_64", Path("out")) as recording:
    recording(events.RunStarted("series", total=17, todo=12))
    print("at work", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_was_killed_is_interrupted_and_not_before(known: Runs, cache: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(cache)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "at work\n"
        assert (only(known).stage, only(known).pid) == (Stage.AT_WORK, child.pid)
        child.send_signal(signal.SIGKILL)
    run = only(known)
    assert (run.stage, run.states_done, run.states, run.exit_status) == (Stage.INTERRUPTED, 5, 17, None)


def test_many_processes_record_at_once_and_none_is_lost(known: Runs, cache: Path) -> None:
    code = KILLED.replace(
        "    print", "    for n in range(10): recording(events.StateDone(None, known=False))\n    print"
    )
    words = [sys.executable, "-c", code, str(cache)]
    children = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    said = [child.communicate()[0] for child in children]
    assert said == ["at work\n"] * 5
    assert sorted(run.id for run in known.all()) == list(range(1, 6))
    assert {run.states_done for run in known.all()} == {15}


# --- a file that is not as it should be ---------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (id INTEGER)")
    database.close()


def later(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA application_id = {0x6B736572}")
        database.execute("PRAGMA user_version = 99")
    database.close()


def torn(path: Path) -> None:
    record(Runs(path.parent, print), path.parent)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))


@pytest.mark.parametrize("spoil", [garbage, foreign, later, torn])
def test_a_file_that_is_not_ours_is_put_aside_in_one_line(
    spoil: Callable[[Path], None], known: Runs, cache: Path, said: list[str], tmp_path: Path
) -> None:
    cache.mkdir()
    spoil(cache / "runs.sqlite")
    before = (cache / "runs.sqlite").read_bytes()
    record(known, tmp_path, lambda recording: finish(recording, tmp_path / "out"))
    assert len(said) == 1 and "begun anew" in said[0] and "\n" not in said[0]
    assert (cache / "runs.sqlite.old").read_bytes() == before
    assert (only(known).id, only(known).exit_status) == (1, 1)
    assert len(said) == 1


def test_a_row_that_is_nonsense_spoils_the_file(known: Runs, cache: Path, said: list[str], tmp_path: Path) -> None:
    record(known, tmp_path)
    with sqlite3.connect(cache / "runs.sqlite") as database:
        database.execute("UPDATE runs SET began = 'yesterday'")
    database.close()
    assert known.all() == ()
    assert "begun anew" in said[0]


def test_a_file_that_is_spoilt_at_work_does_not_stop_the_run(
    known: Runs, cache: Path, said: list[str], tmp_path: Path
) -> None:
    def work(recording: Recording) -> None:
        garbage(cache / "runs.sqlite")
        recording(events.RunStarted("series", total=17, todo=2))
        finish(recording, tmp_path / "out")

    record(known, tmp_path, work)
    assert len(said) == 1


def test_two_that_find_it_spoilt_put_it_aside_once(cache: Path) -> None:
    cache.mkdir()
    garbage(cache / "runs.sqlite")
    words = [sys.executable, "-c", KILLED, str(cache)]
    children = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = "".join(child.communicate()[0] for child in children)
    assert said.count("begun anew") == 1
    assert len(Runs(cache, print).all()) == 4


def test_a_file_that_another_has_begun_anew_meanwhile_is_not_put_aside(cache: Path, said: list[str]) -> None:
    cache.mkdir()
    path = cache / "runs.sqlite"
    garbage(path)
    late = Database(path, "CREATE TABLE IF NOT EXISTS runs (id INTEGER)", 1, said.append)
    with path.with_name("runs.sqlite.lock").open("w") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = pool.submit(late.do, lambda database: database.execute("SELECT count(*) FROM runs").fetchone()[0])
        time.sleep(0.2)  # by now it has found the file spoilt; were it not, the test would still pass
        path.unlink()
        assert late._attempt(lambda database: database.execute("INSERT INTO runs VALUES (1)").rowcount) == 1
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert waiting.result() == 1
    assert said == []


def in_the_way(cache: Path) -> None:
    (cache / "runs.sqlite").mkdir()


def no_folder(cache: Path) -> None:
    (cache / "at-work").touch()


@pytest.mark.parametrize("hinder", [in_the_way, no_folder])
def test_a_run_that_cannot_be_recorded_is_told_once_and_goes_on(
    hinder: Callable[[Path], None], known: Runs, cache: Path, said: list[str], tmp_path: Path
) -> None:
    cache.mkdir()
    hinder(cache)
    with known.recording("series", 1, "x86_64", tmp_path) as recording:
        recording.on(BASE)
    assert len(said) == 1 and said[0].startswith("kseries runs will not list this run")


def test_a_name_that_no_database_takes_stops_no_run(known: Runs, said: list[str], tmp_path: Path) -> None:
    record(known, tmp_path, series="\udcff")
    assert len(said) == 1
    with known.recording("series", 10**30, "x86_64", tmp_path):
        pass
    assert len(said) == 2


def test_a_file_that_another_process_holds_is_told_once(
    known: Runs, cache: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kseries.host.database._WAIT_SECONDS", 0.05)

    def work(recording: Recording) -> None:
        other = sqlite3.connect(cache / "runs.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        recording(events.RunStarted("series", total=17, todo=2))
        recording(events.StateDone(state("base"), known=False))
        other.close()
        recording(events.StateDone(state("prefix-1", 1), known=False))

    record(known, tmp_path, work)
    assert len(said) == 1 and "locked" in said[0]
    assert (only(known).states_done, only(known).states) == (17, 17)  # the next state made good what was lost


# --- its result ---------------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_a_result_that_went_away_is_gone_and_one_that_another_run_wrote_is_replaced(
    known: Runs, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    record(known, out, lambda recording: finish(recording, out, "first"))
    record(known, out, lambda recording: finish(recording, out, "second"))
    assert [run.result for run in known.all()] == [Kept.THERE, Kept.REPLACED]
    (out / "result.json").unlink()
    assert [run.result for run in known.all()] == [Kept.GONE, Kept.GONE]
    os.mkfifo(out / "result.json")
    assert [run.result for run in known.all()] == [Kept.REPLACED, Kept.REPLACED]


# --- kseries runs -------------------------------------------------------------------------------

LONG = "kvm-arm64-a-name-that-goes-on-for-longer-than-anybody-would-like"


def run_(number: int, stage: Stage = Stage.ENDED, status: int | None = 0, **more: object) -> Run:
    given: dict[str, object] = {
        "pid": 1,
        "began": datetime(2025, 11, 25, 14, 3, tzinfo=UTC),
        "ended": None,
        "series": "exit-on-missing-split",
        "version": 1,
        "base": "linux-6.12",
        "arch": "x86_64",
        "out": "/home/me/kseries-out",
        "result": Kept.THERE,
        "states_done": 5,
        "states": 17,
        "verdict": Verdict(bisectable=True, revert_safe=False),
    }
    return Run(**{**given, **more}, id=number, stage=stage, exit_status=status)  # type: ignore[arg-type]


NOTHING = Verdict(bisectable=None, revert_safe=None)
LIST = (
    run_(112, Stage.AT_WORK, None, result=Kept.NONE, version=3),
    run_(111, Stage.INTERRUPTED, None, result=Kept.NONE, out=f"/home/me/{LONG}/{LONG}/out"),
    run_(110, status=1, series=LONG, out="/srv/results/a", states_done=17),
    run_(109, status=2, result=Kept.NONE, states=0, series="bad\x1b[31m name"),
    run_(108, result=Kept.GONE, verdict=NOTHING),
    run_(9, status=3, result=Kept.REPLACED, verdict=Verdict(bisectable=None, revert_safe=True)),
)


def test_the_list_has_a_row_for_each_run_in_100_columns() -> None:
    """Run 108 has ended: its budget did not do for all."""
    listed = rows.render(LIST, Path("/home/me"), UTC).splitlines()
    assert max(map(len, listed)) == rows.WIDE
    assert listed == [
        "112  2025-11-25 14:03  exit-on-missing-split v3    at work, 5 of 17          kseries-out",
        "111  2025-11-25 14:03  exit-on-missing-split       interrupted, 5 of 17      ...ould-like/out (none)",
        "110  2025-11-25 14:03  kvm-arm64-a-name-that-g...  bisect yes, revert NO     /srv/results/a",
        "109  2025-11-25 14:03  bad name                    wrong input, at the plan  kseries-out (none)",
        "108  2025-11-25 14:03  exit-on-missing-split       not judged, 5 of 17       kseries-out (gone)",
        "  9  2025-11-25 14:03  exit-on-missing-split       host failed, 5 of 17      kseries-out (replaced)",
    ]


def test_kseries_runs_lists_and_report_takes_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    known = Runs(tmp_path / "kseries", print)
    assert cli.main(["runs"]) == 0
    assert capsys.readouterr() == ("", f"kseries: {tmp_path / 'kseries'} knows of no run yet\n")
    assert cli.main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}
    record(known, tmp_path / "out", lambda recording: finish(recording, tmp_path / "out", "not a result"))
    record(known, tmp_path / "other")
    assert cli.main(["runs"]) == 0
    newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.startswith("2  ") and oldest.startswith("1  ") and oldest.split("  ")[3] == "bisect yes, revert NO"
    assert cli.main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["id"], run["stage"], run["result"]) for run in listed] == [
        (2, "interrupted", "none"),
        (1, "ended", "there"),
    ]

    for number, why in (
        ("1", "out/result.json is not the result of a run"),
        ("2", "run 2 came to no result"),
        ("3", "there is no run 3"),
    ):
        assert cli.main(["report", number]) == 2
        assert why in capsys.readouterr().err
    (tmp_path / "2").mkdir()
    assert cli.main(["report", "2"]) == 2
    assert "no result of a run: 2/result.json" in capsys.readouterr().err


def test_a_list_that_cannot_be_read_is_a_fault_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "kseries" / "runs.sqlite").mkdir(parents=True)
    assert cli.main(["runs"]) == 3
    assert "cannot read" in capsys.readouterr().err
