# SPDX-License-Identifier: GPL-2.0-only
"""Series -> states: which there are, of which patches, in which order, and which are the same."""

import itertools
from pathlib import Path

import pytest
from msgspec import UNSET

from kseries.model import AppliedPatch, Base, Patch, Plan, Series, State, events
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines
from tests.support.series import series_of

ALL = ("prefixes", "reverts", "alone")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "linux")


@pytest.fixture
def store(tmp_path: Path, repository: Repository) -> TreeStore:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    return store


def three(repository: Repository, *, diffs: bool = False) -> tuple[Series, Base]:
    """Three patches: 1 and 2 touch lines far apart, 3 the same line as 1."""
    return series_of(
        repository,
        lines(30),
        lines(30, line3="a"),
        lines(30, line3="a", line20="b"),
        lines(30, line3="c", line20="b"),
        diffs=diffs,
    )


def states(plan: Plan) -> dict[str, State]:
    return {state.id: state for state in plan.states}


def file(store: TreeStore, tree: str | None) -> str:
    assert tree is not None
    contents = store.file(tree, "file")
    assert contents is not None
    return contents.decode()


def test_a_patch_of_a_range_has_its_commit(repository: Repository, store: TreeStore) -> None:
    series, base = three(repository)
    plan = scenarios.make_plan(series, base, (), store)
    assert [patch.commit for patch in plan.patches] == [patch.commit for patch in series.patches]
    assert None not in [patch.commit for patch in plan.patches]
    squashed = scenarios.squash(plan.patches, (1, 3), store)
    assert squashed is not None
    assert [patch.commit for patch in squashed] == [series.patches[1].commit, None]


def test_a_diff_has_none(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*three(repository, diffs=True), (), store)
    assert [patch.commit for patch in plan.patches] == [None] * 3


def test_each_state_has_the_patches_and_the_tree_that_its_name_says(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*three(repository), ALL, store)
    assert (plan.series, plan.version, plan.tip) == ("series", 2, "prefix-3")
    found = states(plan)
    assert {name: state.applied for name, state in found.items()} == {
        "base": (),
        "prefix-1": (1,),
        "prefix-2": (1, 2),
        "prefix-3": (1, 2, 3),
        "without-1": (2, 3),
        "without-2": (1, 3),
        "without-3": (1, 2),
        "only-1": (1,),
        "only-2": (2,),
        "only-3": (3,),
    }
    assert {name: state.patch for name, state in found.items() if name != "base"} == {
        name: int(name[-1]) for name in found if name != "base"
    }
    assert found["base"].patch is None
    assert file(store, found["base"].tree) == lines(30)
    assert file(store, found["prefix-2"].tree) == lines(30, line3="a", line20="b")
    assert file(store, found["without-2"].tree) == lines(30, line3="c")
    assert file(store, found["only-2"].tree) == lines(30, line20="b")


def test_a_state_that_git_cannot_make_has_its_conflicts_and_no_tree(repository: Repository, store: TreeStore) -> None:
    found = states(scenarios.make_plan(*three(repository), ALL, store))
    assert {name: state.conflicts for name, state in found.items() if state.tree is None} == {
        "without-1": ("file",),
        "only-3": ("file",),
    }
    assert all(not state.conflicts for state in found.values() if state.tree is not None)
    assert all(state.same_as is None for state in found.values() if state.tree is None)


def test_of_the_states_with_one_tree_the_later_ones_point_at_the_first(
    repository: Repository, store: TreeStore
) -> None:
    found = states(scenarios.make_plan(*three(repository), ALL, store))
    assert {name: state.same_as for name, state in found.items() if state.same_as} == {
        "without-3": "prefix-2",
        "only-1": "prefix-1",
    }
    for state in found.values():
        if state.same_as is not None:
            assert found[state.same_as].tree == state.tree
            assert found[state.same_as].same_as is None


def test_a_patch_that_changes_nothing_gives_states_that_are_the_same(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*series_of(repository, "a\n", "a\n", "b\n"), ("prefixes", "reverts"), store)
    assert {name: state.same_as for name, state in states(plan).items()} == {
        "base": None,
        "prefix-1": "base",
        "prefix-2": None,
        "without-1": "prefix-2",
        "without-2": "base",
    }


