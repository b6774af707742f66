# SPDX-License-Identifier: GPL-2.0-only
"""A program is asked once for its version, as long as its file is the one that answers."""

import shutil
from pathlib import Path

import pytest

from kseries.host import processes, versions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that were started."""
    started: list[str] = []
    run = processes.run

    def noted(argv: list[str], *, seconds: float) -> processes.Done:
        started.append(str(argv[0]))
        return run(argv, seconds=seconds)

    monkeypatch.setattr(processes, "run", noted)
    return started


def script(place: Path, says: str) -> str:
    place.unlink(missing_ok=True)
    place.write_text(f"#!/bin/sh\necho {says}\n")
    place.chmod(0o755)
    return str(place)


def test_a_compiled_program_is_asked_once_until_its_file_is_another(tmp_path: Path, asked: list[str]) -> None:
    program = tmp_path / "ls"
    shutil.copy(shutil.which("ls") or "", program)
    first = versions.told(str(program), 30)
    assert versions.told(str(program), 30) == first and len(asked) == 1 and "ls" in first.text
    program.unlink()
    shutil.copy(shutil.which("cat") or "", program)
    assert versions.told(str(program), 30).text != first.text and len(asked) == 2


def test_a_script_is_asked_each_time(tmp_path: Path, asked: list[str]) -> None:
    program = script(tmp_path / "gcc", '"$(cat "$0.says")"')
    for says in ("12", "13"):
        Path(f"{program}.says").write_text(says)
        assert versions.told(program, 30).text == says
    assert len(asked) == 2


def test_a_program_under_the_name_of_another_is_asked_each_time(tmp_path: Path, asked: list[str]) -> None:
    """As ccache is under that of gcc: which compiler it starts, PATH says."""
    (tmp_path / "gcc").symlink_to(shutil.which("ls") or "")
    for _ in range(2):
        versions.told(str(tmp_path / "gcc"), 30)
    assert len(asked) == 2
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "ls").symlink_to(shutil.which("ls") or "")
    for _ in range(2):
        versions.told(str(tmp_path / "x" / "ls"), 30)
    assert len(asked) == 3
