# SPDX-License-Identifier: GPL-2.0-only
"""A search with a confidence: what it is told, what it asks, and how it ends."""

import random

import pytest

from kseries.bisect import search as searching
from kseries.bisect.asking import Answers
from kseries.bisect.choice import Costs
from kseries.bisect.ends import Ends
from kseries.bisect.rates import Rate, Rates
from kseries.bisect.search import Asked, Ending, Search, Searched, Settings
from kseries.model import Evidence, EvidenceKind
from kseries.model.errors import InputError
from tests.support import halving
from tests.support.simulated import GOOD, UNBUILT, History, Simulated, chain, forked, lineage

STEADY = Settings(
    rates=Rates(bad_passes=Rate(hits=1.0, misses=1e9), good_fails=Rate(hits=1.0, misses=1e9)),
    ends=Ends(bad=1, good=1),
    costs=Costs(build=0.0),
)
"""Of a check that is known to be steady."""


class Script:
    """Answers from a table; without an entry a commit passes each boot up to ``last``, and fails each after it."""

    def __init__(self, last: int, **answers: Answers) -> None:
        self._last = last
        self._answers = answers
        self.asked: list[str] = []

    def ask(self, commit: str, boots: int) -> Answers:
        self.asked.append(commit)
        if commit in self._answers:
            return self._answers[commit]
        good = commit == GOOD or int(commit[1:]) <= self._last
        return Answers(passed=boots) if good else Answers(failed=boots)


def ignore(asked: Asked) -> None:
    pass


def run(search: Search, asker: Script | Simulated) -> Searched:
    return searching.run(search, asker, ignore)


def told_why(**answers: Answers) -> str:
    with pytest.raises(InputError) as raised:
        run(Search(chain(9), GOOD), Script(4, **answers))
    return str(raised.value)


def test_a_steady_check_is_bisected_as_git_does() -> None:
    script = Script(4)
    found = run(Search(chain(9), GOOD, STEADY), script)
    assert script.asked[:2] == ["c8", GOOD]
    assert len(script.asked) == 2 + 3 and found.boots == 5
    assert (found.end, found.blamed) == (Ending.FOUND, ("c5",))


@pytest.mark.parametrize("seed", range(20))
def test_each_step_of_a_steady_check_halves_the_suspects(seed: int) -> None:
    """The very worth of the commit that git would ask, in histories with branches and merges."""
    rng = random.Random(seed)
    made = forked(rng, 60)
    history = History(made, rng.randrange(60), passes=0.0, fails=0.0)
    search, asker = Search(made, GOOD, STEADY), Simulated(history, seed)
    below = [*Search(made, GOOD)._below]
    suspects = (1 << len(made.commits)) - 1
    while (wanted := search.next()) is not None:
        answers = asker.ask(wanted.commit, wanted.boots)
        search.learn(wanted.commit, answers)
        if wanted.commit in (GOOD, made.commits[-1]):
            continue
        place = made.commits.index(wanted.commit)
        most = halving.worth(tuple(below), suspects, halving.best(tuple(below), suspects))
        assert halving.worth(tuple(below), suspects, place) == most
        suspects &= below[place] if answers.failed else ~below[place]
    assert search.result().blamed == (made.commits[history.culprit],)


def test_a_flaky_check_is_asked_again_and_says_how_flaky_it_is() -> None:
    history = History(chain(50), 20, passes=0.7, fails=0.0)
    found = run(Search(history.lineage, GOOD), Simulated(history, 1))
    assert (found.end, found.blamed) == (Ending.FOUND, ("c20",))
    assert found.suspects[0].probability >= 0.99
    assert found.bad_passes.low < 0.7 < found.bad_passes.high
    assert found.boots == sum(one.answers.passed + one.answers.failed for one in found.asked)
    assert [one.commit for one in found.asked[:2]] == ["c49", GOOD], "its ends before all others"


def test_a_kernel_that_is_built_is_booted_again_rather_than_another_built() -> None:
    def builds(cost: float) -> int:
        total = 0
        for seed in range(20):
            asker = Simulated(History(chain(50), 20, passes=0.6, fails=0.0), seed)
            run(Search(chain(50), GOOD, Settings(costs=Costs(build=cost))), asker)
            total += asker.builds
        return total

    assert builds(20.0) < 0.7 * builds(0.0)


def test_a_higher_confidence_takes_more_boots() -> None:
    def boots(confidence: float) -> int:
        history = History(chain(50), 20, passes=0.5, fails=0.0)
        runs = (
            run(Search(chain(50), GOOD, Settings(confidence=confidence)), Simulated(history, seed))
            for seed in range(10)
        )
        return sum(one.boots for one in runs)

    assert boots(0.6) < boots(0.9) < boots(0.999)


# --- what cannot be tested ----------------------------------------------------------------------


