# SPDX-License-Identifier: GPL-2.0-only
"""What is kept is told to be whole by its hash: cut short or with a bit flipped it counts as not there."""

import hashlib
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import kseries
from kseries.cache.store import Store, program
from kseries.host import checksummed
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.warnings import Kept
from kseries.model import Observation, Outcome

SEEN = Observation(tree="t", outcome=Outcome.OK, detail="said")
FILES = ("observation.json", "build.log", "sha256.json")


def found(store: Store) -> Observation:
    """What is stored, whose logs are those that are there."""
    seen = store.find("key")
    assert seen is not None
    log = (store.place("key") / "build.log").read_bytes()
    assert seen.logs == {"build.log": hashlib.sha256(log).hexdigest()}
    return msgspec.structs.replace(seen, logs={})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "build.log").write_text("CC main.o\n")
    store = Store(tmp_path / "results")
    store.put("key", SEEN, tmp_path)
    assert found(store) == SEEN
    return store


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(name=st.sampled_from(FILES), bit=st.integers(0, 1 << 16), cut=st.booleans())
def test_a_result_that_is_not_as_it_was_kept_is_done_over(
    store: Store, tmp_path: Path, name: str, bit: int, cut: bool
) -> None:
    path = store.place("key") / name
    data = path.read_bytes()
    path.write_bytes(data[: bit % len(data)] if cut else flipped(data, bit))
    assert store.find("key") is None
    store.put("key", SEEN, tmp_path)
    assert found(store) == SEEN


def test_of_two_that_keep_the_same_at_once_one_does_and_neither_fails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other comes where the folder that was there is gone, and has no name for its own yet."""
    home, aside = tmp_path / "results", tmp_path / "aside"
    shutil.copytree(home, aside)
    remove = shutil.rmtree

    def removed(place: Path, *, ignore_errors: bool = False) -> None:
        remove(place, ignore_errors=ignore_errors)
        if place == home / "key":
            shutil.copytree(aside / "key", place)

    monkeypatch.setattr("kseries.cache.store.shutil.rmtree", removed)
    store.put("key", SEEN, tmp_path)
    assert found(store) == SEEN
    assert [place.name for place in home.iterdir()] == ["key"]


@pytest.mark.parametrize("name", FILES)
def test_nor_is_one_of_which_a_file_is_gone(store: Store, name: str) -> None:
    (store.place("key") / name).unlink()
    assert store.find("key") is None


def test_a_result_of_before_there_were_hashes_is_done_over(store: Store) -> None:
    (store.place("key") / "sha256.json").write_text("{}")
    assert store.find("key") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=300), bit=st.integers(0, 1 << 16), cut=st.booleans())
@example(data=b"", bit=64, cut=True)
def test_a_sealed_file_is_read_as_it_was_written_or_not_at_all(
    tmp_path: Path, data: bytes, bit: int, cut: bool
) -> None:
    path = tmp_path / "file"
    checksummed.write(path, data)
    assert checksummed.read(path) == data
    whole = path.read_bytes()
    path.write_bytes(whole[: bit % len(whole)] if cut else flipped(whole, bit))
    assert checksummed.read(path) is None
    assert [place.name for place in tmp_path.iterdir()] == ["file"]


def test_warnings_that_are_not_as_they_were_kept_have_the_folder_built_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.update({"main.o": ("main.c: unused",)}, frozenset({"main.o"}))
    assert kept.known
    (tmp_path / "said.json").write_bytes(flipped((tmp_path / "said.json").read_bytes(), 8 * 80))
    assert not kept.known


def test_notes_that_are_not_as_they_were_kept_tell_of_nothing(tmp_path: Path) -> None:
    obj = tmp_path / "obj"
    obj.mkdir()
    (obj / ".main.o.cmd").write_text("deps := /source/main.c \\\n")
    FolderDependencies(obj, Path("/source"), tmp_path).update("tree")
    assert FolderDependencies(obj, Path("/source"), tmp_path).knows("tree")
    (tmp_path / "dependencies.json").write_bytes(flipped((tmp_path / "dependencies.json").read_bytes(), 8 * 80))
    assert not FolderDependencies(obj, Path("/source"), tmp_path).knows("tree")


@pytest.mark.parametrize(
    ("path", "depends"), [("kbuild/compile.sh", True), ("host/processes/boxed.py", True), ("report/html.py", False)]
)
def test_a_result_depends_on_the_modules_that_make_it_and_on_their_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, depends: bool
) -> None:
    package = tmp_path / "kseries"
    shutil.copytree(Path(kseries.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("kseries.cache.store._PACKAGE", package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = program()
    assert program() == before
    with (package / path).open("a") as file:
        file.write("# another\n")
    assert (program() != before) == depends


def test_what_this_program_is_is_noted_and_found_out_again_where_the_note_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = program()
    (note,) = (tmp_path / "kseries" / "program").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("kseries.cache.store.evaluators", lambda: pytest.fail("it is noted"))
        assert program() == first
    note.write_bytes(flipped(note.read_bytes(), 8 * 80))
    assert program() == first and checksummed.read(note) == first.encode()
    note.unlink()
    note.parent.rmdir()
    note.parent.write_text("in the way of a folder")
    assert program() == first
