# SPDX-License-Identifier: GPL-2.0-only
"""NIPA's results: what it uploads of a run, and that it never does so by halves, twice, or to the wrong patch."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kseries import cli
from kseries.app import rundir
from kseries.host import files
from kseries.model import FindingKind, Outcome, RunResult
from kseries.model.errors import InputError
from kseries.report import nipa
from kseries.report.reporter import FinishedRun
from tests.support.runs import SPLIT, finding, run, split_run, state


def numbered(result: RunResult) -> RunResult:
    """The same of a series that comes from a Patchwork."""
    patches = tuple(msgspec.structs.replace(one, patchwork=7000 + one.number) for one in result.series.patches)
    return msgspec.structs.replace(result, series=msgspec.structs.replace(result.series, patches=patches))


def with_numbers(result: RunResult, *numbers: int | msgspec.UnsetType) -> RunResult:
    """The same, and its patches have these numbers in a Patchwork."""
    patches = tuple(
        msgspec.structs.replace(one, patchwork=number)
        for one, number in zip(result.series.patches, numbers, strict=True)
    )
    return msgspec.structs.replace(result, series=msgspec.structs.replace(result.series, patches=patches))


def a_run(outcome: Outcome = Outcome.OK) -> RunResult:
    states = (state("base"), state("prefix-1", 1, applied=(1,)), state("prefix-2", 2, applied=(1, 2), outcome=outcome))
    return numbered(run(*states))


def publish(result: RunResult, to: Path) -> dict[str, str]:
    """Report into a folder: all files below it, by their paths."""
    nipa.NIPA.report(FinishedRun(result, Path("/nonexistent")), str(to))
    return written(to)


def written(to: Path) -> dict[str, str]:
    return {str(path.relative_to(to)): path.read_text() for path in sorted(to.rglob("*")) if path.is_file()}


def test_of_the_split_run_it_is_as_it_was(tmp_path: Path) -> None:
    found = publish(numbered(split_run()), tmp_path)
    told = "".join(f"{name}: {text}\n" for name, text in found.items())
    assert told == (SPLIT.parent / "split-published" / "nipa.txt").read_text()


def test_each_answer_has_the_status_that_nipa_reads_and_what_is_unknown_has_none(tmp_path: Path) -> None:
    broken = finding(FindingKind.BISECT_HOLE, "prefix-1", "build-failed: no", patch=1)
    warned = finding(FindingKind.NEW_WARNING, "prefix-2", "a.c: unused", patch=2)
    result = a_run(Outcome.OK)
    states = (
        result.states[0],
        msgspec.structs.replace(result.states[1], outcome=Outcome.BUILD_FAILED),
        result.states[2],
    )
    found = publish(msgspec.structs.replace(result, states=states, findings=(broken, warned)), tmp_path)
    codes = {name.removeprefix("series-v1-7001/"): text for name, text in found.items() if name.endswith("retcode")}
    assert codes == {
        "7001/kseries-apply/retcode": "0",
        "7001/kseries-build-x86_64/retcode": "1",
        "7002/kseries-apply/retcode": "0",
        "7002/kseries-build-x86_64/retcode": "250",
        "7002/kseries-boot-x86_64/retcode": "0",
    }
    assert found["series-v1-7001/7001/kseries-build-x86_64/desc"].startswith("The series does not build at 1/2")


def test_what_is_open_is_pending_and_what_is_finished_never_becomes_so(tmp_path: Path) -> None:
    place = "series-v1-7001/7002/kseries-boot-x86_64/retcode"
    assert publish(a_run(Outcome.NOT_TRIED), tmp_path)[place] == "111"
    assert publish(a_run(Outcome.INFRA_ERROR), tmp_path)[place] == "111"
    finished = publish(a_run(), tmp_path)
    assert finished[place] == "0"
    assert publish(a_run(Outcome.INFRA_ERROR), tmp_path) == finished
    assert publish(a_run(Outcome.CRASHED), tmp_path)[place] == "1"


def test_the_same_again_touches_nothing_and_what_is_new_is_uploaded_again(tmp_path: Path) -> None:
    first = publish(a_run(), tmp_path)
    done, uploaded = (tmp_path / "series-v1-7001" / name for name in (".tester_done", ".pw_done"))
    uploaded.touch()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert publish(a_run(), tmp_path) == {**first, "series-v1-7001/.pw_done": ""}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    publish(a_run(Outcome.CRASHED), tmp_path)
    assert done.exists() and not uploaded.exists()


def test_done_is_said_after_all_else_and_what_was_cut_short_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = publish(a_run(Outcome.CRASHED), tmp_path / _made(tmp_path, "whole"))
    to = tmp_path / _made(tmp_path, "cut")
    publish(a_run(), to)
    write = files.write
    for most in range(4):
        left = iter(range(most))

        def cut(path: Path, data: bytes, left: "iter[int]" = left) -> None:  # type: ignore[valid-type]
            if next(left, None) is None:
                raise KeyboardInterrupt
            write(path, data)

        monkeypatch.setattr(files, "write", cut)
        try:
            publish(a_run(Outcome.CRASHED), to)
        except KeyboardInterrupt:
            assert ".tester_done" not in {path.name for path in to.rglob("*")}
        monkeypatch.setattr(files, "write", write)
    assert publish(a_run(Outcome.CRASHED), to) == whole


def _made(place: Path, name: str) -> str:
    (place / name).mkdir()
    return name


def test_a_series_without_numbers_of_a_patchwork_is_shown_and_never_uploaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To NIPA, ``1`` would be the first patch that this Patchwork has ever seen."""
    found = publish(with_numbers(a_run(), 7001, msgspec.UNSET), tmp_path)
    assert {tuple(name.split("/")[:2]) for name in found} == {("series-v1", "1"), ("series-v1", "2")}
    said = capsys.readouterr().err
    assert said == (
        f"kseries: NIPA will not upload series-v1 in {tmp_path}: no number of its own in a Patchwork of patch 2\n"
    )


