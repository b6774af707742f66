# SPDX-License-Identifier: GPL-2.0-only
"""What several runs say of one patch, question by question.

A run looked at the patch on a base, with some patches before it and others after. An answer holds for who has the same;
else it is *of other code*, and tells only what may be looked for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.model import AppliedPatch, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report import reproduce
from kseries.report.questions import Answer, PatchAnswer, Question

_NAME = 60
"""Characters of a name, of a series or a base, that somebody chose."""
_WHOLE_ID = re.compile("(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{28}(?![0-9a-f])")
"""A commit's id, which its first digits name."""
_PROSE = re.compile(r"Documentation/|MAINTAINERS$|CREDITS$|README$")


@dataclass(frozen=True)
class Known:
    """A patch as a run has it."""

    run: RunResult
    directory: Path
    patch: AppliedPatch
    answers: tuple[PatchAnswer, ...]
    """Those of the run, of all its patches."""
    before: bool
    """Whether base and patches up to it are those of who asks: the same tree, or the same mails."""
    after: bool
    """Whether the patches after it are, too."""

    def holds(self, question: Question) -> bool:
        """Whether the run's answer to a question is one for who asks: a revert is one from the last patch on."""
        return self.before and (self.after or question is not Question.REVERT)

    def at(self, number: int) -> "Known":
        """Another patch of the same run."""
        return replace(self, patch=self.run.series.patches[number - 1])

    @property
    def source(self) -> str:
        """Of what the run tells, in some words: ``patch 3/8 of NAME v2 on BASE, x86_64``."""
        series = self.run.series
        name = _short(series.name) + (f" v{series.version}" if series.version > 1 else "")
        on = f"{_short(reproduce.base_elsewhere(self.run))}, {line(self.run.variant.label or self.run.arch)}"
        return f"patch {self.patch.number}/{len(series.patches)} of {name} on {on}"


@dataclass(frozen=True)
class Told:
    """An answer, and in which run it stands; ``holds`` is False of one that is of other code."""

    answer: PatchAnswer
    known: Known
    holds: bool


def _short(name: str) -> str:
    return shortened(_WHOLE_ID.sub(r"\1", line(name)), _NAME)


def told(known: Sequence[Known]) -> tuple[Told, ...]:
    """The answer to each question, of each variant that there is one of; ``known`` has the newest run first.

    The newest run that can tell does, and a newer one that was cut short, or asked less, takes nothing back. Where an
    answer holds, those of other code are left out.
    """
    return tuple(one for question in Question for one in _of_question(known, question))


def _of_question(known: Sequence[Known], question: Question) -> Iterator[Told]:
    holding = [one for one in known if one.holds(question)]
    variants: dict[str, list[Known]] = {}
    for one in holding or known:
        variants.setdefault(one.run.variant.label or one.run.arch, []).append(one)
    for runs in variants.values():
        answers = [(_answer(one, question), one) for one in runs]
        answer, one = next((found for found in answers if found[0].answer not in _SILENT), answers[0])
        if answer.answer is Answer.UNKNOWN and _is_prose(one.patch):
            answer = replace(answer, answer=Answer.SUCCESS)
        yield Told(answer, one, bool(holding))


def _is_prose(patch: AppliedPatch) -> bool:
    """True where no kernel is made of anything that a patch changes, and so nothing is to be known of one with it."""
    return bool(patch.files) and all(_PROSE.match(file) for file in patch.files)


_SILENT = (Answer.OPEN, Answer.UNKNOWN)


def _answer(known: Known, question: Question) -> PatchAnswer:
    return next(one for one in known.answers if one.patch.number == known.patch.number and one.question is question)
