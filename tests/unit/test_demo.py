# SPDX-License-Identifier: GPL-2.0-only
"""kseries demo --tree: which of the bundled series are shown on which kernel, and what is said where there is none."""

import tarfile
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app.options import Options
from kseries.cli import demo, main
from kseries.host import signals
from tests.support.gitrepo import Repository

MAKEFILE = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 2\n"
USUAL = ["exit-on-missing-split", "exit-on-missing-squashed"]
NEW = ["exit-on-missing-split-7.3", "exit-on-missing-squashed-7.3"]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(signals, "handle", lambda: None)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Options]]:
    """What the demo runs, without a run."""
    runs: list[tuple[str, Options]] = []

    def judged(case: inputs.Target, options: Options) -> tuple[None, bool]:
        runs.append((case.series.name, options))
        return None, True

    monkeypatch.setattr(demo, "_judged", judged)
    return runs


def test_without_a_tree_it_is_the_series_of_the_usual_kernel(shown: list[tuple[str, Options]]) -> None:
    assert main(["demo"]) == 0
    assert [name for name, _ in shown] == USUAL
    assert {(options.tree, str(options.out.parent)) for _, options in shown} == {(None, "kseries-out")}


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ("debian:linux-source-6.12", USUAL),
        ("debian:linux-source-7.3", NEW),
        ("debian:linux-source-7.3.1", NEW),
        ("folder", NEW),
        ("linux.tar", NEW),
        ("repository", USUAL),
    ],
)
def test_the_kernel_that_is_named_picks_the_series_that_are_made_for_it(
    tree: str, names: list[str], shown: list[tuple[str, Options]], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "Makefile").write_text(MAKEFILE)
    with tarfile.open(tmp_path / "linux.tar", "w") as packed:
        packed.add(tmp_path / "folder", "linux-7.3.2")
    repository = Repository(tmp_path / "repository")
    repository.commit("base", {"Makefile": MAKEFILE.replace("7", "6").replace("3", "12")})
    (repository.path / "Makefile").write_text(MAKEFILE)  # what is in no commit is no part of a base
    assert main(["demo", "--tree", tree]) == 0
    assert [name for name, _ in shown] == names
    assert {options.tree for _, options in shown} == {tree}


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ("debian:linux-source-6.1", "no series of the demo is made for this kernel, 6.1\n"),
        ("debian:linux-source-7.30", "no series of the demo is made for this kernel, 7.30\n"),
        ("debian:", "no series of the demo is made for this kernel\n"),
        ("folder", "no series of the demo is made for this kernel, 5.4\n"),
        ("nowhere", "no such kernel tree: nowhere\n"),
        ("empty", "empty is not a kernel tree: it has no Makefile"),
    ],
)
def test_a_kernel_that_no_series_is_made_for_is_told_with_those_that_there_are(
    tree: str, said: str, shown: list[tuple[str, Options]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "Makefile").write_text("VERSION = 5\nPATCHLEVEL = 4\n")
    assert main(["demo", "--tree", tree]) == 2
    told = capsys.readouterr().err
    last = told[told.index("kseries: ") :]
    assert said in last and len(last.splitlines()) <= 2
    assert "no series" not in last or "--tree takes debian:linux-source-6.12, debian:linux-source-7.3" in last
    assert shown == []