def test_two_patches_of_one_number_are_not_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = publish(with_numbers(a_run(), 7001, 7001), tmp_path)
    assert {name.split("/")[1] for name in found} == {"1", "2"}
    assert "no number of its own in a Patchwork of patch 1, 2\n" in capsys.readouterr().err


def test_two_series_of_one_name_have_a_folder_each(tmp_path: Path) -> None:
    first = publish(a_run(), tmp_path)
    both = publish(with_numbers(a_run(Outcome.CRASHED), 8001, 8002), tmp_path)
    assert first.items() < both.items()
    assert {name for name in both if name.endswith(".tester_done")} == {
        "series-v1-7001/.tester_done", "series-v1-8001/.tester_done"
    }  # fmt: skip


def test_a_folder_that_was_named_to_confuse_is_shown_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "a\x1b[2J\nb"
    to.mkdir()
    publish(run(state("base")), to)
    (said,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in said


def test_two_variants_of_a_series_have_tests_of_their_own(tmp_path: Path) -> None:
    for label in ("x86_64", "gcc/13", "gcc 13"):
        result = a_run()
        publish(msgspec.structs.replace(result, variant=msgspec.structs.replace(result.variant, label=label)), tmp_path)
    tests = {path.name for path in (tmp_path / "series-v1-7001" / "7001").iterdir()}
    assert len([name for name in tests if name.startswith("kseries-build-")]) == 3
    assert all(set(name) <= {*"abcdefghijklmnopqrstuvwxyz0123456789_-"} for name in tests)


@pytest.mark.parametrize("name", ["../../x", "/etc", "", "a\x1b[2J", "\ud800"])
def test_a_series_is_a_folder_of_its_own_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    result = a_run()
    series = msgspec.structs.replace(result.series, name=name)
    publish(msgspec.structs.replace(result, series=series), tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.name.endswith("-v1-7001") and folder.name.isascii() and folder.name.isprintable()


def test_into_what_is_no_folder_nothing_is_written(tmp_path: Path) -> None:
    for to in (tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=r"no such directory: .*\n  it is that of NIPA's results"):
            nipa.NIPA.check(str(to))


def test_it_is_published_into_the_runs_directory_or_a_nipas_results_or_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(SPLIT, tmp_path / "out")
    rundir.write(tmp_path / "out", numbered(split_run()))
    (tmp_path / "results").mkdir()
    words: tuple[Callable[[], list[str]], ...] = (
        lambda: ["publish", str(tmp_path / "out"), "--to", "nipa"],
        lambda: ["publish", str(tmp_path / "out"), "--to", f"nipa={tmp_path / 'results'}"],
    )
    for one in words:
        assert cli.main(one()) == 0
    assert written(tmp_path / "out" / "nipa") == written(tmp_path / "results") != {}
    capsys.readouterr()
    assert cli.main(["report", str(tmp_path / "out"), "--format", "nipa"]) == 0
    assert "exit-on-missing-split-v1-7001/7003/kseries-revert-x86_64: 1 Reverting 3/6" in capsys.readouterr().out
