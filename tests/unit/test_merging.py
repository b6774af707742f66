# SPDX-License-Identifier: GPL-2.0-only
"""Which patch of each topic a loss takes, on kernels that are made up: a tree is the names of the patches in it."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.bisect.merging import Merged, Merger
from kseries.bisect.staterunner import StateRunner
from kseries.judge.merges import Kind
from kseries.model import AppliedPatch, Base, Outcome, State, StateResult
from kseries.model.errors import InfraError
from kseries.plan.topics import Topic, Topics
from kseries.report import merges as shown
from kseries.sources import Merge, ThreeWay, TreeStore
from tests.support.judged import FAIL, PASS, Seen, nothing, result_of

Patches = frozenset[str]
FINE = Seen({}, {"probe.a": PASS})
BROKEN = FINE.but(probe__a=FAIL)
UNBUILT = nothing(Outcome.BUILD_FAILED)


def tree(patches: Patches) -> str:
    return " ".join(sorted(patches)) or "-"


def patches_of(name: str | None) -> Patches:
    return frozenset((name or "").split()) - {"-"}


class Trees:
    """git, which merges all but what is said to conflict."""

    def __init__(self, conflicts: Callable[[Patches], bool]) -> None:
        self._conflicts = conflicts

    def merge(self, merge: ThreeWay) -> Merge:
        both = patches_of(merge.ours) | patches_of(merge.theirs)
        return Merge.conflict(["x.c"]) if self._conflicts(both) else Merge(tree(both))


class Runner:
    """What builds states: each tree once, and what is seen of it follows from its patches."""

    def __init__(self, seen: Callable[[Patches], Seen]) -> None:
        self._seen = seen
        self._known: set[str] = set()
        self.builds: list[str] = []
        self.contracts = ()

    def results(self, *states: State) -> dict[str, StateResult]:
        base = State(id="base", scenario="base", applied=(), tree="-")
        every = {state.id: state for state in (base, *states)}
        self.builds += [state.id for state in every.values() if state.tree not in self._known]
        self._known |= {state.tree or "" for state in every.values()}
        return {name: result_of(state, self._seen(patches_of(state.tree))) for name, state in every.items()}


def topic(letter: str, count: int) -> Topic:
    names = [f"{letter}{number}" for number in range(1, count + 1)]
    trees = [tree(frozenset(names[:number])) for number in range(count + 1)]
    patches = (
        AppliedPatch(number=number, subject=name, tree_before=trees[number - 1], tree_after=trees[number])
        for number, name in enumerate(names, 1)
    )
    return Topic(f"topic {letter}", tuple(patches), "-")


class Case:
    def __init__(
        self,
        first: int,
        second: int,
        seen: Callable[[Patches], Seen],
        conflicts: Callable[[Patches], bool] = lambda _: False,
    ) -> None:
        base = Base(name="base", version="6.12", tree="-")
        trees = cast(TreeStore, Trees(conflicts))
        self.topics = Topics(base, topic("a", first), topic("b", second), trees)
        self.runner = Runner(seen)

    def run(self, most: int = 100) -> Merged:
        merger = Merger(self.topics, cast(StateRunner, self.runner), most, frozenset())
        return merger.run(lambda _: None)

    def needs(self, most: int = 100) -> Any:
        (loss,) = self.run(most).losses
        return loss.needs


def failing(*together: str) -> Callable[[Patches], Seen]:
    return lambda patches: BROKEN if patches >= {*together} else FINE


COUNTS = st.integers(1, 6)


@given(COUNTS, COUNTS, st.data())
def test_the_patch_of_each_is_found_and_proved(first: int, second: int, data: st.DataObject) -> None:
    one, two = data.draw(st.integers(1, first)), data.draw(st.integers(1, second))
    case = Case(first, second, failing(f"a{one}", f"b{two}"))
    needs = case.needs()
    assert (needs.first, needs.second, needs.spent) == ((one,), (two,), False)
    states = {state.id: state for state in every_state(case.topics)}
    broken, *sound = (patches_of(states[name].tree) for name in (needs.broken, *needs.sound))
    assert [broken - patches for patches in sound] == [{f"a{one}"}, {f"b{two}"}]
    asked = (first - 1).bit_length() + (second - 1).bit_length() + 1
    assert len(case.runner.builds) <= 4 + 2 * asked


def every_state(topics: Topics) -> list[State]:
    first, second = topics.ends
    return [topics.state(x, y) for x in range(first + 1) for y in range(second + 1)]


@given(COUNTS, COUNTS, st.integers(1, 6), st.data())
def test_no_more_is_built_than_was_allowed_and_the_next_time_goes_on(
    first: int, second: int, most: int, data: st.DataObject
) -> None:
    one, two = data.draw(st.integers(1, first)), data.draw(st.integers(1, second))
    case = Case(first, second, failing(f"a{one}", f"b{two}"))
    for _ in range(40):
        before = len(case.runner.builds)
        needs = case.needs(most)
        whole = 0 if before else 4
        assert len(case.runner.builds) - before - whole <= most + 1, "of a step that is begun, both sides are built"
        assert one in needs.first and two in needs.second
        if not needs.spent:
            break
    assert (needs.first, needs.second, needs.spent) == ((one,), (two,), False)


def test_states_that_do_not_build_by_themselves_leave_several_patches() -> None:
    def seen(patches: Patches) -> Seen:
        return UNBUILT if "a2" in patches and "a3" not in patches else failing("a2", "b1")(patches)

    needs = Case(4, 1, seen).needs()
    assert (needs.first, needs.second, needs.sound) == ((2, 3), (1,), ("first-1+second", "first-3"))


def test_a_step_that_conflicts_leaves_several_patches() -> None:
    def conflicts(patches: Patches) -> bool:
        return "b1" in patches and "a2" in patches and "a3" not in patches

    needs = Case(3, 1, failing("a2", "b1"), conflicts).needs()
    assert (needs.first, needs.sound) == ((2, 3), ("first-1+second", "first"))


def test_what_a_topic_breaks_and_mends_within_itself_is_not_taken_for_the_loss() -> None:
    """Up to its second patch the first topic fails by itself: no merge with that shows a loss of the two."""

    def seen(patches: Patches) -> Seen:
        own = "a2" in patches and "a3" not in patches
        return BROKEN if own or patches >= {"a4", "b1"} else FINE

    needs = Case(5, 1, seen).needs()
    assert (needs.first, needs.second) == ((4,), (1,))


def test_what_a_topic_breaks_for_a_moment_blames_no_patch_that_mends_it() -> None:
    """The first patch clashes; the second breaks the same by itself, so of a merge up to there nobody can tell."""

    def seen(patches: Patches) -> Seen:
        own = "a2" in patches and "a3" not in patches
        return BROKEN if own or patches >= {"a1", "b1"} else FINE

    needs = Case(4, 1, seen).needs()
    assert (needs.first, needs.second, needs.sound) == ((1,), (1,), ("second", "first-1"))


def test_where_a_search_ended_early_no_state_is_called_sound() -> None:
    needs = Case(4, 4, failing("a2", "b2")).needs(most=1)
    assert (needs.spent, needs.broken, needs.sound) == (True, needs.broken, ())


def test_nothing_is_looked_for_where_nobody_asks_or_nothing_is_lost() -> None:
    case = Case(3, 3, failing("a1", "b1"))
    assert case.needs(most=0) is None and case.run(most=0).together is False
    fine = Case(3, 3, failing("none")).run()
    assert (fine.losses, fine.together, fine.built, fine.found) == ((), True, 4, False)


def test_losses_of_one_cause_share_their_kernels_and_others_have_their_own_patches() -> None:
    def seen(patches: Patches) -> Seen:
        fails = {f"probe.{name}": FAIL for name in "ab" if patches >= {"a1", "b1"}}
        fails |= {"probe.c": FAIL} if patches >= {"a2", "b2"} else {}
        return Seen({}, {**dict.fromkeys(("probe.a", "probe.b", "probe.c"), PASS), **fails})

    told = Case(2, 2, seen).run()
    needs = [loss.needs for loss in told.losses if loss.needs is not None]
    assert [(one.first, one.second) for one in needs] == [((1,), (1,)), ((1,), (1,)), ((2,), (2,))]
    text = " ".join(shown.render(told).split())
    assert "probe.a: fail probe.b: fail It takes 1/2 'a1' of the first, and 1/2 'b1' of the second:" in text
    assert "probe.c: fail It takes 2/2 'a2' of the first" in text


def test_a_merge_that_does_not_build_needs_two_patches_that_do() -> None:
    told = Case(3, 2, lambda patches: UNBUILT if patches >= {"a2", "b2"} else FINE).run()
    (loss,) = told.losses
    assert loss.kind is Kind.BUILD and loss.needs is not None
    assert (loss.needs.first, loss.needs.second, told.found) == ((2,), (2,), True)


def test_the_parts_of_a_merge_that_is_fine_are_not_built() -> None:
    case = Case(2, 2, failing("a2", "b2"))
    case.needs()
    assert case.runner.builds == ["base", "first", "second", "both", "first-1+second", "first+second-1"]


@pytest.mark.parametrize(("bad", "name"), [("a1", "first"), ("b1", "second"), ("a1 b1", "both")])
def test_a_fault_of_this_host_is_no_answer(bad: str, name: str) -> None:
    case = Case(1, 1, lambda patches: nothing(Outcome.INFRA_ERROR) if tree(patches) == bad else FINE)
    with pytest.raises(InfraError, match=f"^{name}: so it ended"):
        case.run()


def test_a_fault_of_this_host_in_a_step_is_no_answer_to_that_step() -> None:
    def seen(patches: Patches) -> Seen:
        return nothing(Outcome.INFRA_ERROR) if patches == {"a1", "b1"} else failing("a1", "b1")(patches)

    needs = Case(2, 1, seen).needs()
    assert needs.first == (1, 2)
