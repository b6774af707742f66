# SPDX-License-Identifier: GPL-2.0-only
"""The first bad commit of a history: git chooses what to ask of, and kernels answer.

What is asked, and in which order, is what ``git bisect`` in the user's repository would ask. Nothing is kept but its
log and the results of kernels: whoever is killed begins again, and finds each of them known.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from kseries.bisect import blamehistory, proving, replay
from kseries.bisect.answer import Answer, Question, Tried
from kseries.bisect.bisection import WORDS
from kseries.bisect.blame import Proof
from kseries.bisect.commits import Commit
from kseries.bisect.gitbisect import GitBisect, Refusal, Turn
from kseries.bisect.replay import Log
from kseries.bisect.staterunner import StateRunner
from kseries.judge import evidence
from kseries.model import Record, State
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from kseries.model.sanitize import few
from kseries.sources import lineage, repository


class Asks(Record, frozen=True):
    """A commit that is asked next. ``left`` are those that will be left after it, to be halved in about ``steps``
    steps; None of the ends.
    """

    commit: Commit
    left: int | None = None
    steps: int | None = None
    merge_base: bool = False
    """Whether GOOD and BAD part at it: it is asked first where GOOD is not below BAD."""


class CommitStep(Record, frozen=True):
    """What a commit answered. ``known``: its result was there before, so nothing was built."""

    asks: Asks
    state: str
    tried: Tried
    known: bool


class Suspects(Record, frozen=True):
    """The commits of which one is the first bad one, the oldest first. But for ``bad``, which need not be among them
    where it touches none of the paths, they could not be tested.
    """

    commits: tuple[Commit, ...]
    good: tuple[str, ...]
    """The good commits that they are made on, as far as git was told."""
    bad: str


class BisectedHistory(Record, frozen=True):
    """What a bisection over history came to; without ``suspects`` BAD is good.

    ``ends`` are GOOD and BAD, which are asked first, and ``steps`` what git asked for between them.
    """

    range: Range
    ends: tuple[CommitStep, ...]
    steps: tuple[CommitStep, ...] = ()
    replayed: int = 0
    """The answers that were given, and not asked for."""
    suspects: Suspects | None = None
    above_skipped: bool = False
    """Whether a commit at which GOOD and BAD part could not be tested: the first bad one may lie below it, too."""
    log: str = ""
    revert: CommitStep | None = None
    """BAD without the first bad commit; None where there is no one such commit, or it is made on none."""
    proof: Proof | UnsetType = UNSET
    """Whether the first bad commit is proved to be one; not there where nobody asked, or there is none such."""

    @property
    def culprit(self) -> Commit | None:
        """The first bad commit, where it is known."""
        return self.suspects.commits[0] if self.suspects is not None and len(self.suspects.commits) == 1 else None


Tell = Callable[[Asks | CommitStep], None]
Keep = Callable[[str], None]


def run(
    runner: StateRunner,
    question: Question,
    tell: Tell,
    keep: Keep,
    log: Log | None = None,
    *,
    revert: bool = True,
    prove: int = 0,
) -> BisectedHistory:
    """Bisect a history, try the revert of what was found, and have it proved with so many boots of each kernel.

    ``tell`` hears of each commit before and after it is asked, ``keep`` of git's log after each answer. Answers of a
    ``log`` are taken as they are.

    Raises InputError where there is nothing to bisect: GOOD is bad, BAD cannot be asked, a log does not fit, or git
    does not go on. Raises InfraError where this host is why there is no answer.
    """
    search = _Search(runner, question, tell)
    given = replay.fitting(log, search.commits.place, search.range) if log is not None else ()
    ends = search.ends()
    if ends[1].tried.answer is Answer.GOOD:
        return BisectedHistory(range=search.range, ends=ends)
    found = search.between(ends, given, keep)
    if not revert or found.culprit is None:
        return found
    culprit = found.culprit
    found = msgspec.structs.replace(found, revert=search.undone(culprit))
    if not prove:
        return found
    case = blamehistory.case(search.commits, runner.trees, culprit.id)
    return msgspec.structs.replace(found, proof=proving.run(runner, question, case, prove))


class _Search:
    """A bisection at work."""

    def __init__(self, runner: StateRunner, question: Question, tell: Tell) -> None:
        assert runner.history is not None
        self._runner = runner
        self._question = question
        self._tell = tell
        self.commits = runner.history
        self.range = runner.history.range

    def ends(self) -> tuple[CommitStep, CommitStep]:
        """What GOOD and BAD answer. Raises InputError where there is nothing between them."""
        good = self._ask(self._runner.state("base"), Asks(commit=self.commits.of(self.range.good)))
        bad = self._ask(self.commits.tip, Asks(commit=self.commits.of(self.range.bad)))
        if good.tried.answer is Answer.BAD:
            why = evidence.line(good.tried.why[0])
            raise InputError(
                f"GOOD ({self.range.good[:12]}) is bad already: {why}\n"
                "  name a GOOD that lies below it, or ask for another --check"
            )
        if bad.tried.answer is Answer.UNTESTABLE:
            why = evidence.line(bad.tried.why[0])
            raise InputError(f"BAD ({self.range.bad[:12]}) cannot be asked: {why}\n  --build and --boot ask for that")
        return good, bad

    def between(
        self, ends: tuple[CommitStep, CommitStep], given: Sequence[tuple[str, str]], keep: Keep
    ) -> BisectedHistory:
        """What git comes to. Raises InputError where it does not go on."""
        git = GitBisect(self._runner.out / "bisect.git", self._runner.trees)
        turn = git.replay(self.commits.place, self.range, given) if given else git.begin(self.commits.place, self.range)
        above_skipped = turn.skipped_base
        steps: list[CommitStep] = []
        while not turn.suspects:
            if git.begun:
                keep(git.log)
            if turn.refusal is not None:
                raise _refused(turn.refusal, self.range, steps[-1].asks.commit.short if steps else "")
            steps.append(self._step(git.current, turn))
            turn = git.answer(WORDS[steps[-1].tried.answer])
            above_skipped = above_skipped or turn.skipped_base
        keep(log := git.log)
        suspects = self._suspects(turn, git)
        git.end()
        return BisectedHistory(
            range=self.range,
            ends=ends,
            steps=tuple(steps),
            replayed=len(given),
            suspects=suspects,
            above_skipped=above_skipped,
            log=log,
        )

    def undone(self, culprit: Commit) -> CommitStep | None:
        """What BAD answers with a commit reverted."""
        try:
            state = self.commits.without(culprit.id)
        except InputError:  # it is made on none that there is
            return None
        return self._ask(state, Asks(commit=culprit))

    def _step(self, commit: str, turn: Turn) -> CommitStep:
        about = self.commits.of(commit)
        asks = Asks(commit=about, left=turn.left, steps=turn.steps, merge_base=turn.merge_base)
        return self._ask(self.commits.state(commit), asks)

    def _ask(self, state: State, asks: Asks) -> CommitStep:
        self._tell(asks)
        before = len(self._runner.builds)
        tried = self._runner.ask(self._question, state)
        step = CommitStep(asks=asks, state=state.id, tried=tried, known=len(self._runner.builds) == before)
        self._tell(step)
        return step

    def _suspects(self, turn: Turn, git: GitBisect) -> Suspects:
        bad, goods = git.ends
        if len(turn.suspects) == 1:
            return Suspects(commits=self.commits.each(turn.suspects), good=goods, bad=bad)
        place, how = self.commits.place, self.range
        found = lineage.read(place, bad, goods, first_parent=how.first_parent, paths=how.paths)
        left = {*turn.suspects}
        nearest = repository.ask(place, "merge-base", "--independent", *goods).text.split()
        ordered = self.commits.each(one for one in found.commits if one in left)
        return Suspects(commits=ordered, good=tuple(nearest), bad=bad)


def _refused(refusal: Refusal, wanted: Range, last: str) -> InputError:
    """What to raise where git finds nothing to ask of; ``last`` is the commit that has answered last."""
    good, bad, paths = wanted.good[:12], wanted.bad[:12], few(wanted.paths)
    match refusal:
        case Refusal.FIXED:
            return InputError(
                f"{last}, at which GOOD ({good}) and BAD ({bad}) part, is bad: this was fixed between it and GOOD\n"
                f"  for what broke it, name a GOOD that lies below {last}"
            )
        case Refusal.MISTAKEN:
            return InputError(f"GOOD ({good}) is made on BAD ({bad})\n  name them the other way round")
        case Refusal.NOTHING | Refusal.BOTH if paths:
            return InputError(
                f"no commit that touches {paths} can be the first bad one\n  what breaks BAD ({bad}) is in other files"
            )
        case _:
            return InputError(f"no commit between GOOD ({good}) and BAD ({bad}) is left to be the first bad one")
