# SPDX-License-Identifier: GPL-2.0-only
"""A finding as a reply to the patch that it is about, in the manner of the kernel's lists: text for git send-email."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from email.header import Header

from kseries.model import AppliedPatch, Check, Finding, FindingKind, Outcome, RunResult, StateResult, Status
from kseries.model.sanitize import line, printable, shortened
from kseries.report import known, onto, picked, promised, reproduce, revertsets, since, text
from kseries.report.endings import of_finding, place
from kseries.report.evidence import Exhibit, exhibits

COLUMNS = 72
_FEW = 3
"""Lines of evidence that a mail has room for."""
_FRAMES = 8
"""Frames of a call trace that a mail has room for."""
_SAID = 400
_MESSAGE_ID = re.compile(r"<[^\s<>]+>")
_ADDRESS = re.compile(r"([^<>\n]*)(<[^\s<>@,]+@[^\s<>,]+>)")
_SPECIAL = re.compile(r"[^\w\s'-]")
"""What a name has to be quoted for (RFC 5322, atext); a comma in it would begin another address."""
_FROM = re.compile(r"^(?=>*From )", re.MULTILINE)
_UNSAFE = re.compile(r"[^\w.+-]")
_MBOX_FROM = "From kseries Mon Sep 17 00:00:00 2001\n"
"""git-format-patch(1) begins its mails with this date, by which git knows an mbox of its own."""


def render(run: RunResult) -> str:
    """A mail for each finding, as an mbox; advice too, since whoever sends it reads it first."""
    quoted = (_FROM.sub(">", reply(run, finding)) for finding in run.findings)
    return "\n".join(f"{_MBOX_FROM}{one}" for one in quoted)


def letters(run: RunResult) -> tuple[tuple[str, str], ...]:
    """The same as files, each with its name: git-send-email(1) takes a file for one mail, an mbox of many too."""
    return tuple(
        (f"{number:04}-{finding.kind}-{_UNSAFE.sub('_', finding.state)}.mail", reply(run, finding))
        for number, finding in enumerate(run.findings, 1)
    )


def reply(run: RunResult, finding: Finding) -> str:
    """One mail: headers, an empty line, the body."""
    paragraphs = (_wrapped(part) for part in _body(run, finding))
    body = printable("\n".join([*paragraphs, ""]))
    return "".join(f"{name}: {value}\n" for name, value in _headers(run, finding)) + f"\n{body}"


# --- headers ------------------------------------------------------------------------------------


def _headers(run: RunResult, finding: Finding) -> Iterator[tuple[str, str]]:
    patch = _about(run, finding)
    if patch is not None and (found := _ADDRESS.fullmatch(line(patch.author))):
        yield "To", f"{_name(found[1].strip())}{found[2]}"
    yield "Subject", _encoded(_subject(run, patch))
    answered = patch.message_id if patch is not None else run.series.cover_id
    if _MESSAGE_ID.fullmatch(answered) and answered == line(answered):
        yield "In-Reply-To", answered
        yield "References", answered
    yield "MIME-Version", "1.0"
    yield "Content-Type", "text/plain; charset=UTF-8"
    yield "Content-Transfer-Encoding", "8bit"


def _name(name: str) -> str:
    if not name.isascii():
        return f"{_encoded(name)} "
    bare = name.strip('"').replace('"', "'").replace("\\", "/")
    return f'"{bare}" ' if _SPECIAL.search(bare) else f"{bare} " if bare else ""


def _about(run: RunResult, finding: Finding) -> AppliedPatch | None:
    return next((patch for patch in run.series.patches if patch.number == finding.patch), None)


def _subject(run: RunResult, patch: AppliedPatch | None) -> str:
    version = f" v{run.series.version}" if run.series.version > 1 else ""
    count = len(run.series.patches)
    number = f" {patch.number if patch is not None else 0}/{count}" if count > 1 else ""
    return f"Re: [PATCH{version}{number}] {line(patch.subject if patch is not None else run.series.name)}"


def _encoded(value: str) -> str:
    value = shortened(value, 500)
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=COLUMNS).encode()


# --- the body -----------------------------------------------------------------------------------


def _body(run: RunResult, finding: Finding) -> Iterator[str]:
    """Paragraphs; one that begins with two spaces keeps its lines."""
    yield text.sentence(run, finding)
    yield ""
    shown = exhibits(finding)
    for one in shown[:_FEW]:
        yield _quoted(one)
    if len(shown) > _FEW:
        yield f"  and {len(shown) - _FEW} more like it."
    yield ""
    for told in (*since.lines(run, finding), *known.lines(finding)):
        yield f"{told[:1].upper()}{told[1:]}."
        yield ""
    yield from _trace(run, finding)
    if note := text.note(run, finding):
        yield note
        yield ""
    if said := promised.remedy(run, finding, elsewhere=True):
        yield said
        yield ""
    if finding.advice is not None and finding.advice.verified:
        yield text.advice(run, finding.advice)
        yield ""
    for told in (*revertsets.of_finding(run, finding), *picked.of_finding(run, finding, elsewhere=True)):
        yield told
        yield ""
    yield "To reproduce, with kseries:"
    yield ""
    yield _command(reproduce.elsewhere(run, finding))
    yield ""
    if by_hand := _by_hand(run, finding):
        yield by_hand
        yield ""
    yield _tested(run)


def _trace(run: RunResult, finding: Finding) -> Iterator[str]:
    """Where in the kernel it was, and who touched that last; of what is not the kernel's own ending, nothing."""
    state = _state(run, finding)
    end = of_finding(run, finding)
    if end is None or not (
        finding.kind is FindingKind.KERNEL_COMPLAINT or text.of_kernel(finding, state) or _died(state)
    ):
        return
    if end.frames:
        yield "The call trace, innermost first:"
        yield ""
        yield from (f"  {place(frame)}" for frame in end.frames[:_FRAMES])
        yield ""
    if end.suspects:
        suspects = ", ".join(f'{patch.number}/{len(run.series.patches)} "{patch.subject}"' for patch in end.suspects)
        yield f"What is there was last touched by {suspects}."
        yield ""


