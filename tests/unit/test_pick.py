# SPDX-License-Identifier: GPL-2.0-only
"""STATE as a user writes it: the trees are those that git itself makes."""

from pathlib import Path

import pytest

from kseries.bisect import pick
from kseries.model import State
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore, conflicts
from tests.unit.gitrepo import Repository, lines
from tests.unit.test_scenarios import series_of

TEXTS = (
    lines(30),
    lines(30, line3="a"),
    lines(30, line3="a", line12="b"),
    lines(30, line3="a", line12="b", line20="c"),
    lines(30, line3="d", line12="b", line20="c"),
)


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.repository = Repository(tmp_path / "linux")
        self.store = TreeStore(tmp_path / "trees.git")
        self.store.add_repository(self.repository.path)
        series, self.base = series_of(self.repository, *TEXTS)
        self.patches = scenarios.apply_all(series, self.base, self.store)
        self.commits = [patch.commit or "" for patch in series.patches]

    def find(self, name: str, onto: str | None = None) -> State:
        return pick.find(name, self.patches, self.base, self.store, self.store.tree_of, onto)

    def text(self, name: str) -> str:
        tree = self.find(name).tree
        assert tree is not None
        return (self.store.file(tree, "file") or b"").decode()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_id_is_the_state_that_its_scenario_makes(bench: Bench) -> None:
    plan = scenarios.plan_of("s", 1, bench.patches, bench.base, scenarios.SCENARIOS, bench.store)
    for state in plan.states:
        found = bench.find(state.id)
        assert (found.tree, found.applied, found.patch, found.conflicts) == (
            state.tree,
            state.applied,
            state.patch,
            state.conflicts,
        )


def test_several_reverts_are_what_git_revert_makes_of_them(bench: Bench) -> None:
    bench.repository.git("revert", "--no-edit", bench.commits[2], bench.commits[1])
    assert bench.find("without-2+3").tree == bench.repository.tree()
    assert bench.text("without-1+4") == lines(30, line12="b", line20="c")
    assert bench.find("without-1+3").conflicts == ("file",)


def test_several_alone_are_picked_in_their_order(bench: Bench) -> None:
    assert bench.text("only-3+2") == lines(30, line12="b", line20="c")


def test_a_squash_has_states_of_its_own(bench: Bench) -> None:
    assert bench.text("squash-1+4/prefix-2") == lines(30, line12="b", line20="c")
    assert bench.text("squash-1+2+4") == TEXTS[-1]
    assert bench.text("squash-1+3+4/prefix-1") == lines(30, line12="b")


def test_anything_else_is_a_commit(bench: Bench) -> None:
    bench.repository.git("branch", "topic/without-1", bench.commits[0])
    bench.store.git("fetch", "--quiet", str(bench.repository.path), "topic/without-1:topic/without-1")
    assert bench.text("topic/without-1") == TEXTS[1]
    assert bench.text(bench.commits[1]) == TEXTS[2]


@pytest.mark.parametrize(
    "name", ["without-5", "without-3..2", "prefix-0", "prefix-1+2", "squash-1", "squash-1+2/x", "nonsense"]
)
def test_what_is_no_state_is_told_so(bench: Bench, name: str) -> None:
    with pytest.raises(InputError):
        bench.find(name)


@pytest.mark.parametrize("how", ["prefix", "without", "only", "squash"])
@pytest.mark.parametrize("numbers", ["1..999999999999", "{nines}", "1..{nines}", "{nines}..1", "0{nines}", "1+{nines}"])
def test_a_number_that_no_patch_has_is_told_before_anything_is_made_of_it(bench: Bench, how: str, numbers: str) -> None:
    """Ranges would take memory; of more than 4300 digits Python makes no number."""
    name = f"{how}-{numbers.format(nines='9' * 5000)}"
    with pytest.raises(InputError, match=r"there is no such patch; the series has 4$") as told:
        bench.find(name)
    assert len(str(told.value)) < 250


def test_a_number_may_have_noughts_before_it(bench: Bench) -> None:
    assert bench.find("prefix-0" + "0" * 5000 + "2").tree == bench.find("prefix-2").tree


