# SPDX-License-Identifier: GPL-2.0-only
"""kseries revert and kseries pick as they are typed, on tiny kernels that QEMU boots."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import typed
from tests.support.conditional import Source, files, has
from tests.support.gitrepo import Repository
from tests.support.tinysplit import CONTRACT, PATCHES, SPLIT, Patches
from tests.support.told import read_one


class Linux:
    """A repository of tiny kernels, a cache, and what kseries says."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.said = ""
        self.repository = Repository(place / "linux")
        (place / "feature.toml").write_text(CONTRACT)

    def series(self, source: Source = SPLIT, patches: Patches = PATCHES) -> None:
        self.repository.commit("base", files("abcde", source))
        self.repository.git("tag", "base")
        for subject, changed in patches:
            self.repository.commit(subject, changed)

    def kseries(self, command: str, *words: str, target: str = "base..main") -> "subprocess.CompletedProcess[str]":
        kernel = (target, "--tree", "linux", "--probe", "capabilities", "--contract", "feature.toml")
        return typed(self.place, command, *words, *kernel, XDG_CACHE_HOME=str(self.place / "cache"))

    def json(self, command: str, *words: str, target: str = "base..main") -> tuple[int, dict[str, Any]]:
        done = self.kseries(command, *words, "--json", target=target)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Linux:
    """The split, and the cache that a run of all its default scenarios has left. Nobody goes on with it."""
    linux = Linux(tmp_path_factory.mktemp("ran"))
    linux.series()
    done = linux.kseries("run", "--out", "out")
    assert done.returncode == 1, done.stderr
    linux.said = done.stdout
    return linux


def copied(ran: Linux, place: Path) -> Linux:
    linux = Linux(place)
    shutil.rmtree(linux.repository.path)
    for name in ("linux", "cache"):
        shutil.copytree(ran.place / name, place / name, symlinks=True)
    return linux


@pytest.fixture(scope="module")
def warm(ran: Linux, tmp_path_factory: pytest.TempPathFactory) -> Linux:
    """One whose cache several tests go on with."""
    return copied(ran, tmp_path_factory.mktemp("warm"))


@pytest.fixture
def copy(ran: Linux, tmp_path: Path) -> Linux:
    """One with a cache of its own to go on with."""
    return copied(ran, tmp_path)


def tried(told: Mapping[str, Any]) -> dict[tuple[int, ...], str]:
    return {tuple(one["patches"]): one["answer"] for one in told["set"]["tried"]}


def essence(told: Mapping[str, Any]) -> tuple[list[int], bool]:
    return told["set"]["patches"], told["set"]["proved"]


# --- what a run has left --------------------------------------------------------------------------


def test_on_a_warm_cache_couplings_lead_straight_to_each_set(warm: Linux) -> None:
    kernels = {}
    for words, expected in ((("revert", "3"), [3, 4]), (("revert", "2"), [2, 4, 6]), (("pick", "4"), [2, 3, 4])):
        status, told = warm.json(*words)
        assert (status, essence(told)) == (0, (expected, True)), told
        kernels[words] = told["set"]["kernels"]
    assert kernels == {("revert", "3"): 0, ("revert", "2"): 3, ("pick", "4"): 2}, "the cure has built some"


def test_each_smaller_set_is_told_with_what_is_wrong_with_it_and_the_commands_come_in_their_order(warm: Linux) -> None:
    done = warm.kseries("revert", "3")
    commits = warm.repository.git("log", "--reverse", "--format=%H", "base..main").split()
    assert done.returncode == 0
    assert done.stdout.splitlines()[:5] == [
        "To take 3/6 out: revert 4/6, then 3/6.",
        "  3/6 'lib: Annotate'",
        "  4/6 'lib: Honour the flag'",
        "Proved on x86_64: each smaller set was tried, and does not do:",
        "  3 breaks silently [x86_64]: capabilities.works: fail",
    ]
    assert [line.strip() for line in done.stdout.splitlines() if "git revert" in line] == [
        f"git revert {commits[at][:12]}" for at in (3, 2)
    ]
    assert warm.kseries("revert", "3", "--most", "0").stdout.splitlines()[-1].startswith("0 kernels built")


@pytest.mark.full("e2e")
def test_what_may_go_alone_goes_alone(warm: Linux) -> None:
    status, told = warm.json("revert", "4,6")
    assert (status, essence(told), tried(told)) == (0, ([4, 6], True), {(4, 6): "safe"})
    status, told = warm.json("revert", "5")
    assert (status, essence(told), told["set"]["kernels"]) == (0, ([5], True), 0)


