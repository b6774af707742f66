# SPDX-License-Identifier: GPL-2.0-only
"""The first bad patch of a series or commit of a history, where kernels answer now so, now so, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from kseries.bisect import blame, blamehistory, blameseries, priors, proving, search
from kseries.bisect.answer import Question
from kseries.bisect.blame import Case, Proof
from kseries.bisect.boots import Boots
from kseries.bisect.commits import Commits
from kseries.bisect.search import Searched, Settings
from kseries.bisect.staterunner import StateRunner
from kseries.model import Record, State
from kseries.model.errors import InputError
from kseries.model.lineage import Lineage, Range
from kseries.model.sanitize import few
from kseries.sources import lineage, repository

_BASE = "base"
_OTHERS = 1.0
"""The weight of all commits that touch other files than those that are asked for, together."""
_ELSEWHERE = "BAD: what touches other files"
_FEWEST = 3
"""Boots of each kernel of a proof."""
_TIMES = 3
"""That a proof is tried again, where its culprit passes more often than others let expect."""
_MOST_OFTEN = 0.9
"""A kernel that passes more often is not booted any more often for that."""


class Sure(Record, frozen=True):
    """What a search came to. ``names`` has the subjects of what it asked, and of what it suspects."""

    confidence: float
    searched: Searched
    names: dict[str, str]
    proof: Proof | UnsetType = UNSET
    """Whether the first bad one is proved to be one; not there where there is no one such."""


@dataclass(frozen=True)
class _Ground:
    """What is searched: ``good`` is below all of its commits, ``state_of`` and ``subject_of`` tell of each of them.

    All of them are suspects. Where they are only some, by their paths, BAD is put behind them, and as a suspect it
    stands for all others.
    """

    lineage: Lineage
    suspects: int
    good: str
    state_of: Callable[[str], State]
    subject_of: Callable[[str], str]
    touched: Callable[[], Sequence[frozenset[str]]]
    """The files that each of the commits touches."""
    case: Callable[[str], Case]


def run(
    runner: StateRunner, question: Question, settings: Settings, prove: int | None, tell: Callable[[search.Asked], None]
) -> Sure:
    """Search, and have what was found proved with so many boots of each kernel; None: with as many as that takes.
    ``tell`` hears of each answer.

    Raises InputError where there is nothing to search: GOOD is not below BAD, or is bad, or BAD never fails.
    """
    ground = _of_history(runner, runner.history) if runner.history is not None else _of_series(runner)
    runner.ask(question, runner.tip)  # once, so that it is known what its build reads
    looking = search.Search(ground.lineage, ground.good, settings, _weights(runner, ground))
    found = search.run(looking, Boots(runner, question, ground.state_of, ground.good), tell)
    if found.blamed == ground.lineage.commits[ground.suspects :]:
        raise InputError("no commit that touches these paths is bad, and BAD is\n  what breaks it is in other files")
    told = {*found.blamed, *(one.commit for one in found.asked), *(one.commit for one in found.suspects)}
    sure = Sure(
        confidence=settings.confidence, searched=found, names={one: ground.subject_of(one) for one in sorted(told)}
    )
    if found.end is not search.Ending.FOUND or prove == 0:
        return sure
    return msgspec.structs.replace(sure, proof=_proof(runner, question, ground.case(found.blamed[0]), sure, prove))


def _proof(runner: StateRunner, question: Question, case: Case, sure: Sure, prove: int | None) -> Proof:
    """With so many boots of each kernel; None: with more of them while nothing else is wrong with it."""
    passes = min(sure.searched.bad_passes.high, _MOST_OFTEN)

    def proved(boots: int) -> Proof:
        return proving.run(runner, question, case, boots, sure.confidence, passes)

    if prove is not None:
        return proved(prove)
    proof = proved(max(_FEWEST, blame.enough_boots(passes, sure.confidence)))
    for _ in range(_TIMES):
        if boots := blame.boots_left(proof):
            proof = proved(boots)
    return proof


def trees(runner: StateRunner) -> frozenset[str]:
    """Those of GOOD, of BAD and of all between them: the search itself counts their boots, or is to find out which of
    them are bad. Raises InputError.
    """
    ends = {runner.base.tree, *(patch.tree_after for patch in runner.patches)}
    if runner.history is None:
        return frozenset(ends)
    wanted = runner.history.range
    return frozenset(ends.union(lineage.read(runner.history.place, wanted.bad, [wanted.good]).trees))


def _of_series(runner: StateRunner) -> _Ground:
    """The patches of a series, each with all before it."""
    names = tuple(f"prefix-{patch.number}" for patch in runner.patches)
    chain = tuple((place - 1,) if place else () for place in range(len(names)))
    subjects = dict(zip(names, (patch.subject for patch in runner.patches), strict=True))
    base = State(id="good", scenario="commit", applied=(), tree=runner.base.tree)
    return _Ground(
        suspects=len(names),
        lineage=Lineage(names, tuple(patch.tree_after for patch in runner.patches), chain),
        good=_BASE,
        state_of=lambda name: base if name == _BASE else runner.state(name),
        subject_of=lambda name: subjects.get(name, runner.base.name),
        touched=lambda: [
            frozenset(runner.trees.changed_paths(one.tree_before, one.tree_after)) for one in runner.patches
        ],
        case=lambda name: blameseries.case(runner, int(name.removeprefix("prefix-"))),
    )


def _of_history(runner: StateRunner, history: Commits) -> _Ground:
    """The commits of a history that GOOD is below. Raises InputError."""
    wanted = history.range
    _check_below(history)
    found = lineage.read(history.place, wanted.bad, [wanted.good], first_parent=wanted.first_parent, paths=wanted.paths)
    if not found.commits:
        raise InputError(f"no commit between GOOD and BAD touches {few(wanted.paths)}\n  what breaks is in other files")
    whole = _with_bad(found, wanted, runner.tip.tree or "")
    others = whole.commits[len(found.commits) :]
    return _Ground(
        suspects=len(found.commits),
        lineage=whole,
        good=wanted.good,
        state_of=history.state,
        subject_of=lambda commit: _ELSEWHERE if commit in others else history.of(commit).subject,
        touched=lambda: lineage.touched(history.place, found.commits, first_parent=wanted.first_parent),
        case=lambda commit: blamehistory.case(history, runner.trees, commit),
    )


def _check_below(history: Commits) -> None:
    good, bad = history.range.good, history.range.bad
    parted = [
        one for one in repository.ask(history.place, "merge-base", "--all", good, bad).text.split() if one != good
    ]
    if parted:
        raise InputError(
            f"GOOD ({good[:12]}) is not below BAD ({bad[:12]}): with --confidence, one has to be below the other\n"
            f"  where they part is {parted[0][:12]}: if that is good, too, name it as GOOD"
        )


def _with_bad(found: Lineage, wanted: Range, tree: str) -> Lineage:
    """With BAD at the end: where paths leave it out, it stands for all that touches other files."""
    if found.commits[-1] == wanted.bad:
        return found
    below = {parent for parents in found.parents for parent in parents}
    tips = tuple(place for place in range(len(found.commits)) if place not in below)
    return Lineage((*found.commits, wanted.bad), (*found.trees, tree), (*found.parents, tips))


def _weights(runner: StateRunner, ground: _Ground) -> tuple[float, ...]:
    """By what the builds of the ends have read, where that is known."""
    ends = (runner.tip, runner.state(_BASE))
    read = frozenset[str]().union(*filter(None, map(runner.read, ends)))
    if read:
        there = frozenset[str]().union(*(runner.trees.paths(one.tree) for one in ends if one.tree is not None))
        weights = priors.weights(ground.touched(), read, there)
    else:
        weights = (1.0,) * ground.suspects
    return (*weights, *(_OTHERS,) * (len(ground.lineage.commits) - ground.suspects))
