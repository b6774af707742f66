# SPDX-License-Identifier: GPL-2.0-only
"""The first bad patch of a series, found by git bisect with kernels as the judge, and what its revert would do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET, UnsetType

from kseries.bisect import blameseries, proving
from kseries.bisect.answer import Answer, Question, Tried
from kseries.bisect.blame import Proof
from kseries.bisect.gitbisect import GitBisect
from kseries.bisect.staterunner import StateRunner
from kseries.judge import evidence
from kseries.model import Record, State
from kseries.model.errors import InputError

WORDS = {Answer.GOOD: "good", Answer.BAD: "bad", Answer.UNTESTABLE: "skip"}
"""What git bisect calls an answer."""


class Step(Record, frozen=True):
    """One state that was asked. ``known``: its result was there before, so nothing was built."""

    state: str
    patch: int
    """The patch that it ends with; 0 for base."""
    tried: Tried
    known: bool


class Bisected(Record, frozen=True):
    """What a bisection came to. ``suspects`` are the patches of which one is the first bad one: one, if all goes well.

    ``ends`` are base and the tip, which are asked first, and ``steps`` what git asked for between them.
    """

    ends: tuple[Step, ...]
    steps: tuple[Step, ...]
    suspects: tuple[int, ...]
    log: str
    revert: Step | None = None
    """The tip without the first bad patch; None where there is no one such patch."""
    proof: Proof | UnsetType = UNSET
    """Whether the first bad patch is proved to be one; not there where nobody asked, or there is no one such patch."""


@dataclass(frozen=True)
class Repository:
    """Where git keeps the bisection."""

    path: Path
    commits: tuple[str, ...]
    """Base first."""
    git: GitBisect

    @classmethod
    def of(cls, runner: StateRunner) -> "Repository":
        path = runner.out / "bisect.git"
        git = GitBisect(path, runner.trees)
        return cls(path, git.commits(runner.base.tree, runner.patches, runner.series.patches), git)

    def begin(self) -> None:
        self.git.start(self.commits[-1], self.commits[0])

    @property
    def patch(self) -> int:
        """The patch that git wants to know of, with all those before it."""
        return self.commits.index(self.git.current)

    def mark(self, word: str) -> tuple[int, ...]:
        """Tell git of the current patch; the patches that are left to suspect, once there is no more to ask."""
        return tuple(self.commits.index(commit) for commit in self.git.mark(word))


def run(
    runner: StateRunner, question: Question, tell: Callable[[Step], None], *, revert: bool = True, prove: int = 0
) -> Bisected:
    """Bisect a series, and try the revert of what was found. ``tell`` hears of each state as it is asked. With
    ``prove``, have what was found proved, with so many boots of each kernel.

    Raises InputError where base is bad, or the tip cannot be asked: then there is nothing to bisect between.
    """

    def ask(state: State, patch: int) -> Step:
        before = len(runner.builds)
        tried = runner.ask(question, state)
        step = Step(state=state.id, patch=patch, tried=tried, known=len(runner.builds) == before)
        tell(step)
        return step

    ends = (ask(runner.state("base"), 0), ask(runner.tip, len(runner.patches)))
    base, tip = (step.tried for step in ends)
    if base.answer is Answer.BAD:
        why = evidence.line(base.why[0])
        raise InputError(f"base is bad already: {why}\n  bisect what lies below it, or ask for another --check")
    if tip.answer is Answer.UNTESTABLE:
        raise InputError(f"the tip cannot be asked: {evidence.line(tip.why[0])}\n  --build and --boot ask for that")
    if tip.answer is Answer.GOOD:
        return Bisected(ends=ends, steps=(), suspects=(), log="")
    repository = Repository.of(runner)
    repository.begin()
    steps: list[Step] = []
    suspects: tuple[int, ...] = () if len(runner.patches) > 1 else (1,)
    while not suspects:
        patch = repository.patch
        steps.append(ask(runner.state(f"prefix-{patch}"), patch))
        suspects = repository.mark(WORDS[steps[-1].tried.answer])
    log = repository.git.log
    repository.git.end()
    undone = ask(runner.state(f"without-{suspects[0]}"), suspects[0]) if revert and len(suspects) == 1 else None
    one = suspects[0] if len(suspects) == 1 else 0
    proof = proving.run(runner, question, blameseries.case(runner, one), prove) if prove and one else UNSET
    return Bisected(ends=ends, steps=tuple(steps), suspects=suspects, log=log, revert=undone, proof=proof)
