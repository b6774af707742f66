# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect over a history, on tiny kernels that QEMU boots: is the first bad commit to blame?"""

from pathlib import Path

import pytest

from tests.support import tiny
from tests.support.blamed import BAD, GOOD, Linux

MAIN, SIDE, AFTER = (f'\t.asciz "{word}"\n' for word in ("main", "side", "after"))

pytestmark = pytest.mark.full("history")


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


def branch(linux: Linux, name: str, begin: str = "main") -> None:
    linux.repository.git("checkout", "--quiet", "-b", name, begin)


def merge(linux: Linux, other: str, main: str | None = None, lib: str | None = None) -> str:
    """Into main; with what main.S and lib.S hold then, whatever the two sides have."""
    linux.repository.git("checkout", "--quiet", "main")
    linux.repository.run("merge", "--quiet", "--no-ff", "--no-commit", other)
    return linux.commit(f"Merge {other}", main, lib)


def test_a_merge_that_breaks_what_neither_side_does_is_proved_and_reverted_as_one(linux: Linux) -> None:
    branch(linux, "side")
    side = linux.commit("beside", lib=f"{tiny.LIB}{SIDE}")
    linux.repository.git("checkout", "--quiet", "main")
    linux.lib = tiny.LIB
    main = linux.commit("on main", lib=f"{MAIN}{tiny.LIB}")
    culprit = merge(linux, "side", linux.main.replace(GOOD, BAD), lib=f"{MAIN}{tiny.LIB}{SIDE}")
    linux.commit("after", lib=f"{AFTER}{MAIN}{tiny.LIB}{SIDE}")
    proof, text = linux.proof("--prove", "2")
    assert f"merge {culprit[:12]} 'Merge side' is the first bad commit." in text
    assert (proof["proved"], proof["why"]) == (True, [])
    assert [(one["role"], one["name"]) for one in proof["legs"]] == [
        ("parent", main[:12]),
        ("parent", side[:12]),
        ("culprit", culprit[:12]),
        ("revert", f"without-{culprit[:12]}"),
    ]
    assert proof["commands"][-1] == f"git revert --no-edit -m 1 {culprit[:12]}"
    assert "Proved: it fails, what it is made on passes, and so does the bad end without it." in text


def test_a_commit_whose_revert_conflicts_is_proved_with_the_one_that_is_in_the_way(linux: Linux) -> None:
    branch(linux, "side")
    linux.commit("beside", lib=f"{tiny.LIB}{SIDE}")
    linux.repository.git("checkout", "--quiet", "main")
    linux.lib = tiny.LIB
    culprit = linux.commit("fail", linux.main.replace(GOOD, BAD))
    later = linux.commit("fail in other words", linux.main.replace(BAD, f"{BAD} # in other words"))
    merge(linux, "side", lib=f"{tiny.LIB}{SIDE}")
    proof, text = linux.proof("--prove", "2")
    assert f"{culprit[:12]} 'fail' is the first bad commit." in text
    assert (proof["proved"], proof["also"]) == (True, [later[:12]])
    assert proof["legs"][-2]["conflicts"] == ["main.S"]
    assert f"To revert it, revert {later[:12]} with it:\n  git checkout " in text
    assert f"  git revert --no-edit {later[:12]}\n  git revert --no-edit {culprit[:12]}\n" in text


def test_over_history_a_proof_is_what_there_is_unless_somebody_asks_for_none(linux: Linux) -> None:
    branch(linux, "side")
    linux.commit("beside", lib=f"{tiny.LIB}{SIDE}")
    linux.repository.git("checkout", "--quiet", "main")
    linux.lib = tiny.LIB
    linux.commit("fail", linux.main.replace(GOOD, BAD))
    merge(linux, "side", lib=f"{tiny.LIB}{SIDE}")
    proof, _ = linux.proof()
    assert proof["boots"] == 3
    done = linux.kseries("bisect", "base..main", "--prove", "0")
    assert done.returncode == 1 and "roved" not in done.stdout
