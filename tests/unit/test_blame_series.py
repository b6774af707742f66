# SPDX-License-Identifier: GPL-2.0-only
"""A patch that a bisection found, and the proof that it is to blame: eight patches with stored results."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
from msgspec import UNSET

from kseries.bisect import bisection
from kseries.bisect.answer import Answer, Asked, Question
from kseries.bisect.bisection import Bisected
from kseries.bisect.blame import Proof
from kseries.model import State
from kseries.report import bisections, json
from tests.support.bisections import BAD, PATCHES, Laid, broken_from
from tests.support.engines import seen_of
from tests.support.judged import ON, PASS, Seen
from tests.support.judged import result_of as result
from tests.support.kbuild import SETUP

CHECK = Question(Asked.CHECK, "other.works")
FLAKY = replace(ON.but(other__works=PASS), flaky=("other.works",))
BOOTS = 3


def again(laid: Laid, tree: str, seen: Seen, failures: int = 0) -> None:
    """What the further boots of a tree's kernel answer."""
    state = State(id="known", scenario="prefixes", applied=(), tree=tree)
    told = msgspec.structs.replace(result(state, seen), boots=BOOTS - 1)
    if failures:
        told = msgspec.structs.replace(told, failures={"other.works": failures})
    key = replace(SETUP, attempt=1, repeat=BOOTS - 1).key(tree)
    laid.store.put(key, seen_of(told), laid.place)


def known(laid: Laid, first: int) -> None:
    """All of a fault that one patch brings and no other one has to do with, however often it is asked."""
    laid.know(broken_from(first))
    again(laid, tree_of(laid, first), BAD)
    again(laid, tree_of(laid, first - 1), ON)
    again(laid, without(laid, first), ON)


def tree_of(laid: Laid, number: int) -> str:
    return laid.kernel.store.tree_of(laid.commits[number])


def without(laid: Laid, number: int) -> str:
    tree = laid.runner.state(f"without-{number}").tree
    assert tree is not None
    return tree


def proof_of(laid: Laid, question: Question | None = None, boots: int = BOOTS) -> Proof:
    found = bisection.run(laid.runner, question or Question(), lambda _: None, prove=boots)
    assert laid.builds == []
    assert found.proof is not UNSET
    return found.proof


def counts(proof: Proof) -> list[tuple[str, int, int]]:
    return [(one.name, one.passed, one.failed) for one in proof.legs]


def test_a_patch_that_breaks_and_whose_revert_mends_is_proved(lay: Callable[..., Laid]) -> None:
    laid = lay()
    known(laid, 3)
    proof = proof_of(laid)
    assert (proof.proved, proof.why) == (True, ())
    assert counts(proof) == [("prefix-2", 3, 0), ("prefix-3", 0, 3), ("without-3", 3, 0)]


def test_base_is_a_parent_that_is_asked_as_often(lay: Callable[..., Laid]) -> None:
    laid = lay()
    known(laid, 1)
    proof = proof_of(laid)
    assert proof.proved
    assert counts(proof)[0] == ("base", 3, 0)


def test_base_that_fails_when_it_is_asked_again_is_no_innocent(lay: Callable[..., Laid]) -> None:
    laid = lay()
    known(laid, 1)
    again(laid, tree_of(laid, 0), FLAKY, failures=1)
    assert "its parent failed 1 of 3 boots" in " ".join(proof_of(laid, CHECK).why)


def test_a_parent_that_fails_at_times_is_no_innocent(lay: Callable[..., Laid]) -> None:
    laid = lay()
    known(laid, 3)
    again(laid, tree_of(laid, 2), FLAKY, failures=1)
    proof = proof_of(laid, CHECK)
    assert not proof.proved
    assert proof.why == ("its parent failed 1 of 3 boots: other.works: two boots, two answers",)


def test_one_boot_of_each_is_what_the_bisection_has_seen(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(broken_from(3))
    proof = proof_of(laid, boots=1)
    assert proof.proved
    assert counts(proof) == [("prefix-2", 1, 0), ("prefix-3", 0, 1), ("without-3", 1, 0)]


def test_the_last_patchs_revert_is_its_parent_and_counts_once(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(broken_from(PATCHES))
    again(laid, tree_of(laid, PATCHES), BAD)
    again(laid, tree_of(laid, PATCHES - 1), ON)
    proof = proof_of(laid)
    assert proof.proved
    assert proof.legs[-1].same == f"prefix-{PATCHES - 1}"


def test_a_build_is_proved_by_one_of_each(lay: Callable[..., Laid]) -> None:
    laid = lay()
    answers = [Answer.GOOD] * 3 + [Answer.UNTESTABLE] * (PATCHES - 2)
    laid.know(answers)
    proof = proof_of(laid, Question(Asked.BUILD))
    assert proof.proved
    assert proof.boots == 1
    assert counts(proof) == [("prefix-2", 1, 0), ("prefix-3", 0, 1), ("without-3", 1, 0)]


def test_who_asks_for_no_proof_gets_what_there_always_was(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(broken_from(3))
    found = laid.run()
    assert found.proof is UNSET
    assert '"proof"' not in json.document(found)
    assert "roved" not in text(laid, found)


def test_a_proof_is_told_with_the_boots_of_each_kernel(lay: Callable[..., Laid]) -> None:
    laid = lay()
    known(laid, 3)
    found = bisection.run(laid.runner, Question(), lambda _: None, prove=BOOTS)
    said = text(laid, found)
    assert "Proved: it fails, what it is made on passes, and so does the bad end without it." in said
    assert "parent   prefix-2                     passed 3 of 3" in said
    assert "culprit  prefix-3                     failed 3 of 3: other.works: fail" in said
    assert "revert   without-3                    passed 3 of 3" in said
    again(laid, tree_of(laid, 2), FLAKY, failures=2)
    found = bisection.run(laid.runner, CHECK, lambda _: None, prove=BOOTS)
    assert "Not proved: its parent failed 2 of 3 boots: other.works: two boots, two answers." in text(laid, found)


def text(laid: Laid, found: Bisected) -> str:
    return bisections.render(found, laid.runner.patches, laid.runner.out / "bisect.log")


def test_several_suspects_are_not_proved(lay: Callable[..., Laid]) -> None:
    laid = lay()
    answers = broken_from(6)
    answers[4] = answers[5] = Answer.UNTESTABLE
    laid.know(answers)
    found = bisection.run(laid.runner, Question(), lambda _: None, prove=BOOTS)
    assert len(found.suspects) == 3
    assert found.proof is UNSET
