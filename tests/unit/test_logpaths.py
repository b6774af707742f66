# SPDX-License-Identifier: GPL-2.0-only
"""Logs for somebody else: no folder of this host stays in them, and all else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.report import kcidbnames, logpaths
from tests.support.runs import hostile

CACHE = "/home/dev/.cache/kseries/workers/0"
BUILD = f"{CACHE}/x86_64-c66684f95a2fd3cc"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"{CACHE}/source/arch/x86/kvm/x86.c:12393:55: error: no", "arch/x86/kvm/x86.c:12393:55: error: no"),
        (f"make[1]: Entering directory '{BUILD}'", "make[1]: Entering directory 'build'"),
        (f"make[1]: Leaving directory '{CACHE}/source'", "make[1]: Leaving directory 'source'"),
        (f"make[2]: *** [{CACHE}/source/Makefile:1937: .] Error 2", "make[2]: *** [Makefile:1937: .] Error 2"),
        (f"cc -I{BUILD}/usr/include -o {BUILD}/a.o", "cc -Ibuild/usr/include -o build/a.o"),
        ("/tmp/x/workers/12/source/a.c", "a.c"),
        ("CC=/home/dev/bin/gcc-13: not found", "CC=~/bin/gcc-13: not found"),
        ("-L/home/dev", "-L~"),
        ("CC arch/x86/kvm/x86.o, and/or /usr/bin/ld: no", "CC arch/x86/kvm/x86.o, and/or /usr/bin/ld: no"),
        ("mm/workers/pool.c", "mm/workers/pool.c"),
    ],
)  # fmt: skip
def test_what_lies_on_this_host_is_told_as_of_any_other(said: str, told: str) -> None:
    assert logpaths.elsewhere(said) == told


@given(hostile)
def test_a_text_without_a_path_stays_as_it_is(text: str) -> None:
    assert logpaths.elsewhere(text.replace("/", "")) == text.replace("/", "")


@given(st.lists(st.sampled_from(["/", "workers", "0", "source", "home", "dev", " ", "-I", CACHE, "\n", "'"])))
def test_whatever_stands_beside_it_nobodys_home_is_named(words: list[str]) -> None:
    told = logpaths.elsewhere("".join(words))
    assert "/home/dev" not in told


@pytest.mark.parametrize("text", ["/" * 200_000, "/workers/0" * 20_000, "a" * 200_000, "/home/" * 40_000])
def test_a_text_that_was_made_to_take_long_does_not(text: str) -> None:
    """Its end is the limit of the test run: a search that began anew at each character would not come to one."""
    assert logpaths.elsewhere(text)


def test_an_excerpt_and_a_comment_have_none_and_no_half_of_one() -> None:
    path = f"{CACHE}/source/a.c"
    assert kcidbnames.excerpt(f"{path}: error") == kcidbnames.comment(f"{path}: error") == "a.c: error"
    cut = kcidbnames.excerpt(f"{path} {'x' * (kcidbnames.EXCERPT - 20)}")
    assert "cache" not in cut and len(cut) <= kcidbnames.EXCERPT
