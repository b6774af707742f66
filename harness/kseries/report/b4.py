# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a patch, as b4 has checks tell it: lines for ``b4 prep`` and ``b4 am``, JSON for ``b4 review``.

Of a line b4 asks only whether ``ERROR:`` is in it: with it the patch fails, and any other line is a warning
(LoreMessage.run_local_check()). Of JSON it takes a row for each tool, of which ``details`` is text, or a list in JSON
within that text (TrackingCheckResultsScreen in its review_tui).
"""

import json
from collections.abc import Iterator, Sequence

from kseries.model import Record
from kseries.model.sanitize import joined, line
from kseries.report import reproduce
from kseries.report.knownpatch import Told, worst
from kseries.report.questions import Answer, Question

TOOL = "kseries"
SERIES_TOOL = "kseries-series"
"""b4 shows a series in the row of its cover letter, or of its first patch, where another row of TOOL is already."""
_FAILS = "ERROR:"
_STATUSES = {Answer.FAIL: "fail", Answer.SUCCESS: "pass"}
_WARNS = "warn"


class Row(Record, frozen=True):
    """What b4 review takes of a check: one for each tool and mail."""

    status: str
    summary: str
    details: str = ""
    url: str = ""
    tool: str = TOOL


class Entry(Record, frozen=True):
    """A line of its details."""

    status: str
    description: str
    context: str = ""
    state: str = ""


# --- lines --------------------------------------------------------------------------------------


def lines(told: Sequence[Told], how: str, unread: int = 0) -> tuple[str, ...]:
    """What is to be told of a patch of which runs know; nothing of what is in order. ``how`` says how to run it, and
    ``unread`` after how many results nobody looked at the older ones; 0 where all were.
    """
    fails, others = [], []
    for one in told:
        if one.holds and one.answer.answer is Answer.FAIL:
            fails.append(f"{_FAILS} {one.answer.question}: {_mild(one.answer.said)} ({_mild(one.known.source)})")
        elif one.holds and one.answer.answer is Answer.WARNING:
            others.append(f"{one.answer.question}: {one.answer.said} ({one.known.source})")
    more = [_unread(unread)] if unread else []
    return (*fails, *map(_mild, (*others, *_open_lines(told, how), *more)))


def _open_lines(told: Sequence[Told], how: str) -> Iterator[str]:
    """What is not known of a patch, and what to do for it."""
    failed = any(one.holds and one.answer.answer is Answer.FAIL for one in told)
    waiting = [one for one in told if one.holds and one.answer.answer is Answer.OPEN]
    unknown = [one for one in told if one.holds and one.answer.answer is Answer.UNKNOWN]
    other = [one for one in told if not one.holds]
    if waiting:
        yield f"not known yet: {_listed(waiting)} ({waiting[0].known.source}); {_again(waiting[0])}"
    if unknown and not failed:  # what fails is to be mended first, and has left the rest unknown
        yield f"not known: {_listed(unknown)} ({unknown[0].known.source})"
    if other:
        yield f"not known as it is here: {_of_other_code(other)}; to know: {how}"


def _unread(count: int) -> str:
    return f"not looked at: the older results of this patch, beyond {count}; remove those that you need no more"


def nothing(how: str) -> str:
    """The line where no run has the patch."""
    return _mild(f"no run has this patch as it is here; to know: {how}")


def _again(one: Told) -> str:
    """Its words are those of the folder that somebody was in, which b4 need not be."""
    return f"go on, where {line(str(one.known.directory))} was begun: {reproduce.whole(one.known.run, ())}"


def _listed(some: Sequence[Told]) -> str:
    """``boot, contract (not tried yet)``: the questions, by what is said of them."""
    found: dict[str, dict[Question, None]] = {}
    for one in some:
        found.setdefault(one.answer.said, {})[one.answer.question] = None
    return "; ".join(f"{', '.join(asked)} ({said})" for said, asked in found.items())


def _of_other_code(some: Sequence[Told]) -> str:
    """Which run knows the same patch on other code, and what it has against it there."""
    after = all(one.known.before for one in some)
    where = "other patches after it" if after else "another base, or other patches before it"
    bad = [one for one in some if one.answer.answer in (Answer.FAIL, Answer.WARNING)]
    there = "; ".join(f"{one.answer.question}: {one.answer.said}" for one in bad)
    asked = ", ".join(dict.fromkeys(one.answer.question for one in some))
    return f"{asked}; a run had it with {where} ({some[0].known.source})" + (f", and there: {there}" if bad else "")


def _mild(text: str) -> str:
    """A line that b4 takes for no failure, whatever somebody has written into it."""
    return line(text).replace(_FAILS, "ERROR")


# --- rows ---------------------------------------------------------------------------------------


def row(told: Sequence[Told], how: str, url: str, unread: int = 0) -> Row:
    """What is known of a patch."""
    entries = [_entry(one, len(_labels(told)) > 1) for one in told]
    return _row([*entries, *_ways_on(told, how, unread)], f"{worst(told).known.source}: {_in_short(told)}", url, TOOL)


def row_of_nothing(how: str, *, series: bool = False, tool: str = TOOL) -> Row:
    what = "series" if series else "patch"
    return Row(
        status=_WARNS,
        summary=f"no run has this {what} as it is here",
        details=f"to know: {how}\nthen press R here: b4 remembers what it was told",
        tool=tool,
    )


def row_of_fault(why: str, tool: str = TOOL) -> Row:
    """Where kseries cannot tell: that is nothing against a patch."""
    return Row(status=_WARNS, summary=f"kseries cannot tell: {joined(why)}", tool=tool)


def series_row(patches: Sequence[Sequence[Told]], how: str, url: str, tool: str, unread: int = 0) -> Row:
    """What is known of a series: of its patches in their order. Each question, or each patch that it is against."""
    every = [one for told in patches for one in told]
    several = len(_labels(every)) > 1
    entries = []
    for question in Question:
        asked = [one for one in every if one.answer.question is question]
        against = [one for one in asked if not (one.holds and one.answer.answer is Answer.SUCCESS)]
        entries += [_entry(one, several, f"patch {one.known.patch.number}: ") for one in against]
        if not against:
            said = f"all {len(patches)} patches"
            entries.append(Entry(status="pass", description=said, context=question, state=Answer.SUCCESS))
    source = worst(every).known.source.partition(" of ")[2]
    return _row([*entries, *_ways_on(every, how, unread)], f"{source}: {_in_short(every)}", url, tool)


def _ways_on(told: Sequence[Told], how: str, unread: int) -> Iterator[Entry]:
    """What to do for what is not known."""
    if unread:
        yield Entry(status=_WARNS, description=_unread(unread))
    waiting = next((one for one in told if one.holds and one.answer.answer is Answer.OPEN), None)
    if waiting is not None:
        yield Entry(status=_WARNS, description=_again(waiting))
    if not all(one.holds for one in told):
        yield Entry(status=_WARNS, description=f"to know: {how}")


def _row(entries: Sequence[Entry], summary: str, url: str, tool: str) -> Row:
    statuses = {one.status for one in entries}
    status = next((one for one in ("fail", _WARNS) if one in statuses), "pass")
    details = json.dumps([_shown(one) for one in entries])
    return Row(status=status, summary=summary, details=details, url=url, tool=tool)


def _shown(entry: Entry) -> dict[str, str]:
    """Without what is empty: an entry without a context is a line of text to b4."""
    told = {name: str(getattr(entry, name)) for name in entry.__struct_fields__}
    return {name: text for name, text in told.items() if text}


def _entry(one: Told, several: bool, where: str = "") -> Entry:
    answer = one.answer
    said = f"{where}{answer.said}" if one.holds else f"{where}not known as it is here; on other code: {answer.said}"
    label = f" ({one.known.variant})" if several else ""
    return Entry(
        status=_STATUSES.get(answer.answer, _WARNS) if one.holds else _WARNS,
        description=line(said),
        context=f"{answer.question}{label}",
        state=answer.answer if one.holds else Answer.UNKNOWN,
    )


def _in_short(told: Sequence[Told]) -> str:
    """``revert fails; contract not known``, or that all is in order."""
    words: dict[str, dict[str, None]] = {}
    for one in told:
        if not (one.holds and one.answer.answer is Answer.SUCCESS):
            words.setdefault(_word(one), {})[one.answer.question] = None
    order = sorted(words, key=["fails", "warns", "not known"].index)
    return "; ".join(f"{', '.join(words[word])} {word}" for word in order) or "nothing against it"


def _word(one: Told) -> str:
    if not one.holds or one.answer.answer in (Answer.OPEN, Answer.UNKNOWN):
        return "not known"
    return "fails" if one.answer.answer is Answer.FAIL else "warns"


def _labels(told: Sequence[Told]) -> set[str]:
    return {one.known.variant for one in told}
