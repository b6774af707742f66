# SPDX-License-Identifier: GPL-2.0-only
"""A program is asked once for its version, as long as its file is the one that answers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.host import processes, versions
from kseries.model.errors import InfraError


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


def compiled(place: Path, code: str) -> str:
    place.unlink(missing_ok=True)
    source = f"#include <stdio.h>\n#include <unistd.h>\nint main(void)\n{{\n\t{code}\n\treturn 0;\n}}\n"
    subprocess.run(["gcc", "-x", "c", "-o", place, "-"], input=source, text=True, check=True)
    return str(place)


def test_a_compiled_program_that_starts_another_is_asked_each_time_under_its_very_name(
    tmp_path: Path, asked: list[str]
) -> None:
    """As a copy of what starts another, or a hard link of it, does."""
    other = script(tmp_path / "other", '"gcc 92.2.0"')
    program = compiled(tmp_path / "gcc", f'execl("{other}", "{other}", (char *)0);')
    assert versions.told(program, 30).text == "gcc 92.2.0"
    script(tmp_path / "other", '"gcc 93.1.0"')
    assert versions.told(program, 30).text == "gcc 93.1.0" and len(asked) == 2


def test_what_fails_or_tells_no_number_is_asked_again(tmp_path: Path, asked: list[str]) -> None:
    """As where a host has no memory left for a moment: a line that lacks a tool must not be kept."""
    program = compiled(tmp_path / "gcc", f'if (access("{tmp_path}/well", F_OK)) return 1; puts("gcc 92.2.0");')
    assert versions.told(program, 30).text == ""
    (tmp_path / "well").touch()
    for _ in range(2):
        assert versions.told(program, 30).text == "gcc 92.2.0"
    assert len(asked) == 2
    dumb = compiled(tmp_path / "ld", 'puts("a linker");')
    for _ in range(2):
        versions.told(dumb, 30)
    assert len(asked) == 4


def test_a_program_that_is_replaced_with_its_size_and_its_time_kept_is_asked_again(
    tmp_path: Path, asked: list[str]
) -> None:
    program = Path(compiled(tmp_path / "gcc", 'puts("gcc 92.2.0");'))
    assert versions.told(str(program), 30).text == "gcc 92.2.0"
    was = program.stat()
    program.write_bytes(program.read_bytes().replace(b"gcc 92.2.0", b"gcc 93.1.0"))  # in place
    os.utime(program, ns=(was.st_atime_ns, was.st_mtime_ns))
    now = program.stat()
    assert (now.st_ino, now.st_size, now.st_mtime_ns) == (was.st_ino, was.st_size, was.st_mtime_ns)
    assert versions.told(str(program), 30).text == "gcc 93.1.0" and len(asked) == 2


def test_a_link_that_is_set_to_another_program_is_followed(tmp_path: Path, asked: list[str]) -> None:
    """As update-alternatives does; the way to it may have another link."""
    (tmp_path / "alternatives").mkdir()
    link, middle = tmp_path / "gcc", tmp_path / "alternatives" / "gcc"
    link.symlink_to(middle)
    for number in ("92.2.0", "93.1.0", "92.2.0"):
        target = tmp_path / f"gcc-{number[:2]}"
        if not target.exists():
            compiled(target, f'puts("gcc {number}");')
        middle.unlink(missing_ok=True)
        middle.symlink_to(target)
        assert versions.told(str(link), 30).text == f"gcc {number}"
    assert len(asked) == 2


def test_a_program_that_is_gone_is_said_as_by_who_starts_it(tmp_path: Path) -> None:
    for program in (tmp_path / "none", tmp_path / "round"):
        if program.name == "round":
            program.symlink_to(program)
        with pytest.raises(InfraError):
            versions.told(str(program), 30)
