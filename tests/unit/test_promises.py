# SPDX-License-Identifier: GPL-2.0-only
"""Promises that no contract speaks of: what is inferred, what is suspected to break it, and what is not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET

from kseries import inputs, judge
from kseries.app import rundir
from kseries.host import paths
from kseries.inputs import contracts as contract_files
from kseries.judge import drafts, promises
from kseries.judge.promises import Promise
from kseries.model import (
    CAPABILITY,
    Contract,
    Ending,
    Finding,
    FindingKind,
    Inference,
    Outcome,
    Part,
    Plan,
    RunResult,
    State,
    StateResult,
    surface,
)
from kseries.model.errors import InputError
from kseries.probes import baseline
from kseries.report import contractfile
from tests.support.judged import FAIL, MISSING, PASS, SKIP, Seen, nothing
from tests.support.promised import Ask, Feature, World, alone
from tests.support.runs import SPLIT

MISSING_PAGE = Part(kind=CAPABILITY, name="KVM_CAP_EXIT_ON_MISSING")
EXITS = ("read_exits", "write_exits", "fetch_exits", "maps_nothing", "resumes_after_populate", "toggle_is_quiet")
BROKEN = tuple(f"exit_on_missing.{name}" for name in EXITS)


def patches(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


def feature(name: str, *shown: int, **checks: Ask) -> Feature:
    return Feature(name, patches(*shown), {f"{name}.{check}": ask for check, ask in checks.items()})


# --- what real kernels have shown ---------------------------------------------------------------


def split() -> RunResult:
    return rundir.read(SPLIT)[0]


def plan_of(run: RunResult) -> Plan:
    """The plan of a run that was recorded."""
    series, states = run.series, tuple(map(state_of, run.states))
    return Plan(series=series.name, version=series.version, patches=series.patches, base=run.base, states=states)


def state_of(one: StateResult) -> State:
    fields = {*State.__struct_fields__} & {*StateResult.__struct_fields__}
    return State(**{name: getattr(one, name) for name in fields})


def judged(run: RunResult, inference: Inference, contracts: tuple[Contract, ...] = ()) -> tuple[Finding, ...]:
    bare = {one.id: msgspec.structs.replace(one, contracts=()) for one in run.states}
    return judge.judge(plan_of(run), bare, contracts, inference)[1]


def test_what_the_split_series_promises_is_inferred_from_its_states() -> None:
    run = split()
    (promise,) = promises.infer(run.states, "prefix-6")
    assert promise.parts == (MISSING_PAGE,)
    assert {*BROKEN} < {*promise.checks} and "capabilities.flag_accepted" in promise.checks
    assert promise.otherwise == ("capabilities.flag_refused",)


def test_the_silent_break_of_the_split_series_is_suspected_without_a_contract() -> None:
    (found,) = judged(split(), Inference.SUSPECT)
    assert (found.kind, found.state, found.patch, found.partner) == (FindingKind.SUSPECTED_BREAK, "without-3", 3, 4)
    assert (found.promise, found.contract, found.is_advice) == ((MISSING_PAGE,), None, True)
    assert tuple(one.name for one in found.evidence) == BROKEN


def test_nothing_is_suspected_where_nobody_is_to_suspect() -> None:
    assert judged(split(), Inference.OFF) == ()


def test_it_counts_as_a_finding_where_somebody_asks_for_it() -> None:
    run = split()
    bare = {one.id: msgspec.structs.replace(one, contracts=()) for one in run.states}
    for inference, is_advice, answer in ((Inference.SUSPECT, True, None), (Inference.INFERRED, False, False)):
        _, (found,), verdict = judge.judge(plan_of(run), bare, (), inference)
        assert (found.is_advice, verdict.revert_safe, verdict.bisectable) == (is_advice, answer, None)


def squashed(run: RunResult) -> tuple[Plan, dict[str, StateResult]]:
    """The series with patches 3 and 4 made one: its states were recorded, all but the revert of the two. For that
    stands the revert of 4, of which the checks tell the same: it does not show the capability.
    """
    states = {one.id: one for one in run.states}
    made = {"base": states["base"], "without-3": states["without-4"]}
    made |= {f"prefix-{new}": states[f"prefix-{old}"] for new, old in enumerate((1, 2, 4, 5, 6), 1)}
    made |= {f"without-{new}": states[f"without-{old}"] for new, old in ((1, 1), (2, 2), (4, 5), (5, 6))}
    numbers = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 5}

    def renumbered(name: str, one: StateResult) -> StateResult:
        applied = tuple(sorted({numbers[number] for number in one.applied if (name, number) != ("without-3", 3)}))
        patch = int(name.partition("-")[2]) if name != "base" else None
        return msgspec.structs.replace(one, id=name, applied=applied, patch=patch, same_as=None, contracts=())

    results = {name: renumbered(name, one) for name, one in made.items()}
    plan, whole = plan_of(run), tuple(map(state_of, results.values()))
    series = tuple(msgspec.structs.replace(one, number=numbers[one.number]) for one in plan.patches if one.number != 4)
    return msgspec.structs.replace(plan, patches=series, states=whole), results


def test_nothing_is_suspected_of_the_squashed_series_though_it_promises_the_same() -> None:
    plan, results = squashed(split())
    (promise,) = promises.infer(tuple(results.values()), "prefix-5")
    assert promise.parts == (MISSING_PAGE,) and {*BROKEN} < {*promise.checks}
    assert judge.judge(plan, results, (), Inference.INFERRED)[1] == ()


def test_what_a_contract_speaks_of_is_not_inferred() -> None:
    asked = Contract(id="some", title="", when=MISSING_PAGE.name, checks=BROKEN)
    assert {one.kind for one in judged(split(), Inference.SUSPECT, (asked,))} == {
        FindingKind.SILENT_BREAK,
        FindingKind.UNDOCUMENTED_DEPENDENCY,
    }
    some = msgspec.structs.replace(asked, checks=BROKEN[1:])
    (left,) = [one for one in judged(split(), Inference.SUSPECT, (some,)) if one.kind is FindingKind.SUSPECTED_BREAK]
    assert [one.name for one in left.evidence] == [BROKEN[0]]


# --- the contracts that come of it --------------------------------------------------------------


def written(run: RunResult, tmp_path: Path) -> tuple[Contract, ...]:
    """The contracts of a run, as they are read from the file that is written of them."""
    made = drafts.of(promises.infer(run.states, f"prefix-{len(run.series.patches)}"), run.states)
    file = tmp_path / "promises.toml"
    file.write_text(contractfile.render(made, run))
    read = contract_files.read([file])
    assert read == tuple(draft.contract for draft in made.contracts)
    return read


def test_with_the_contract_that_is_written_it_is_a_silent_break_like_any_other(tmp_path: Path) -> None:
    run = split()
    asked = written(run, tmp_path)
    assert [(one.id, one.when, one.otherwise) for one in asked] == [
        ("kvm-cap-exit-on-missing", MISSING_PAGE.name, ("capabilities.flag_refused",))
    ]
    found, advice = judged(run, Inference.SUSPECT, asked)
    assert (found.kind, found.state, found.patch, found.partner) == (FindingKind.SILENT_BREAK, "without-3", 3, 4)
    assert tuple(one.name for one in found.evidence) == BROKEN
    assert advice.kind is FindingKind.UNDOCUMENTED_DEPENDENCY


NASTY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(NASTY, min_size=1, max_size=5, unique=True))
@example(["\U0001fffe", "\U0010ffff\x7f\x00", "\U0001f600 \u202e\ufffe", 'a"\\\n\t'])
def test_names_of_a_guest_come_through_the_file_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, some: list[str]
) -> None:
    contract = Contract(id="a", title=some[0], when="CAP", checks=tuple(some), otherwise=(some[-1],))
    file = tmp_path_factory.mktemp("names") / "promises.toml"
    made = drafts.Drafts(contracts=(drafts.Draft(contract=contract, notes=tuple(some)),), left=tuple(some))
    file.write_text(contractfile.render(made, split()))
    assert contract_files.read([file]) == (contract,)


def test_half_a_character_is_refused() -> None:
    contract = Contract(id="a", title="", when="CAP\udc80", checks=("a.b",))
    with pytest.raises(InputError, match="no contract can have this name"):
        contractfile.render(drafts.Drafts(contracts=(drafts.Draft(contract=contract, notes=()),)), split())


def of_world(world: World) -> tuple[Promise, ...]:
    return promises.infer(tuple(world.results.values()), f"prefix-{world.count}")


MUTE = Ask(patches(), says=False, mute=True)


def drafted(world: World) -> drafts.Drafts:
    return drafts.of(of_world(world), tuple(world.results.values()))


def test_contracts_of_several_capabilities_have_names_of_their_own() -> None:
    world = World(2, (feature("CAP_A", 1, works=Ask(patches())), feature("cap_a", 2, goes=Ask(patches()))))
    assert [one.contract.id for one in drafted(world).contracts] == ["cap-a", "cap-a-2"]


def test_a_check_that_a_state_skips_in_spite_of_it_is_not_written_down() -> None:
    world = World(2, (feature("A", 1, works=Ask(patches()), goes=Ask(patches())),))
    less = world.seen((1,)).but(A__works=SKIP)
    (draft,) = drafted(replace(world, instead={"without-2": less})).contracts
    assert draft.contract.checks == ("A.goes",)
    assert any("A.works" in note for note in draft.notes)


def test_what_the_tip_skips_for_another_reason_is_optional() -> None:
    world = World(1, (feature("A", 1, works=Ask(patches()), huge=Ask(patches())),))
    skips = replace(world.seen((1,)).but(A__huge=SKIP), details={"A.huge": "no huge pages"})
    (draft,) = drafted(replace(world, instead={"prefix-1": skips, "without-1": world.seen(())})).contracts
    assert (draft.contract.checks, draft.contract.optional) == (("A.works",), ("A.huge",))


def test_of_two_parts_the_one_that_never_comes_without_the_other_is_what_a_contract_goes_by() -> None:
    late = feature("B", 1, 2, works=MUTE)
    world = World(2, (feature("A", 1), late))
    (promise,) = of_world(world.but("without-1"))
    assert [part.name for part in promise.parts] == ["A", "B"]
    (draft,) = drafted(world.but("without-1")).contracts
    assert draft.contract.when == "B" and any(note.startswith("A would explain") for note in draft.notes)


def test_a_regression_that_comes_with_the_capability_is_told_with_the_file_too() -> None:
    """2/2 brings the capability, and fails from then on what base passes: nobody says that it has to."""
    off = skips(Seen({"CAP_A": 0}, {"p.old": PASS}), "p.new", "CAP_A is not advertised")
    on = Seen({"CAP_A": 1}, {"p.old": FAIL, "p.new": PASS})
    states = {"base": off, "prefix-1": off, "without-2": off, "prefix-2": on, "without-1": on}
    world = World(2, instead=states)
    (draft,) = drafted(world).contracts
    assert (draft.contract.checks, draft.contract.otherwise) == (("p.new",), ())
    assert any("may be a regression: p.old" in note for note in draft.notes)
    findings, _ = world.judged(Inference.OFF, (draft.contract,))
    assert (FindingKind.REGRESSION, "p.old") in [(one.kind, one.evidence[0].name) for one in findings]


def test_a_contract_that_asks_nothing_is_left_out() -> None:
    world = World(2, (feature("A", 1, works=Ask(patches())),))
    less = world.seen((1,)).but(A__works=SKIP)
    made = drafted(replace(world, instead={"without-2": less}))
    assert made.contracts == ()
    (why,) = made.left
    assert "A" in why and "A.works" in why


def test_what_goes_with_a_name_that_no_contract_can_go_by_says_so() -> None:
    foo, bar = (Part(kind="proc", name=f"/proc/sys/vm/{name}") for name in ("foo", "bar"))
    only = "a contract can go by a capability or a check only"
    some = {
        (foo,): f"p.works and 1 more goes with /proc/sys/vm/foo: {only}",
        (foo, bar): f"p.works and 1 more may belong to any of /proc/sys/vm/foo, /proc/sys/vm/bar: {only}",
    }
    made = drafts.of([Promise(parts=parts, checks=("p.works", "p.goes")) for parts in some], ())
    assert made == drafts.Drafts(contracts=(), left=tuple(some.values()))


def test_names_that_other_contracts_have_are_taken() -> None:
    world = World(1, (feature("A", 1, works=Ask(patches())),))
    made = drafts.of(of_world(world), tuple(world.results.values()), frozenset(("a", "a-2")))
    assert [one.contract.id for one in made.contracts] == ["a-3"]


def large(caps: int, checks: int) -> World:
    """A guest that tells much: each check skips on base for want of a capability of its own."""
    names = [f"CAP_{number}" for number in range(caps)]
    off = Seen(
        dict.fromkeys(names, 0),
        {f"p.{number}": SKIP for number in range(checks)},
        details={f"p.{number}": f"no CAP_{number % caps} for {number}" for number in range(checks)},
    )
    on = Seen(dict.fromkeys(names, 1), {f"p.{number}": PASS for number in range(checks)})
    return World(2, instead={"base": off, "prefix-1": off, "prefix-2": on, "without-1": on, "without-2": off})


def test_a_large_guest_is_judged_without_a_pattern_for_each_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "mentions", None)  # names that are words are looked up
    world = large(promises.MOST_PARTS, 4000)
    found = of_world(world)
    assert len(found) == promises.MOST_PARTS
    assert sum(len(one.checks) for one in found) == 4000 and {len(one.parts) for one in found} == {1}
    assert world.suspected() == ()


def test_of_too_many_parts_nothing_is_inferred() -> None:
    world = large(promises.MOST_PARTS + 1, 1000)
    states = tuple(world.results.values())
    assert (of_world(world), promises.excess(states, "prefix-2")) == ((), promises.MOST_PARTS + 1)
    assert promises.excess(tuple(large(2, 2).results.values()), "prefix-2") == 0


# --- the bundled series, as their probes and test cases have them -------------------------------

Case = tuple[str, int, str, tuple[int, ...], Mapping[str, tuple[int, ...]], tuple[str, ...]]
BUNDLED: tuple[Case, ...] = (
    # name, patches, what is advertised, by which patches, which others each check needs, and what does not build
    (
        "timerfd-semaphore", 5, "TFD_SEMAPHORE", (1, 4),
        {"read_takes_one": (2,), "rest_is_for_other_readers": (2,)}, ("without-1",),
    ),
    (
        "timerfd-sticky", 5, "TFD_STICKY", (1, 2),
        {"unread_expiration_is_kept": (3, 4), "unnoticed_periods_are_kept": (3, 4)}, ("without-1",),
    ),
    (
        "timerfd-clean", 5, "TFD_SEMAPHORE", (4,), {"read_takes_one": (), "rest_is_for_other_readers": ()}, (),
    ),
    (
        "eventfd-saturate", 4, "EFD_SATURATE", (1, 3),
        {"nonblocking_write_is_taken": (2,), "poll_says_writable": (2,)}, ("without-1",),
    ),
    (
        "kvm-userfault-split-7.3", 4, "KVM_CAP_USERFAULT", (1, 3),
        {"read_exits": (2,), "write_exits": (2,), "flag_accepted": ()}, ("without-1",),
    ),
    ("kvm-userfault-squashed-7.3", 3, "KVM_CAP_USERFAULT", (1, 2), {"read_exits": ()}, ("without-1",)),
)  # fmt: skip


@pytest.mark.parametrize("case", BUNDLED, ids=lambda case: case[0])
def test_a_bundled_series_as_its_probe_tells_of_it_is_suspected_of_what_its_test_case_says(case: Case) -> None:
    name, count, cap, shown, checks, loud = case
    asks = {check: Ask(frozenset(needs)) for check, needs in checks.items()}
    world = World(count, (Feature(cap, frozenset(shown), asks, taken=frozenset(shown)),)).but(*loud)
    expected = inputs.load(str(paths.project("testcases", name))).testcase
    assert expected is not None
    wanted = {
        (one.state, one.patch, one.partner) for one in expected.expect.findings if one.kind is FindingKind.SILENT_BREAK
    }
    found = world.suspected()
    assert {(one.state, one.patch, one.partner) for one in found if "without-" in one.state} == wanted
    assert {part.name for one in found for part in one.promise or ()} == ({cap} if wanted else set())
    holes = {one.state for one in expected.expect.findings if one.kind is FindingKind.BISECT_HOLE}
    assert {one.state for one in found if "prefix-" in one.state} <= holes


# --- what is harmless ---------------------------------------------------------------------------

WORKS = Ask(patches())
FIRST, SECOND = feature("A", 1, works=WORKS), feature("B", 3, works=WORKS)
PLAIN = Ask(patches(), says=False)
UNKNOWN = {"always.works": PASS, "A.works": MISSING}
HARMLESS: Mapping[str, World] = {
    "two features that know nothing of each other": World(4, (FIRST, SECOND), pairs=True, only=True),
    "the same, of checks that do not say what they lack": World(
        4, (feature("A", 1, works=PLAIN), feature("B", 3, works=PLAIN)), pairs=True, only=True
    ),
    "only tests": World(3, others={**alone("new.a", (), 1), **alone("new.b", (), 2), **alone("new.c", (), 3)}),
    "a feature and its test, which comes later": World(3, (feature("A", 2, works=Ask(patches(), there=3)),)),
    "a feature and its test, which comes first": World(3, (feature("A", 3, works=Ask(patches(), there=1)),)),
    "a rename": World(2, (feature("NEW", 1, works=PLAIN),), others=alone("always.is", ())),
    "a fix beside a feature, which cannot be reverted": World(2, (FIRST,), others=alone("fix.works", (2,))).but(
        "without-1"
    ),
    "a fix in two patches about a feature": World(
        4, (feature("A", 2, works=PLAIN),), others=alone("fix.works", (1, 3))
    ),
    "a feature that grows, without a capability for more": World(
        3, (feature("A", 1, works=WORKS),), others=alone("A.more", (1, 3))
    ),
    "a feature on a feature, with a capability of its own": World(
        4, (FIRST, feature("B", 1, 3, works=WORKS))
    ).but("without-1"),
    "one that is shown only with all that it needs": World(4, (feature("A", 1, 2, 3, works=WORKS, lasts=PLAIN),)),
    "documents and cleanups": World(3),
    "what is refused with the capability": World(3, (Feature("A", patches(2), taken=patches(2)),)),
    "what nobody refused before": World(3, (Feature("A", patches(2), taken=patches()),)),
    "names that have each other in them": World(
        3, (feature("CAP", 1, works=WORKS), feature("CAP_MORE", 2, works=WORKS))
    ),
    "a revert under which a check is skipped": World(
        2, (FIRST,), instead={"without-2": Seen({"A": 1}, {"A.works": SKIP}, details={"A.works": "no huge pages"})}
    ),
    "a revert under which a check gives two answers": World(
        2, (FIRST,), instead={"without-2": Seen({"A": 1}, {"A.works": FAIL}, flaky=("A.works",))}
    ),
    "a revert of which the capability is not known": World(
        2, (FIRST,), instead={"without-2": Seen({}, {"A.works": FAIL})}
    ),
    "a revert that dies of something else": World(
        2, (FIRST,), instead={"without-2": Seen({"A": 1}, UNKNOWN, Outcome.CRASHED)}
    ),
    "a base that gives two answers": World(
        2, (feature("A", 1, works=PLAIN),), instead={"base": Seen({"A": 0}, {"A.works": FAIL}, flaky=("A.works",))}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_nothing_is_suspected_of_a_harmless_series(name: str) -> None:
    assert HARMLESS[name].told == set()


def test_a_base_that_was_too_slow_for_a_check_is_not_known_to_lack_it() -> None:
    world = World(3, (feature("A", 2, works=Ask(patches(1), says=False, mute=True)),))
    assert world.told == {("without-1", "A.works")}
    results = world.results
    results["base"] = msgspec.structs.replace(
        results["base"], checks=(), ending=Ending.DEADLINE, outcome=Outcome.TIMED_OUT
    )
    assert promises.infer(tuple(results.values()), "prefix-3") == ()


def test_a_capability_of_base_is_none_that_the_series_brings() -> None:
    old = replace(FIRST.seen(patches()), caps={"A": 1})
    world = World(3, (feature("A", 2, works=Ask(patches(1))),), instead={"base": old, "prefix-1": old})
    assert world.told == set()


# --- what is not ----------------------------------------------------------------------------------


def test_a_check_of_one_feature_is_not_ascribed_to_another() -> None:
    world = World(4, (feature("A", 2, works=Ask(patches(1))), feature("B", 4, works=Ask(patches(3)))), pairs=True)
    assert world.told == {("without-1", "A.works"), ("without-3", "B.works")}
    assert [one.promise for one in world.suspected()] == [
        (Part(kind=CAPABILITY, name="A"),),
        (Part(kind=CAPABILITY, name="B"),),
    ]


def test_capabilities_that_go_together_are_all_told() -> None:
    both = (feature("A", 2, works=Ask(patches(1), says=False, mute=True)), feature("B", 2))
    (found,) = World(2, both).suspected()
    assert [part.name for part in found.promise or ()] == ["A", "B"]


def test_where_another_part_is_gone_that_may_explain_it_nothing_is_suspected() -> None:
    """Nobody has seen the check pass without B, which patch 1 takes away, too."""
    works = Ask(patches(1), says=False, mute=True)
    assert World(2, (feature("A", 2, works=works), feature("B", 1))).told == set()
    assert World(2, (feature("A", 2, works=works),)).told == {("without-1", "A.works")}


def test_of_parts_that_may_explain_a_check_those_that_it_names_itself_do() -> None:
    world = World(2, (feature("A", 2, works=Ask(patches(1))), feature("B", 1))).but("prefix-1")
    (found,) = world.suspected()
    assert (found.state, found.promise) == ("without-1", (Part(kind=CAPABILITY, name="A"),))


def test_a_fix_in_two_patches_of_what_base_fails_is_not_what_the_second_advertises() -> None:
    """Base was asked, and fails it: the patch may mend it, and advertise something else."""
    fix = World(3, (feature("A", 2),), others=alone("q.fix", (1, 2)))
    assert fix.told == set()
    cannot = skips(fix.seen(()), "q.fix", "cannot be tried")
    assert replace(fix, instead={"base": cannot}).told == {("without-1", "q.fix")}
    died = replace(fix.seen(()).but(Outcome.CRASHED, q__fix=MISSING))
    assert replace(fix, instead={"base": died}).told == set()


def test_two_reverts_tell_what_neither_tells_alone() -> None:
    either = replace(FIRST.seen(patches(1)), checks={"A.works": FAIL})
    world = World(3, (FIRST,), pairs=True, instead={"without-2+3": either})
    (found,) = world.suspected()
    assert (found.state, found.patch, found.partner) == ("without-2+3", None, 1)
    assert replace(world, instead={**world.instead, "without-2": either}).told == {("without-2", "A.works")}


def test_a_prefix_that_promises_too_early_is_told_once() -> None:
    world = World(4, (feature("A", 1, works=Ask(patches(3))),))
    assert world.told == {("prefix-1", "A.works"), ("without-3", "A.works")}
    findings, verdict = world.judged(Inference.INFERRED)
    assert [(one.state, one.patch, one.partner) for one in findings] == [("prefix-1", 1, None), ("without-3", 3, 1)]
    assert [one.is_advice for one in findings] == [True, False], "3/4 may extend it: 1/4 need not have promised that"
    assert (verdict.bisectable, verdict.revert_safe) == (None, False)


def test_a_prefix_that_no_longer_does_what_an_earlier_one_did_counts() -> None:
    world = World(4, (feature("A", 1, works=Ask(patches())),))
    findings, verdict = replace(world, instead={"prefix-2": world.seen((1, 2)).but(A__works=FAIL)}).judged(
        Inference.INFERRED
    )
    assert [(one.state, one.is_advice) for one in findings] == [("prefix-2", False)]
    assert verdict.bisectable is False


@pytest.mark.parametrize("outcome", [Outcome.NOT_TRIED, Outcome.INFRA_ERROR])
def test_nothing_counts_while_a_state_is_unknown_that_may_pass_the_check_without_the_part(outcome: Outcome) -> None:
    world = World(3, (feature("A", 2, works=Ask(patches(1))),))
    (found,) = world.judged(Inference.INFERRED)[0]
    assert (found.state, found.is_advice) == ("without-1", False)
    findings, verdict = replace(world, instead={"without-3": nothing(outcome)}).judged(Inference.INFERRED)
    assert [(one.state, one.is_advice) for one in findings] == [("without-1", True)]
    assert verdict.revert_safe is None


def test_what_is_inferred_never_makes_a_verdict_true() -> None:
    _, verdict = HARMLESS["two features that know nothing of each other"].judged(Inference.INFERRED)
    assert (verdict.bisectable, verdict.revert_safe) == (None, None)


def test_what_is_not_advertised_and_is_taken_is_suspected() -> None:
    world = World(3, (Feature("A", patches(3), taken=patches(1, 2)),))
    (found,) = [one for one in world.suspected() if one.state == "without-3"]
    assert [one.name for one in found.evidence] == ["A.refused"]
    assert [(one.kind, one.state) for one in world.judged()[0]] == [
        (FindingKind.BISECT_HOLE, "prefix-2"),  # base passes it: told without any promise
        (FindingKind.SUSPECTED_BREAK, "without-3"),
    ]


def test_it_is_too_where_base_could_not_be_asked() -> None:
    taken = Feature("A", patches(3), taken=patches(2))
    cannot = replace(taken.seen(patches()).but(A__refused=SKIP), details={"A.refused": "the headers do not have it"})
    world = World(3, (taken,), instead={"base": cannot})
    assert world.told == {("prefix-2", "A.refused"), ("without-3", "A.refused")}


def test_a_naive_test_that_fails_because_the_capability_is_there_tells_the_same() -> None:
    def naive(*applied: int) -> Seen:
        return Seen({"A": int({1, 2} <= {*applied})}, {"flag.refused": FAIL if 1 in applied else PASS})

    world = World(2)
    by_name = {state.id: naive(*state.applied) for state in world.plan.states}
    assert replace(world, instead=by_name).told == set(), "it fails since patch 1, which does not bring the part"
    by_name["prefix-1"] = Seen({"A": 0}, {"flag.refused": PASS})
    assert replace(world, instead=by_name).told == {("without-2", "flag.refused")}


def test_a_refusal_that_passes_beside_the_capability_is_none_of_it() -> None:
    taken = Feature("A", patches(2), taken=patches(1))
    beside = taken.seen(patches(1, 2)).but(A__refused=PASS)
    assert World(3, (taken,)).told == {("without-2", "A.refused")}
    assert World(3, (taken,), instead={"without-3": beside}).told == set()


def skips(seen: Seen, name: str, why: str) -> Seen:
    return replace(seen, checks={**seen.checks, name: SKIP}, details={**seen.details, name: why})


def test_what_no_kernel_refuses_is_no_refusal_that_is_lost() -> None:
    taken = Feature("A", patches(2), taken=patches())
    world = World(3, (taken,))
    cannot = skips(world.seen(()), taken.refusal, "the headers do not have it")
    assert replace(world, instead={"base": cannot}).told == set()


def test_what_base_takes_is_none_either() -> None:
    taken = Feature("A", patches(2), taken=patches())
    world = World(3, (taken,))
    refuses = world.seen((1,)).but(A__refused=PASS)
    assert replace(world, instead={"prefix-1": refuses}).told == set()


def test_a_reason_is_a_sign_for_what_it_names_alone() -> None:
    """It says that it lacks B, and passes without B: what it asks of A it has never said."""
    world = World(4, (feature("A", 1), feature("B", 4)), others=alone("x.works", (1, 2)))
    base = skips(world.seen(()), "x.works", "B is not advertised")
    assert replace(world, instead={"base": base}).told == set()
    base = skips(world.seen(()), "x.works", "A is not advertised")
    assert replace(world, instead={"base": base}).told == {("prefix-1", "x.works"), ("without-2", "x.works")}


def test_a_reason_is_a_sign_only_where_what_it_names_is_not_there() -> None:
    world = World(4, (feature("A", 1),), others=alone("x.works", (1, 2)))
    odd = skips(world.seen((1, 2, 4)), "x.works", "A has had enough")
    assert replace(world, instead={"without-3": odd}).told == set()


def listing(world: World, *, unstable: str = "", by: int = 2) -> tuple[Finding, ...]:
    """What is suspected where the surface is listed: a patch brings a sysctl, and without 1/2 it does not work."""
    shown = {state.id: ("kernel/old", *(("kernel/new",) if by in state.applied else ())) for state in world.plan.states}
    flux = {"sysctl": ("kernel/new",)}
    listed = {
        name: msgspec.structs.replace(
            one, surface={"sysctl": shown[name]}, unstable=flux if name == unstable else UNSET
        )
        for name, one in world.results.items()
    }
    _, findings, _ = judge.judge(world.plan, listed, (), Inference.SUSPECT)
    return tuple(one for one in findings if one.kind is FindingKind.SUSPECTED_BREAK)


def test_what_a_kernel_lists_of_its_surface_is_promised_too() -> None:
    world = knob(1, 2)
    assert not world.suspected(), "nothing of the surface is known"
    (found,) = listing(world)
    assert (found.state, found.patch, found.partner) == ("without-1", 1, 2)
    assert found.promise == (Part(kind="sysctl", name="kernel/new"),)
    assert not listing(knob(2)), "the revert of 1/2 fails nothing"
    assert not listing(World(2, others=alone("knob.works", (1, 2)))), "base was asked, and fails it: it may be a fix"


@pytest.mark.parametrize("state", ["base", "prefix-1", "prefix-2", "without-1", "without-2"])
def test_what_differs_from_boot_to_boot_of_any_state_is_no_part(state: str) -> None:
    assert listing(knob(1, 2)) and not listing(knob(1, 2), unstable=state)


def knob(*needs: int) -> World:
    """A check that base has nothing to try on."""
    world = World(2, others=alone("knob.works", needs))
    return replace(world, instead={"base": skips(world.seen(()), "knob.works", "cannot be tried")})


@pytest.mark.parametrize("works", [Ask(patches(1)), Ask(patches(1), says=False, mute=True)], ids=["says", "mute"])
def test_a_part_that_is_listed_explains_nothing_that_a_capability_does(works: Ask) -> None:
    """The sysctl comes with the half of the feature without which it does not work."""
    world = World(2, (feature("A", 2, works=works),))
    (alone_,), (listed,) = world.suspected(), listing(world, by=1)
    assert alone_ == listed and listed.state == "without-1"


def test_a_part_that_is_listed_and_that_the_check_names_is_promised() -> None:
    world = knob(1, 2)
    named = skips(world.seen(()), "knob.works", "there is no kernel/new")
    both = replace(world, instead={"base": named}, features=(feature("A", 2),))
    (found,) = listing(both)
    assert found.promise == (Part(kind="sysctl", name="kernel/new"),)


def test_our_contracts_speak_of_each_check_of_ours_but_for_those_that_any_kernel_passes() -> None:
    """So that nothing is inferred of the bundled series: what they are said to be stays as it is."""
    asked = list(contract_files.ours())
    probes = [one for one in paths.project("guests", "probes").glob("*.c") if one.stem != surface.PROBE]  # it but lists
    for case in paths.project("testcases").iterdir():
        asked += contract_files.read(sorted(case.glob("contracts/*.toml")))
        probes += case.glob("probes/*.c")
    found = {f"{file.stem}.{name}" for file in probes for name in _CHECK.findall(file.read_text())}
    assert len(found) > 100
    assert found - promises.covered(asked) == {
        "capabilities.undefined_flags_refused",
        "eventfd_saturate.other_writers_wait",
        "eventfd_saturate.fdinfo_tells_the_count",
        "timerfd_semaphore.others_take_all",
        "timerfd_semaphore.asking_the_time_loses_none",
        "timerfd_semaphore.fdinfo_tells_the_ticks",
        "timerfd_sticky.others_forget",
        "timerfd_sticky.fdinfo_tells_the_period",
    }


_CHECK = re.compile(r"^\t\{ \"(\w+)\", (?!CAP_)\w+ \},$", re.MULTILINE)
"""A line of the table that a probe has of its checks."""


def test_parts_that_are_checks_are_none() -> None:
    """A contract that goes by a check has it among the capabilities of a state, once it is judged."""
    world = World(2, (FIRST,))
    base, tip = (
        msgspec.structs.replace(one, caps={"kunit.a.b": at}) for at, one in enumerate((world.results["base"],) * 2)
    )
    assert promises.brought(base, tip) == ()


# --- any series ---------------------------------------------------------------------------------

COUNT = 4
numbers = st.integers(1, COUNT)
some = st.frozensets(numbers, max_size=2)
asks = st.builds(Ask, needs=some, says=st.booleans()) | st.builds(
    Ask, needs=some, says=st.just(False), mute=st.just(True)
)


def features(names: Iterable[str]) -> st.SearchStrategy[tuple[Feature, ...]]:
    """What each of some capabilities is: shown by some patches, asked for by checks, taken by some."""
    return st.tuples(
        *(
            st.builds(
                Feature,
                cap=st.just(name),
                shown=st.frozensets(numbers, min_size=1, max_size=2),
                checks=st.dictionaries(st.sampled_from([f"{name}.a", f"{name}.b"]), asks, max_size=2),
                taken=st.none() | st.frozensets(numbers, min_size=1, max_size=2),
            )
            for name in names
        )
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    made = draw(features(["CAP_X", "CAP_Y", "CAP_Z"][: draw(st.integers(1, 3))]))
    # A check of no part that the series has from the same patch on as a part looks like that part's, to anybody.
    onsets = {max(one.shown) for one in made}
    apart = st.frozensets(numbers, min_size=1, max_size=2).filter(lambda needs: max(needs) not in onsets)
    free = len(onsets) < COUNT
    others = (
        draw(st.dictionaries(st.sampled_from(["o.a", "o.b"]), apart.map(lambda it: (it, 0)), max_size=2))
        if free
        else {}
    )
    world = World(COUNT, made, others, pairs=draw(st.booleans()), only=draw(st.booleans()))
    names = [state.id for state in world.plan.states if state.id not in ("base", world.plan.tip)]
    return world.but(*draw(st.lists(st.sampled_from(names), max_size=3, unique=True)))


def breaks(world: World) -> set[tuple[str, str]]:
    """The states that show a capability and fail its check, or do not and take what belongs to it: the truth."""
    found = set()
    for state in world.results.values():
        for one in (one for one in world.features if not state.outcome.loud):
            answers = {check.id: check.status for check in state.checks}
            asked = one.checks if one.shows(state.applied) else [one.refusal] if one.taken is not None else []
            found |= {(state.id, name) for name in asked if answers[name] is FAIL}
    return found


def tellable(world: World, state: StateResult, name: str) -> bool:
    """Whether a break of a feature's check can be told from what was seen: tried by force, over all that it may be of.

    It may be of any part, and need any patches beside it, as long as that explains every answer; it is told if the
    state shows the part in all of those. And there is a sign that it asks for a part at all.
    """
    ran = [one for one in world.results.values() if not one.outcome.loud]
    passes = {one.id: any((check.id, check.status) == (name, PASS) for check in one.checks) for one in ran}
    parts = [one for one in world.features if one.shows(range(1, COUNT + 1))]

    def explains(part: Feature, needs: frozenset[int]) -> bool:
        return all(passes[one.id] is (part.shows(one.applied) and needs <= {*one.applied}) for one in ran)

    subsets = [frozenset(chosen) for size in range(COUNT + 1) for chosen in combinations(range(1, COUNT + 1), size)]
    of = [part for part in parts if any(explains(part, needs) for needs in subsets)]
    (whose,) = (one for one in world.features if name in one.checks)
    says = whose.checks[name].says and name in _passed_by(world.plan.tip, ran)
    if says and whose in of:  # the part that it names is what it asks for
        return whose.shows(state.applied)
    asked = not whose.checks[name].mute and not whose.checks[name].says  # base fails it
    return all(part.shows(state.applied) for part in of) and not asked and _together(world, ran, name, of)


def _passed_by(state: str, ran: Iterable[StateResult]) -> set[str]:
    return {check.id for one in ran if one.id == state for check in one.checks if check.status is PASS}


def _together(world: World, ran: Iterable[StateResult], name: str, of: Iterable[Feature]) -> bool:
    """Whether a check and a part of which it may be were seen to come with one patch of the series."""
    by_patches = {one.applied: one for one in ran}
    for number in range(1, COUNT + 1):
        before, after = by_patches.get((*range(1, number),)), by_patches.get((*range(1, number + 1),))
        if before is None or after is None:
            continue
        comes = name not in _passed_by(before.id, [before]) and name in _passed_by(after.id, [after])
        if comes and any(part.shows(after.applied) and not part.shows(before.applied) for part in of):
            return True
    return False


def due(world: World) -> Iterator[tuple[str, str]]:
    """The true breaks that have to be told: those of single reverts, and of two what neither tells alone."""
    results, truth = world.results, breaks(world)
    for name, check in truth:
        state = results[name]
        if state.scenario not in ("reverts", "pairs"):
            continue
        single = {f"without-{number}" for number in range(1, COUNT + 1) if number not in state.applied} - {name}
        if any((other, check) in truth for other in single) or check.endswith(".refused"):
            continue
        if tellable(world, state, check):
            yield name, check


@given(worlds())
@example(World(COUNT, (feature("A", 4, works=Ask(patches(3))),)))
def test_each_break_that_can_be_told_is_told_and_never_a_false_one(world: World) -> None:
    told = world.told
    assert told <= breaks(world)
    assert {*due(world)} <= told


@given(worlds())
def test_what_is_taken_in_spite_of_it_is_told(world: World) -> None:
    """Base refuses it, as every patch that takes it is of the series."""
    expected = {(state, name) for state, name in breaks(world) if name.endswith(".refused") and "without-" in state}
    single = {(state, name) for state, name in expected if "+" not in state}
    assert single <= world.told


@given(worlds())
def test_the_contracts_that_are_written_find_what_was_suspected_of_single_reverts(world: World) -> None:
    made = drafted(world)
    asked = tuple(draft.contract for draft in made.contracts)
    findings, _ = world.judged(Inference.OFF, asked)
    silent = {
        (one.state, seen.name)
        for one in findings
        if one.kind is FindingKind.SILENT_BREAK and one.contract is not None
        for seen in one.evidence
    }
    lost = {name for draft in made.contracts for name in (*draft.contract.checks, *draft.contract.otherwise)}
    reverts = {(state, name) for state, name in world.told if "without-" in state and name in lost}
    assert reverts == silent


@given(worlds())
def test_the_order_of_the_states_changes_nothing(world: World) -> None:
    states, tip = tuple(world.results.values()), f"prefix-{world.count}"
    assert promises.infer(states, tip) == promises.infer(states[::-1], tip)
