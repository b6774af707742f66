# SPDX-License-Identifier: GPL-2.0-only
"""Runs that begin at the same moment on a cache that is empty."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from kseries import inputs
from kseries.app import rundir, session
from kseries.app.options import Options
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


def test_a_run_does_not_write_where_another_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out"
    log = out / "states" / "base" / "build.log"
    log.parent.mkdir(parents=True)
    log.write_text("of the first")
    target = inputs.load(str(paths.project("testcases", "exit-on-missing-split")))
    options = Options(out=out, tree=str(tmp_path / "none"))
    with rundir.alone(out), pytest.raises(InputError, match="another kseries is at work there"):
        session.run(target, options, lambda _: None)
    assert log.read_text() == "of the first"
    with rundir.alone(out):  # who has ended has given it back
        pass
