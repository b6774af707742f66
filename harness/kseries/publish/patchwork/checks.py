# SPDX-License-Identifier: GPL-2.0-only
"""What a Patchwork is to be told of a run: a check for each patch and question, and whether it is news. Pure."""

import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kseries.publish.patchwork.records import Posted, State
from kseries.report import contexts, questions
from kseries.report.questions import Answer, PatchAnswer
from kseries.report.reporter import FinishedRun

_STATES = {
    Answer.FAIL: State.FAIL,
    Answer.WARNING: State.WARNING,
    Answer.OPEN: State.PENDING,
    Answer.SUCCESS: State.SUCCESS,
    Answer.UNKNOWN: None,
}
_URL = 200
"""Characters of a URL (patchwork/models.py: the usual of Django's URLField)."""


@dataclass(frozen=True)
class Check:
    """What is to be said of a patch in one context."""

    context: str
    state: State | None
    """None where nothing is known. That is not said, but where the server still waits for it."""
    description: str
    target_url: str


class News(StrEnum):
    """Whether a check says more than the server has."""

    NEW = "new"
    SAME = "same"
    FINISHED = "finished"
    """It would say that something is still to come, of which the server has the result."""
    NOTHING = "nothing"
    """Nothing is known, and nobody waits for it."""


def of(run: FinishedRun) -> dict[int, tuple[Check, ...]]:
    """The checks of each patch, by its number, in the order of the questions."""
    found: dict[int, list[Check]] = {}
    for answer in questions.answers(run.result):
        found.setdefault(answer.patch.number, []).append(_check(run, answer))
    return {number: tuple(checks) for number, checks in found.items()}


def _check(run: FinishedRun, answer: PatchAnswer) -> Check:
    return Check(
        context=contexts.context(run.result, answer.question),
        state=_STATES[answer.answer],
        description=answer.said,
        target_url=_url(run, answer.patch.number),
    )


def _url(run: FinishedRun, number: int) -> str:
    """The line of a patch in the report, or the report; empty where Patchwork would not take either."""
    report = run.url("report.html")
    if urllib.parse.urlsplit(report).scheme not in ("http", "https"):
        return ""
    return next((url for url in (f"{report}#patch-{number}", report) if len(url) <= _URL), "")


def news(check: Check, posted: Iterable[Posted]) -> News:
    """Whether a check is news to a server that has these. Of one context the newest counts; the link is no news."""
    last = max((one for one in posted if one.context == check.context), key=lambda one: one.id, default=None)
    if check.state is None:
        return News.NEW if last is not None and last.state == State.PENDING else News.NOTHING
    if last is None:
        return News.NEW
    if (last.state, last.description or "") == (check.state, check.description):
        return News.SAME
    if check.state is State.PENDING and last.state != State.PENDING:
        return News.FINISHED
    return News.NEW