def test_a_series_that_ends_where_it_began_has_base_as_its_tip(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*series_of(repository, "a\n", "b\n", "a\n"), ("prefixes",), store)
    assert states(plan)[plan.tip].same_as == "base"


def test_base_comes_first_then_the_prefixes_as_they_grow(repository: Repository, store: TreeStore) -> None:
    texts = [lines(60, **{f"line{5 * one}": "x" for one in range(1, count + 1)}) for count in range(12)]
    ids = [state.id for state in scenarios.make_plan(*series_of(repository, *texts), reversed(ALL), store).states]
    assert ids[:12] == ["base", *(f"prefix-{number}" for number in range(1, 12))]
    assert ids[12:23] == [f"without-{number}" for number in range(1, 12)]
    assert len(set(ids)) == len(ids) == 34


@pytest.mark.parametrize("chosen", [(), ("reverts",), ("alone",)])
def test_base_and_tip_are_in_every_plan(chosen: tuple[str, ...], repository: Repository, store: TreeStore) -> None:
    ids = [state.id for state in scenarios.make_plan(*three(repository), chosen, store).states]
    assert [name for name in ids if not name.startswith(("without", "only"))] == ["base", "prefix-3"]
    assert ids[0] == "base"


def test_a_scenario_named_twice_is_done_once(repository: Repository, store: TreeStore) -> None:
    ids = [state.id for state in scenarios.make_plan(*three(repository), ("prefixes", "prefixes"), store).states]
    assert ids == ["base", "prefix-1", "prefix-2", "prefix-3"]


def test_an_unknown_scenario_is_named_with_those_that_there_are(repository: Repository, store: TreeStore) -> None:
    with pytest.raises(InputError, match=r"no such scenario: prefix\n.*prefixes, reverts"):
        scenarios.make_plan(*three(repository), ("prefix",), store)


def test_diffs_and_commits_give_the_same_plan(repository: Repository, store: TreeStore) -> None:
    commits = scenarios.make_plan(*three(repository), ALL, store)
    again = Repository(repository.path.with_name("again"))
    diffs = scenarios.make_plan(*three(again, diffs=True), ALL, store)
    assert [(state.id, state.tree, state.same_as) for state in commits.states] == [
        (state.id, state.tree, state.same_as) for state in diffs.states
    ]


def test_the_same_series_gives_the_same_plan_in_another_store(
    repository: Repository, store: TreeStore, tmp_path: Path
) -> None:
    series, base = three(repository)
    other = TreeStore(tmp_path / "other.git")
    other.add_repository(repository.path)
    assert scenarios.make_plan(series, base, ALL, store) == scenarios.make_plan(series, base, ALL, other)


def test_a_patch_that_does_not_apply_is_named_with_its_file_and_what_it_was_put_on(
    repository: Repository, store: TreeStore
) -> None:
    series, base = three(repository, diffs=True)
    skipping = Series(name="series", version=1, patches=(series.patches[2],))
    with pytest.raises(InputError) as error:
        scenarios.make_plan(skipping, base, ALL, store)
    assert str(error.value).startswith("0003.patch does not apply to v6.12")
    assert "patch failed: file:" in str(error.value)
    assert len(str(error.value).splitlines()) <= 2


def test_a_later_patch_that_does_not_apply_tells_what_lies_under_it(repository: Repository, store: TreeStore) -> None:
    series, base = three(repository, diffs=True)
    twice = Series(name="series", version=1, patches=(*series.patches[:2], *series.patches[1:2]))
    renumbered = [
        Patch(number=number, subject=one.subject, origin=one.origin, diff=one.diff)
        for number, one in enumerate(twice.patches, 1)
    ]
    with pytest.raises(InputError, match=r"^0002\.patch is already in v6\.12 \+ patches 1\.\.2: "):
        scenarios.make_plan(Series(name="s", version=1, patches=tuple(renumbered)), base, ALL, store)


# --- pairs --------------------------------------------------------------------------------------


def pairs_of(plan: Plan) -> dict[str, State]:
    return {state.id: state for state in plan.states if state.scenario == "pairs"}


