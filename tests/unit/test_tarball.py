# SPDX-License-Identifier: GPL-2.0-only
"""A tarball of patches, as TARGET: what is in it, and what a stranger may have put there."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries import inputs
from kseries.inputs import files, tarball
from kseries.inputs.target import Target
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.packed import zstd

DIFF = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"
PATCHES = {
    "0001-a.patch": mails.mail("[PATCH 1/2] KVM: a", DIFF),
    "0002-b.patch": mails.mail("[PATCH 2/2] KVM: b", DIFF),
}
LONG = "x" * 50
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "tgz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstd,
}


def member(name: str, data: bytes = b"", **about: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in about.items():
        setattr(info, field, value)
    return info, data


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def of(contents: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    return tar(*(member(name, data) for name, data in contents.items()), form=form)


def loaded(data: bytes, tmp_path: Path, name: str = "topic.tar") -> Target:
    (tmp_path / name).write_bytes(data)
    return inputs.load(str(tmp_path / name))


def subjects(target: Target) -> list[str]:
    return [patch.subject for patch in target.series.patches]


@pytest.mark.parametrize("name", ["topic.tar", "topic.tar.gz", "topic.tgz", "topic.tar.xz", "topic.tar.zst"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_patches_of_a_tarball_are_a_series_that_is_called_like_it(form: int, name: str, tmp_path: Path) -> None:
    packer = PACKERS.get(name.rpartition(".")[2], bytes)
    found = loaded(
        packer(of({f"./{LONG}/{LONG}/{name}": data for name, data in PATCHES.items()}, form)), tmp_path, name
    )
    assert (found.series.name, subjects(found)) == ("topic", ["KVM: a", "KVM: b"])


def test_a_maildir_may_have_an_empty_folder(tmp_path: Path) -> None:
    folders = (member(f"q/{name}", type=tarfile.DIRTYPE) for name in ("cur", "new", "tmp"))
    sent = (member(f"q/cur/{number}:2,S", data) for number, data in enumerate(PATCHES.values()))
    assert subjects(loaded(tar(*folders, *sent), tmp_path)) == ["KVM: a", "KVM: b"]


def test_debians_tarball_is_its_queue(tmp_path: Path) -> None:
    """linux_6.12.57-1.debian.tar.xz has debian/patches/series, and much else."""
    contents = {
        "debian/control": b"Source: linux\n",
        "debian/config/x86/config": b"",
        "debian/patches/series": b"bugfix/b.patch\nall/a.patch\n",
        "debian/patches/all/a.patch": DIFF,
        "debian/patches/bugfix/b.patch": DIFF,
    }
    link = member("debian/bin/x.py", type=tarfile.SYMTYPE, linkname="y.py")
    packed = lzma.compress(tar(*(member(name, data) for name, data in contents.items()), link))
    found = loaded(packed, tmp_path, "linux_6.12.57-1.debian.tar.xz")
    assert found.notes == ()
    assert (found.series.name, subjects(found)) == ("linux_6.12.57-1.debian", ["b", "a"])


def test_a_tarball_may_come_by_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(of(PATCHES)))))
    assert subjects(inputs.load("-")) == ["KVM: a", "KVM: b"]


def test_what_is_wrong_in_it_is_told_by_its_name_and_by_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^topic\.tar/q/series:1: no such patch: topic\.tar/q/gone\.patch$"):
        loaded(of({"q/series": b"gone.patch\n"}), tmp_path)
    found = loaded(of({"q/series.conf": b"a.patch\n- b.patch\n", "q/a.patch": DIFF}), tmp_path)
    (note,) = found.notes
    assert note.startswith("topic.tar/q/series.conf: with no symbol defined")


def test_probes_of_a_tarball_are_not_left_out_without_a_word(tmp_path: Path) -> None:
    found = loaded(of({**PATCHES, "probes/x.c": b"int main;"}), tmp_path)
    assert (found.programs, found.notes) == (
        (), ("topic.tar: its contracts, probes and tests are left out: unpack it, and name the folder",),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../out.patch", "/tmp/out.patch", "a/../../out.patch", "d/" * 60 + "x.patch"])
def test_no_file_is_written_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^topic\.tar: .* leads out of it, or too deep$"):
        loaded(of({**PATCHES, name: DIFF}), tmp_path)


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_devices_are_passed_over_with_a_note(kind: bytes, tmp_path: Path) -> None:
    odd = member("README", type=kind, linkname="/etc/passwd")
    found = loaded(tar(*(member(*patch) for patch in PATCHES.items()), odd), tmp_path)
    assert (subjects(found), found.notes) == (
        ["KVM: a", "KVM: b"], ("topic.tar: passed over, for it is no plain file: README",),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["q/0003-c.patch", "q/c.diff.xz", "q/series", "q/series.conf"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_link_that_may_be_a_patch_is_not_passed_over(kind: bytes, name: str, tmp_path: Path) -> None:
    """What cp -l has made of a queue, tar keeps as links to the first file of each."""
    odd = [member("README", type=kind), member(name, type=kind, linkname="0001-a.patch")]
    with pytest.raises(InputError, match=rf"^topic\.tar: {name} is a link, or else no plain file\n  pack the files"):
        loaded(tar(*(member(f"q/{one}", data) for one, data in PATCHES.items()), *odd), tmp_path)


@pytest.mark.parametrize("size", [b"-1000", b"-2000", b"+10", b"1_0", b"0o10"])
def test_a_size_is_a_number_and_nothing_leads_back(size: bytes, tmp_path: Path) -> None:
    header = bytearray(tar(member("g", type=tarfile.XGLTYPE)))
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * ord(" "))
    with pytest.raises(InputError, match=r"^topic\.tar has a file with a size that cannot be read$"):
        loaded(bytes(header), tmp_path)


def test_nothing_is_written_through_a_link_of_the_tarball(tmp_path: Path) -> None:
    link = member("d", type=tarfile.SYMTYPE, linkname=str(tmp_path))
    loaded(tar(link, member("d/evil.patch", DIFF)), tmp_path)
    assert not (tmp_path / "evil.patch").exists()


def test_a_file_in_the_place_of_a_folder_is_the_tarballs_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^topic\.tar: cannot unpack b\.patch: "):
        loaded(of({"a": b"", "a/b.patch": DIFF}), tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LIMIT", 1 << 20)
    with pytest.raises(InputError, match="has more than 1 MiB"):
        loaded(gzip.compress(of({**PATCHES, "zeros": bytes(2 << 20)})), tmp_path)


def test_a_tarball_with_too_many_files_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "_FILES", 1)
    with pytest.raises(InputError, match="has more than 1 files"):
        loaded(of(PATCHES), tmp_path)


@pytest.mark.parametrize("keep", [600, 1536, -9000])
def test_one_that_is_cut_short_is_told(keep: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^topic\.tar is cut short, or no tarball that can be read$"):
        loaded(of(PATCHES)[:keep], tmp_path)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=20)), max_size=4))
def test_no_header_is_too_odd_for_an_error_or_files(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(of({f"{LONG}/{LONG}/x": DIFF, "y": DIFF}))
    for at, changed in changes:
        data[at : at + len(changed)] = changed
    try:
        assert all(len(one.data) < len(data) for one in tarball._members(bytes(data), "x.tar"))
    except InputError as error:
        assert str(error).startswith("x.tar ")
