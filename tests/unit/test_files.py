# SPDX-License-Identifier: GPL-2.0-only
"""What is written appears whole, or not at all, also where the host goes down or the disk will not take it."""

import errno
import os
from pathlib import Path

import pytest

from kseries.host import files


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is asked of the disk, in its order: each file or folder that is synced, each name that is given."""
    seen: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def synced(file: int) -> None:
        seen.append(("sync", Path(f"/proc/self/fd/{file}").readlink().name))
        fsync(file)

    def named(made: Path, path: Path) -> None:
        seen.append(("name", Path(path).name))
        replace(made, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    return seen


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_when_it_is_written(
    tmp_path: Path, done: list[tuple[str, str]]
) -> None:
    files.write(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_bytes() == b"new"
    assert done == [("sync", f"note.{os.getpid()}"), ("name", "note"), ("sync", tmp_path.name)]


def test_a_folder_is_on_the_disk_with_all_in_it_before_it_has_its_name(
    tmp_path: Path, done: list[tuple[str, str]]
) -> None:
    (made := tmp_path / "made").mkdir()
    (made / "inner").mkdir()
    (made / "inner" / "log").write_bytes(b"said")
    (made / "result").write_bytes(b"{}")
    (made / "link").symlink_to("nowhere")
    files.place(made, tmp_path / "key")
    at = done.index(("name", "key"))
    assert set(done[:at]) == {("sync", name) for name in ("made", "inner", "log", "result")}
    assert done[at + 1 :] == [("sync", tmp_path.name)]


def test_what_need_not_last_appears_whole_and_does_not_wait_for_the_disk(
    tmp_path: Path, done: list[tuple[str, str]]
) -> None:
    (tmp_path / "log").write_bytes(b"said")
    files.copy(tmp_path / "log", tmp_path / "copy")
    files.write(tmp_path / "note", b"held", sync=False)
    assert ((tmp_path / "copy").read_bytes(), (tmp_path / "note").read_bytes()) == (b"said", b"held")
    assert done == [("name", "copy"), ("name", "note")]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_will_not_take_it_leaves_what_was_there_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    (tmp_path / "note").write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="full"):
        files.write(tmp_path / "note", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    assert (tmp_path / "note").read_bytes() == b"old"


def test_a_file_system_that_cannot_sync_a_folder_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_folders(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").is_dir():
            raise OSError(errno.EINVAL, "no such thing")

    monkeypatch.setattr(os, "fsync", without_folders)
    files.write(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_bytes() == b"new"
