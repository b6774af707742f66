# SPDX-License-Identifier: GPL-2.0-only
"""A search with a confidence as text: a line for each kernel that was asked, and how likely each suspect is."""

from collections.abc import Iterator

from msgspec import UNSET

from kseries.bisect.confidence import Sure
from kseries.bisect.search import Asked, Ending, Searched
from kseries.judge import evidence
from kseries.model.sanitize import line, printable, shortened
from kseries.report import proofs
from kseries.report.bisections import count

_SHORT = 12
_SHOWN = 10
_SUBJECT = 100
_WHY = 100
"""Characters of a reason that a line has room for."""


def line_of(asked: Asked) -> str:
    """One kernel: what its boots have answered, and why."""
    answers = asked.answers
    why = line(evidence.line(answers.why[0]))[:_WHY] if answers.why else ""
    if answers.same is not None:
        said, why = f"is {answers.same[:_SHORT]}, byte for byte", ""
    elif not answers.testable:
        said = "untestable"
    else:
        told = (("passed", answers.passed), ("failed", answers.failed))
        said = ", ".join(f"{word} {number}" for word, number in told if number)
    return printable(f"{asked.commit[:_SHORT]:<12} {said:<22} {why}".rstrip())


def render(found: Sure) -> str:
    """What the search came to."""
    return printable("\n".join(_lines(found)))


def _lines(found: Sure) -> Iterator[str]:
    searched = found.searched
    yield ""
    yield from _end(found)
    for one in searched.suspects[:_SHOWN]:
        yield f"  {100 * one.probability:6.2f} %  {_named(found, one.commit)}"
    if (left := len(searched.suspects) - _SHOWN) > 0:
        yield f"  ... {left} more"
    kernels = len({one.commit for one in searched.asked if one.answers.testable and one.answers.same is None})
    yield f"It took {count(searched.boots, 'boot')} of {count(kernels, 'kernel')}.{_passes(searched)}"
    if found.proof is not UNSET:
        yield from proofs.lines(found.proof)


def _end(found: Sure) -> Iterator[str]:
    blamed = found.searched.blamed
    match found.searched.end:
        case Ending.FOUND:
            yield f"{_named(found, blamed[0])} is the first bad one, with a probability of {_sure(found)} or more."
        case Ending.INSEPARABLE:
            yield f"The first bad one is one of {len(blamed)}: nothing that can be tested tells them from each other."
        case Ending.SPENT:
            yield (
                f"No more boots were allowed: with a probability of {_sure(found)} it is one of {len(blamed)}."
                " The same command with more --boots goes on."
            )


def _sure(found: Sure) -> str:
    return f"{found.confidence:g}"


def _passes(searched: Searched) -> str:
    """How often a bad kernel passes, where it does at all."""
    passes = searched.bad_passes
    low, mean, high = (f"{100 * share:.0f}" for share in (passes.low, passes.mean, passes.high))
    return f" A bad kernel passes {mean} of 100 boots ({low} to {high})." if float(high) > 0 else ""


def _named(found: Sure, commit: str) -> str:
    return f"{commit[:_SHORT]} '{shortened(line(found.names.get(commit, '')), _SUBJECT)}'"
