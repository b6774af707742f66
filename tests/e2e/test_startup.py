# SPDX-License-Identifier: GPL-2.0-only
"""What keeps kseries from its work is no finding and no answer: 3, and 129 for ``try``; 1 says something of a patch."""

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.support import tiny
from tests.support.commands import TOP
from tests.support.gitrepo import Repository
from tests.support.sample import sampled

SERIES = ("base..topic", "--probe", "capabilities")
RUNS, PLAN, TRY = ("runs", "--json"), ("plan", *SERIES), ("try", "HEAD", *SERIES)
RUN = ("run", *SERIES, "--scenario", "prefixes", "--out", "{out}")
FAILED, ANSWERS, NO_READER = "it failed", "as ever", "nobody reads"


@dataclass(frozen=True)
class Known:
    """A kernel that is good, and a cache in which that is known."""

    linux: Path
    cache: Path

    def run(
        self,
        shell: str,
        clone: Path = TOP,
        path: str = os.environ["PATH"],
        stdout: int | IO[str] = subprocess.PIPE,
    ) -> "subprocess.CompletedProcess[str]":
        """A line for a shell, in which kseries is that of a clone."""
        env = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.run(
            ["sh", "-c", shell],
            cwd=self.linux,
            env={**env, "PATH": path, "XDG_CACHE_HOME": str(self.cache), "KSERIES": str(clone / "kseries")},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    home = tmp_path_factory.mktemp("known")
    linux = Repository(home / "linux")
    for name in ("base", "topic"):
        linux.commit(name, {**tiny.kernel(name), "arch/x86/kvm/Kconfig": ""})
        linux.git("tag", name)
    made = Known(linux.path, home / "cache")
    done = made.run(_line(RUN, out=home / "out"))
    assert done.returncode == 0, done.stderr
    return made


def _line(words: tuple[str, ...], out: Path) -> str:
    return f'"$KSERIES" {shlex.join(word.format(out=out) for word in words)}'


def _status(words: tuple[str, ...], comes_to: str) -> int:
    return {FAILED: 129 if words[0] == "try" else 3, ANSWERS: 0, NO_READER: 141}[comes_to]


@pytest.mark.parametrize("words", (PLAN, RUN), ids=lambda words: words[0])
def test_what_was_found_and_cannot_be_written_is_no_verdict(
    known: Known, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = known.run(f"{_line(words, tmp_path / 'out')} >&-")
    assert done.returncode == 3, done.stderr
    assert done.stderr.endswith("kseries: cannot write to standard output: Bad file descriptor\n")
    assert (tmp_path / "out" / "result.json").exists() is (words is RUN), "it is there to read"


@pytest.mark.parametrize("words", (RUNS, TRY), ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("how", "comes_to"),
    sampled(
        "e2e",
        [
            (">&-", FAILED),
            (">/dev/full", FAILED),
            (">&- 2>&-", FAILED),
            (">/dev/full 2>/dev/full", FAILED),
            ("<&- >&- 2>&-", FAILED),
            ("2>&-", ANSWERS),
            ("<&-", ANSWERS),
            ("<&- 2>&-", ANSWERS),
        ],
        lambda row: row[0] in (">&-", ">/dev/full", "2>&-"),
    ),
)
def test_a_standard_file_that_is_closed_or_full(
    known: Known, tmp_path: Path, words: tuple[str, ...], how: str, comes_to: str
) -> None:
    done = known.run(f"{_line(words, tmp_path / 'out')} {how}")
    assert done.returncode == _status(words, comes_to), done.stderr


@pytest.mark.parametrize("words", [("--help",), ("try", "--help")], ids=" ".join)
@pytest.mark.parametrize("how", [">&-", ">/dev/full"])
def test_what_is_asked_of_the_command_line_itself_and_cannot_be_written(
    known: Known, words: tuple[str, ...], how: str
) -> None:
    done = known.run(f'"$KSERIES" {shlex.join(words)} {how}')
    assert done.returncode == _status(words, FAILED)
    assert done.stderr.startswith("kseries: cannot write to standard output: ")


@pytest.mark.parametrize("words", [RUNS, TRY], ids=lambda words: words[0])
def test_a_reader_who_has_gone_is_told_nothing(known: Known, words: tuple[str, ...]) -> None:
    """As `| head` does; to git bisect run it is no answer."""
    reader, writer = os.pipe()
    os.close(reader)
    env = {**os.environ, "XDG_CACHE_HOME": str(known.cache)}
    done = subprocess.run(
        [TOP / "kseries", *words],
        cwd=known.linux,
        env=env,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    os.close(writer)
    assert done.returncode == _status(words, NO_READER)
    assert b"kseries: " not in done.stderr and b"Error" not in done.stderr


# --- before there is a command --------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone to damage. Its .venv is that of this one; there is no python3 that could make another."""
    top = tmp_path / "clone"
    shutil.copytree(TOP / "harness", top / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("kseries", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(TOP / name, top)
    for name in (".venv", "guests", "kernels", "reports", "testcases"):
        (top / name).symlink_to(TOP / name)
    _program(tmp_path / "tools" / "python3", "exit 1")
    return top


def _program(place: Path, script: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)


def _python(clone: Path) -> Path:
    """Where the python of a venv would be that the launcher takes for whole."""
    (clone / ".venv").unlink()
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    locks = (clone / "requirements.lock").read_bytes() * 2
    (clone / ".venv" / "requirements.lock.done").write_text(f"{hashlib.sha256(locks).hexdigest()}  -\n")
    return python


def _python_gone(clone: Path) -> None:
    _python(clone).symlink_to("/no/where/python3")


def _python_of_another_machine(clone: Path) -> None:
    python = _python(clone)
    python.write_bytes(b"\x7fELF\2\1\1" + bytes(200))
    python.chmod(0o755)


def _python_does_not_come_up(clone: Path) -> None:
    _program(_python(clone), "echo 'Fatal Python error: init_fs_encoding' >&2; exit 1")


def _python_goes_meanwhile(clone: Path) -> None:
    _program(_python(clone), 'rm "$0"')


def _a_tool_fails(clone: Path) -> None:
    _program(clone.parent / "tools" / "sha256sum", "exit 1")


def _no_lock_file(clone: Path) -> None:
    (clone / "requirements.lock").unlink()


def _no_first_lines(clone: Path) -> None:
    (clone / "harness" / "kseries" / "start" / "__main__.py").unlink()


def _a_module_gone(clone: Path) -> None:
    (clone / "harness" / "kseries" / "model" / "sanitize.py").unlink()


def _a_module_damaged(clone: Path) -> None:
    (clone / "harness" / "kseries" / "model" / "__init__.py").write_bytes(bytes(4096))


def _a_module_ends_it_all(clone: Path) -> None:
    (clone / "harness" / "kseries" / "__init__.py").write_text("raise SystemExit(1)\n")


def _the_command_line_ends_in_an_error(clone: Path) -> None:
    with (clone / "harness" / "kseries" / "cli" / "__init__.py").open("a") as file:
        file.write("\n\ndef main() -> int:\n    raise ValueError('of ours')\n")


def _nothing(clone: Path) -> None:
    """It is whole before it is damaged."""


@pytest.mark.parametrize("words", [("runs",), TRY], ids=lambda words: words[0])
@pytest.mark.parametrize(
    "damage",
    sampled(
        "e2e",
        [
            _nothing,
            _python_gone,
            _python_of_another_machine,
            _python_does_not_come_up,
            _python_goes_meanwhile,
            _a_tool_fails,
            _no_lock_file,
            _no_first_lines,
            _a_module_gone,
            _a_module_damaged,
            _a_module_ends_it_all,
            _the_command_line_ends_in_an_error,
        ],
        lambda damage: damage in (_nothing, _python_does_not_come_up, _a_module_gone),
    ),
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_kseries_that_does_not_come_up(
    known: Known, clone: Path, damage: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    path = f"{clone.parent / 'tools'}:/usr/bin:/bin"
    line = f'"$KSERIES" {shlex.join(words)}'
    damage(clone)
    done = known.run(line, clone, path)
    assert done.returncode == _status(words, ANSWERS if damage is _nothing else FAILED), done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_path_of_somebodys_changes_nothing(known: Known, tmp_path: Path) -> None:
    """Another package of the name of one of ours, and a home for Python that has none."""
    (tmp_path / "path" / "qemu").mkdir(parents=True)
    (tmp_path / "path" / "qemu" / "__init__.py").touch()
    line = _line(TRY, tmp_path)
    done = known.run(f"PYTHONPATH={tmp_path / 'path'} PYTHONHOME=/no/where {line}")
    assert (done.returncode, done.stdout) == (0, "HEAD: good\n"), done.stderr
