# SPDX-License-Identifier: GPL-2.0-only
"""STATE as a user writes it: the trees are those that git itself makes."""

from pathlib import Path

import pytest

from kseries.bisect import pick
from kseries.model import State
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore, conflicts
from tests.support.gitrepo import Repository, lines
from tests.support.series import series_of

TEXTS = (
    lines(30),
    lines(30, line3="a"),
    lines(30, line3="a", line12="b"),
    lines(30, line3="a", line12="b", line20="c"),
    lines(30, line3="d", line12="b", line20="c"),
)


class StateRunner:
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
def runner(tmp_path: Path) -> StateRunner:
    return StateRunner(tmp_path)


def test_an_id_is_the_state_that_its_scenario_makes(runner: StateRunner) -> None:
    plan = scenarios.plan_of("s", 1, runner.patches, runner.base, scenarios.SCENARIOS, runner.store)
    for state in plan.states:
        found = runner.find(state.id)
        assert (found.tree, found.applied, found.patch, found.conflicts) == (
            state.tree,
            state.applied,
            state.patch,
            state.conflicts,
        )


def test_several_reverts_are_what_git_revert_makes_of_them(runner: StateRunner) -> None:
    runner.repository.git("revert", "--no-edit", runner.commits[2], runner.commits[1])
    assert runner.find("without-2+3").tree == runner.repository.tree()
    assert runner.text("without-1+4") == lines(30, line12="b", line20="c")
    assert runner.find("without-1+3").conflicts == ("file",)


def test_several_alone_are_picked_in_their_order(runner: StateRunner) -> None:
    assert runner.text("only-3+2") == lines(30, line12="b", line20="c")


def test_a_squash_has_states_of_its_own(runner: StateRunner) -> None:
    assert runner.text("squash-1+4/prefix-2") == lines(30, line12="b", line20="c")
    assert runner.text("squash-1+2+4") == TEXTS[-1]
    assert runner.text("squash-1+3+4/prefix-1") == lines(30, line12="b")


def test_anything_else_is_a_commit(runner: StateRunner) -> None:
    runner.repository.git("branch", "topic/without-1", runner.commits[0])
    runner.store.git("fetch", "--quiet", str(runner.repository.path), "topic/without-1:topic/without-1")
    assert runner.text("topic/without-1") == TEXTS[1]
    assert runner.text(runner.commits[1]) == TEXTS[2]


@pytest.mark.parametrize(
    "name", ["without-5", "without-3..2", "prefix-0", "prefix-1+2", "squash-1", "squash-1+2/x", "nonsense"]
)
def test_what_is_no_state_is_told_so(runner: StateRunner, name: str) -> None:
    with pytest.raises(InputError):
        runner.find(name)


@pytest.mark.parametrize("how", ["prefix", "without", "only", "squash"])
@pytest.mark.parametrize("numbers", ["1..999999999999", "{nines}", "1..{nines}", "{nines}..1", "0{nines}", "1+{nines}"])
def test_a_number_that_no_patch_has_is_told_before_anything_is_made_of_it(
    runner: StateRunner, how: str, numbers: str
) -> None:
    """Ranges would take memory; of more than 4300 digits Python makes no number."""
    name = f"{how}-{numbers.format(nines='9' * 5000)}"
    with pytest.raises(InputError, match=r"there is no such patch; the series has 4$") as told:
        runner.find(name)
    assert len(str(told.value)) < 250


def test_a_range_that_runs_backwards_is_told_so(runner: StateRunner) -> None:
    with pytest.raises(InputError, match=r"^without-3\.\.1: a range begins with the smaller number\n  name it 1\.\.3$"):
        runner.find("without-3..1")


def test_of_one_patch_there_is_no_squash(runner: StateRunner) -> None:
    with pytest.raises(InputError, match=r"^squash-1: one patch is no squash\n  name two or more, as in squash-2\+3$"):
        runner.find("squash-1")


def test_a_number_may_have_noughts_before_it(runner: StateRunner) -> None:
    assert runner.find("prefix-0" + "0" * 5000 + "2").tree == runner.find("prefix-2").tree


def test_a_range_is_all_in_it(runner: StateRunner) -> None:
    assert runner.find("without-2..4").applied == (1,)
    assert runner.find("without-2..4").tree == runner.find("prefix-1").tree
    assert runner.find("without-1+3..4").applied == (2,)