def test_two_reverts_are_made_of_patches_that_touch_a_file_in_common(repository: Repository, store: TreeStore) -> None:
    history: list[dict[str, str | None]] = [
        {"a": lines(30), "b": "b\n", "c": "c\n"},
        {"a": lines(30, line3="x")},
        {"b": "b, changed\n"},
        {"a": lines(30, line3="x", line20="y")},
        {"b": None, "d": "b, changed\n"},
        {"c": "c, changed\n"},
    ]
    series, base = series_of_files(repository, *history)
    found = pairs_of(scenarios.make_plan(series, base, ("pairs",), store))
    assert list(found) == ["without-1+3", "without-2+4"]
    both = found["without-1+3"]
    assert (both.applied, both.patch, both.conflicts) == ((2, 4, 5), None, ())
    assert both.tree == by_reverting(repository, 3, 1)


def test_a_file_is_in_common_whatever_each_patch_calls_it(repository: Repository, store: TreeStore) -> None:
    history: list[dict[str, str | None]] = [
        {"a": lines(30), "b": "b\n", "c": "c\n"},
        {"a": lines(30, line3="x")},
        {"a": None, "new a": lines(30, line3="x", line9="z"), "c": "c, changed\n"},
        {"new a": lines(30, line3="x", line9="z", line20="y")},
        {"b": None, "d": "something else\n"},
        {"d": "something else, changed\n"},
    ]
    plan = scenarios.make_plan(*series_of_files(repository, *history), ("pairs",), store)
    assert [patch.renames for patch in plan.patches] == [UNSET, (("a", "new a"),), UNSET, UNSET, UNSET]
    assert list(pairs_of(plan)) == ["without-1+2", "without-1+3", "without-2+3", "without-4+5"]
    both = pairs_of(plan)["without-1+3"]
    assert both.tree == by_reverting(repository, 3, 1)


def test_a_new_file_of_an_old_name_is_another_one(repository: Repository, store: TreeStore) -> None:
    other = [f"other {number}" for number in range(20)]
    history: list[dict[str, str | None]] = [
        {"a": lines(30)},
        {"a": None, "new": lines(30)},
        {"a": "\n".join(other)},
        {"a": "\n".join([*other, "more"])},
        {"new": lines(30, line9="z")},
    ]
    plan = scenarios.make_plan(*series_of_files(repository, *history), ("pairs",), store)
    assert plan.patches[0].renames == (("a", "new"),)
    assert list(pairs_of(plan)) == ["without-1+2", "without-1+3", "without-1+4", "without-2+3"]


def test_the_later_patch_goes_first(repository: Repository, store: TreeStore) -> None:
    """Patch 3 touches the line of patch 1, which cannot be reverted before it."""
    found = states(scenarios.make_plan(*three(repository), (*ALL, "pairs"), store))
    assert found["without-1"].tree is None
    assert file(store, found["without-1+3"].tree) == lines(30, line20="b")
    assert file(store, found["without-2+3"].tree) == lines(30, line3="a")
    assert found["without-2+3"].same_as == "prefix-1"
    assert (found["without-1+2"].tree, found["without-1+2"].conflicts) == (None, ("file",))


def test_a_later_patch_that_cannot_be_reverted_is_why_two_cannot(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*series_of(repository, "0\n", "1\n", "2\n", "3\n"), ("pairs",), store)
    found = pairs_of(plan)
    assert (found["without-1+2"].tree, found["without-1+2"].conflicts) == (None, ("file",))
    assert file(store, found["without-2+3"].tree) == "1\n"


def test_pairs_are_made_only_when_asked_for(repository: Repository, store: TreeStore) -> None:
    plan = scenarios.make_plan(*three(repository), scenarios.DEFAULT, store)
    assert not pairs_of(plan)
    assert [state.scenario for state in scenarios.make_plan(*three(repository), ("pairs",), store).states][
        -1
    ] == "pairs"


def series_of_files(repository: Repository, *history: dict[str, str | None]) -> tuple[Series, Base]:
    """A series of commits, each of which writes some files; the first is the base."""
    base, *commits = [repository.commit(f"patch {number}", files) for number, files in enumerate(history)]
    patches = tuple(
        Patch(number=number, subject=f"patch {number}", origin=commit, commit=commit)
        for number, commit in enumerate(commits, 1)
    )
    return Series(name="series", version=1, patches=patches), Base(
        name="v6.12", version="6.12", tree=repository.tree(base)
    )


