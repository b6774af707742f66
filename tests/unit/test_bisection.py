# SPDX-License-Identifier: GPL-2.0-only
"""git bisect with stored results as the judge: eight patches, a fault in each place, and git itself to compare with."""

import dataclasses
import shlex
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from kseries.bisect import bisection
from kseries.bisect.answer import Answer, Asked, Question
from kseries.bisect.bisection import Bisected
from kseries.bisect.staterunner import StateRunner
from kseries.cache.store import Store
from kseries.model import Base, Outcome, Patch, Series, State, StateResult
from kseries.model.errors import InputError
from kseries.model.events import Event, StageStarted
from kseries.plan import scenarios
from tests.support.engines import engine as engine_for
from tests.support.engines import seen_of
from tests.support.sample import sampled
from tests.unit.test_build import KERNEL, MAIN, Kernel, cache, kernel
from tests.unit.test_judge import FAIL, FEATURE, ON, Seen, nothing
from tests.unit.test_judge import result_of as result
from tests.unit.test_workers import SETUP

__all__ = ["cache", "kernel"]  # fixtures

PATCHES = 8
BAD = ON.but(other__works=FAIL)
UNBUILT = nothing(Outcome.BUILD_FAILED)
SEEN = {Answer.GOOD: ON, Answer.BAD: BAD, Answer.UNTESTABLE: UNBUILT}
AT_ALL = [Answer.GOOD] * (PATCHES + 1)


def text(last: int) -> str:
    """main.c after so many patches, each of which adds a line far from the others."""
    spare = "".join(f"int spare_{letter}%d;\n" for letter in "abcd")
    return MAIN + "".join(
        spare.replace("%d", str(number)) + (f"int patch_{number};\n" if number <= last else "")
        for number in range(1, PATCHES + 1)
    )


class Laid:
    """Eight patches of the tiny kernel on the runner; what each prefix answers is known from before, or not."""

    def __init__(self, kernel: Kernel, tmp_path: Path, *, as_commits: bool = True) -> None:
        self.repository = kernel.repository
        self.kernel = kernel
        texts = [text(last) for last in range(PATCHES + 1)]
        self.commits = [
            self.repository.commit(f"patch {number}", {**KERNEL, "main.c": text}) for number, text in enumerate(texts)
        ]
        self.store = Store(tmp_path / "results")
        self.builds: list[str] = []
        self.place = tmp_path
        patches = tuple(
            Patch(number=number, subject=f"patch {number}", origin="x", commit=commit)
            for number, commit in enumerate(self.commits[1:], 1)
        )
        series = Series(name="series", version=1, patches=patches)
        base = Base(name="base", version="6", tree=kernel.store.tree_of(self.commits[0]))
        applied = scenarios.apply_all(series, base, kernel.store)
        if not as_commits:
            bare = tuple(msgspec.structs.replace(patch, commit=None) for patch in patches)
            series = msgspec.structs.replace(series, patches=bare)
        (tmp_path / "out").mkdir()
        self.runner = StateRunner(
            series=series,
            patches=applied,
            base=base,
            repository=str(self.repository.path),
            trees=kernel.store,
            setup=SETUP,
            engine=engine_for(SETUP, (kernel.worker,), self.store, self._heard),
            worker=kernel.worker,
            contracts=(FEATURE,),
            out=tmp_path / "out",
            onto=None,
            builds=self.builds,
        )

    def _heard(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.builds.append(event.state)

    def know(self, answers: Sequence[Answer | None]) -> None:
        """Put results into the store: base first; None for what nobody knows yet."""
        for number in range(1, PATCHES + 1):
            tree = self.runner.state(f"without-{number}").tree
            if tree is not None:
                self.put(tree, ON)
        for number, answer in enumerate(answers):  # without-8 is prefix-7
            if answer is not None:
                self.put(self.kernel.store.tree_of(self.commits[number]), SEEN[answer])

    def put(self, tree: str, seen: Seen) -> None:
        state = State(id="known", scenario="prefixes", applied=(), tree=tree)
        known: StateResult = result(state, seen)
        for key in (SETUP.key(tree), SETUP.key(tree, "base")):
            self.store.put(key, seen_of(known), self.place)

    def run(self, question: Question | None = None) -> Bisected:
        return bisection.run(self.runner, question or Question(), lambda _: None)

    def git_itself(self, answers: Sequence[Answer]) -> tuple[str, int]:
        """What plain git bisect run says, and how many commits it asked about."""
        status = {Answer.GOOD: 0, Answer.BAD: 1, Answer.UNTESTABLE: 125}
        table = {commit: status[answer] for commit, answer in zip(self.commits, answers, strict=True)}
        script = self.place / "judge.py"
        script.write_text(
            "import subprocess, sys\n"
            "head = subprocess.check_output(['git', 'rev-parse', 'BISECT_HEAD'], text=True).strip()\n"
            f"open({str(self.place / 'asked')!r}, 'a').write(head + '\\n')\n"
            f"sys.exit({table!r}[head])\n"
        )
        self.repository.git("bisect", "start", "--no-checkout", self.commits[-1], self.commits[0])
        done = self.repository.run("bisect", "run", *shlex.split(f"{sys.executable} {script}"))
        self.repository.git("bisect", "reset")
        asked = (self.place / "asked").read_text().split()
        return done.stdout.decode(), len(asked)


@pytest.fixture
def lay(kernel: Kernel, tmp_path: Path) -> Callable[..., Laid]:
    return lambda **how: Laid(kernel, tmp_path, **how)


def broken_from(first: int) -> list[Answer]:
    return [Answer.GOOD] * first + [Answer.BAD] * (PATCHES + 1 - first)


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


def test_a_check_that_there_is_not_is_told_with_what_is_near(lay: Callable[..., Laid]) -> None:
    laid = lay()
    laid.know(AT_ALL)
    with pytest.raises(InputError, match=r"no such check or contract: other.work\n  there are: other.works"):
        laid.run(Question(asked=Asked.CHECK, id="other.work"))
