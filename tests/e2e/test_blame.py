# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect --prove as it is typed, on tiny kernels that QEMU boots: who is to blame, and who only seems to be."""

import re
from pathlib import Path

import pytest

from tests.support import tiny
from tests.support.blamed import BAD, GOOD, Linux

BEGIN = "6:\tmov $said, %esi\n"
BY_LUCK = "6:\trdtsc\n\tmov $said, %esi\n\ttest $0x300, %eax\n\tjz 7f\n\tmov $other, %esi\n7:\n"
"""One boot of four says what is at ``said``, and the others what is at ``other``."""
SAID = re.compile(r"^said:.*\n.*\n", re.MULTILINE)
TRIES = 20
"""Caches in which a kernel that passes one boot of four has failed its first: all of them in three of a thousand."""
BOOTS = 8


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


def flaky(main: str) -> str:
    """A kernel whose check passes in one boot of four."""
    (said,) = (str(found) for found in SAID.findall(main))
    return main.replace(BEGIN, BY_LUCK) + said.replace("said:", "other:").replace(GOOD, BAD)


def test_who_comes_after_a_flaky_fault_is_not_proved_to_be_to_blame(linux: Linux) -> None:
    sound = linux.main
    linux.commit("fail in three boots of four", flaky(sound))
    linux.commit("fail always", sound.replace(GOOD, BAD))
    passed = (name for name in map(str, range(TRIES)) if _passes_first(linux, name))
    cache = next(passed)
    proof, text = linux.proof("--prove", str(BOOTS), cache=cache)
    assert "2/2 'fail always' is the first bad patch." in text
    (parent, culprit, _) = proof["legs"]
    assert (culprit["name"], culprit["passed"]) == ("prefix-2", 0)
    assert culprit["failed"] >= BOOTS
    assert parent["name"] == "prefix-1"
    assert parent["passed"] >= 1 and parent["passed"] + parent["failed"] >= BOOTS
    assert not proof["proved"], "a kernel that passes one boot of four has passed eight"
    assert proof["why"][0].startswith(f"its parent failed {parent['failed']} of ")
    assert f"Not proved: its parent failed {parent['failed']} of " in text


def _passes_first(linux: Linux, cache: str) -> bool:
    done = linux.kseries("try", "prefix-1", "base..main", cache=cache)
    assert done.returncode in (0, 1, 125), done.stderr
    return done.returncode == 0


def test_a_patch_that_fails_always_is_proved_and_boots_nothing_twice(linux: Linux) -> None:
    linux.commit("change a comment", lib=f"{tiny.LIB}/* one */\n")
    linux.commit("fail", linux.main.replace(GOOD, BAD))
    linux.commit("change another", lib=f"{tiny.LIB}/* one */\n/* two */\n")
    proof, text = linux.proof("--prove", "3")
    assert (proof["proved"], proof["why"]) == (True, [])
    # What fails is booted once more, by the bisection, too.
    assert [(one["passed"], one["failed"]) for one in proof["legs"]] == [(3, 0), (0, 4), (3, 0)]
    assert "Proved: it fails, what it is made on passes, and so does the bad end without it." in text


def test_a_patch_whose_revert_conflicts_is_proved_with_the_one_that_is_in_the_way(linux: Linux) -> None:
    linux.commit("fail", linux.main.replace(GOOD, BAD))
    linux.commit("fail in other words", linux.main.replace(BAD, f"{BAD} # in other words"))
    proof, text = linux.proof("--prove", "2")
    assert "1/2 'fail' is the first bad patch." in text
    assert (proof["proved"], proof["why"]) == (True, [])
    assert [(one["name"], one["conflicts"]) for one in proof["legs"][2:]] == [
        ("without-1", ["main.S"]),
        ("without-1+2", []),
    ]
    assert "To revert it, revert 2 with it:\n  git revert " in text
