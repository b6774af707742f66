# SPDX-License-Identifier: GPL-2.0-only
"""Hunks placed with fuzz, beside patch(1) itself: the same bytes, or both refuse."""

import difflib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries.sources import fitting, hunks
from kseries.sources.fuzz import Placing
from tests.support.gitrepo import ENVIRONMENT

# Few kinds of lines, so that a hunk may fit in many places; "\\", "-- " and the like, which a diff has of its own.
KINDS = st.sampled_from(["a\n", "b\n", "c\n", "{\n", "}\n", "\n", "-- x\n", "++ y\n", "@@ -1 +1 @@\n", "\\ z\n"])
FILES = st.lists(KINDS, min_size=4, max_size=16)
NAMES = ("--- a/f\n", "+++ b/f\n")


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, bytes, int]:
    """A file, a diff that was made for another version of it, and how much fuzz there may be."""
    old = draw(FILES)
    new, now = _edited(draw, old, 1), _edited(draw, old, 0)
    context = draw(st.sampled_from([3, 3, 3, 2, 2, 1, 0]))
    diff = "".join([*NAMES, *list(difflib.unified_diff(old, new, n=context))[2:]])
    contents = "".join(now)
    if draw(st.integers(0, 19)) == 0:
        contents = contents.removesuffix("\n")
    return contents.encode(), _shifted(draw, diff).encode(), draw(st.integers(0, 3))


def _edited(draw: st.DrawFn, some: Sequence[str], least: int) -> list[str]:
    made = list(some)
    for _ in range(draw(st.integers(least, 4))):
        at = draw(st.integers(0, len(made)))
        made[at : at + draw(st.integers(0, 2))] = draw(st.lists(KINDS, max_size=2))
    return made


def _shifted(draw: st.DrawFn, diff: str) -> str:
    """The same for a file that has more above it, or less."""
    by = draw(st.integers(-3, 6))
    found = [row.split() for row in diff.splitlines() if row.startswith("@@ -") and row.endswith(" @@")]
    for words in found[: draw(st.integers(0, 2))]:
        first, _, count = words[1][1:].partition(",")
        if count != "0":
            diff = diff.replace(f"@@ {words[1]} ", f"@@ -{max(1, int(first) + by)}{',' * bool(count)}{count} ", 1)
    return diff


def by_patch(contents: bytes, diff: bytes, most: int) -> bytes | None:
    """What patch(1) makes of a file, or None where it rejects a hunk."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "f"
        file.write_bytes(contents)
        words = ["patch", "-p1", "-f", "-u", "-s", "--binary", "--no-backup-if-mismatch", "-r", "-", f"-F{most}"]
        done = subprocess.run(words, cwd=scratch, input=diff, capture_output=True, env=ENVIRONMENT)
        return file.read_bytes() if done.returncode == 0 else None


def by_us(contents: bytes, diff: bytes, most: int) -> bytes | None:
    ((section,), _) = hunks.sections(diff)
    placing = Placing(contents.splitlines(keepends=True))
    places = [placing.place(hunk, most) for hunk in section.hunks]
    if None in places:
        return None
    made = b"".join(placing.made())
    refreshed = section.header + b"".join(fitting._hunks(placing.lines, placing.edits))
    assert by_git(contents, refreshed) == made
    return made


def by_git(contents: bytes, diff: bytes) -> bytes:
    """What git apply makes of it, without fuzz."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "f"
        file.write_bytes(contents)
        subprocess.run(["git", "apply", "-"], cwd=scratch, input=diff, check=True, env=ENVIRONMENT, capture_output=True)
        return file.read_bytes()


def stricter(contents: bytes, diff: bytes) -> bool:
    """True of the two things that patch(1) does and we refuse (fuzz.py)."""
    (section,), _ = hunks.sections(diff)
    unended = not contents.endswith(b"\n") or b"\\ No newline" in diff
    return unended or any(not hunk.old for hunk in section.hunks)


def check(contents: bytes, diff: bytes, most: int) -> None:
    wanted, made = by_patch(contents, diff, most), by_us(contents, diff, most)
    if made != wanted:
        assert made is None
        assert stricter(contents, diff)


def compare(case: tuple[bytes, bytes, int]) -> None:
    contents, diff, most = case
    if b"@@ -" in diff and contents:
        check(contents, diff, most)


@settings(max_examples=120)
@given(cases())
def test_hunks_are_placed_as_patch_places_them(case: tuple[bytes, bytes, int]) -> None:
    compare(case)


@pytest.mark.full("series")
@settings(max_examples=5000)
@given(cases())
def test_thousands_of_hunks_are_placed_as_patch_places_them(case: tuple[bytes, bytes, int]) -> None:
    compare(case)


@pytest.mark.parametrize(
    ("file", "hunks"),
    [
        ("xxpqrxpqrx", "@@ -5,3 +5,3 @@/ p/-q/+Q/ r"),
        ("xpqrxxpqrx", "@@ -5,3 +5,3 @@/ p/-q/+Q/ r"),
        ("abcdefg", "@@ -1,3 +1,3 @@/ a/-b/+B/ c/@@ -1,5 +1,5 @@/ b/ c/-d/+D/ e/ f"),
        ("abcdefg", "@@ -1,3 +1,3 @@/ a/-b/+B/ c/@@ -1,3 +1,3 @@/ b/-c/+C/ d"),
        ("xabcxxabcx", "@@ -2,3 +2,3 @@/ a/-b/+B/ c/@@ -3,3 +3,3 @@/ a/-b/+B/ c"),
        ("xxabcd", "@@ -1,3 +1,3 @@/-a/+A/ b/ c"),
        ("abcxx", "@@ -1,3 +1,3 @@/ a/ b/-c/+C"),
        ("aaab", "@@ -5,2 +1 @@/-a/ a/@@ -4 +3,3 @@/ c/+a/+b"),
    ],
    ids=[
        "as near below as above",
        "nearer above",
        "context that a hunk before it has changed",
        "what a hunk before it has context of",
        "twice, in turn",
        "at the beginning, or nowhere",
        "at the end, or nowhere",
        "nothing but context that fuzz passes over",
    ],
)
@pytest.mark.parametrize("most", [0, 1, 2])
def test_where_there_is_a_choice_it_is_that_of_patch(file: str, hunks: str, most: int) -> None:
    contents = "".join(f"{line}\n" for line in file).encode()
    check(contents, "".join((*NAMES, *(f"{row}\n" for row in hunks.split("/")))).encode(), most)
