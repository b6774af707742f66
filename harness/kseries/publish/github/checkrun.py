# SPDX-License-Identifier: GPL-2.0-only
"""The check run that a run of ours becomes. Pure."""

import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.model import RunResult
from kseries.model.sanitize import line, shortened
from kseries.publish.github.records import Annotation, Conclusion, Status
from kseries.report import annotations, questions
from kseries.report.annotations import Level
from kseries.report.headline import headline
from kseries.report.questions import Answer, PatchAnswer, Question
from kseries.report.reporter import FinishedRun

SUMMARY = 65535
"""Bytes of a summary that GitHub takes."""
ANNOTATIONS = 500
"""All that anybody reads; the report has the rest."""
_TITLE = 200
_MESSAGE = 4000
_SIGNS = {
    Answer.FAIL: "\N{CROSS MARK}",
    Answer.WARNING: "\N{WARNING SIGN}",
    Answer.OPEN: "\N{HOURGLASS WITH FLOWING SAND}",
    Answer.UNKNOWN: "\N{BLACK QUESTION MARK ORNAMENT}",
    Answer.SUCCESS: "\N{WHITE HEAVY CHECK MARK}",
}
_LEVELS = {Level.ERROR: "failure", Level.WARNING: "warning", Level.NOTE: "notice"}
_CUT = "\n\nThe rest is in the report.\n"


@dataclass(frozen=True)
class Wanted:
    """What a commit is to have."""

    name: str
    external_id: str
    """By which it is found again: the same for each run of the same variant."""
    status: Status
    conclusion: Conclusion | None
    title: str
    summary: str
    details_url: str
    annotations: tuple[Annotation, ...]


def of(run: FinishedRun) -> Wanted:
    """The check run of a run."""
    result = run.result
    label = line(result.variant.label or result.arch)
    answers = questions.answers(result)
    conclusion = _conclusion(answers)
    return Wanted(
        name=shortened(f"kseries ({label})", _TITLE),
        external_id=shortened(f"kseries/{label}", _TITLE),
        status=Status.AT_WORK if conclusion is None else Status.COMPLETED,
        conclusion=conclusion,
        title=shortened(line(headline(result)), _TITLE),
        summary=_bounded("\n".join(_summary(result, answers))),
        details_url=_url(run),
        annotations=tuple(dict.fromkeys(_annotations(result)))[:ANNOTATIONS],
    )


def _url(run: FinishedRun) -> str:
    url = run.url("report.html")
    return url if urllib.parse.urlsplit(url).scheme in ("http", "https") else ""


def _conclusion(answers: tuple[PatchAnswer, ...]) -> Conclusion | None:
    """What all answers come to; None while nothing is wrong and something is open."""
    found = {answer.answer for answer in answers}
    if Answer.FAIL in found:
        return Conclusion.FAILURE
    if Answer.OPEN in found:
        return None
    return Conclusion.SUCCESS if found <= {Answer.SUCCESS} else Conclusion.NEUTRAL


# --- the summary --------------------------------------------------------------------------------


def _summary(run: RunResult, answers: tuple[PatchAnswer, ...]) -> Iterator[str]:
    yield f"{_code(run.series.name)} on {_code(run.base.name)} (Linux {_code(run.base.version)}, {_code(run.arch)})"
    yield ""
    yield f"| patch | {' | '.join(Question)} |"
    yield "|---" * (len(Question) + 1) + "|"
    for patch in run.series.patches:
        signs = (_SIGNS[one.answer] for one in answers if one.patch.number == patch.number)
        yield f"| {patch.number}/{len(run.series.patches)} {_code(patch.subject)} | {' | '.join(signs)} |"
    yield ""
    for one in answers:
        if one.answer in (Answer.FAIL, Answer.WARNING):
            of = f"{one.patch.number}/{len(run.series.patches)} {one.question}"
            yield f"- {_SIGNS[one.answer]} {of}: {_code(one.said)}"


def _code(words: str) -> str:
    """Somebody else's words, which Markdown is to make nothing of: no link, no table, and nobody is called by @name."""
    fit = line(words).replace("`", "'").replace("|", r"\|")
    return f"`{fit or ' '}`"


def _bounded(summary: str) -> str:
    """As much of it as GitHub takes, in whole lines."""
    data = summary.encode()
    if len(data) <= SUMMARY:
        return summary
    whole = data[: SUMMARY - len(_CUT)].decode(errors="ignore")
    return f"{whole.rpartition(chr(10))[0]}{_CUT}"


# --- the annotations ----------------------------------------------------------------------------


def _annotations(run: RunResult) -> Iterator[Annotation]:
    """The findings whose place is known; GitHub shows what is said of them as plain text."""
    for one in annotations.annotations(run):
        if one.spot is not None:
            yield Annotation(
                path=one.spot.file,
                start_line=one.spot.line,
                end_line=one.spot.line,
                annotation_level=_LEVELS[one.level],
                title=shortened(one.title, _TITLE),
                message=shortened(one.body, _MESSAGE),
            )
