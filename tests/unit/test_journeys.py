# SPDX-License-Identifier: GPL-2.0-only
"""Journeys: real faults in a tiny kernel that make compiles, real bisections, and the ends that a run has judged."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kseries.bisect import fault, journeys
from kseries.bisect.staterunner import StateRunner
from kseries.model import AppliedPatch, End, FindingKind, Outcome, RunResult, StateResult
from kseries.report import text as report
from kseries.sources import TreeStore
from tests.support import runs
from tests.support.bisections import AT_ALL, PATCHES, Laid, text
from tests.support.gitrepo import Repository
from tests.support.judged import SILENT, result_of
from tests.support.kbuild import KERNEL


def judged(laid: Laid, *silent: int, loud: tuple[int, ...] = ()) -> RunResult:
    """A run in which some reverts break a promise silently, and others do not build."""
    states: list[StateResult] = []
    for number in range(1, PATCHES + 1):
        state = laid.runner.state(f"without-{number}")
        result = result_of(state, SILENT)
        if number in loud:
            result = msgspec.structs.replace(result, outcome=Outcome.BUILD_FAILED, detail="no x")
        holds = number not in silent
        result = msgspec.structs.replace(result, contracts=(runs.contract(holds),), checks=())
        states.append(result)
    found = tuple(
        runs.finding(FindingKind.SILENT_BREAK, f"without-{one}", "a.b: fail", patch=one, partner=7, contract="feature")
        for one in silent
    )
    whole = runs.run(*states, findings=found)
    series = msgspec.structs.replace(whole.series, patches=laid.runner.patches)
    return msgspec.structs.replace(whole, series=series)


def walked(run: RunResult, runner: StateRunner) -> RunResult:
    """The run with its journeys."""
    return msgspec.structs.replace(run, journeys=journeys.walk(runs.judgement(run), runner, lambda _: None))


def test_each_patch_is_blamed_for_the_fault_that_it_brings_and_ends_as_its_revert_was_judged(
    lay: Callable[..., Laid],
) -> None:
    laid = lay()
    laid.know(AT_ALL)
    result = walked(judged(laid, 3, loud=(5,)), laid.runner)
    assert [one.blamed for one in result.journeys] == [*range(1, PATCHES + 1)]
    ends = {one.patch: one.end for one in result.journeys if one.end is not End.SAFE}
    assert ends == {3: End.SILENT, 5: End.LOUD}
    assert all(one.fault is not None and one.fault.startswith("main.c:") for one in result.journeys)
    assert all(one.steps == 3 for one in result.journeys)
    said = report.render(result)
    assert "3/8 'patch 3': silently broken\n    a fault at main.c:" in said
    assert "still advertises KVM_CAP_FEATURE (by patch 7), and does not keep it: a.b: fail" in said
    assert "the revert is told of: build-failed: no x" in said


def test_a_patch_in_which_no_build_would_notice_a_fault_is_blamed_by_nobody(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    before = laid.runner.patches[0].tree_before
    words = laid.kernel.store.tree_of(laid.repository.commit("words", {**KERNEL, "main.c": text(0), "doc.rst": "x\n"}))
    patch = msgspec.structs.replace(laid.runner.patches[0], tree_before=before, tree_after=words)
    runner = dataclasses.replace(laid.runner, patches=(patch,))
    (journey,) = walked(judged(laid), runner).journeys
    assert (journey.fault, journey.blamed, journey.end) == (None, None, End.SAFE)


def test_a_revert_that_breaks_what_always_worked_ends_a_journey_silently(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    result = judged(laid)
    lost = runs.finding(FindingKind.SILENT_BREAK, "without-3", "other.works: fail", patch=3, partner=5)
    result = walked(msgspec.structs.replace(result, findings=(lost,)), laid.runner)
    assert {one.patch: one.end for one in result.journeys if one.end is not End.SAFE} == {3: End.SILENT}
    assert "breaks what works on the base and with the whole series: other.works: fail" in report.render(result)


@pytest.fixture
def store(tmp_path: Path) -> tuple[Repository, TreeStore]:
    repository = Repository(tmp_path / "linux")
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    return repository, store


def test_a_fault_is_put_behind_lines_of_code_and_nowhere_else(store: tuple[Repository, TreeStore]) -> None:
    repository, trees = store
    before = trees.tree_of(repository.commit("before", {"a.c": "one\ntwo\n"}))
    more = "one\nnew\n\n/* said\n * more\n */\n#define x \\\n\t1\ntwo\n"
    after = trees.tree_of(repository.commit("after", {"a.c": more, "d.rst": "x\n", "k/Kconfig": "config X\n"}))
    patch = AppliedPatch(number=1, subject="", tree_before=before, tree_after=after)
    found = list(fault.places(patch, trees))
    assert [(one.path, one.text) for one in found] == [("a.c", "new"), ("a.c", "\t1"), ("k/Kconfig", "config X")]
    assert str(found[0]) == "a.c:3"
    faulty = found[0].put(more.encode())
    assert faulty.decode().splitlines()[:3] == ["one", "new", "#error this is not so"]


def test_a_fault_in_lines_that_a_later_patch_has_changed_is_no_one_patchs(store: tuple[Repository, TreeStore]) -> None:
    repository, trees = store
    texts = ("one\ntwo\n", "one\nnew\ntwo\n", "one\nnewer\ntwo\n")
    base, first, second = (trees.tree_of(repository.commit("x", {"a.c": text})) for text in texts)
    patches = (
        AppliedPatch(number=1, subject="", tree_before=base, tree_after=first),
        AppliedPatch(number=2, subject="", tree_before=first, tree_after=second),
    )
    assert list(fault.some(patches, 1, None, trees, 3)) == []
    assert list(fault.some(patches, 2, base, trees, 3)) == []  # not what the sound series is without it
    ((place, faulty),) = fault.some(patches, 2, first, trees, 3)
    assert place.text == "newer"
    assert [patch.number for patch in faulty] == [1, 2]