def test_a_revert_on_a_tree_that_moved_on_is_what_git_revert_makes_there(runner: StateRunner) -> None:
    moved = runner.repository.commit(
        "newer", {"file": lines(30, line3="d", line12="b", line20="c", line28="z"), "x": ""}
    )
    onto = runner.store.tree_of(moved)
    runner.repository.git("revert", "--no-edit", runner.commits[1])
    assert runner.find("without-2", onto).tree == runner.repository.tree()
    taken = runner.repository.commit("newest", {"file": lines(30, line3="d", line12="B", line20="c")})
    assert runner.find("without-2", runner.store.tree_of(taken)).conflicts == ("file",)
    with pytest.raises(InputError, match="only reverts"):
        runner.find("only-2", onto)


def test_a_conflict_is_shown_as_git_shows_it(runner: StateRunner) -> None:
    merge = pick.conflicting(runner.find("without-1"), runner.patches, runner.base, runner.store)
    assert merge is not None
    said = conflicts.shown(merge, runner.store)
    done = runner.repository.run("revert", "--no-edit", runner.commits[0])
    assert b"CONFLICT (content): Merge conflict in file" in done.stdout
    assert said.startswith("CONFLICT (content): Merge conflict in file\nfile:3:\n<<<<<<< HEAD\nd\n")
    left = (runner.repository.path / "file").read_text()
    theirs = left[left.index("=======") : left.index(">>>>>>> ")]
    assert theirs in said
    assert pick.conflicting(runner.find("without-2"), runner.patches, runner.base, runner.store) is None


def test_reverts_together_are_states_of_a_run(runner: StateRunner) -> None:
    plan = scenarios.plan_of("s", 1, runner.patches, runner.base, ("reverts",), runner.store)
    more = pick.with_reverts(plan, ("2+3", "2..4"), runner.store)
    states = {state.id: state for state in more.states}
    assert states["without-2+3"].scenario == "pairs"
    assert states["without-2+3"].tree == runner.find("without-2+3").tree
    assert states["without-2..4"].applied == (1,)
    with pytest.raises(InputError, match=r"^--revert 2,x: expected numbers of patches, as 2,3 or 2\.\.4$"):
        pick.with_reverts(plan, ("2+x",), runner.store)


def test_a_prefix_without_a_patch_is_what_git_revert_makes_of_it(runner: StateRunner) -> None:
    git = runner.repository.git
    for upto, without in ((3, 2), (4, 2), (3, 3)):
        git("checkout", "--quiet", runner.commits[upto - 1])
        git("revert", "--no-edit", runner.commits[without - 1])
        name = f"prefix-{upto}/without-{without}"
        found = runner.find(name)
        assert (found.id, found.tree) == (name, runner.repository.tree())
        assert found.applied == tuple(number for number in range(1, upto + 1) if number != without)
    assert runner.find("prefix-2/without-2").tree == runner.find("prefix-1").tree


def test_a_conflict_of_a_squashed_series_is_that_of_its_own_patches(runner: StateRunner) -> None:
    state = runner.find("squash-2+3/without-1")
    assert state.tree is None and state.conflicts == ("file",)
    merge = pick.conflicting(state, runner.patches, runner.base, runner.store)
    assert merge is not None and conflicts.shown(merge, runner.store).splitlines()[1] == "file:3:"


def test_a_conflict_of_a_prefix_is_that_of_its_own_patches(runner: StateRunner) -> None:
    assert runner.find("prefix-3/without-1").tree is not None
    state = runner.find("prefix-4/without-1")
    assert state.tree is None and state.conflicts == ("file",)
    merge = pick.conflicting(state, runner.patches, runner.base, runner.store)
    assert merge is not None and merge.ours == runner.patches[3].tree_after


@pytest.mark.parametrize(
    "name", ["prefix-2/without-3", "prefix-3/only-1", "prefix-3/prefix-1", "prefix-3/x", "prefix-9/without-1"]
)
def test_of_a_prefix_there_is_nothing_but_the_revert_of_one_of_its_patches(runner: StateRunner, name: str) -> None:
    with pytest.raises(InputError, match=name):
        runner.find(name)
    with pytest.raises(InputError, match="only reverts"):
        runner.find("prefix-3/without-1", runner.patches[-1].tree_after)
