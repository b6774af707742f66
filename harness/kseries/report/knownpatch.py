# SPDX-License-Identifier: GPL-2.0-only
"""What several runs say of one patch, question by question.

A run looked at the patch on a base, with some patches before it and others after. An answer holds for who has the same;
else it is *of other code*, and tells only what may be looked for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.cache.patchindex import circumstances
from kseries.model import AppliedPatch, Outcome, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report import reproduce
from kseries.report.questions import Answer, PatchAnswer, Question

_NAME = 60
"""Characters of a name, of a series or a base, that somebody chose."""
_WHOLE_ID = re.compile("(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{28}(?![0-9a-f])")
"""A commit's id, which its first digits name."""
_PROSE = re.compile(r"Documentation/(?!(.*/)?(Kconfig|Kbuild|Makefile)[^/]*$)|MAINTAINERS$|CREDITS$|README$")
"""All that no build of a kernel reads."""
_JUDGED = {Question.CONTRACT: "prefix", Question.REVERT: "without"}
"""The state on which there is a verdict."""
_DIGITS = 8
"""Those of a configuration's hash that name it."""


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
    apart: str = ""
    """How its variant differs from others of the same label that are told beside it."""

    def holds(self, question: Question) -> bool:
        """Whether the run's answer to a question is one for who asks: a revert is one from the last patch on, which
        tells what ran of each, and what each is to keep, too.
        """
        return self.before and (self.after or question not in (Question.REVERT, Question.CONTRACT))

    def at(self, number: int) -> "Known":
        """Another patch of the same run."""
        return replace(self, patch=self.run.series.patches[number - 1])

    @property
    def label(self) -> str:
        return self.run.variant.label or self.run.arch

    @property
    def variant(self) -> str:
        """``x86_64``, or ``x86_64: clang 19`` where there are several."""
        return line(f"{self.label}: {self.apart}" if self.apart else self.label)

    @property
    def source(self) -> str:
        """Of what the run tells, in some words: ``patch 3/8 of NAME v2 on BASE, x86_64``."""
        series = self.run.series
        name = _short(series.name) + (f" v{series.version}" if series.version > 1 else "")
        on = f"{_short(reproduce.base_elsewhere(self.run))}, {self.variant}"
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

    The newest run that can tell does, and a newer one that was cut short, or asked less, takes nothing back. Nor does
    one under other circumstances, as with another configuration, take back what was found. Where an answer holds, those
    of other code are left out.
    """
    return tuple(one for question in Question for one in _of_question(known, question))


def _of_question(known: Sequence[Known], question: Question) -> Iterator[Told]:
    holding = [one for one in known if one.holds(question)]
    variants: dict[str, list[Told]] = {}
    for one in holding or known:
        variants.setdefault(one.label, []).append(Told(_answer(one, question), one, bool(holding)))
    for every in variants.values():
        yield from _set_apart(_believed(every))


def _believed(every: Sequence[Told]) -> list[Told]:
    """Of one variant the newest that can tell, and before it what others found under other circumstances."""
    newest: dict[str, Told] = {}
    for one in every:
        under = circumstances(one.known.run)
        if under not in newest or (newest[under].answer.answer in _SILENT and one.answer.answer not in _SILENT):
            newest[under] = one
    tells = next((one for one in newest.values() if one.answer.answer not in _SILENT), every[0])
    others = [one for one in newest.values() if one.answer.answer in _FOUND and one.answer.said != tells.answer.said]
    return [tells, *others]


def _set_apart(some: Sequence[Told]) -> Iterator[Told]:
    """Each with how its run differs from those of the others."""
    looks = [_circumstances_shown(one.known.run) for one in some]
    differ = [len(set(column)) > 1 for column in zip(*looks, strict=True)]
    for one, shown in zip(some, looks, strict=True):
        apart = ", ".join(text for text, differs in zip(shown, differ, strict=True) if differs)
        yield replace(one, known=replace(one.known, apart=apart))


def _circumstances_shown(run: RunResult) -> tuple[str, ...]:
    options = shortened(line(" ".join(run.words[1:])), _NAME) or "no options"
    return (f"config {run.variant.config_hash[:_DIGITS]}", run.variant.toolchain, options)


def worst(told: Sequence[Told]) -> Told:
    """The one to name where there is place for one: what is worst of what holds. Raises ValueError for none."""
    order = list(Answer)
    return min(told, key=lambda one: (not one.holds, order.index(one.answer.answer)))


_SILENT = (Answer.OPEN, Answer.UNKNOWN)
_FOUND = (Answer.FAIL, Answer.WARNING)


def _answer(known: Known, question: Question) -> PatchAnswer:
    number = known.patch.number
    found = next(one for one in known.answers if one.patch.number == number and one.question is question)
    return replace(found, answer=Answer.SUCCESS) if _needs_no_verdict(known, found) else found


def _needs_no_verdict(known: Known, answer: PatchAnswer) -> bool:
    """True where nothing was judged of a patch whose kernel came through, and no kernel is made of what it changes."""
    files, state = known.patch.files, f"{_JUDGED.get(answer.question)}-{known.patch.number}"
    is_prose = bool(files) and all(_PROSE.match(file) for file in files)
    came_through = any(one.id == state and one.outcome is Outcome.OK for one in known.run.states)
    return is_prose and came_through and answer.answer is Answer.UNKNOWN