def _died(state: StateResult) -> bool:
    return state.outcome in (Outcome.BOOT_FAILED, Outcome.CRASHED, Outcome.TIMED_OUT)


def _state(run: RunResult, finding: Finding) -> StateResult:
    return next(state for state in run.states if state.id == finding.state)


def _quoted(one: Exhibit) -> str:
    said = f"{one.name}: {shortened(line(one.said), _SAID)}" if one.said else one.name
    return textwrap.fill(
        line(said),
        COLUMNS,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _command(command: str) -> str:
    """A line for a shell, continued as a shell has it where it is too long."""
    lines, current = [], "  $"
    for word in map(shlex.quote, shlex.split(command)):
        if len(current) + len(word) + 3 > COLUMNS:
            lines.append(f"{current} \\")
            current = "     "
        current += f" {word}"
    return "\n".join([*lines, current])


def _by_hand(run: RunResult, finding: Finding) -> str:
    """What to build without kseries."""
    state = _state(run, finding)
    left_out = [patch.number for patch in run.series.patches if patch.number not in state.applied]
    match state.scenario:
        case "reverts" | "pairs":
            what = f"the whole series with {_numbers(run, left_out)} reverted (git revert)"
        case "prefixes" if left_out:
            what = f"the series up to {_numbers(run, [state.applied[-1]])}" if state.applied else "the base"
        case "prefixes":
            what = "the whole series"
        case "alone" if state.applied:
            what = f"the base with {_numbers(run, list(state.applied))} alone (git cherry-pick)"
        case _:
            return ""
    return f"By hand, that is {what}, on {reproduce.base_elsewhere(run)}."


def _numbers(run: RunResult, numbers: list[int]) -> str:
    return " and ".join(f"{number}/{len(run.series.patches)}" for number in numbers)


def _tested(run: RunResult) -> str:
    """What was done and with what, as far as the result says."""
    tried = sum(state.outcome is not Outcome.NOT_TRIED for state in run.states)
    booted = [state for state in run.states if state.ending is not None and state.same_as is None]
    done = _counted(tried, "state") + (f", {_counted(len(booted), 'kernel')} booted" if booted else "")
    passed = sum(check.status is Status.PASS for check in _tip(run))
    so_far = f" {_why_not_all(run)}, so that is not all." if run.partial else ""
    base = reproduce.base_elsewhere(run)
    more = "".join(f" {told[:1].upper()}{told[1:]}." for told in onto.lines(run.base))
    return (
        f"Tested on {base} (Linux {run.base.version}), {run.arch}, QEMU with {run.accel.name}; "
        f"{run.variant.toolchain}. {done}; the tip passes {_counted(passed, 'check')}.{so_far}{more}"
    )


def _why_not_all(run: RunResult) -> str:
    return f"The {run.budget.words} was used up" if run.budget and run.budget.used_up else "The run was interrupted"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _tip(run: RunResult) -> tuple[Check, ...]:
    """The checks of the whole series."""
    return next((state.checks for state in run.states if state.id == f"prefix-{len(run.series.patches)}"), ())


def _wrapped(part: str) -> str:
    if part.startswith("  "):
        return part
    return textwrap.fill(line(part), COLUMNS, break_long_words=False, break_on_hyphens=False)
