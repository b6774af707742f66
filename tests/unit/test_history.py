# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect over history: what it asks and comes to, held against git bisect run in the same repository."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kseries.bisect import replay
from kseries.bisect.answer import Answer
from kseries.bisect.history import Asks
from kseries.bisect.replay import Log
from kseries.host import processes
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from kseries.report import histories
from kseries.sources import git
from tests.support import dags, judging
from tests.support.dags import Commit
from tests.support.gitrepo import Repository
from tests.support.judging import Git, Told

GOOD, BAD, SKIP = Answer.GOOD, Answer.BAD, Answer.UNTESTABLE
REFUSED = {
    "is made on BAD": "Maybe you mistook good and bad revs?",
    "this was fixed between it and GOOD": "This means the bug has been fixed between",
    "can be the first bad one": "No testable commit found.",
    "is left to be the first bad one": "was both good and bad",
}
"""What kseries says where git does not go on, and what git says."""
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""Each example starts some hundred gits: to look for a smaller one takes longer than to look at what there is."""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("history") / "linux")


def bisect(theirs: Repository, wanted: Range, answers: Mapping[str, Answer], log: Log | None = None) -> Told:
    with tempfile.TemporaryDirectory() as place:
        return judging.bisect(theirs, wanted, answers, Path(place), log)


def git_itself(theirs: Repository, wanted: Range, answers: Mapping[str, Answer]) -> Git:
    with tempfile.TemporaryDirectory() as place:
        return judging.git_itself(theirs, wanted, answers, Path(place))


def chain(theirs: Repository, *parents: tuple[int, ...]) -> list[str]:
    """A history of that shape, behind a root; each commit has files of its own."""
    commits = [Commit((), dict.fromkeys(dags.PATHS, "0"), 1)]
    commits += [Commit(one, dict.fromkeys(dags.PATHS, str(n)), n + 1) for n, one in enumerate(parents, 1)]
    return dags.imported(theirs, commits)


SOME = settings(max_examples=20, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(SOME, max_examples=200)


@SOME
@given(data=st.data(), commits=dags.dags(12), first_parent=st.booleans(), paths=st.sampled_from([(), (), ("a",)]))
def test_whatever_commits_answer_what_is_asked_and_found_is_what_git_asks_and_finds(
    theirs: Repository, data: st.DataObject, commits: list[Commit], first_parent: bool, paths: tuple[str, ...]
) -> None:
    check_beside_git(theirs, data, commits, first_parent, paths)


@pytest.mark.full("history")
@MANY
@given(data=st.data(), commits=dags.dags(30), first_parent=st.booleans(), paths=st.sampled_from([(), (), ("a",)]))
def test_so_it_is_of_some_hundred_histories(
    theirs: Repository, data: st.DataObject, commits: list[Commit], first_parent: bool, paths: tuple[str, ...]
) -> None:
    check_beside_git(theirs, data, commits, first_parent, paths)


def check_beside_git(
    theirs: Repository, data: st.DataObject, commits: list[Commit], first_parent: bool, paths: tuple[str, ...]
) -> None:
    ids = dags.imported(theirs, commits)
    good = data.draw(st.integers(0, len(ids) - 2))
    wanted = Range(good=ids[good], bad=ids[-1], first_parent=first_parent, paths=paths)
    drawn = data.draw(st.lists(st.sampled_from([GOOD, BAD, BAD, SKIP]), min_size=len(ids), max_size=len(ids)))
    answers = dict(zip(ids, drawn, strict=True)) | {wanted.good: GOOD, wanted.bad: BAD}
    git = git_itself(theirs, wanted, answers)
    try:
        told = bisect(theirs, wanted, answers)
    except InputError as error:
        (kind,) = (said for said in REFUSED if said in str(error))
        assert REFUSED[kind] in git.said, (str(error), git.said)
        return
    assert told.steps == git.asked
    assert told.found is not None and told.found.suspects is not None, git.said
    assert {one.id for one in told.found.suspects.commits} == git.suspects
    assert told.found.above_skipped == ("must be skipped" in git.said)
    order = [ids.index(one.id) for one in told.found.suspects.commits]
    for place, number in enumerate(order):
        assert not dags.below(commits, number) & {*order[place + 1 :]}, "the oldest come first"
    assert paths or ids[order[-1]] == told.found.suspects.bad
    merges = [len(commits[number].parents) > 1 for number in order]
    assert [one.merge for one in told.found.suspects.commits] == merges


@settings(SOME, max_examples=8)
@given(data=st.data(), commits=dags.dags(14))
def test_a_sitting_that_ends_anywhere_is_gone_on_with_by_its_log(
    theirs: Repository, data: st.DataObject, commits: list[Commit]
) -> None:
    ids = dags.imported(theirs, commits)
    culprit = data.draw(st.integers(1, len(ids) - 1))
    broken = [one for one in range(len(ids)) if culprit in dags.below(commits, one)]
    if len(ids) - 1 not in broken:
        return
    answers = {one: BAD if number in broken else GOOD for number, one in enumerate(ids)}
    wanted = Range(good=ids[0], bad=ids[-1])
    whole = bisect(theirs, wanted, answers)
    assert whole.found is not None and whole.found.culprit is not None and whole.found.culprit.id == ids[culprit]
    log = whole.logs[data.draw(st.integers(0, len(whole.logs) - 1))]
    given_before = log.count("\ngit bisect ") - 1
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bisect.log"
        file.write_text(log)
        again = judging.bisect(theirs, wanted, answers, Path(place) / "again", replay.read(file))
    assert again.found is not None
    assert again.found.suspects == whole.found.suspects
    assert again.steps == whole.steps[given_before:]
    assert again.found.replayed == given_before
    assert again.events[4:] == whole.events[4 + 2 * given_before :], "the same are left, too"


def test_paths_of_any_name_are_replayed(tmp_path: Path) -> None:
    theirs = Repository(tmp_path / "linux")
    odd = "it's a 'path'!"
    ids = [theirs.commit(f"commit {number}", {odd: str(number // 2), "x": str(number)}) for number in range(8)]
    wanted = Range(good=ids[0], bad=ids[7], paths=(odd,))
    answers = dict.fromkeys(ids[4:], BAD)
    whole = judging.bisect(theirs, wanted, answers, tmp_path / "whole")
    (tmp_path / "bisect.log").write_text(whole.logs[1])
    log = replay.read(tmp_path / "bisect.log")
    assert log.paths == (odd,)
    again = judging.bisect(theirs, wanted, answers, tmp_path / "again", log)
    assert again.found is not None and again.found.culprit is not None and again.found.culprit.id == ids[4]
    assert again.steps == whole.steps[1:] and again.found.replayed == 1


def test_answers_that_leave_nothing_to_ask_of_are_told_like_any(theirs: Repository, tmp_path: Path) -> None:
    ids = chain(theirs, *[(number - 1,) for number in range(1, 8)])
    wanted = Range(good=ids[0], bad=ids[7], paths=("nowhere",))
    (tmp_path / "log").write_text(f"git bisect start '{ids[7]}' '{ids[0]}'\ngit bisect bad {ids[1]}\n")
    with pytest.raises(InputError, match="no commit that touches nowhere can be the first bad one"):
        judging.bisect(theirs, wanted, {ids[7]: BAD}, tmp_path, replay.read(tmp_path / "log"))
    found = judging.bisect(
        theirs, Range(good=ids[0], bad=ids[7]), {ids[7]: BAD}, tmp_path, replay.read(tmp_path / "log")
    )
    assert found.found is not None and found.found.culprit is not None and found.found.culprit.id == ids[1]
    assert found.steps == []


# --- what git says in words ---------------------------------------------------------------------


def test_good_need_not_be_below_bad_where_they_part_is_asked_first(theirs: Repository) -> None:
    root, side, first, second, bad = chain(theirs, (0,), (0,), (2,), (3,))
    told = bisect(theirs, Range(good=side, bad=bad), {bad: BAD, second: BAD})
    assert told.steps[0] == root
    assert told.found is not None and told.found.culprit is not None and told.found.culprit.id == second
    said = [line for event in told.events if (line := histories.line_of(event)) is not None]
    assert f"Bisecting: a merge base must be tested\n{root[:12]} 'commit 0'" in said
    assert first in told.steps


def test_a_merge_base_that_is_bad_says_that_it_was_fixed_since(theirs: Repository) -> None:
    root, side, _, bad = chain(theirs, (0,), (0,), (2,))
    with pytest.raises(InputError) as error:
        bisect(theirs, Range(good=side, bad=bad), {bad: BAD, root: BAD})
    assert str(error.value) == (
        f"{root[:12]}, at which GOOD ({side[:12]}) and BAD ({bad[:12]}) part, is bad:"
        f" this was fixed between it and GOOD\n  for what broke it, name a GOOD that lies below {root[:12]}"
    )


def test_a_merge_base_that_cannot_be_tested_is_told_with_what_was_found(theirs: Repository, tmp_path: Path) -> None:
    root, side, bad = chain(theirs, (0,), (0,))  # with nothing else to ask of
    told = bisect(theirs, Range(good=side, bad=bad), {bad: BAD, root: SKIP})
    assert told.found is not None and told.found.above_skipped and told.steps == [root]
    root, side, first, bad = chain(theirs, (0,), (0,), (2,))
    told = bisect(theirs, Range(good=side, bad=bad), {bad: BAD, root: SKIP})
    assert told.found is not None and told.found.above_skipped
    assert told.found.culprit is not None and told.found.culprit.id == bad
    assert first in told.steps
    text = histories.render(told.found, tmp_path / "bisect.log")
    assert "A commit at which GOOD and BAD part could not be tested: the first bad one may lie below it, too." in text


def test_what_could_not_be_tested_is_a_range_of_suspects_and_blames_none(theirs: Repository, tmp_path: Path) -> None:
    # 1 to 12 in a row, of which 6 is a merge; nothing from 3 to 10 can be tested.
    shape = [(number - 1,) if number != 6 else (5, 1) for number in range(1, 13)]
    ids = chain(theirs, *shape)
    answers = dict.fromkeys(ids[3:11], SKIP) | dict.fromkeys(ids[11:], BAD)
    told = bisect(theirs, Range(good=ids[0], bad=ids[-1]), answers)
    assert told.found is not None and told.found.suspects is not None and told.found.culprit is None
    assert [one.id for one in told.found.suspects.commits] == ids[3:12]
    text = histories.render(told.found, tmp_path / "bisect.log")
    assert text.startswith(
        f"\nThe first bad commit is one of 9 between {ids[2][:12]} (good) and {ids[11][:12]} (bad);"
        f" all but the last could not be tested:\n  {ids[3][:12]} 'commit 3'\n"
    )
    assert f"  merge {ids[6][:12]} 'commit 6'\n  ... 1 more\n  {ids[8][:12]} 'commit 8'\n" in text
    assert f"  {ids[11][:12]} 'commit 11'\ngit bisect took " in text
    assert "is the first bad commit." not in text


def test_of_paths_that_bad_does_not_touch_all_suspects_may_be_untested(theirs: Repository, tmp_path: Path) -> None:
    texts = [("0", "0"), ("1", "0"), ("2", "0"), ("2", "3")]
    made = [Commit((n - 1,) if n else (), dict(zip(dags.PATHS, text, strict=True)), n) for n, text in enumerate(texts)]
    ids = dags.imported(theirs, made)
    wanted = Range(good=ids[0], bad=ids[3], paths=("a",))
    told = bisect(theirs, wanted, {ids[1]: SKIP, ids[2]: SKIP, ids[3]: BAD})
    assert told.found is not None and told.found.suspects is not None
    assert [one.id for one in told.found.suspects.commits] == [ids[1], ids[2]]
    text = histories.render(told.found, tmp_path / "bisect.log")
    assert f"between {ids[0][:12]} (good) and {ids[3][:12]} (bad); all of them could not be tested:\n" in text


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({0: BAD, 3: BAD}, r"GOOD \(.{12}\) is bad already: a\.check: .*\n  name a GOOD that lies below it"),
        ({3: SKIP}, r"BAD \(.{12}\) cannot be asked: .*\n  --build and --boot"),
    ],
)
def test_ends_that_leave_nothing_to_bisect_are_told(theirs: Repository, answers: dict[int, Answer], said: str) -> None:
    ids = chain(theirs, (0,), (0,), (1, 2))
    with pytest.raises(InputError, match=said):
        bisect(theirs, Range(good=ids[0], bad=ids[3]), {ids[place]: answer for place, answer in answers.items()})


def test_a_bad_that_is_good_is_nothing_to_find(theirs: Repository, tmp_path: Path) -> None:
    ids = chain(theirs, (0,), (0,), (1, 2))
    told = bisect(theirs, Range(good=ids[0], bad=ids[3]), {})
    assert told.found is not None and told.found.suspects is None and told.steps == [] and told.logs == []
    text = histories.render(told.found, tmp_path / "bisect.log")
    assert text == f"BAD ({ids[3][:12]}) is good: there is nothing to find."


def test_a_merge_of_two_good_sides_may_be_what_is_bad_by_itself(theirs: Repository) -> None:
    ids = chain(theirs, (0,), (0,), (1, 2))
    told = bisect(theirs, Range(good=ids[0], bad=ids[3]), {ids[3]: BAD})
    assert told.found is not None and told.found.culprit is not None
    assert (told.found.culprit.id, told.found.culprit.merge) == (ids[3], True)


def test_of_a_range_of_one_nothing_is_asked_but_its_ends(theirs: Repository) -> None:
    ids = chain(theirs, (0,))
    told = bisect(theirs, Range(good=ids[0], bad=ids[1], first_parent=True), {ids[1]: BAD})
    assert told.found is not None and told.found.culprit is not None
    assert (told.found.culprit.id, told.steps) == (ids[1], [])
    assert "first bad commit" in told.found.log and told.logs[-1] == told.found.log


def test_each_step_says_what_is_left_and_what_was_answered(theirs: Repository) -> None:
    ids = chain(theirs, (0,), (1,), (2,), (3, 1), (4,), (5,))
    told = bisect(theirs, Range(good=ids[0], bad=ids[6]), {ids[6]: BAD, ids[5]: BAD})
    said = [line for event in told.events if (line := histories.line_of(event)) is not None]
    first = next(event for event in told.events if isinstance(event, Asks) and event.left is not None)
    assert said[:3] == [
        f"{ids[0][:12]} good        known",
        f"{ids[6][:12]} bad         known  a.check: fail: no",
        f"Bisecting: {first.left} left (roughly 2 steps)\n{first.commit.short} '{first.commit.subject}'",
    ]


def test_where_no_commit_that_touches_the_paths_is_bad_the_paths_are_wrong(theirs: Repository) -> None:
    texts = [("0", "0"), ("1", "0"), ("1", "2"), ("1", "3")]
    made = [Commit((n - 1,) if n else (), dict(zip(dags.PATHS, text, strict=True)), n) for n, text in enumerate(texts)]
    ids = dags.imported(theirs, made)
    with pytest.raises(InputError, match=r"no commit that touches a can be the first bad one\n  .* other files"):
        bisect(theirs, Range(good=ids[0], bad=ids[3], paths=("a",)), {ids[2]: BAD, ids[3]: BAD})


# --- repositories of all kinds ------------------------------------------------------------------


def test_in_a_shallow_clone_what_is_asked_is_what_git_asks_there(theirs: Repository, tmp_path: Path) -> None:
    ids = chain(theirs, (0,), (1,), (2,), (3, 1), (4,), (5,))
    theirs.git("checkout", "--quiet", "--force", "-B", "main", ids[-1])
    theirs.git(
        "clone", "--quiet", "--no-local", "--depth=4", "--branch=main", str(theirs.path), str(tmp_path / "clone")
    )
    clone = Repository(tmp_path / "clone")
    wanted = Range(good=ids[3], bad=ids[6])
    answers = {ids[6]: BAD, ids[5]: BAD, ids[4]: BAD}
    git = judging.git_itself(clone, wanted, answers, tmp_path / "git")
    told = judging.bisect(clone, wanted, answers, tmp_path / "ours")
    assert told.steps == git.asked != []
    assert told.found is not None and told.found.suspects is not None
    assert {one.id for one in told.found.suspects.commits} == git.suspects


def grafted(place: Path) -> tuple[Repository, list[str], Range, dict[str, Answer]]:
    """Ten commits in a row, of which 3 to 8 are replaced away; from 2 on they are bad."""
    theirs = Repository(place)
    ids = chain(theirs, *[(number - 1,) for number in range(1, 10)])
    theirs.git("replace", "--graft", ids[9], ids[2])
    return theirs, ids, Range(good=ids[0], bad=ids[9]), dict.fromkeys(ids[2:], BAD)


def test_what_a_repository_replaces_counts_as_long_as_it_is_there(tmp_path: Path) -> None:
    theirs, ids, wanted, answers = grafted(tmp_path / "linux")
    for gone in (False, True):
        if gone:
            theirs.git("replace", "-d", ids[9])
        git = judging.git_itself(theirs, wanted, answers, tmp_path / "git")
        told = judging.bisect(theirs, wanted, answers, tmp_path / "ours")
        assert told.steps == git.asked != []
        assert ({*ids[3:9]} & {*told.steps} != set()) is gone
        assert told.found is not None and told.found.culprit is not None and told.found.culprit.id == ids[2]


def test_where_a_repository_says_that_nothing_is_replaced_nothing_is(tmp_path: Path) -> None:
    theirs, ids, wanted, answers = grafted(tmp_path / "linux")
    theirs.git("config", "core.useReplaceRefs", "false")  # which git bisect 2.39 itself does not look at
    told = judging.bisect(theirs, wanted, answers, tmp_path / "ours")
    assert {*ids[3:9]} & {*told.steps} != set()


def test_a_repository_that_borrows_from_another_is_read_as_one(theirs: Repository, tmp_path: Path) -> None:
    ids = chain(theirs, (0,), (1,), (2,), (3, 1), (4,))
    theirs.git("clone", "--quiet", "--shared", "--no-checkout", str(theirs.path), str(tmp_path / "clone"))
    told = judging.bisect(Repository(tmp_path / "clone"), Range(good=ids[0], bad=ids[5]), {ids[5]: BAD}, tmp_path / "x")
    assert told.found is not None and told.found.culprit is not None and told.found.culprit.id == ids[5]


# --- how much is asked of git -------------------------------------------------------------------


def test_however_long_a_history_is_git_is_started_as_often(
    theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(count: int) -> tuple[int, int]:
        """How many gits it takes beside those of each step, and how many steps there are."""
        shape = [(number - 1, number - 4) if number % 9 == 5 else (number - 1,) for number in range(1, count)]
        ids = chain(theirs, *shape)
        asked: list[str] = []
        whole = git.theirs

        def counted(path: Path, *words: str, **how: Any) -> processes.Done:
            asked.append(words[0])
            return whole(path, *words, **how)

        with monkeypatch.context() as patched:
            patched.setattr(git, "theirs", counted)
            told = judging.bisect(theirs, Range(good=ids[0], bad=ids[-1]), {ids[-1]: BAD}, tmp_path / str(count))
        return len(asked), len(told.steps)

    (few, steps), (many, more) = started(20), started(600)
    assert more > steps
    assert few / (steps + 3) >= many / (more + 3) - 1
    assert many < 12 * (more + 3)