def test_a_range_is_all_in_it(bench: Bench) -> None:
    assert bench.find("without-2..4").applied == (1,)
    assert bench.find("without-2..4").tree == bench.find("prefix-1").tree
    assert bench.find("without-1+3..4").applied == (2,)


def test_a_revert_on_a_tree_that_moved_on_is_what_git_revert_makes_there(bench: Bench) -> None:
    moved = bench.repository.commit(
        "newer", {"file": lines(30, line3="d", line12="b", line20="c", line28="z"), "x": ""}
    )
    onto = bench.store.tree_of(moved)
    bench.repository.git("revert", "--no-edit", bench.commits[1])
    assert bench.find("without-2", onto).tree == bench.repository.tree()
    taken = bench.repository.commit("newest", {"file": lines(30, line3="d", line12="B", line20="c")})
    assert bench.find("without-2", bench.store.tree_of(taken)).conflicts == ("file",)
    with pytest.raises(InputError, match="only reverts"):
        bench.find("only-2", onto)


def test_a_conflict_is_shown_as_git_shows_it(bench: Bench) -> None:
    merge = pick.conflicting(bench.find("without-1"), bench.patches, bench.base, bench.store)
    assert merge is not None
    said = conflicts.shown(merge, bench.store)
    done = bench.repository.run("revert", "--no-edit", bench.commits[0])
    assert b"CONFLICT (content): Merge conflict in file" in done.stdout
    assert said.startswith("CONFLICT (content): Merge conflict in file\nfile:3:\n<<<<<<< HEAD\nd\n")
    left = (bench.repository.path / "file").read_text()
    theirs = left[left.index("=======") : left.index(">>>>>>> ")]
    assert theirs in said
    assert pick.conflicting(bench.find("without-2"), bench.patches, bench.base, bench.store) is None


def test_reverts_together_are_states_of_a_run(bench: Bench) -> None:
    plan = scenarios.plan_of("s", 1, bench.patches, bench.base, ("reverts",), bench.store)
    more = pick.with_reverts(plan, ("2+3", "2..4"), bench.store)
    states = {state.id: state for state in more.states}
    assert states["without-2+3"].scenario == "pairs"
    assert states["without-2+3"].tree == bench.find("without-2+3").tree
    assert states["without-2..4"].applied == (1,)
    with pytest.raises(InputError, match="--revert takes numbers"):
        pick.with_reverts(plan, ("x",), bench.store)


def test_a_prefix_without_a_patch_is_what_git_revert_makes_of_it(bench: Bench) -> None:
    git = bench.repository.git
    for upto, without in ((3, 2), (4, 2), (3, 3)):
        git("checkout", "--quiet", bench.commits[upto - 1])
        git("revert", "--no-edit", bench.commits[without - 1])
        name = f"prefix-{upto}/without-{without}"
        found = bench.find(name)
        assert (found.id, found.tree) == (name, bench.repository.tree())
        assert found.applied == tuple(number for number in range(1, upto + 1) if number != without)
    assert bench.find("prefix-2/without-2").tree == bench.find("prefix-1").tree


def test_a_conflict_of_a_prefix_is_that_of_its_own_patches(bench: Bench) -> None:
    assert bench.find("prefix-3/without-1").tree is not None
    state = bench.find("prefix-4/without-1")
    assert state.tree is None and state.conflicts == ("file",)
    merge = pick.conflicting(state, bench.patches, bench.base, bench.store)
    assert merge is not None and merge.ours == bench.patches[3].tree_after


@pytest.mark.parametrize(
    "name", ["prefix-2/without-3", "prefix-3/only-1", "prefix-3/prefix-1", "prefix-3/x", "prefix-9/without-1"]
)
def test_of_a_prefix_there_is_nothing_but_the_revert_of_one_of_its_patches(bench: Bench, name: str) -> None:
    with pytest.raises(InputError, match=name):
        bench.find(name)
    with pytest.raises(InputError, match="only reverts"):
        bench.find("prefix-3/without-1", bench.patches[-1].tree_after)