def test_what_cannot_be_tested_is_asked_once_and_its_neighbours_are_tried() -> None:
    untestable = {f"c{place}": UNBUILT for place in range(20, 30)}
    script = Script(10, **untestable)
    found = run(Search(chain(50), GOOD), script)
    assert (found.end, found.blamed) == (Ending.FOUND, ("c11",))
    assert all(script.asked.count(commit) <= 1 for commit in untestable)


def test_a_search_that_ends_in_what_cannot_be_tested_names_all_that_it_may_be() -> None:
    script = Script(24, **{f"c{place}": UNBUILT for place in range(20, 30)})
    found = run(Search(chain(50), GOOD), script)
    assert found.end is Ending.INSEPARABLE
    assert {*found.blamed} == {f"c{place}" for place in range(20, 31)}, "c30 too: it is the first that fails"
    assert sum(one.probability for one in found.suspects) >= 0.99
    assert found.boots < 20, "no kernel is booted again that can tell nothing more"


def test_of_what_cannot_be_parted_the_one_that_is_likely_by_itself_is_told() -> None:
    script = Script(24, **{f"c{place}": UNBUILT for place in range(20, 30)})
    weights = [4096.0 if place == 25 else 1.0 for place in range(50)]
    found = run(Search(chain(50), GOOD, weights=weights), script)
    assert (found.end, found.blamed) == (Ending.FOUND, ("c25",))


def test_a_side_branch_that_cannot_be_tested_is_suspected_with_its_merge() -> None:
    #  c0 - c1 - c2 - c5 - c6    the branch c3, c4 begins before GOOD
    #      c3 - c4 ---'
    made = lineage([(), (0,), (1,), (), (3,), (2, 4), (5,)])
    script = Script(-1, c2=Answers(passed=9), c1=Answers(passed=9), c0=Answers(passed=9), c3=UNBUILT, c4=UNBUILT)
    found = run(Search(made, GOOD), script)
    assert (found.end, {*found.blamed}) == (Ending.INSEPARABLE, {"c3", "c4", "c5"})


def test_good_may_be_untestable_and_bad_may_not() -> None:
    found = run(Search(chain(9), GOOD), Script(4, good=UNBUILT))
    assert found.blamed == ("c5",)
    assert told_why(c8=UNBUILT).startswith("BAD cannot be tested: ")


def test_a_kernel_that_has_answered_may_not_come_up_now_and_then() -> None:
    class IsLostTheSecondTime(Script):
        def ask(self, commit: str, boots: int) -> Answers:
            told = super().ask(commit, boots)
            return UNBUILT if self.asked.count(commit) == 2 else told

    script = IsLostTheSecondTime(4)
    search = Search(chain(9), GOOD)
    search.learn("c8", script.ask("c8", 3))
    search.learn("c8", script.ask("c8", 1))
    found = run(search, script)
    assert (found.end, found.blamed) == (Ending.FOUND, ("c5",))
    assert UNBUILT in [one.answers for one in found.asked[2:]], "others were lost, too"


def test_a_kernel_that_does_not_come_up_any_more_is_given_up() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c8", Answers(failed=3))
    for _ in range(3):
        search.learn("c8", UNBUILT)
        search.next()
    search.learn("c8", UNBUILT)
    with pytest.raises(InputError, match="BAD cannot be tested"):
        search.next()


# --- the same kernel ----------------------------------------------------------------------------


def test_what_changes_no_kernel_is_not_suspected() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c8", Answers(failed=5))
    search.learn(GOOD, Answers(passed=5))
    search.learn("c4", Answers(passed=9))
    search.learn("c6", Answers(same="c4", passed=9))
    found = run(search, Script(6))
    assert found.blamed == ("c7",)
    assert {one.commit for one in found.suspects}.isdisjoint({"c5", "c6"})


def test_a_kernel_that_is_another_one_brings_no_boots() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c8", Answers(failed=5))
    search.learn("c7", Answers(same="c8", failed=5))
    assert search.result().boots == 5


def test_the_same_kernel_as_one_that_cannot_be_tested_cannot_either() -> None:
    for order in (("c4", "c5"), ("c5", "c4")):
        script = Script(4, c4=UNBUILT, c5=Answers(same="c4"))
        search = Search(chain(9), GOOD)
        for commit in order:
            search.learn(commit, script.ask(commit, 1))
        found = run(search, script)
        assert (found.end, {*found.blamed}) == (Ending.INSEPARABLE, {"c4", "c6"})
        assert found.boots < 20


def test_ends_that_are_the_kernels_of_others_are_asked_as_those() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c7", Answers(failed=1))
    search.learn("c2", Answers(passed=1))
    search.learn("c8", Answers(same="c7"))
    search.learn(GOOD, Answers(same="c2"))
    script = Script(4)
    assert run(search, script).blamed == ("c5",)
    assert {"c8", GOOD}.isdisjoint(script.asked)


def test_good_and_bad_that_are_one_kernel_are_an_error() -> None:
    assert told_why(good=Answers(same="c8", failed=3)).startswith("good is the same kernel as c8, ")


