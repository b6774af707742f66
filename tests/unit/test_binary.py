# SPDX-License-Identifier: GPL-2.0-only
"""Binary files in a diff, as git writes them and as nobody should: what they would have git take."""

import base64
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kseries.inputs import binary, mail
from kseries.model.errors import InputError
from tests.support.gitrepo import Repository

HEAD = b"diff --git a/x b/x\nindex %s..%s 100644\nGIT binary patch\n" % (b"1" * 40, b"2" * 40)
BLOB = bytes(range(256)) * 40


def rows(data: bytes) -> bytes:
    """Bytes as git packs them: deflated, and in lines of base 85."""
    packed = zlib.compress(data)
    letters = bytes([*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)])
    pieces = [packed[start : start + 52] for start in range(0, len(packed), 52)]
    return b"".join(letters[len(one) - 1 : len(one)] + base64.b85encode(one, pad=True) + b"\n" for one in pieces)


def varint(number: int) -> bytes:
    low = [number >> place & 0x7F for place in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(byte | 0x80 for byte in low[:-1]), low[-1]])


def delta(size: int, source: int = len(BLOB)) -> bytes:
    """A delta that says it makes so many bytes, and has them of its source."""
    copy = bytes([0xB0, *(source.to_bytes(3, "little")[:2])])
    return varint(source) + varint(size) + copy * (size // source)


@pytest.mark.parametrize(
    "hunk",
    [
        b"literal 2500000000\n" + rows(b"x"),
        b"literal \t +0002500000000 and so on\n" + rows(b"x"),
        b"literal -18446744071209551616\n" + rows(b"x"),
        b"delta 2500000000\n" + rows(b"x"),
        b"delta %d\n" % len(delta(100 << 20)) + rows(delta(100 << 20)),
        b"delta 40\n" + rows(b"\x80" * 40),
        b"literal 40000000\n\nliteral 40000000\n",
    ],
)
def test_more_than_git_should_take_is_refused_before_it_sees_it(hunk: bytes) -> None:
    sent = mail.read(b"Subject: x\n\n---\n" + HEAD + hunk + b"\nliteral 0\n\n", "x.patch")
    with pytest.raises(InputError, match=r"x\.patch has binary files of more than 64 MiB"):
        sent.patch(1)


def test_what_git_writes_is_taken_and_its_deltas_are_read_as_git_reads_them(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"x": BLOB})
    repository.commit("changed", {"x": BLOB + b"more" + BLOB, "new": BLOB})
    diff = repository.run("diff", "--binary", "HEAD~").stdout
    assert b"\ndelta " in diff and b"\nliteral " in diff
    binary.check(diff, "x")
    told = [binary._made(found[4]) for found in binary._FILE.finditer(diff) if found[1] == b"delta"]
    assert told == [2 * len(BLOB) + 4, len(BLOB)]


def test_a_delta_of_ours_is_one_for_git(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"x": BLOB})
    blobs = [repository.git("hash-object", "--stdin", stdin=BLOB * count).encode() for count in (1, 3)]
    one = delta(3 * len(BLOB))
    hunk = b"delta %d\n" % len(one) + rows(one) + b"\nliteral 0\n" + rows(b"") + b"\n"
    repository.git("apply", stdin=HEAD.replace(b"1" * 40, blobs[0]).replace(b"2" * 40, blobs[1]) + hunk)
    assert (repository.path / "x").read_bytes() == BLOB * 3
    assert binary._made(rows(one)) == 3 * len(BLOB)


def test_a_hunk_with_such_words_is_none_of_them() -> None:
    binary.check(b"@@ -1 +1 @@\n-literal 2500000000\n+delta 2500000000\n", "x")
    binary.check(HEAD + b"literal 1\n" + rows(b"x") + b"\n--- a\n+++ a\n@@ -0,0 +1 @@\n+literal 2500000000\n", "x")


@given(st.binary(max_size=200))
@example(b"ab\r\rc\n")
def test_no_bytes_are_too_odd(data: bytes) -> None:
    for hunk in (data, b"delta 9\n" + data, b"delta 9\n" + rows(data), b"delta 9\nz" + data + b"\n"):
        try:
            binary.check(HEAD + hunk, "x")
        except InputError as error:
            assert "binary files" in str(error)
