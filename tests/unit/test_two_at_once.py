# SPDX-License-Identifier: GPL-2.0-only
"""Runs that begin at the same moment on a cache that is empty."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from kseries import inputs
from kseries.app import rundir, session
from kseries.app.options import Options
from kseries.app.single import state_runner
from kseries.cli import main
from kseries.host import checksummed, paths
from kseries.model import Base, events
from kseries.model.errors import InputError
from kseries.sources import TreeStore, debian, kernels
from tests.support.gitrepo import Repository

MAKES = """
import sys
from pathlib import Path
from kseries.sources import TreeStore
store = TreeStore(Path(sys.argv[1]))
print(store.add_directory(Path(sys.argv[2])), store.git("config", "gc.auto").text)
store.add_repository(Path(sys.argv[3]))
"""


def test_the_store_is_made_once_and_lacks_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("VERSION = 6\n")
    theirs = [tmp_path / f"linux-{number}" for number in range(6)]
    for repository in theirs:
        Repository(repository)
    for number in range(4):
        store = tmp_path / f"cache-{number}" / "trees.git"
        words: list[str | Path] = [sys.executable, "-c", MAKES, store, tree]
        runs = [
            subprocess.Popen([*words, repository], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for repository in theirs
        ]
        told = [run.communicate(timeout=60) for run in runs]
        assert [run.returncode for run in runs] == [0] * 6, told
        assert len(set(told)) == 1
        assert told[0][0].endswith(" 0\n")
        borrowed = (store / "objects" / "info" / "alternates").read_text().splitlines()
        assert sorted(borrowed) == [str(repository / ".git" / "objects") for repository in theirs]


def test_a_base_is_fetched_once_and_the_other_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TreeStore(tmp_path / "trees.git")
    (tmp_path / "tree").mkdir()
    base = Base(name="x", version="6.12", tree=store.add_directory(tmp_path / "tree"))
    fetched: list[str] = []
    said: list[str] = []
    waits = threading.Event()

    def hear(event: events.Event) -> None:
        assert isinstance(event, events.Preparing)
        said.append(event.what)
        waits.set()

    def imported(wanted: debian.Wanted, note: Path, *_: object) -> Base:
        fetched.append(wanted.package)
        assert waits.wait(60)
        checksummed.write(note, msgspec.json.encode(base))
        return base

    monkeypatch.setattr(debian, "_imported", imported)
    with ThreadPoolExecutor(2) as pool:
        got = [pool.submit(kernels.get, kernels.DEFAULT, None, store, tmp_path, hear) for _ in range(2)]
        assert [one.result(timeout=60) for one in got] == [base, base]
    assert fetched == ["linux-source-6.12"]
    assert said == ["waiting for another run to import linux-source-6.12"]


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-9], lambda data: data.replace(b"6.12", b"6.13"), lambda data: b""]
)
def test_a_note_of_a_base_that_is_damaged_is_no_note(
    tmp_path: Path, harm: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TreeStore(tmp_path / "trees.git")
    (tmp_path / "tree").mkdir()
    base = Base(name="x", version="6.12", tree=store.add_directory(tmp_path / "tree"))
    note = tmp_path / "bases" / "linux-source-6.12.json"
    note.parent.mkdir()
    checksummed.write(note, msgspec.json.encode(base))
    monkeypatch.setattr(debian, "_imported", lambda *_: "fetched again")
    assert kernels.get(kernels.DEFAULT, None, store, tmp_path, print) == base
    note.write_bytes(harm(note.read_bytes()))
    again: object = kernels.get(kernels.DEFAULT, None, store, tmp_path, print)
    assert again == "fetched again"


@contextlib.contextmanager
def another(out: Path) -> Iterator[None]:
    """A kseries of another process, at work in a folder."""
    file = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(file)


def test_a_run_does_not_write_where_another_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out"
    log = out / "states" / "base" / "build.log"
    log.parent.mkdir(parents=True)
    log.write_text("of the first")
    target = inputs.load(str(paths.project("testcases", "exit-on-missing-split")))
    options = Options(out=out, tree=str(tmp_path / "none"))
    with another(out):
        with pytest.raises(InputError, match=r"another kseries is at work there\n  name another directory"):
            session.run(target, options, lambda _: None)
        with pytest.raises(InputError, match="at work there"), state_runner(target, options, out, lambda _: None):
            pass
    assert log.read_text() == "of the first"


def test_who_has_a_folder_keeps_others_from_it_until_it_ends(tmp_path: Path) -> None:
    with rundir.own(tmp_path / "out"):
        with rundir.own(tmp_path / "out"):  # a run of several variants has it, and so may each of them
            pass
        with pytest.raises(BlockingIOError), another(tmp_path / "out"):
            pass
    with another(tmp_path / "out"):
        pass


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_nobody_is_kept_from_a_folder_that_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    """As on NFS, where who locks a file must have it open for writing (flock(2))."""

    def refuse(_file: int, _how: int) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr("fcntl.flock", refuse)
    with rundir.own(tmp_path / "out"), rundir.own(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()


def test_a_run_of_several_variants_has_its_folder_until_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    began: list[Path] = []

    def run(_target: object, options: Options, _tell: object) -> NoReturn:
        began.append(options.out)
        with pytest.raises(BlockingIOError), another(out):
            pass
        raise InputError("enough")

    monkeypatch.setattr(session, "run", run)
    monkeypatch.setattr("kseries.app.setup.require", lambda *_: None)
    case = str(paths.project("testcases", "exit-on-missing-split"))
    assert main(["run", case, "--arch", "x86_64,arm64", "--out", str(out)]) == 2
    assert began == [out / "x86_64"]


def test_an_out_that_is_closed_to_us_is_told_as_any_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, **_how: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("kseries.app.setup.require", lambda *_: None)
    case = str(paths.project("testcases", "exit-on-missing-split"))
    with monkeypatch.context() as closed:
        closed.setattr(Path, "mkdir", refuse)
        assert main(["run", case, "--out", str(tmp_path / "out")]) == 3
    assert f"kseries: cannot use {tmp_path / 'out'}: Permission denied\n  fix this" in capsys.readouterr().err
