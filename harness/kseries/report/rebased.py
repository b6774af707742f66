# SPDX-License-Identifier: GPL-2.0-only
"""A series on another base, as text and HTML: a line for each patch, and below it why it is not as it was."""

from collections.abc import Iterator

from kseries.model import RejectedHunk
from kseries.model.sanitize import printable, shortened
from kseries.plan.rebase import Fate, Rebase, Rebased, Same
from kseries.report import fuzzed
from kseries.report.pages import LIMIT, page

_FEW = 5
"""Hunks of a patch that are told of."""
_LOOKS = {Fate.APPLIES: "good", Fate.FUZZ: "loud", Fate.THERE: "loud", Fate.REJECTED: "bad"}
"""CSS classes of the report."""


def render(told: Rebase) -> str:
    """The text: ready to print."""
    return "\n".join(shortened(printable(row).replace("\n", " "), LIMIT) for row in _rows(told))


def html(told: Rebase) -> str:
    """One page that needs nothing else; it has no script."""
    rows = [(one, _LOOKS[one.fate], fate(one), list(_reasons(one))) for one in told.patches]
    return page("rebase.html.j2", told=told, summary=summary(told), rows=rows, placed=fuzzed.in_words)


def heading(told: Rebase) -> str:
    """Which series, and on what."""
    version = f" v{told.version}" if told.version > 1 else ""
    fuzz = f", fuzz up to {told.fuzz}" if told.fuzz else ""
    return f"{told.series}{version}: {_count(len(told.patches))} on {told.base.name} (Linux {told.base.version}{fuzz})"


def summary(told: Rebase) -> str:
    """How many of each: the first thing to know."""
    if told.whole:
        fuzzed = sum(one.fate is Fate.FUZZ for one in told.patches)
        return "Every patch applies." + (f" {fuzzed} of them with fuzz." if fuzzed else "")
    some = {
        "applied": sum(one.applied and one.fate is Fate.APPLIES for one in told.patches),
        "applied with fuzz": sum(one.applied and one.fate is Fate.FUZZ for one in told.patches),
        "in need of fuzz": sum(not one.applied and one.fate is Fate.FUZZ for one in told.patches),
        "there already": sum(one.fate is Fate.THERE for one in told.patches),
        "rejected": sum(one.fate is Fate.REJECTED for one in told.patches),
    }
    return f"{_count(len(told.patches))}: {', '.join(f'{some[what]} {what}' for what in some if some[what])}."


def fate(one: Rebased) -> str:
    """What becomes of a patch, in a word or two."""
    if one.fate is Fate.FUZZ:
        return f"fuzz {one.fuzz}" if one.applied else f"needs fuzz {one.fuzz}"
    return {Fate.APPLIES: "applies", Fate.THERE: "is there already", Fate.REJECTED: "REJECTED"}[one.fate]


def _rows(told: Rebase) -> Iterator[str]:
    yield heading(told)
    count = len(told.patches)
    wide, digits = max(len(fate(one)) for one in told.patches), len(str(count))
    for one in told.patches:
        yield f"  {one.number:{digits}}/{count}  {fate(one):{wide}}  {one.subject}"
        yield from (f"{' ' * (2 * digits + wide + 7)}{row}" for row in _reasons(one))
    for one in told.patches:
        if one.rejected or one.fuzzed:
            yield from ("", f"{one.number}/{count} {fate(one)}: {one.subject}", *(f"  {row}" for row in _hunks(one)))
    yield from ("", summary(told))
    if any(one.fate is Fate.FUZZ and not one.applied for one in told.patches):
        most = max(one.fuzz or 1 for one in told.patches)
        yield f"--fuzz {most} applies those that need it"


def _hunks(one: Rebased) -> Iterator[str]:
    """The first of the hunks that do not fit as they are."""
    yield from (row for hunk in one.rejected[:_FEW] for row in _hunk(hunk))
    yield from (fuzzed.in_words(hunk) for hunk in one.fuzzed[:_FEW])
    if (more := max(len(one.rejected), len(one.fuzzed)) - _FEW) > 0:
        yield f"and {more} more hunk{'s' * (more > 1)}"


def _reasons(one: Rebased) -> Iterator[str]:
    """Why a patch is not applied, but for its hunks."""
    if one.there is not None:
        how = {Same.CHANGE: "the same change", Same.SUBJECT: "the same subject, and perhaps another change"}
        yield f"by {one.there.commit[:12]} ('{one.there.subject}'): {how[one.there.same]}"
    elif one.fate is Fate.THERE:
        yield "its reverse applies"
    if one.fate is Fate.REJECTED and not one.rejected:
        yield one.why
    if one.alone is not None:
        yield {True: "alone on the base it applies", False: "alone on the base it does not apply, either"}[one.alone]


def _hunk(hunk: RejectedHunk) -> Iterator[str]:
    there = ": what it makes stands there already" if hunk.there else ""
    yield f"{hunk.file}, hunk {hunk.hunk} of {hunk.of}, for line {hunk.line}{there}"
    digits = len(str(hunk.at + len(hunk.stands)))
    for name, lines in (("expects", hunk.expects), ("has", hunk.stands)):
        for number, line in enumerate(lines):
            yield f"  {name if not number else '':7} {hunk.at + number:{digits}}| {line.expandtabs()}"
    if hunk.expects and not hunk.stands:
        yield "  has     nothing: the file ends before"


def _count(patches: int) -> str:
    return f"{patches} patch{'es' * (patches != 1)}"
