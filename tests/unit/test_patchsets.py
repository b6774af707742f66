# SPDX-License-Identifier: GPL-2.0-only
"""The search for a set over several variants, with what each of them says laid down; and what is told of it."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from kseries.app.patchsets import exit_status
from kseries.bisect.patchsets import SetSearch
from kseries.bisect.setanswer import Judged
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
    SetKind,
    State,
    TriedSet,
)
from kseries.report import patchsets
from kseries.report.patchsets import NotThere, SetDocument
from tests.support.runs import state as result

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
        return ()

    def tried(self, numbers: Numbers, state: State) -> Answered:
        self.asked.append(numbers)
        if numbers not in self._known:
            self._known.add(numbers)
            self.kernels += 1
        answer = self._table.get(numbers, SAFE)
        name = Outcome.INFRA_ERROR if self._infra and answer is UNKNOWN else "a.b"
        why = () if answer is SAFE else (Evidence(kind=EvidenceKind.OUTCOME, name=name, said="so"),)
        return Answered(Judged(answer=answer, why=why), ())


def searched(asked: Numbers, *runners: Laid, most: int = 12) -> PatchSet:
    return SetSearch(asked, cast("list[SetRunner]", runners), most, lambda _: None).run()


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


def test_an_error_names_whose_lines_fail_or_who_brings_the_name_or_who_touches_the_file() -> None:
    failed = result("only-4", 4, outcome=Outcome.BUILD_FAILED, detail="y.c:1: error: 'helper_of_one' undeclared")
    assert setnames.of_error(SetKind.PICK, (4,), failed, (), SERIES) == (1,)
    assert setnames.of_error(SetKind.REVERT, (1,), failed, (3,), SERIES) == (3,)
    assert setnames.of_error(SetKind.REVERT, (1,), failed, (), SERIES) == (4,)


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