@pytest.mark.full("e2e")
def test_what_brings_no_promise_comes_alone(warm: Linux) -> None:
    status, told = warm.json("pick", "3")
    assert (status, essence(told), told["set"]["kernels"]) == (0, ([3], True), 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("revert", "9"), "kseries: 9: there is no such patch; the series has 6"),
        (("pick", "0,2"), "kseries: 0,2: there is no such patch; the series has 6"),
        (("revert", "3;4"), "kseries: 3;4: expected numbers of patches, as 2,3 or 2..4"),
        (("revert", "9" * 5000), "characters]: there is no such patch; the series has 6"),
        (("pick", "2", "--onto", "nosuch"), "kseries: --onto nosuch: no such kernel tree\n  it is named as --tree is"),
        (("revert", "2", "--build-only"), "kseries: --build-only: this needs kernels that are booted\n  drop it"),
        (("revert", "2", "--most", "x"), "argument --most: x is not a number from 0 to 100000"),
    ],
)
def test_what_is_wrong_is_told_in_two_lines(warm: Linux, words: tuple[str, ...], said: str) -> None:
    done = warm.kseries(*words)
    errors = done.stderr[done.stderr.index("kseries: ") :] if "kseries: " in done.stderr else done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and len(errors.splitlines()) <= 2, done.stderr


# --- the limit ------------------------------------------------------------------------------------


def test_most_ends_a_search_which_tells_how_far_it_came_and_goes_on_from_there(copy: Linux) -> None:
    done = copy.kseries("revert", "2", "--most", "1")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "To take 2/6 out: revert 6/6, 4/6, then 2/6."
    assert lines[4] == (
        "It is safe on x86_64, and NOT PROVED to be the smallest: --most ended the search. The same command with a"
        " larger --most goes on from what is cached."
    )
    assert lines[6].startswith("  2 is loud [x86_64]: build-failed: ") and lines[-1].startswith("1 kernel built")
    status, told = copy.json("revert", "2")
    assert (status, essence(told), told["set"]["kernels"]) == (0, ([2, 4, 6], True), 2)


@pytest.mark.full("e2e")
def test_without_any_kernel_it_tells_what_is_known_to_be_safe(copy: Linux) -> None:
    status, told = copy.json("revert", "2", "--most", "0")
    assert (status, essence(told)) == (1, ([2, 3, 4, 5, 6], False)), "what comes after it is prefix-1"
    assert told["set"]["limited"] and told["set"]["kernels"] == 0


# --- what is in the way ---------------------------------------------------------------------------


@pytest.mark.full("e2e")
def test_who_is_in_the_way_of_a_revert_goes_along(linux: Linux) -> None:
    lines = [f"line {number}\n" for number in range(30)]
    second, third = [*lines], [*lines]
    second[3] = third[3] = "of two\n"
    third[3] = "of three\n"
    last = [*third]
    last[25] = "far\n"
    linux.series(
        patches=(
            ("one", {"x.rst": "".join(lines)}),
            ("two", {"x.rst": "".join(second)}),
            ("three", {"x.rst": "".join(third)}),
            ("four", {"x.rst": "".join(last)}),
        )
    )
    status, told = linux.json("revert", "2")
    assert (status, essence(told)) == (0, ([2, 3], True))
    assert tried(told) == {(2,): "conflict", (2, 3): "safe"}
    assert told["set"]["tried"][0]["why"] == [{"kind": "conflict", "file": "x.rst"}]


@pytest.mark.full("e2e")
def test_where_nothing_makes_a_promise_hold_that_is_said_with_the_smallest_that_builds(linux: Linux) -> None:
    linux.series(patches=(PATCHES[1], PATCHES[3]))
    done = linux.kseries("pick", "2")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Nothing makes it safe: no pick set with 2 does.",
        "The smallest that builds: 1+2 breaks silently [x86_64]: capabilities.works: fail",
        "Tried:",
        "  2 is loud [x86_64]: build-failed: main.S:7:2: error: #error d needs b",
        "  1+2 breaks silently [x86_64]: capabilities.works: fail",
        "4 kernels built, 2 sets tried.",
    ]


@pytest.mark.full("e2e")
def test_a_promise_that_a_picked_patch_makes_has_to_be_there(linux: Linux) -> None:
    """Where d shows the capability only with b, d alone builds, boots and is of no use."""
    source = Source(fails={"works": "!C", "stays": "0"}, caps={"X_FEATURE": "D && B"}, needs={"works": "D && B"})
    linux.series(source, PATCHES[1:4])
    status, told = linux.json("pick", "3")
    assert (status, essence(told)) == (0, ([1, 2, 3], True))
    alone = next(one for one in told["set"]["tried"] if one["patches"] == [3])
    assert alone["why"][0] == {
        "kind": "contract", "name": "X_FEATURE", "said": "patch 3 brings it, and it is not shown here",
    }  # fmt: skip


# --- another base ---------------------------------------------------------------------------------


