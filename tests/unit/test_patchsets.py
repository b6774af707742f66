# SPDX-License-Identifier: GPL-2.0-only
"""The search for a set over several variants, with what each of them says laid down; and what is told of it."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.app.patchsets import exit_status
from kseries.bisect import pick
from kseries.bisect.patchsets import SetSearch
from kseries.bisect.setanswer import Judged
from kseries.bisect.setmerges import SetMerges
from kseries.bisect.setrunner import Answered, SetRunner
from kseries.judge import setnames
from kseries.judge.sets import Numbers
from kseries.model import (
    AppliedPatch,
    Base,
    Bond,
    Coupling,
    Evidence,
    EvidenceKind,
    Outcome,
    PatchSet,
    SetAnswer,
    SetEnd,
    SetKind,
    State,
    StateResult,
    Status,
    TriedSet,
)
from kseries.model.errors import InfraError
from kseries.plan import scenarios
from kseries.report import patchsets, revertsets
from kseries.report.patchsets import NotThere, SetDocument
from kseries.sources import Merge, ThreeWay, TreeStore
from kseries.sources.manytrees import ManyTrees
from tests.support.gitrepo import Repository, lines
from tests.support.runs import checks, run
from tests.support.runs import state as result
from tests.support.series import series_of

COUNT = 8
SAFE, BROKEN, LOUD, CONFLICT, UNKNOWN = SetAnswer
Table = Mapping[Numbers, SetAnswer]


class Laid:
    """A variant in which each set is safe but for those of a table; ``known`` were built before."""

    def __init__(self, label: str, table: Table, known: set[Numbers] | None = None, **more: Any) -> None:
        self.kind = SetKind.REVERT
        self.label = label
        self.home = self
        self.patches = [None] * COUNT
        self.kernels = 0
        self.draws: Mapping[int, frozenset[int]] = more.get("draws", {})
        self.uncompiled: frozenset[int] = frozenset(more.get("uncompiled", ()))
        self.asked: list[Numbers] = []
        self.unclear: tuple[str, ...] = more.get("unclear", ())
        self.hinted: list[Numbers] = []
        self._infra = more.get("infra", False)
        self._table = table
        self._known = {*(known or ())}

    def begin(self, asked: Numbers, may_build: object) -> None:
        self.home.patches = [cast(Any, AppliedPatch(number=n, subject="", tree_before="", tree_after=""))
                             for n in range(1, COUNT + 1)]  # fmt: skip

    def state(self, numbers: Numbers) -> State:
        made = self._table.get(numbers) is not CONFLICT
        name = "without-" + "+".join(map(str, numbers))
        return State(
            id=name, scenario="pairs", applied=(), tree=name if made else None, conflicts=() if made else ("x.c",)
        )

    def is_known(self, state: State) -> bool:
        return state.id in {self.state(one).id for one in self._known}

    builds_none = is_known

    def in_the_way(self, numbers: Numbers, conflicts: tuple[str, ...]) -> Numbers:
        assert conflicts == ("x.c",)
        self.hinted.append(numbers)
        return ()

    def not_compiled(self, _: Numbers) -> frozenset[int]:
        return self.uncompiled

    def tried(self, numbers: Numbers, state: State) -> Answered:
        self.asked.append(numbers)
        if numbers not in self._known:
            self._known.add(numbers)
            self.kernels += 1
        answer = self._table.get(numbers, SAFE)
        name = Outcome.INFRA_ERROR if self._infra and answer is UNKNOWN else "a.b"
        why = () if answer is SAFE else (Evidence(kind=EvidenceKind.OUTCOME, name=name, said="so"),)
        return Answered(Judged(answer=answer, why=why), ())


def searched(asked: Numbers, *runners: Laid, most: int = 12, **more: Any) -> PatchSet:
    return SetSearch(asked, cast("list[SetRunner]", runners), most, lambda _: None, **more).run()


def test_a_set_is_safe_where_each_variant_says_so() -> None:
    here = Laid("x86_64", {(2,): LOUD}, draws={2: frozenset({4}), 4: frozenset({6})})
    there = Laid("arm64", {(2,): LOUD, (2, 4): BROKEN, (2, 6): LOUD})
    found = searched((2,), here, there)
    assert (found.patches, found.proved) == ((2, 4, 6), True)
    assert [(one.patches, one.variant) for one in found.tried] == [
        ((2,), "x86_64"), ((2, 4), "arm64"), ((2, 4, 6), ""), ((2, 6), "arm64"),
    ]  # fmt: skip
    assert (2,) not in there.asked, "one variant is enough to rule a set out"


def test_a_variant_that_is_known_is_asked_before_one_that_has_to_be_built() -> None:
    here = Laid("x86_64", {(3,): BROKEN})
    there = Laid("arm64", {(3,): BROKEN}, {(3,)})
    found = searched((3,), here, there)
    assert found.tried[0].variant == "arm64" and (3,) not in here.asked


def test_what_is_not_known_proves_nothing_and_this_host_exits_3() -> None:
    for infra, status in ((True, 3), (False, 1)):
        found = searched((3,), Laid("x86_64", {(3,): UNKNOWN}, draws={3: frozenset({4})}, infra=infra))
        assert (found.patches, found.proved) == ((3, 4), False)
        assert exit_status(found) == status


def test_the_limit_holds_for_all_variants_together_and_what_is_known_costs_nothing() -> None:
    broken: Table = {(3,): BROKEN, **{(3, other): BROKEN for other in (1, 2, 5, 6, 7, 8)}}
    runners = (Laid("x86_64", broken), Laid("arm64", broken, {tuple(range(1, COUNT + 1))}))
    found = searched((3,), *runners, most=3)
    assert found.limited and found.kernels <= 4 and sum(one.kernels for one in runners) == found.kernels
    known = {(3,), (3, 4), tuple(range(3, COUNT + 1))}
    found = searched((3,), Laid("x86_64", {(3,): BROKEN}, known, draws={3: frozenset({4})}), most=0)
    assert (found.patches, found.proved, found.kernels, found.limited) == ((3, 4), True, 0, False)


def test_a_patch_that_no_variant_has_compiled_is_not_judged() -> None:
    one, other = Laid("x86_64", {}, uncompiled={3, 7}), Laid("arm64", {}, uncompiled={7, 8})
    found = searched((7,), one, other)
    assert (found.proved, found.uncompiled, found.unjudged, exit_status(found)) == (True, (7,), (7,), 1)
    found = searched((3,), one, other)
    assert (found.proved, found.unjudged, exit_status(found)) == (True, (), 0)


def conflicting(*safe: Numbers) -> Table:
    """Each set conflicts, but for some."""
    every = (one for size in range(COUNT + 1) for one in combinations(range(1, COUNT + 1), size))
    return {one: CONFLICT for one in every if one not in safe}


def test_once_a_safe_set_is_known_nobody_asks_who_is_in_the_way() -> None:
    here = Laid("x86_64", conflicting((3, 4, 5)), {(3, 4, 5)}, draws={3: frozenset({4}), 4: frozenset({5})})
    found = searched((3,), here)
    assert (found.patches, found.proved) == ((3, 4, 5), True)
    assert here.hinted == [(3,), (3, 4)] and {one.patches for one in found.tried} > {(3, 5)}


def test_a_patch_that_the_base_does_not_take_ends_the_search_soon_and_is_told() -> None:
    here = Laid("x86_64", conflicting())
    found = searched((3,), here, not_there=(3, 7))
    assert [one.patches for one in found.tried] == [(3,), tuple(range(3, COUNT + 1))]
    assert (found.patches, found.ended, found.limited) == ((), SetEnd.NOT_THERE, False)
    assert "No revert set is known: git does not put 3 onto that base" in told(found)
    assert len(searched((3,), here, not_there=(7,)).tried) == 2 ** (COUNT - 1), "it is not asked for"


def test_too_many_sets_are_not_told_as_the_limit_of_kernels() -> None:
    found = searched((3,), Laid("x86_64", conflicting()), sets=20)
    assert (found.ended, found.limited, exit_status(found)) == (SetEnd.TOO_MANY, False, 1)
    assert told(found).startswith("No revert set is known: there are too many sets to try.") and "--most" not in told(
        found
    )
    whole = tuple(range(3, COUNT + 1))
    found = searched((3,), Laid("x86_64", conflicting(whole)), sets=20)
    assert (found.patches, found.proved, found.ended) == (whole, False, SetEnd.TOO_MANY)
    assert "NOT PROVED to be the smallest: there are too many sets to try." in told(found)
    said = list(revertsets.lines(run(result("base"), revert_sets=(found,))))
    assert said[1].endswith("Not proved to be the smallest set: there are too many sets to try.")


def test_where_nobody_knows_what_a_patch_brings_nothing_is_tried() -> None:
    here, there = Laid("x86_64", {}), Laid("arm64", {}, unclear=("prefix-2",))
    found = searched((3,), here, there)
    assert (found.ended, found.unclear, found.tried, here.asked) == (SetEnd.UNCLEAR, ("prefix-2",), (), [])
    assert "what 3 brings nobody can tell by prefix-2, which does not come through" in told(found)


# --- one variant, with git ------------------------------------------------------------------------


class Home:
    """What runs the states of a series, of which no kernel is built; ``fails`` do not build."""

    def __init__(self, patches: tuple[AppliedPatch, ...], base: Base, trees: Any = None, **more: Any) -> None:
        self.patches = patches
        self.base = base
        self.trees = trees
        self.builds: list[str] = []
        self.files = more.get("files")
        self.outcomes: Mapping[str, Outcome] = more.get("outcomes", {})
        self.flaky: tuple[str, ...] = more.get("flaky", ())

    def state(self, name: str) -> State:
        return State(id=name, scenario="prefixes", applied=(), tree=name)

    def builds_none(self, *states: State) -> bool:
        return all(one.id in self.builds for one in states)

    def results(self, *states: State) -> dict[str, StateResult]:
        self.builds += [one.id for one in states if one.id not in self.builds]
        return {one.id: self._result(one.id) for one in states}

    def _result(self, name: str) -> StateResult:
        outcome = self.outcomes.get(name, Outcome.OK)
        if name not in self.flaky:
            return result(name, outcome=outcome)
        return result(name, outcome=outcome, checks=checks(new=Status.FAIL), flaky=("new",))

    def read(self, _: State) -> frozenset[str] | None:
        return cast("frozenset[str] | None", self.files)


class Counting(TreeStore):
    """A store that counts the merges which it makes."""

    merges = 0

    def merge(self, merge: ThreeWay) -> Merge:
        self.merges += 1
        return super().merge(merge)


class Git(SetRunner):
    """One that makes the states of sets by git, and takes each that there is for safe."""

    def __init__(self, kind: SetKind, home: Home, runner: Home | None = None, **more: Any) -> None:
        plan = SimpleNamespace(patches=home.patches, tip=f"prefix-{len(home.patches)}")
        seen = {name: result(name) for name in ("base", plan.tip)}
        judgement = cast(Any, SimpleNamespace(plan=plan, by_id=seen))
        super().__init__(kind, "x86_64", cast(Any, runner or home), cast(Any, home), judgement, patches=(), **more)
        vars(self).update(draws={}, _asked=None)

    def is_known(self, state: State) -> bool:
        return True

    builds_none = is_known

    def tried(self, numbers: Numbers, state: State) -> Answered:
        return Answered(Judged(answer=SAFE), ())


def chain(place: Path, count: int) -> Home:
    """A series of which each patch changes the line that the one before it changed."""
    repository = Repository(place / "linux")
    trees = Counting(place / "trees.git")
    trees.add_repository(repository.path)
    series, base = series_of(repository, *(lines(9, line3=str(number)) for number in range(count + 1)))
    patches = scenarios.with_files(scenarios.apply_all(series, base, trees), ManyTrees(trees))
    return Home(patches, base, trees)


def test_a_chain_of_patches_takes_few_merges(tmp_path: Path) -> None:
    home = chain(tmp_path, 9)
    found = SetSearch((3,), [Git(SetKind.REVERT, home)], 0).run()
    assert (found.patches, found.proved) == (tuple(range(3, 10)), True)
    assert len(found.tried) == 2**6 and home.trees.merges < 60


def test_patches_of_a_run_share_their_merges_and_the_limit_is_that_of_all(tmp_path: Path) -> None:
    home = chain(tmp_path, 6)
    merges = SetMerges(home.trees, 12)
    found = [SetSearch((number,), [Git(SetKind.REVERT, home, merges=merges)], 0).run() for number in (6, 5, 4, 3, 2, 1)]
    assert home.trees.merges == merges.count == 12
    assert [one.proved for one in found[:2]] == [True, True] and found[-1].ended is SetEnd.TOO_MANY
    before = home.trees.merges
    SetSearch((5,), [Git(SetKind.REVERT, home, merges=merges)], 0).run()
    assert home.trees.merges == before


def test_merges_of_an_earlier_run_are_known_and_count_as_if_they_were_made(tmp_path: Path) -> None:
    home = chain(tmp_path, 6)

    def searched() -> tuple[list[tuple[int, ...]], int]:
        merges = SetMerges(home.trees, 12, ManyTrees(home.trees))
        sets = [Git(SetKind.REVERT, home, merges=merges) for _ in range(6)]
        found = [SetSearch((number,), [one], 0).run() for number, one in zip((6, 5, 4, 3, 2, 1), sets, strict=True)]
        merges.keep()
        assert found[-1].ended is SetEnd.TOO_MANY
        return [one.patches for one in found], merges.count

    first = searched()
    assert home.trees.merges == first[1] == 12
    assert searched() == first and home.trees.merges == 12


def test_the_states_of_a_set_are_those_that_its_id_names(tmp_path: Path) -> None:
    home = chain(tmp_path, 6)
    for kind, numbers, name in (
        (SetKind.REVERT, (3, 4, 5, 6), "without-3..6"), (SetKind.PICK, (1, 2), "only-1+2"),
        (SetKind.REVERT, (2, 4, 6), "without-2+4+6"), (SetKind.PICK, (1, 2, 3), "only-1..3"),
    ):  # fmt: skip
        made = Git(kind, home).state(numbers)
        assert made == pick.find(name, home.patches, home.base, home.trees, home.trees.tree_of)


@given(st.sets(st.integers(1, 120), min_size=1))
def test_each_set_has_one_spelling_which_is_read_as_it(numbers: set[int]) -> None:
    said = pick.spelled(tuple(numbers))
    assert pick.typed(said.replace("+", ","), 120) == tuple(sorted(numbers))
    assert len(pick.spelled(range(1, 101))) == len("1..100")


def test_to_begin_takes_no_more_kernels_than_there_are() -> None:
    home = Home(SERIES, Base(name="", version="", tree=""))
    search = SetSearch((3,), [Git(SetKind.PICK, home)], 1)
    assert (search.run().limited, home.builds) == (True, ["prefix-2"])
    home = Home(SERIES, Base(name="", version="", tree=""), outcomes={"prefix-2": Outcome.BUILD_FAILED})
    assert SetSearch((3,), [Git(SetKind.PICK, home)], 2).run().unclear == ("prefix-2",)
    home = Home(SERIES, Base(name="", version="", tree=""), flaky=("prefix-3",))
    assert SetSearch((3,), [Git(SetKind.PICK, home)], 2).run().unclear == ("prefix-3",)
    home = Home(SERIES, Base(name="", version="", tree=""), outcomes={"prefix-2": Outcome.INFRA_ERROR})
    with pytest.raises(InfraError, match="prefix-2"):
        SetSearch((3,), [Git(SetKind.PICK, home)], 2).run()


@pytest.mark.parametrize(("files", "missing"), [(None, {2, 3}), ({"x.c"}, set()), ({"a.h"}, {3}), ({"y.c"}, {2, 3})])
def test_on_another_base_a_patch_counts_as_compiled_where_that_build_has_read_it(
    tmp_path: Path, files: set[str] | None, missing: set[int]
) -> None:
    trees = SimpleNamespace(merge=lambda _: Merge("t"))
    home = Home(SERIES, Base(name="", version="", tree=""), trees)
    there = Home(SERIES, home.base, trees, files=None if files is None else frozenset(files))
    assert Git(SetKind.PICK, home, there).not_compiled((2, 3)) == missing
    assert Git(SetKind.PICK, home).not_compiled((2, 3)) == frozenset()


# --- whom a failure names -------------------------------------------------------------------------


def patch(number: int, *files: str, symbols: tuple[str, ...] = ()) -> AppliedPatch:
    return AppliedPatch(number=number, subject="", tree_before="", tree_after="", files=files, symbols=symbols)


SERIES = (
    patch(1, "a.h", symbols=("helper_of_one",)),
    patch(2, "a.h", "x.c"),
    patch(3, "x.c", symbols=("CAP_THREE",)),
    patch(4, "y.c"),
)


def test_couplings_draw_in_who_needs_a_patch_that_goes_and_who_is_needed_by_one_that_comes() -> None:
    known = [
        Coupling(kind=Bond.BUILD, patch=4, needs=2, state="only-4"),
        Coupling(kind=Bond.BUILD, patch=4, needs=None, state="only-4"),
    ]
    assert setnames.draws(SetKind.REVERT, known) == {2: frozenset({4})}
    assert setnames.draws(SetKind.PICK, known) == {4: frozenset({2})}


def test_a_conflict_names_later_patches_to_the_file_that_stay_or_earlier_ones_that_do_not_come() -> None:
    assert setnames.in_the_way(SetKind.REVERT, (2,), ("x.c",), SERIES) == (3,)
    assert setnames.in_the_way(SetKind.REVERT, (2, 3), ("x.c",), SERIES) == ()
    assert setnames.in_the_way(SetKind.PICK, (3,), ("x.c",), SERIES) == (2,)
    moves = msgspec.structs.replace(patch(5, "x.c", "z.c"), renames=(("x.c", "z.c"),))
    assert setnames.in_the_way(SetKind.REVERT, (2,), ("z.c",), (*SERIES, moves)) == (3, 5)


def test_an_error_names_whose_lines_fail_or_who_brings_the_name_or_who_touches_the_file() -> None:
    failed = result("only-4", 4, outcome=Outcome.BUILD_FAILED, detail="y.c:1: error: 'helper_of_one' undeclared")
    assert setnames.of_error(SetKind.PICK, (4,), failed, (), SERIES) == (1,)
    assert setnames.of_error(SetKind.REVERT, (1,), failed, (3,), SERIES) == (3,)
    assert setnames.of_error(SetKind.REVERT, (1,), failed, (), SERIES) == (4,)
    elsewhere = result("only-4", 4, outcome=Outcome.BUILD_FAILED, detail="mm/y.c:1: error: 'x' undeclared")
    assert setnames.of_error(SetKind.REVERT, (1,), elsewhere, (), SERIES) == ()


def test_a_promise_names_who_makes_it_or_who_brings_its_name() -> None:
    caps: list[Mapping[str, int] | None] = [{"A": 0, "B": 0, "C": 1}, {"A": 0}, {"A": 1, "B": 1, "C": 1}, None]
    assert setnames.makers(caps) == {"A": 2}, "of B the one before it is not known, and C was there always"
    assert setnames.of_capabilities((1,), ["A", "CAP_THREE"], {"A": 2}, SERIES) == (2, 3)
    assert setnames.of_capabilities((2, 3), ["A", "CAP_THREE"], {"A": 2}, SERIES) == ()


# --- what is told ---------------------------------------------------------------------------------


def told(found: PatchSet, **more: Any) -> str:
    subjects = tuple(f"subject {number}" for number in range(1, COUNT + 1))
    base = Base(name="linux v6.1", version="6.1", tree="")
    return patchsets.render(
        SetDocument(
            series="s", version=1, base=base, variants=("x86_64", "arm64"), set=found, commands=(), patches=subjects,
            **more,
        )
    )  # fmt: skip


def test_what_nobody_compiled_and_others_that_do_are_told() -> None:
    found = PatchSet(kind=SetKind.REVERT, asked=(3,), patches=(3, 4), proved=True, others=((1, 3),))
    tried = (TriedSet(patches=(3,), state="without-3", answer=BROKEN, variant="x86_64"),)
    said = told(PatchSet(**{**_fields(found), "tried": tried, "uncompiled": (7, 8)}))
    assert "Proved on x86_64 and arm64: each smaller set was tried, and does not do:\n  3 breaks silently" in said
    assert "These do, too: 1+3." in said and "Not asked: 7/8, 8/8" in said and "NOT JUDGED" not in said
    assert "NOT JUDGED: 4/8: no variant has compiled" in told(PatchSet(**{**_fields(found), "uncompiled": (4, 7)}))


def _fields(found: PatchSet) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def test_of_what_nobody_knows_that_is_named_which_keeps_a_set_from_being_proved() -> None:
    tried = tuple(
        TriedSet(patches=one, state="", answer=answer)
        for one, answer in (((3,), BROKEN), ((3, 8), UNKNOWN), ((3, 4), UNKNOWN), ((3, 4, 5), SAFE))
    )
    found = PatchSet(kind=SetKind.REVERT, asked=(3,), patches=(3, 4, 5), tried=tried)
    assert "NOT PROVED to be the smallest: of 3+4 nobody knows." in told(found)


def test_a_run_names_the_variant_on_which_a_set_is_proved() -> None:
    found = PatchSet(kind=SetKind.REVERT, asked=(3,), patches=(3, 4), proved=True)
    of_run = run(result("base"), revert_sets=(found,))
    (said,) = revertsets.beside(of_run)
    assert said.endswith(f"Proved on {of_run.variant.label}: no smaller set does.")


@pytest.mark.parametrize(
    ("kind", "asked", "patches", "said"),
    [
        (SetKind.REVERT, (3,), (3, 4), "To take 3/8 out: revert 4/8, then 3/8."),
        (SetKind.REVERT, (3,), (3,), "To take 3/8 out: revert 3/8."),
        (SetKind.PICK, (2, 4), (2, 3, 4), "To bring 2/8 and 4/8 along: pick 2/8, 3/8, then 4/8."),
    ],
)
def test_a_set_is_told_as_an_instruction(kind: SetKind, asked: Numbers, patches: Numbers, said: str) -> None:
    assert patchsets.advice(PatchSet(kind=kind, asked=asked, patches=patches), COUNT) == said


def test_words_of_a_kernel_do_not_steer_a_terminal_and_have_an_end() -> None:
    why = (Evidence(kind=EvidenceKind.OUTCOME, name="build-failed", said="\x1b[2J" + "x" * 5000),)
    line = patchsets.line_of(TriedSet(patches=(3,), state="without-3", answer=LOUD, why=why))
    assert "\x1b" not in line and len(line) < 250
    said = told(PatchSet(kind=SetKind.PICK, asked=(3,)), not_there=(NotThere(number=7, files=("\x1b[2J.c",)),))
    assert "\x1b" not in said and "7/8 does not apply to linux v6.1, nor with all before it" in said