def by_reverting(repository: Repository, *numbers: int) -> str:
    """The tree after git revert of some patches of the series that the repository's branch is."""
    count = len(repository.git("rev-list", "HEAD").split()) - 1
    commits = [repository.git("rev-parse", f"HEAD~{count - number}") for number in numbers]
    repository.git("revert", "--no-edit", *commits)
    return repository.tree()


# --- progress -----------------------------------------------------------------------------------


def test_who_waits_is_told_how_far_it_is(repository: Repository, store: TreeStore) -> None:
    told: list[events.Event] = []
    scenarios.make_plan(*three(repository, diffs=True), ALL, store, told.append)
    assert told[0] == events.Planning("applying patches", 0, 3)
    assert events.Planning("applying patches", 3, 3) in told
    assert told[-1] == events.Planning("merging", 3, 3)


# --- squash -------------------------------------------------------------------------------------


def applied(repository: Repository, store: TreeStore, *texts: str) -> tuple[AppliedPatch, ...]:
    return scenarios.apply_all(*series_of(repository, *texts), store)


def assert_stacked(patches: tuple[AppliedPatch, ...], series: tuple[AppliedPatch, ...]) -> None:
    """Numbered from 1, each on the one before it, from the same base to the same tip."""
    assert [patch.number for patch in patches] == list(range(1, len(series)))
    assert patches[0].tree_before == series[0].tree_before
    assert patches[-1].tree_after == series[-1].tree_after
    for below, above in itertools.pairwise(patches):
        assert below.tree_after == above.tree_before


def test_neighbours_become_one_patch(repository: Repository, store: TreeStore) -> None:
    series = applied(repository, store, "0\n", "1\n", "2\n", "3\n")
    squashed = scenarios.squash(series, (2, 3), store)
    assert squashed is not None
    assert_stacked(squashed, series)
    assert [patch.subject for patch in squashed] == ["patch 1", "squash of patch 2 / patch 3"]
    assert squashed[1].tree_before == series[0].tree_after


def test_what_lies_between_moves_out_of_the_way(repository: Repository, store: TreeStore) -> None:
    series = applied(
        repository,
        store,
        lines(30),
        lines(30, line3="a"),
        lines(30, line3="a", line20="b"),
        lines(30, line3="c", line20="b"),
        lines(30, line3="d", line20="b"),
    )
    squashed = scenarios.squash(series, (1, 3), store)
    assert squashed is not None
    assert_stacked(squashed, series)
    assert sorted(patch.subject for patch in squashed) == ["patch 2", "patch 4", "squash of patch 1 / patch 3"]


def test_patches_that_cannot_be_moved_together_are_not_squashed(repository: Repository, store: TreeStore) -> None:
    series = applied(repository, store, "0\n", "1\n", "2\n", "3\n")
    assert scenarios.squash(series, (1, 3), store) is None


def test_three_patches_are_made_one_and_the_tip_stays(repository: Repository, store: TreeStore) -> None:
    series, base = series_of(
        repository,
        lines(30),
        lines(30, line3="a"),
        lines(30, line3="a", line10="b"),
        lines(30, line3="a", line10="b", line17="c"),
        lines(30, line3="a", line10="b", line17="c", line24="d"),
    )
    patches = scenarios.apply_all(series, base, store)
    squashed = scenarios.squash(patches, (1, 2, 4), store)
    assert squashed is not None
    assert [patch.subject for patch in squashed] == ["patch 3", "squash of patch 1 / patch 2 / patch 4"]
    assert [patch.number for patch in squashed] == [1, 2]
    assert squashed[-1].tree_after == patches[-1].tree_after


def test_another_order_has_the_same_tip_or_is_none(repository: Repository, store: TreeStore) -> None:
    patches = scenarios.apply_all(*three(repository), store)
    moved = scenarios.reorder(patches, (2, 1, 3), store)
    assert moved is not None
    assert [patch.subject for patch in moved] == ["patch 2", "patch 1", "patch 3"]
    assert moved[-1].tree_after == patches[-1].tree_after
    assert scenarios.reorder(patches, (3, 1, 2), store) is None
