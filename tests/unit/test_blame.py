# SPDX-License-Identifier: GPL-2.0-only
"""Proof of blame: what is proved, and in how many ways it is not."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.bisect import blame
from kseries.bisect.asking import Answers
from kseries.bisect.blame import Case, Kernel, Proof, Role
from kseries.model import Evidence, EvidenceKind, State, Status
from kseries.report import proofs

FAILS = (Evidence(kind=EvidenceKind.CHECK, name="other.works", status=Status.FAIL),)


@dataclass
class Table:
    """Kernels whose boots are known: each is a row of passes (".") and failures ("x"), in the order of its boots."""

    boots: dict[str, str]
    same: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ask(self, state: State, times: int) -> Answers:
        first = state.id not in self.asked
        row = self.boots.get(self.same.get(state.id, "") if first else state.id, self.boots.get(state.id, ""))
        at = self.asked.count(state.id)
        told = row[at : at + times]
        self.asked += [state.id] * times
        failed = told.count("x")
        same = self.same.get(state.id) if first else None
        return Answers(passed=told.count("."), failed=failed, why=FAILS if failed or not told else (), same=same)


def kernel(name: str, *conflicts: str, also: tuple[str, ...] = ()) -> Kernel:
    state = State(id=name, scenario="commit", applied=(), tree=None if conflicts else "0" * 40, conflicts=conflicts)
    return Kernel(name, state, also, (f"git revert {name}",))


def case(*parents: str, revert: Kernel | None = None, larger: tuple[Kernel, ...] = ()) -> Case:
    return Case(
        culprit=kernel("culprit"),
        parents=tuple(map(kernel, parents or ("parent",))),
        revert=revert or kernel("revert"),
        larger=lambda: iter(larger),
        others="at most 5 later commits",
    )


def prove(table: Table, some: Case | None = None, boots: int = 3) -> Proof:
    return blame.prove(some or case(), table.ask, boots)


def why(table: Table, some: Case | None = None, boots: int = 3) -> str:
    proof = prove(table, some, boots)
    assert not proof.proved
    return "; ".join(proof.why)


SURE = {"culprit": "xxx", "parent": "...", "revert": "..."}


def test_what_fails_and_is_gone_without_it_is_proved() -> None:
    table = Table(SURE)
    proof = prove(table)
    assert (proof.proved, proof.why) == (True, ())
    assert [(one.role, one.passed, one.failed) for one in proof.legs] == [
        (Role.PARENT, 3, 0),
        (Role.CULPRIT, 0, 3),
        (Role.REVERT, 3, 0),
    ]
    assert {name: table.asked.count(name) for name in SURE} == dict.fromkeys(SURE, 3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"parent": "..x"}, "its parent failed 1 of 3 boots: other.works: fail"),
        ({"parent": "x.."}, "its parent failed 1 of 3 boots: other.works: fail"),
        ({"parent": ""}, "its parent cannot be tested: other.works: fail"),
        ({"culprit": "..."}, "it passed 3 of 3 boots"),
        ({"culprit": ""}, "it cannot be tested: other.works: fail"),
        ({"revert": "xxx"}, "its revert on the bad end still fails: other.works: fail, and no set of at most 5 later"),
        ({"revert": ".x."}, "its revert on the bad end failed 1 of 3 boots: other.works: fail, and no set"),
        ({"revert": ""}, "its revert on the bad end cannot be tested: other.works: fail, and no set of at most 5"),
        ({"parent": ".."}, "parent gave an answer in 2 of 3 boots"),
        ({"revert": "."}, "revert gave an answer in 1 of 3 boots"),
    ],
)
def test_what_speaks_against_it_is_told(rows: dict[str, str], said: str) -> None:
    assert why(Table({**SURE, **rows})).startswith(said)


def test_of_a_merge_each_parent_has_to_pass() -> None:
    table = Table({**SURE, "left": "...", "right": "xx."})
    assert why(table, case("left", "right")).startswith("its parent 2 (right) failed 2 of 3 boots")
    assert prove(Table({**SURE, "left": "...", "right": "..."}), case("left", "right")).proved


def test_who_is_made_on_nothing_is_compared_with_nothing() -> None:
    nothing = case()._replace(parents=())
    assert why(Table(SURE), nothing) == "it is made on nothing that it could be compared with"


def test_a_kernel_that_is_its_parents_is_no_culprit_however_it_answers() -> None:
    said = why(Table({**SURE, "parent": ".x.x.x"}, same={"culprit": "parent"}))
    assert "its kernel is that of its parent (parent), byte for byte" in said
    # Both are what base is: the same kernel, too.
    table = Table({**SURE, "base": ".", "parent": "."}, same={"culprit": "base", "parent": "base"})
    assert "its kernel is that of its parent" in why(table, boots=1)


def test_kernels_are_the_same_by_way_of_another_too() -> None:
    table = Table({**SURE, "base": "xx"}, same={"parent": "base", "culprit": "parent"})
    assert "its kernel is that of its parent (parent), byte for byte" in why(table, boots=1)


def test_what_cannot_be_tested_is_asked_once() -> None:
    table = Table({**SURE, "culprit": ""})
    prove(table)
    assert table.asked.count("culprit") == 1


def test_a_revert_that_is_the_parent_is_booted_once_and_proves() -> None:
    table = Table({"culprit": "xxx", "parent": "..."}, same={"revert": "parent"})
    proof = prove(table)
    assert proof.proved
    assert table.asked.count("revert") == 1
    assert [one.same for one in proof.legs] == [None, None, "parent"]


def test_a_revert_whose_kernel_is_the_culprits_mends_nothing() -> None:
    table = Table({**SURE, "culprit": "x.x"}, same={"revert": "culprit"})
    assert "its revert on the bad end failed 2 of 3 boots" in why(table)


def test_boots_that_pass_by_luck_prove_nothing() -> None:
    rows = {"culprit": "x..", "parent": "." * 3, "revert": "." * 3}
    said = why(Table(rows))
    assert said.startswith("it failed in no more than 1 of 3 boots, and its parent passed 3 of 3 boots")
    assert "a kernel as bad as it does so in 30 of 100 cases; --prove 8 is enough" in said
    many = {"culprit": "x.." * 3, "parent": "." * 9, "revert": "." * 9}
    assert prove(Table(many), boots=9).proved


def test_one_boot_proves_nothing_where_bad_kernels_are_known_to_pass() -> None:
    proof = blame.prove(case(), Table({"culprit": "x", "parent": ".", "revert": "."}).ask, 1, 0.99, passes=0.4)
    assert not proof.proved
    said = "bad kernels pass up to 40 of 100 boots, and its parent passed 1 of 1 boot: a kernel as bad as it does so"
    assert proof.why[0] == f"{said} in 40 of 100 cases; --prove 6 is enough"


def test_how_many_boots_a_proof_lacks_is_known_where_nothing_else_is_wrong_with_it() -> None:
    few = {"culprit": "x..", "parent": "...", "revert": "..."}
    assert blame.boots_left(prove(Table(few))) == 8
    assert blame.boots_left(prove(Table(SURE))) == 0
    for name in ("parent", "revert"):
        assert blame.boots_left(prove(Table({**few, name: "..x"}))) == 0, "it is wrong, however often it is booted"


def test_a_conflict_is_told_with_its_file() -> None:
    said = why(Table(SURE), case(revert=kernel("revert", "fs/eventfd.c")))
    conflict, sets = said.split(", ")
    assert conflict == "its revert on the bad end conflicts in fs/eventfd.c"
    assert sets == "and no set of at most 5 later commits goes with it"


def test_a_larger_revert_that_passes_proves_and_says_what_goes_with_it() -> None:
    sets = (kernel("two", also=("a",)), kernel("three", also=("b", "a")), kernel("four", also=("c",)))
    table = Table({**SURE, "two": "xxx", "three": "..."})
    proof = prove(table, case(revert=kernel("revert", "x.c"), larger=sets))
    assert (proof.proved, proof.also, proof.commands) == (True, ("b", "a"), ("git revert three",))
    assert "four" not in table.asked
    assert [one.name for one in proof.legs] == ["parent", "culprit", "revert", "two", "three"]
    text = "\n".join(proofs.lines(proof))
    assert "To revert it, revert b and a with it:\n  git revert three" in text


def test_where_no_larger_revert_passes_that_is_told_too() -> None:
    sets = (kernel("two", also=("a",)),)
    said = why(Table({**SURE, "revert": "xxx", "two": "xxx"}), case(larger=sets))
    assert "it still does not pass with at most 5 later commits reverted, too (1 tried)" in said


def test_a_larger_revert_of_who_is_not_to_blame_is_not_looked_for() -> None:
    def never() -> Iterator[Kernel]:
        raise AssertionError("it was looked for")

    table = Table({**SURE, "parent": ".x.", "revert": "xxx"})
    said = why(table, case()._replace(larger=never))
    assert said.endswith("its revert on the bad end still fails: other.works: fail")


ROWS = st.text(st.sampled_from(".x"), max_size=5)


@given(culprit=ROWS, parent=ROWS, revert=ROWS, boots=st.integers(1, 5), same=st.sampled_from([None, "parent"]))
def test_nothing_is_proved_that_boots_do_not_show(
    culprit: str, parent: str, revert: str, boots: int, same: str | None
) -> None:
    rows = {"culprit": culprit, "parent": parent, "revert": revert}
    proof = prove(Table(rows, same={"culprit": same} if same else {}), boots=boots)
    assert proof.proved is (proof.why == ())
    if proof.proved:
        assert "x" in culprit[:boots]
        assert parent[:boots] == revert[:boots] == "." * boots
        assert same is None
