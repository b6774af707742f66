# SPDX-License-Identifier: GPL-2.0-only
"""The search for the patch with which a revert begins to break what always worked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log2
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.bisect import partners
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import stateresult
from kseries.judge.losses import Symptom, What
from kseries.judge.partners import Halving, of_finding, state_id, with_partners, with_proof
from kseries.model import Advice, FindingKind, Outcome, Series, Squash, State, StateResult
from tests.support import runs
from tests.support.judged import FAIL, MISSING, OFF, PASS, SOUND, Seen, nothing, plan_of, run
from tests.support.told import lines

COUNT = 40
X, Y = (Symptom(What.CHECK, name) for name in ("p.x", "p.y"))


def searched(
    patch: int, count: int, answers: Mapping[Symptom, Mapping[int, bool | None]]
) -> tuple[dict[Symptom, int], list[int]]:
    """The partners, and up to which patches the series was built for them."""
    asked: list[int] = []
    halving = Halving(patch, count, tuple(answers))
    while (upto := halving.next()) is not None:
        asked.append(upto)
        halving.saw(upto, {symptom: seen[upto] for symptom, seen in answers.items()}.__getitem__)
        assert len(asked) <= count
    return halving.partners, asked


def since(first: int) -> dict[int, bool | None]:
    """A symptom that is there from some patch on."""
    return {upto: upto >= first for upto in range(1, COUNT + 1)}


@given(st.integers(1, COUNT - 1), st.data())
def test_the_partner_is_the_patch_with_which_it_begins(patch: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(patch + 1, COUNT))
    partners, asked = searched(patch, COUNT, {X: since(first)})
    assert partners == {X: first}
    assert len(asked) <= 2 + ceil(log2(COUNT))


@given(st.integers(1, COUNT - 1), st.lists(st.sampled_from([True, False, None]), min_size=COUNT, max_size=COUNT))
def test_whatever_was_seen_the_partner_has_it_and_the_patch_before_has_not(patch: int, seen: list[bool | None]) -> None:
    answers: dict[int, bool | None] = {**dict(enumerate(seen, 1)), COUNT: True}
    partners, _ = searched(patch, COUNT, {X: answers})
    for partner in partners.values():
        assert partner > patch
        assert (answers[partner - 1], answers[partner]) == (False, True)
    if answers[patch] is not False:  # what fails before the patch came does not begin to need it
        assert partners == {}


def test_where_it_cannot_be_told_there_is_no_partner() -> None:
    assert searched(1, COUNT, {X: {**since(30), 20: None}}) == ({}, [1, 20])


def test_the_last_patch_has_nothing_after_it() -> None:
    assert searched(COUNT, COUNT, {X: since(COUNT)}) == ({}, [])


def test_symptoms_of_one_revert_share_their_kernels() -> None:
    partners, asked = searched(1, COUNT, {X: since(12), Y: since(13)})
    assert partners == {X: 12, Y: 13}
    assert len(asked) == len({*asked}) <= 3 + ceil(log2(COUNT))


def test_each_partner_has_a_finding_with_the_symptoms_that_are_its() -> None:
    judged = run(
        {**dict.fromkeys(SOUND, OFF), "without-1": OFF.but(other__works=FAIL, flag__refused=MISSING)}, contracts=()
    )
    (finding,), states = judged.findings, judged.states
    other, refused = Symptom(What.CHECK, "other.works"), Symptom(What.CHECK, "flag.refused", lost=True)
    assert {*of_finding(finding, states["base"], states["prefix-3"], states["without-1"])} == {other, refused}

    def told(
        message: str, partners: Mapping[Symptom, int | None]
    ) -> list[tuple[FindingKind, int | None, int | None, tuple[str, ...]]]:
        patches = plan_of(tuple(SOUND), message=message).patches
        found = with_partners(finding, states["without-1"], partners, patches)
        return [(one.kind, one.patch, one.partner, lines(one.evidence)) for one in found]

    breaks, undocumented = FindingKind.SILENT_BREAK, FindingKind.UNDOCUMENTED_DEPENDENCY
    assert told("This needs 'KVM: patch 1'.", {other: 2, refused: None}) == [
        (breaks, 1, 2, ("other.works: fail",)),
        (breaks, 1, None, ("flag.refused: missing",)),
    ]
    assert told("", {refused: 3, other: 3}) == [
        (breaks, 1, 3, ("flag.refused: missing", "other.works: fail")),
        (undocumented, 3, 1, ("flag.refused: missing", "other.works: fail")),
    ]


LOST = dict.fromkeys(SOUND, OFF)
"""A series that promises nothing, in which every check of base passes everywhere."""


def squashed(changed: Mapping[str, Seen]) -> Squash:
    """The series with 1 and 2 made one, whose states are like those of the whole one."""
    judged = run({**LOST, **changed}, contracts=())
    states = tuple(judged.states.values())
    return Squash(id="squash-1+2", patches=(), states=states, findings=judged.findings, verdict=judged.verdict)


@pytest.mark.parametrize(
    ("together", "others", "verified"),
    [
        (OFF, {}, True),
        (nothing(Outcome.CONFLICT), {}, True),
        (OFF.but(other__works=FAIL), {}, False),
        (replace(OFF, flaky=("other.works",)), {}, None),
        (nothing(Outcome.INFRA_ERROR), {}, None),
        (OFF, {"without-2": OFF.but(flag__refused=FAIL)}, True),  # as it was before
        (OFF, {"prefix-1": OFF.but(other__works=FAIL)}, False),
        (OFF, {"prefix-1": nothing(Outcome.INFRA_ERROR)}, None),
    ],
    ids=["gone", "loud", "left", "flaky", "not seen", "another's", "new", "not all seen"],
)
def test_a_squash_is_proved_by_the_two_reverted_together(
    together: Seen, others: Mapping[str, Seen], verified: bool | None
) -> None:
    """However many findings there are that look like it: each is asked for its own symptoms."""
    lost = {"without-1": OFF.but(other__works=FAIL), "without-3": OFF.but(flag__refused=FAIL)}
    judged = run({**LOST, **lost}, contracts=())
    finding = msgspec.structs.replace(judged.findings[0], partner=2, advice=Advice(squash=(1, 2)))
    alike = msgspec.structs.replace(judged.findings[1], partner=5, evidence=finding.evidence)
    twins = (msgspec.structs.replace(judged.findings[1], partner=4), alike)
    tried = {Advice(squash=(1, 2)): squashed({"without-1": together, **others})}
    told = with_proof(finding, (finding, *twins), judged.states, tried, {"prefixes", "reverts"})
    assert told.advice is not None and told.advice.verified is verified


def test_a_state_of_the_search_is_named_after_what_it_is() -> None:
    assert state_id(3, 1) == "prefix-3/without-1"


@dataclass(frozen=True)
class Laid:
    """A runner on which every state comes through, with a log where a run's are."""

    out: Path
    series: Any
    patches: tuple[Any, ...]

    def state(self, name: str) -> State:
        return State(id=name, scenario="", applied=(), tree=None)

    def results(self, state: State) -> dict[str, StateResult]:
        logs = {"console": f"states/{state.id}/console.log"}
        return {state.id: msgspec.structs.replace(stateresult.bare(state, outcome=Outcome.OK, detail=""), logs=logs)}


def test_the_logs_of_the_search_are_told_from_where_the_result_is(tmp_path: Path) -> None:
    lost = runs.checks(p__a=FAIL)
    had = runs.checks(p__a=PASS)
    told = runs.finding(FindingKind.SILENT_BREAK, "without-1", "p.a: fail: why it did not", patch=1)
    states = (
        runs.state("base", checks=had),
        runs.state("prefix-2", checks=had),
        runs.state("without-1", 1, checks=lost),
    )
    result = runs.run(*states, findings=(told,))
    runner = Laid(tmp_path, Series(name="s", version=1, patches=()), result.series.patches)
    found = partners.find(runs.judgement(result), cast(StateRunner, runner))
    assert [one.logs for one in found.searched] == [
        {"console": "search/states/prefix-1/without-1/console.log"},
    ]
