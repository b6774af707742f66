# SPDX-License-Identifier: GPL-2.0-only
"""git bisect with stored results as the judge: eight patches, a fault in each place, and git itself to compare with."""

import dataclasses
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from kseries.bisect.answer import Answer, Asked, Question
from kseries.model.errors import InputError
from tests.support.bisections import AT_ALL, PATCHES, Laid, broken_from
from tests.support.kbuild import KERNEL, MAIN
from tests.support.sample import sampled


@pytest.mark.parametrize("first", sampled("faults", range(1, PATCHES + 1), lambda first: first in (1, 3, PATCHES)))
def test_a_fault_in_each_place_is_found_in_as_many_steps_as_git_takes(lay: Callable[..., Laid], first: int) -> None:
    laid = lay()
    laid.know(broken_from(first))
    found = laid.run()
    said, asked = laid.git_itself(broken_from(first))
    assert found.suspects == (first,)
    assert f"{laid.commits[first]} is the first bad commit" in said
    assert len(found.steps) == asked
    assert all(step.known for step in found.steps)
    assert found.revert is not None and found.revert.state == f"without-{first}"
    assert laid.builds == []


def test_what_does_not_build_is_skipped_and_git_goes_around_it(lay: Callable[..., Laid]) -> None:
    laid = lay()
    answers = broken_from(6)
    answers[4] = Answer.UNTESTABLE
    laid.know(answers)
    found = laid.run()
    _, asked = laid.git_itself(answers)
    assert found.suspects == (6,)
    assert [step.tried.answer for step in found.steps if step.patch == 4] == [Answer.UNTESTABLE]
    assert len(found.steps) == asked


def test_where_only_skipped_patches_are_left_all_of_them_are_suspect(lay: Callable[..., Laid]) -> None:
    laid = lay()
    answers = broken_from(6)
    answers[4] = answers[5] = Answer.UNTESTABLE
    laid.know(answers)
    found = laid.run()
    assert sorted(found.suspects) == [4, 5, 6]
    assert found.revert is None


def test_only_what_is_not_known_is_built(lay: Callable[..., Laid]) -> None:
    laid = lay()
    # From the fifth on it does not build, for real.
    for number in range(5, PATCHES + 1):
        main = f'{MAIN}#error "patch {number}"\n'
        laid.commits[number] = laid.repository.commit(f"broken {number}", {**KERNEL, "main.c": main})
    trees = [laid.kernel.store.tree_of(commit) for commit in laid.commits]
    broken = tuple(
        msgspec.structs.replace(patch, tree_before=before, tree_after=after)
        for patch, (before, after) in zip(laid.runner.patches, pairwise(trees), strict=True)
    )
    bare = tuple(msgspec.structs.replace(patch, commit=None) for patch in laid.runner.series.patches)
    laid.runner = dataclasses.replace(
        laid.runner, patches=broken, series=msgspec.structs.replace(laid.runner.series, patches=bare)
    )
    laid.know([*[Answer.GOOD] * 5, *[None] * 3, Answer.UNTESTABLE])
    found = laid.run(Question(asked=Asked.BUILD))
    assert found.suspects == (5,)
    asked = {step.state: step.known for step in (*found.ends, *found.steps)}
    assert asked.pop("prefix-8") is True
    assert {name for name, known in asked.items() if not known} == set(laid.builds)
    assert set(laid.builds) == {name for name in asked if name in ("prefix-5", "prefix-6", "prefix-7")}
    assert len(laid.builds) == len(set(laid.builds))


@pytest.mark.parametrize("as_commits", [True, False])
def test_the_log_replays_with_plain_git(lay: Callable[..., Laid], as_commits: bool, tmp_path: Path) -> None:
    laid = lay(as_commits=as_commits)
    laid.know(broken_from(3))
    found = laid.run()
    log = tmp_path / "bisect.log"
    log.write_text(found.log)
    if as_commits:  # in the user's own repository
        said = laid.repository.git("bisect", "replay", str(log))
        assert f"{laid.commits[3]} is the first bad commit" in laid.repository.git("bisect", "log") + said
    bare = ("-C", str(laid.runner.out / "bisect.git"), "bisect")
    laid.repository.git(*bare, "replay", str(log))
    assert f"first bad commit: [{found.log.rpartition('[')[2].partition(']')[0]}]" in laid.repository.git(*bare, "log")


def test_a_tip_that_is_good_is_nothing_to_bisect(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    found = laid.run()
    assert (found.suspects, found.steps, found.log) == ((), (), "")


def test_a_base_that_fails_the_check_and_a_tip_that_cannot_tell_are_told(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know([Answer.BAD] * (PATCHES + 1))
    with pytest.raises(InputError, match=r"base is bad already: other\.works: fail"):
        laid.run(Question(asked=Asked.CHECK, id="other.works"))
    laid.know([*AT_ALL[:-1], Answer.UNTESTABLE])
    with pytest.raises(InputError, match="the tip cannot be asked: build-failed"):
        laid.run()


def test_a_commit_of_onto_that_is_not_there_is_told_as_onto(lay: Callable[..., Laid]) -> None:
    runner = dataclasses.replace(lay().runner, onto="nosuch")
    with pytest.raises(InputError) as error:
        runner.state("without-2")
    assert str(error.value) == f"--onto nosuch: {runner.repository} has no such commit"
    with pytest.raises(InputError, match="no such STATE: nor"):
        dataclasses.replace(runner, onto=None).state("nor")


def test_a_check_that_there_is_not_is_told_with_what_is_near(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    with pytest.raises(InputError, match=r"no such check or contract: other.work\n  there are: other.works"):
        laid.run(Question(asked=Asked.CHECK, id="other.work"))
