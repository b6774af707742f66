# SPDX-License-Identifier: GPL-2.0-only
"""Probes that a run leaves out (--quick, --probe): nothing is made of what they would have told."""

import msgspec

from kseries import arch
from kseries.app import setup
from kseries.evaluate.setup import Setup
from kseries.inputs import contracts
from kseries.judge import asked, contract_verdict
from kseries.kbuild.config import Config
from kseries.model import Accel, Check, Contract, Outcome, StateResult, Status
from kseries.report import grounds, text
from tests.support.judged import FEATURE, SOUND, run
from tests.support.runs import contract, state
from tests.support.runs import run as run_of

ALL = Contract(
    id="one", title="", when="CAP", checks=("p.always", "p_slow.race"), optional=("q.hardware",), otherwise=("c.no",)
)
PASS, FAIL, SKIP = Status.PASS, Status.FAIL, Status.SKIP


def _state(advertised: bool, **statuses: Status) -> StateResult:
    return StateResult(
        id="tip", scenario="prefixes", applied=(), patch=None, tree="", same_as=None, outcome=Outcome.OK,
        caps={"CAP": int(advertised)},
        checks=tuple(Check(id=name.replace("__", "."), status=status) for name, status in statuses.items()),
    )  # fmt: skip


def test_a_check_that_was_left_out_is_neither_missing_nor_kept() -> None:
    quick = asked(ALL, ("c", "p", "q"))
    verdict = contract_verdict(quick, _state(True, p__always=PASS, q__hardware=PASS), {})
    assert (verdict.holds, verdict.failed, verdict.untested) == (None, (), ("p_slow.race",))


def test_nor_is_an_optional_one() -> None:
    verdict = contract_verdict(asked(ALL, ("c", "p", "p_slow")), _state(True, p__always=PASS, p_slow__race=PASS), {})
    assert (verdict.holds, verdict.untested) == (None, ("q.hardware",))


def test_what_fails_is_a_violation_whatever_was_left_out() -> None:
    verdict = contract_verdict(asked(ALL, ("c", "p")), _state(True, p__always=FAIL), {})
    assert (verdict.holds, verdict.failed) == (False, ("p.always",))


def test_where_nothing_is_advertised_nothing_was_left_out() -> None:
    verdict = contract_verdict(asked(ALL, ("c",)), _state(False, c__no=PASS), {})
    assert (verdict.holds, verdict.untested) == (True, ())


def test_nor_is_what_only_a_kernel_that_does_not_advertise_is_asked() -> None:
    verdict = contract_verdict(asked(ALL, ("p", "p_slow", "q")), _state(False), {})
    assert (verdict.advertised, verdict.holds, verdict.failed, verdict.untested) == (False, None, (), ("c.no",))


def test_a_revert_of_what_advertises_breaks_nothing_that_was_left_out() -> None:
    refused = msgspec.structs.replace(FEATURE, otherwise=("other_probe.flag_refused",))
    seen = {name: one.without("flag.refused") for name, one in SOUND.items()}
    judged = run(seen, contracts=(asked(refused, ("feature", "other")),))
    assert (judged.essence, judged.answers) == ([], (None, None)), "and nobody knows that it breaks nothing"
    told = grounds.why_not(run_of(*judged.states.values(), findings=judged.findings, verdict=judged.verdict))
    assert told == "of kernels without what it advertises nobody asked other_probe.flag_refused"
    foreign = msgspec.structs.replace(refused, id="foreign", when="FOREIGN")
    elsewhere = {name: one.with_cap("FOREIGN", 0) for name, one in SOUND.items()}
    judged = run(elsewhere, contracts=(FEATURE, asked(foreign, ("feature", "other"))))
    assert (judged.essence, judged.answers) == ([], (True, True)), "of what the series does not bring"


def test_by_a_check_that_was_left_out_nobody_knows_what_is_advertised() -> None:
    there = msgspec.structs.replace(FEATURE, when="feature_slow.there")
    judged = run(SOUND, contracts=(asked(there, ("feature", "flag")),))
    assert {one.advertised for state in judged.states.values() for one in state.contracts} == {None}
    assert (judged.essence, judged.answers) == ([], (None, None))


def test_with_all_probes_a_contract_is_what_it_was() -> None:
    assert asked(ALL, ("c", "p", "p_slow", "q")) == ALL


def test_an_optional_check_that_was_skipped_is_named() -> None:
    tip = _state(True, p__always=PASS, p_slow__race=PASS, q__hardware=SKIP)
    verdict = contract_verdict(ALL, tip, {check.id: check for check in tip.checks})
    assert (verdict.holds, verdict.untested) == (True, ("q.hardware",))


def names(*, quick: bool) -> tuple[str, ...]:
    return tuple(probe.name for probe in setup.chosen(None, quick))


USUAL = tuple(name for name in setup.known_probes() if name != "surface")
"""Those that need not be asked for."""


def test_the_surface_is_listed_where_somebody_asks_for_it() -> None:
    def named(asked: tuple[str, ...] | None, *, surface_too: bool) -> tuple[str, ...]:
        return tuple(probe.name for probe in setup.chosen(asked, False, surface_too=surface_too))

    assert "surface" in setup.known_probes()
    assert named(None, surface_too=False) == USUAL
    assert named(None, surface_too=True) == (*USUAL, "surface")
    assert named(("surface",), surface_too=False) == ("capabilities", "surface")
    assert named(("surface",), surface_too=True) == ("capabilities", "surface")
    assert named((), surface_too=False) == ()


def test_quick_leaves_out_the_probes_that_say_they_are_slow() -> None:
    assert names(quick=False) == USUAL
    assert {*USUAL} - {*names(quick=True)} == {"exit_on_missing_slow"}


def test_a_quick_result_is_not_taken_for_a_whole_one() -> None:
    def key(quick: bool, repeat: int = 1) -> str:
        probes = setup.chosen(None, quick)
        return Setup(arch.get("x86_64"), Accel(name="tcg", why=""), "", Config(""), probes, "", repeat).key("tree")

    assert len({key(False), key(True), key(False, 2), key(True, 2)}) == 4


def test_every_contract_can_be_judged_without_the_slow_probes() -> None:
    for whole in contracts.ours():
        quick = asked(setup.as_driven(whole, names(quick=True)), names(quick=True))
        assert quick.checks and not set(quick.left_out) & {*quick.checks, *quick.optional}
        assert all(name.partition(".")[0].endswith("_slow") for name in quick.left_out)


def test_the_report_says_that_it_was_quick_and_what_nobody_tried() -> None:
    given = msgspec.structs.replace(contract(None), untested=("p.hardware", "p_slow.race"))
    skipped = Check(id="p.hardware", status=SKIP, detail="no SVM\nat all")
    tip = state("prefix-2", 2, applied=(1, 2), contracts=(given,), checks=(skipped,))
    shown = text.render(run_of(state("base"), tip, quick=True))
    assert "quick: the slow probes were left out" in shown
    assert "not tested on the tip, though feature asks for it: p.hardware (no SVM)" in shown
    assert "not tested on the tip, though feature asks for it: p_slow.race (left out)" in shown


def test_a_report_of_a_whole_run_says_nothing_of_it() -> None:
    shown = text.render(run_of(state("base"), state("prefix-2", 2, applied=(1, 2), contracts=(contract(),))))
    assert "quick" not in shown and "not tested" not in shown
