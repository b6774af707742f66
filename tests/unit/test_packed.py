# SPDX-License-Identifier: GPL-2.0-only
"""Packed inputs: gzip, bzip2, xz and zstd, as files, in directories and in queues; and what takes no end."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries import inputs
from kseries.inputs import files
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.packed import zstd

DIFF = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd,
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_mbox_is_read_as_the_mbox(suffix: str, tmp_path: Path) -> None:
    whole = mails.mbox([mails.mail(f"[PATCH {number}/2] KVM: {number}", DIFF) for number in (1, 2)])
    (tmp_path / f"t.mbox.{suffix}").write_bytes(PACKERS[suffix](whole))
    series = inputs.load(str(tmp_path / f"t.mbox.{suffix}")).series
    assert [patch.subject for patch in series.patches] == ["KVM: 1", "KVM: 2"]


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_patches_of_a_directory_are_patches(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"0001-a.patch.{suffix}").write_bytes(PACKERS[suffix](mails.mail("[PATCH 1/2] KVM: a", DIFF)))
    (tmp_path / "0002-b.patch").write_bytes(mails.mail("[PATCH 2/2] KVM: b", DIFF))
    (tmp_path / f"fix.diff.{suffix}").write_bytes(PACKERS[suffix](DIFF))
    patches = inputs.load(str(tmp_path)).series.patches
    assert [(patch.subject, patch.origin) for patch in patches] == [
        ("KVM: a", "0001-a.patch"), ("KVM: b", "0002-b.patch"), ("fix", "fix.diff"),
    ]  # fmt: skip


def test_a_series_may_name_packed_patches(tmp_path: Path) -> None:
    (tmp_path / "series").write_text("a.patch.gz -p0\n")
    (tmp_path / "a.patch.gz").write_bytes(gzip.compress(DIFF.replace(b"a/", b"").replace(b"b/", b"")))
    (patch,) = inputs.load(str(tmp_path)).series.patches
    assert patch.diff == DIFF


@pytest.mark.parametrize("suffix", PACKERS)
def test_what_unpacks_to_more_than_an_input_has_is_refused(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LIMIT", 1 << 20)
    (tmp_path / "fits").write_bytes(PACKERS[suffix](DIFF + b"\n" * ((1 << 20) - len(DIFF))))
    (tmp_path / "bomb").write_bytes(PACKERS[suffix](DIFF + b"\n" * ((1 << 20) - len(DIFF) + 1)))
    assert len(inputs.load(str(tmp_path / "fits")).series.patches) == 1
    with pytest.raises(InputError, match=r"bomb has more than 1 MiB\n  if that is one series, make it a range"):
        inputs.load(str(tmp_path / "bomb"))


@pytest.mark.parametrize(("suffix", "kind"), [("gz", "a gzip"), ("bz2", "a bzip2"), ("xz", "an xz"), ("zst", "a zstd")])
def test_one_that_is_cut_short_is_named(suffix: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(PACKERS[suffix](DIFF * 9)[:-7])
    with pytest.raises(InputError, match=f"cut is not {kind} file that can be read: ") as error:
        inputs.load(str(tmp_path / "cut"))
    assert len(str(error.value).splitlines()) <= 2
