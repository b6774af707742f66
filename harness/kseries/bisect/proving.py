# SPDX-License-Identifier: GPL-2.0-only
"""Has the kernels of a proof booted: what a bisection has found out of them is known, and counts once."""

from kseries.bisect import blame
from kseries.bisect.answer import Asked, Question
from kseries.bisect.asking import Answers
from kseries.bisect.blame import Case, Proof
from kseries.bisect.boots import Boots
from kseries.bisect.staterunner import StateRunner
from kseries.model import State

_BASE = "base"


def run(
    runner: StateRunner,
    question: Question,
    case: Case,
    boots: int,
    confidence: float = blame.SURE,
    passes: float = 0.0,
) -> Proof:
    """Prove a case with so many boots of each kernel; a build is asked once. Raises as StateRunner.ask does.

    No state of the case is called ``base``, whose kernel is booted once, however often it is asked.
    """
    states: dict[str, State] = {}
    asker = Boots(runner, question, states.__getitem__, _BASE)

    def ask(state: State, times: int) -> Answers:
        states[state.id] = state
        return asker.ask(state.id, times)

    return blame.prove(case, ask, 1 if question.asked is Asked.BUILD else boots, confidence, passes)
