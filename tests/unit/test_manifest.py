# SPDX-License-Identifier: GPL-2.0-only
"""Whether the files of a build folder are as a build has left them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.kbuild.limits import ROOM
from kseries.kbuild.manifest import NOTE, Manifest


@pytest.fixture
def obj(tmp_path: Path) -> Path:
    """What a build may have left: objects, a link, a pipe, a name that is no text."""
    place = tmp_path / "obj"
    (place / "kvm").mkdir(parents=True)
    (place / "kvm" / "main.o").write_bytes(b"object " * 1000)
    (place / "source").symlink_to("/usr/src")
    os.mkfifo(place / "pipe")
    Path(os.fsdecode(bytes(place) + b"/\xfe")).write_text("x")
    return place


@pytest.fixture
def noted(obj: Path) -> Manifest:
    Manifest(obj, obj.parent).update()
    return Manifest(obj, obj.parent)


def rewrite(path: Path, data: bytes) -> None:
    """With the date as it was."""
    seen = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def test_what_is_as_it_was_holds(noted: Manifest, obj: Path) -> None:
    assert noted.hold()
    (obj / "by hand").write_text("no damage")
    assert noted.hold()


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: rewrite(path, path.read_bytes()[:-1]),
        lambda path: rewrite(path, b"Object " + path.read_bytes()[7:]),
        lambda path: path.unlink(),
        lambda path: os.utime(path, (1, 1)),
    ],
    ids=["cut", "bit", "gone", "touched"],
)
def test_what_is_not_does_not(noted: Manifest, obj: Path, harm: Callable[[Path], None]) -> None:
    harm(obj / "kvm" / "main.o")
    assert not noted.hold()


@pytest.mark.parametrize("note", [b"", b"{}", None])
def test_without_notes_only_an_empty_folder_holds(noted: Manifest, obj: Path, note: bytes | None) -> None:
    (obj.parent / NOTE).unlink() if note is None else (obj.parent / NOTE).write_bytes(note)
    assert not noted.hold()
    assert Manifest(obj / "nothing", obj.parent).hold()


def test_what_was_written_anew_is_noted_anew(noted: Manifest, obj: Path) -> None:
    (obj / "kvm" / "main.o").write_bytes(b"another")
    assert not noted.hold()
    noted.update()
    assert noted.hold()


def test_holes_are_not_read_for_hours(obj: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of a gigabyte for each that may be read."""
    read: list[str] = []

    def digest(_: Manifest, name: str) -> str:
        read.append(name)
        return ""

    monkeypatch.setattr(Manifest, "_digest", digest)
    for number in range(2 * (ROOM >> 30)):
        with (obj / f"hole-{number}").open("wb") as file:
            file.truncate(1 << 30)
    Manifest(obj, obj.parent).update()
    assert 0 < sum("hole-" in name for name in read) <= ROOM >> 30