@pytest.mark.full("e2e")
def test_onto_a_base_that_has_a_part_of_it_already_less_comes_along(copy: Linux) -> None:
    copy.repository.git("checkout", "--quiet", "-b", "stable", "base")
    copy.repository.commit("an older one", {"a.h": "#define A 7\n"})
    copy.repository.commit("a backport", has("c"))
    copy.repository.git("checkout", "--quiet", "main")
    status, told = copy.json("pick", "4", "--onto", "stable", "--out", "logs")
    assert (status, essence(told)) == (0, ([2, 4], True)), told
    assert tried(told) == {(4,): "loud", (2, 3, 4): "safe", (3, 4): "loud", (2, 4): "safe"}
    assert told["not_there"] == [{"number": 1, "files": ["a.h"]}] and told["already_there"] == [3]
    assert (copy.place / "logs" / "onto" / "states" / "only-2+4" / "build.log").exists()
    said = copy.kseries("pick", "4", "--onto", "stable").stdout
    assert "1/6 does not apply to linux stable, nor with all before it: conflict in a.h." in said
    assert "linux stable has what these change: 3/6." in said
    status, told = copy.json("pick", "1", "--onto", "stable")
    assert (status, essence(told), tried(told)[(1,)]) == (1, ([], False), "conflict")
    assert (told["set"]["ended"], len(told["set"]["tried"])) == ("does-not-apply", 1)


@pytest.mark.full("e2e")
def test_a_base_that_no_patch_applies_to_is_told_in_two_lines(copy: Linux) -> None:
    copy.repository.git("checkout", "--quiet", "-b", "other", "base")
    copy.repository.commit("other", {f"{name}.h": f"#define {name.upper()} 7\n" for name in "abcde"})
    copy.repository.git("rm", "--quiet", "--", "Kconfig")
    copy.repository.git("checkout", "--quiet", "--force", "main")
    done = copy.kseries("pick", "2", "--onto", "other", target="base~0..main~2")
    assert done.returncode == 2 and done.stdout == ""
    said = "kseries: --onto other: none of the 4 patches applies there: conflicts in a.h, b.h, c.h and 1 more"
    assert done.stderr.splitlines()[-1] == said


# --- mails ----------------------------------------------------------------------------------------


@pytest.mark.full("e2e")
def test_of_patches_in_files_the_commands_find_commits_by_their_subjects(copy: Linux) -> None:
    git = copy.repository.git
    git("format-patch", "--quiet", "-o", "../patches", "base..main")
    git("checkout", "--quiet", "-b", "theirs", "base")
    git("am", "--quiet", *map(str, sorted((copy.place / "patches").glob("*.patch"))))
    git("checkout", "--quiet", "--detach", "base")
    status, told = copy.json("revert", "1", target="patches")
    (command,) = told["commands"]
    assert status == 0 and command == r"git revert 'HEAD^{/^lib: Report \(the\) kind}'"
    git("checkout", "--quiet", "theirs")
    (_, _, named) = shlex.split(command)
    assert git("log", "-1", "--format=%s", named) == "lib: Report (the) kind"
    status, told = copy.json("pick", "3", target="patches")
    assert told["commands"] == ["git am --3way patches/0003-lib-Annotate.patch"]


# --- in a run -------------------------------------------------------------------------------------


def revert_sets(linux: Linux) -> dict[int, tuple[list[int], bool]]:
    result = read_one((linux.place / "out" / "result.json").read_text())
    return {one["asked"][0]: (one["patches"], one["proved"]) for one in result.get("revert_sets", [])}


def test_a_run_tells_the_sets_that_its_own_trees_prove_beside_the_squash(ran: Linux) -> None:
    assert revert_sets(ran) == {3: ([3, 4], True)}, "of 2 the run has not what would prove it"
    said = ran.said
    assert "squash 3/6 and 4/6, which are then reverted together" in said
    assert "  To take 3/6 out: revert 4/6, then 3/6. Proved on x86_64: no smaller set does." in said.splitlines()
    assert "To take 3/6 out: revert 4/6, then 3/6." in (ran.place / "out" / "report.html").read_text()
    assert not (ran.place / "out" / "sets").exists()


@pytest.mark.full("e2e")
def test_what_others_have_left_in_the_cache_makes_a_run_no_other(copy: Linux) -> None:
    assert copy.json("revert", "2")[0] == 0
    assert copy.kseries("run", "--out", "out").returncode == 1
    assert revert_sets(copy) == {3: ([3, 4], True)}


@pytest.mark.full("e2e")
def test_with_revert_sets_a_run_builds_what_it_takes(copy: Linux) -> None:
    done = copy.kseries("run", "--out", "out", "--revert-sets", "--most", "1")
    assert revert_sets(copy) == {2: ([2, 4, 6], False), 3: ([3, 4], True)}
    assert "  To take 2/6 out: revert 6/6, 4/6, then 2/6. Not proved to be the smallest set." in done.stdout
    done = copy.kseries("run", "--out", "out", "--revert-sets")
    assert revert_sets(copy) == {2: ([2, 4, 6], True), 3: ([3, 4], True)}
    assert "To revert what does not go alone:\n  To take 2/6 out: revert 6/6, 4/6, then 2/6. Proved" in done.stdout
    assert "To take 2/6 out: revert" in (copy.place / "out" / "report.html").read_text()
    mails = typed(copy.place, "report", "out", "--format", "mail").stdout
    assert mails.count("To take 3/6 out: revert 4/6, then 3/6.") == 1
