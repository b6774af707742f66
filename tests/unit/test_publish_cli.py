# SPDX-License-Identifier: GPL-2.0-only
"""kseries publish: which runs are reported to whom, where others find them, and what it exits with."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries.cli import main
from kseries.publish import registry
from kseries.report.reporter import FinishedRun
from tests.support.runs import SPLIT


class Board:
    """A reporter that posts, and makes no files."""

    file = ""

    def __init__(self) -> None:
        self.heard: list[tuple[str | None, str]] = []

    def check(self, to: str | None) -> None:
        pass

    def report(self, run: FinishedRun, to: str | None) -> None:
        self.heard.append((to, run.url("report.html")))


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board()
    monkeypatch.setitem(registry.OURS, "board", made)
    return made


def runs(tmp_path: Path, names: Sequence[str]) -> list[str]:
    return [str(shutil.copytree(SPLIT, tmp_path / name)) for name in names]


def test_one_run_is_at_the_url_and_each_of_several_below_it(board: Board, tmp_path: Path) -> None:
    url = ("--to", "board=there", "--url", "https://ci.example.org/42/")
    one, *_ = both = runs(tmp_path, ("x86 64", "arm64"))
    assert main(["publish", one, *url]) == 0
    assert board.heard == [("there", "https://ci.example.org/42/report.html")]
    assert main(["publish", *both, *url]) == 0
    assert board.heard[1:] == [
        ("there", "https://ci.example.org/42/x86%2064/report.html"),
        ("there", "https://ci.example.org/42/arm64/report.html"),
    ]


def test_several_runs_are_published_into_the_folder_of_one_nipa(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    assert main(["publish", *runs(tmp_path, ("one", "other")), "--to", f"nipa={tmp_path / 'results'}"]) == 0
    assert [*(tmp_path / "results").glob("*/*/kseries-revert-x86_64/retcode")]


def test_without_a_url_there_are_no_links_and_findings_do_not_count(board: Board) -> None:
    assert main(["publish", str(SPLIT), "--to", "board"]) == 0
    assert board.heard == [(None, "")]


def test_nobody_is_told_where_somebody_cannot_be(
    board: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        ((str(SPLIT), "--to", "board", "--to", "nobody"), "there is no report nobody"),
        ((str(SPLIT), "--to", "board", "--to", "board="), "--to board= names no place"),
        ((str(tmp_path), "--to", "board"), "no result of a run"),
        (
            (str(SPLIT), str(SPLIT), "--to", "board", "--to", "json=x"),
            "--to json=x is one file, and there are 2 runs\n  --to json writes",
        ),
        ((str(SPLIT), str(SPLIT), "--to", "board", "--to", "mail=x"), "--to mail=x is one file, and there are 2 runs"),
    ):
        assert main(["publish", *words]) == 2
        assert said in capsys.readouterr().err
    assert board.heard == []


@pytest.mark.parametrize("url", ["ci.example.org", "ftp://ci.example.org", "https://", "https://[", "https://a b"])
def test_what_is_no_url_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["publish", str(SPLIT), "--to", "json=x", "--url", url])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