def test_what_came_went_and_came_again_is_told_where_the_same_kernels_leave_no_suspect() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c5", Answers(same=GOOD))
    with pytest.raises(InputError, match=r"^c8 is the same kernel as c2, and no commit is left .* came again\n  "):
        search.learn("c8", Answers(same="c2"))


# --- ends ---------------------------------------------------------------------------------------


def test_a_bad_that_passes_each_time_is_an_error_in_words() -> None:
    assert told_why(c8=Answers(passed=1)).startswith("BAD passed 20 of 20 boots\n  ")


@pytest.mark.parametrize(("allowed", "most"), [(1, 3), (8, 8), (300, 20), (3000, 200)])
def test_how_often_bad_may_pass_follows_from_how_many_boots_are_allowed(allowed: int, most: int) -> None:
    search = Search(chain(9), GOOD, Settings(boots=allowed, ends=Ends.within(allowed)))
    with pytest.raises(InputError, match=f"^BAD passed {most} of {most} boots\n.*allow more --boots"):
        run(search, Script(9))


def test_a_bad_that_fails_late_is_gone_on_with() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c8", Answers(passed=19))
    wanted = search.next()
    assert wanted is not None and (wanted.commit, wanted.boots) == ("c8", 1)
    search.learn("c8", Answers(failed=1))
    wanted = search.next()
    assert wanted is not None and wanted.commit == GOOD


def test_a_good_that_fails_as_bad_does_is_an_error_in_words() -> None:
    assert told_why(good=Answers(failed=1)).startswith("GOOD failed 3 of 3 boots, BAD 3 of 3\n  ")


def test_a_good_that_fails_once_is_asked_again_and_believed() -> None:
    search = Search(chain(9), GOOD)
    search.learn("c8", Answers(failed=3))
    search.learn(GOOD, Answers(failed=1))
    asker = Simulated(History(chain(9), 4, passes=0.0, fails=0.0), 1)
    found = run(search, asker)
    assert found.blamed == ("c4",)
    assert sum(one.commit == GOOD for one in found.asked) > 1


def test_a_flake_that_is_remembered_makes_one_failure_say_less() -> None:
    def boots(rates: Rates) -> int:
        script = Script(-1, c3=Answers(passed=12), good=Answers(passed=30))
        return run(Search(chain(5), GOOD, Settings(rates=rates)), script).boots

    assert boots(Rates().with_memory(30, 212)) > boots(Rates())


def test_a_bound_on_boots_ends_it_and_nothing_is_said_to_be_proved() -> None:
    history = History(chain(50), 20, passes=0.9, fails=0.0)
    found = run(Search(history.lineage, GOOD, Settings(boots=30)), Simulated(history, 3))
    assert (found.end, found.boots) == (Ending.SPENT, 30)
    assert len(found.blamed) > 1 and "c20" in found.blamed


def test_a_range_of_one_commit_is_asked_at_its_ends_alone() -> None:
    script = Script(-1)
    found = run(Search(chain(1), GOOD), script)
    assert ({*script.asked}, found.blamed) == ({"c0", GOOD}, ("c0",))


def test_a_range_of_which_no_commit_can_be_the_one_is_an_error_in_words() -> None:
    with pytest.raises(InputError, match=r"^no commit between GOOD and BAD can make a difference"):
        Search(chain(3), GOOD, weights=(0.0, 0.0, 0.0))


def test_a_commit_of_another_history_is_an_error_in_words() -> None:
    with pytest.raises(InputError, match=r"^0123456789ab is not between GOOD and BAD\n  "):
        Search(chain(9), GOOD).learn("0123456789abcdef", Answers(passed=1))


def test_why_bad_cannot_be_tested_is_told() -> None:
    why = Evidence(kind=EvidenceKind.OUTCOME, name="build-failed", said="no rule to make target")
    assert "no rule to make target" in told_why(c8=Answers(why=(why,)))


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_a_search_that_is_told_what_another_was_told_goes_on_as_it_would(seed: int) -> None:
    history = History.of(seed)
    settings = Settings(ends=Ends(most=1000))
    whole = run(Search(history.lineage, GOOD, settings), Simulated(history, seed))
    for cut in range(0, len(whole.asked), 7):
        again = Search(history.lineage, GOOD, settings)
        for one in whole.asked[:cut]:
            again.learn(one.commit, one.answers)
        wanted = again.next()
        assert wanted is not None and wanted.commit == whole.asked[cut].commit
        for one in whole.asked[cut:]:
            again.learn(one.commit, one.answers)
        assert again.result() == whole


def test_more_boots_than_were_asked_for_are_taken() -> None:
    class Eager(Script):
        def ask(self, commit: str, boots: int) -> Answers:
            return super().ask(commit, boots + 4)

    found = run(Search(chain(9), GOOD), Eager(4))
    assert found.blamed == ("c5",)
    assert len(found.asked) == 5, "no kernel has to be asked twice"
