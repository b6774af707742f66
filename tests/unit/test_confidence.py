# SPDX-License-Identifier: GPL-2.0-only
"""A search with a confidence over a series, whose kernels answer from what is known, and what is said of it."""

import argparse
import dataclasses
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from kseries.bisect import confidence, priors
from kseries.bisect.answer import Answer, Asked, Question
from kseries.bisect.asking import Answers
from kseries.bisect.confidence import Sure
from kseries.bisect.rates import Estimate, Rates
from kseries.bisect.search import Asked as AskedOf
from kseries.bisect.search import Ending, Searched, Settings
from kseries.cache.flakes import Family, Flakes
from kseries.cli import confidence as typed
from kseries.host import paths
from kseries.model import Check, Observation, Outcome, State, Status
from kseries.model.errors import InputError
from kseries.report import searches
from kseries.report.live import Progress
from tests.support.bisections import PATCHES, SEEN, Laid, broken_from
from tests.support.engines import seen_of
from tests.support.judged import result_of as result
from tests.support.kbuild import SETUP, Kernel

_ATTEMPTS, _MOST_BOOTS = 8, 4
FAULT = 5


@pytest.fixture
def laid(kernel: Kernel, tmp_path: Path) -> Laid:
    """Each kernel answers the same however often it is asked; all from the fifth patch on are bad."""
    made = Laid(kernel, tmp_path)
    answers = broken_from(FAULT)
    made.know(answers)
    named = dict(zip(map(made.kernel.store.tree_of, made.commits), answers, strict=True))
    undone = made.runner.state(f"without-{FAULT}").tree
    assert undone is not None
    asked_often = [*made.commits[FAULT - 2 : FAULT + 1], made.commits[0], made.commits[-1]]
    for tree in {*map(made.kernel.store.tree_of, asked_often), undone}:
        answer = named.get(tree, Answer.GOOD)
        state = State(id="known", scenario="commit", applied=(), tree=tree)
        for attempt in range(_ATTEMPTS):
            for boots in range(1, _MOST_BOOTS):
                seen = msgspec.structs.replace(result(state, SEEN[answer]), boots=boots if boots > 1 else UNSET)
                key = dataclasses.replace(SETUP, attempt=attempt, repeat=boots).key(tree)
                made.store.put(key, seen_of(seen), tmp_path)
    return made


def search(laid: Laid, question: Question | None = None, boots: int = 100) -> Sure:
    return confidence.run(laid.runner, question or Question(), Settings(boots=boots), None, lambda _: None)


def test_a_steady_fault_is_found_and_proved_and_nothing_is_built(laid: Laid) -> None:
    found = search(laid)
    assert found.searched.end is Ending.FOUND
    assert found.searched.blamed == (f"prefix-{FAULT}",)
    assert found.searched.suspects[0].probability >= 0.99
    assert found.proof is not UNSET and found.proof.proved, found.proof
    assert laid.builds == []
    text = searches.render(found)
    assert f"prefix-{FAULT} 'patch {FAULT}' is the first bad one, with a probability of 0.99 or more." in text
    assert "Proved: " in text


def test_a_proof_of_one_boot_believes_what_the_search_has_learned_of_bad_kernels(laid: Laid) -> None:
    found = confidence.run(laid.runner, Question(), Settings(), 1, lambda _: None)
    assert found.proof is not UNSET and not found.proof.proved
    assert "bad kernels pass up to " in found.proof.why[0]


def test_who_may_not_boot_any_more_blames_nobody(laid: Laid) -> None:
    found = search(laid, boots=5)
    assert found.searched.end is Ending.SPENT
    assert 1 < len(found.searched.blamed) <= PATCHES
    assert found.searched.suspects[0].probability < 0.99
    assert found.proof is UNSET
    assert "No more boots were allowed" in searches.render(found)


def test_what_a_build_reads_is_suspected_more_than_what_it_does_not() -> None:
    touched = [frozenset(paths) for paths in (["a.c"], ["doc/b"], ["doc/b", "a.c"], ["x/Makefile"], ["scripts/y"], [])]
    ends = {"a.c", "doc/b", "x/Makefile", "scripts/y"}
    compiled, unread, both, by_make, by_script, merge = priors.weights(touched, {"a.c", "c.h"}, ends)
    assert compiled == both == by_make == by_script
    assert compiled > merge > unread > 0


@pytest.mark.parametrize("path", ["came/and/went.c", "arch/x86/entry/syscalls/syscall_64.tbl", "x/foo_defconfig"])
def test_what_the_builds_of_the_ends_can_tell_nothing_of_is_suspected_as_what_they_read(path: str) -> None:
    ends = {"a.c", "doc/b", "arch/x86/entry/syscalls/syscall_64.tbl", "x/foo_defconfig"}
    known, other = priors.weights([frozenset({"a.c"}), frozenset({path})], {"a.c"}, ends)
    assert known == other


def test_what_is_remembered_of_the_range_itself_is_no_hint_of_how_good_kernels_fail(
    laid: Laid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    setup = laid.runner.setup
    family = Family.of(laid.runner.base.version, setup.accel.name, setup.conditions)
    paths.cache().mkdir(parents=True, exist_ok=True)
    memory = Flakes(paths.cache())
    passed = Check(id="p.a", status=Status.PASS)
    inside = confidence.trees(laid.runner)
    assert inside == {*map(laid.kernel.store.tree_of, laid.commits)}
    for tree in (*inside, "another"):
        seen = Observation(tree=tree, outcome=Outcome.OK, checks=(passed,), flaky=("p.a",), boots=9)
        memory.count(tree, family, msgspec.structs.replace(seen, failures={"p.a": 3}))
    args = argparse.Namespace(confidence=0.99, boots=None)
    found = typed._settings(args, laid.runner, Question(Asked.CHECK, "p.a"), Progress(sys.stderr))
    assert found.rates == Rates().with_memory(3, 9), "of the other tree alone"


def test_a_bound_on_boots_without_a_confidence_is_told() -> None:
    with pytest.raises(InputError, match=r"^--boots: it bounds a search with a confidence"):
        typed.check(argparse.Namespace(confidence=None, boots=3, replay=None, build=False))


def test_a_kernel_that_is_another_is_not_counted_and_a_long_subject_is_cut() -> None:
    answers = Answers(passed=3)
    asked = (AskedOf(commit="a", answers=answers), AskedOf(commit="b", answers=Answers(passed=3, same="a")))
    found = Sure(
        confidence=0.9,
        searched=Searched(
            end=Ending.FOUND,
            blamed=("c",),
            suspects=(),
            bad_passes=Estimate(mean=0.0, low=0.0, high=0.0),
            asked=asked,
            boots=3,
        ),
        names={"c": "\x1b[31m" + "x" * 300},
    )
    first, last = searches.render(found).strip().splitlines()
    assert last == "It took 3 boots of 1 kernel."
    assert "\x1b" not in first and "[and 200 more characters]' is the first bad one" in first
    assert searches.line_of(asked[1]) == "b            is a, byte for byte"
