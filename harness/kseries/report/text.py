# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as text: the matrix of states and checks, the findings in plain words, the verdict."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from kseries.judge import evidence
from kseries.model import (
    Advice,
    AppliedPatch,
    Checkpatch,
    ClangTests,
    ContractVerdict,
    Ending,
    Finding,
    FindingKind,
    Frame,
    Outcome,
    Remark,
    RunResult,
    Severity,
    StateResult,
    Status,
)
from kseries.model.sanitize import line, printable
from kseries.report import (
    autoconfig,
    couplings,
    coverage,
    fuzzed,
    grounds,
    hosts,
    journeys,
    known,
    logs,
    machines,
    onto,
    partial,
    picked,
    promised,
    reproduce,
    revertsets,
    selftests,
    since,
    surface,
    targetconfig,
    unset,
)
from kseries.report.endings import Ended, ended, place
from kseries.report.idle import idle

_SIGNS = {Status.PASS: ".", Status.FAIL: "FAIL", Status.SKIP: "s", Status.XFAIL: "x", Status.MISSING: "miss"}
_OUTCOMES = {
    Outcome.OK: "ok",
    Outcome.CONFLICT: "confl",
    Outcome.BUILD_FAILED: "build",
    Outcome.BOOT_FAILED: "boot",
    Outcome.CRASHED: "crash",
    Outcome.TIMED_OUT: "hang",
    Outcome.NOT_BOOTED: "built",
    Outcome.INFRA_ERROR: "infra",
    Outcome.NOT_TRIED: "-",
}
_SURVIVED = {Ending.WARNING: "warn", Ending.OOPS: "oops"}
"""In the place of "ok": the kernel came to the end, and not in peace."""
_LEGEND = (
    ". pass   s skip   x expected failure   = same source tree as a column further left   +N as do N more of that probe"
)


def render(run: RunResult) -> str:
    """The whole report, ready to print."""
    lines = [*_heading(run), "", *matrix(run), ""]
    lines += [*_findings(run), *couplings.lines(run), *revertsets.lines(run), *journeys.lines(run)]
    lines += surface.lines(run)
    lines += [*_trouble(run), *_untested(run), *_checkpatch(run), *_clang(run), *coverage.report(run), *_verdict(run)]
    # Subjects and details are other people's text: it must not move the cursor or write to the clipboard, nor begin a
    # line that looks like one of ours.
    return "\n".join(printable(one).replace("\n", "\n    | ") for one in lines)


def _heading(run: RunResult) -> Iterator[str]:
    count, base = len(run.series.patches), run.base
    yield f"{run.series.name}: {count} patch{'es' * (count != 1)} on {base.name} (Linux {base.version}, {run.arch})"
    yield from onto.lines(base)
    yield f"accelerator: {run.accel.name}, because {run.accel.why}"
    yield from machines.lines(run.machine)
    yield from hosts.lines(run)
    if run.partial:
        yield f"PARTIAL: {partial.how_far(run)}; {partial.goes_on(run)}"
    if run.quick:
        yield "quick: the slow probes were left out"
    if run.unboxed:
        yield "unboxed: what the series brings ran with all rights of the user, and may have changed anything here"
    yield from targetconfig.lines(run)
    yield from autoconfig.lines(run)
    yield from unset.lines(run)
    yield from selftests.lines(run)
    for patch in run.series.patches:
        yield f"  {_number(run, patch.number)} {patch.subject}"
        yield from (f"      {fuzzed.in_words(hunk)}" for hunk in patch.fuzzed)


def _number(run: RunResult, number: int) -> str:
    return f"{number}/{len(run.series.patches)}"


def matrix(run: RunResult) -> Iterator[str]:
    """A column for each state, a row for the checks of a probe that tell the same; outcome and capabilities first.

    Checks that say nothing share a line below.
    """
    silent = idle(run)
    heads = [_head(state) for state in run.states]
    caps = list(dict.fromkeys(cap for state in run.states for cap in state.caps))
    rows = [("outcome", [_outcome(state) for state in run.states])]
    rows += [(cap, [_cap(state, cap) for state in run.states]) for cap in caps]
    rows += _checks(run, silent.names if silent is not None else frozenset())
    wide = max(len(name) for name, _ in rows)
    widths = [max(len(head), *(len(cells[column]) for _, cells in rows)) for column, head in enumerate(heads)]
    for name, cells in [("", heads), *rows]:
        row = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"  {name.ljust(wide)}  {row}".rstrip()
    if silent is not None:
        yield f"  {silent.summary}"
    yield f"  ({_LEGEND})"


def _checks(run: RunResult, silent: Set[str]) -> list[tuple[str, list[str]]]:
    """Rows of checks but the silent ones, each named after the first of those that it stands for."""
    groups: dict[tuple[str, ...], list[str]] = {}
    names = dict.fromkeys(check.id for state in run.states for check in state.checks)
    for name in (one for one in names if one not in silent):
        cells = [_cell(state, name) for state in run.states]
        groups.setdefault((name.rpartition(".")[0], *cells), []).append(name)
    return [(f"{first} +{len(others)}" if others else first, cells) for (_, *cells), (first, *others) in groups.items()]


def _head(state: StateResult) -> str:
    if state.patch is None:
        return state.id
    return {"prefixes": f"1-{state.patch}", "reverts": f"w/o {state.patch}", "alone": f"only {state.patch}"}.get(
        state.scenario, state.id
    )


def _outcome(state: StateResult) -> str:
    if state.same_as:
        return "="
    survived = _SURVIVED.get(state.ending) if state.ending is not None and state.outcome is Outcome.OK else None
    return survived or _OUTCOMES[state.outcome]


def _cap(state: StateResult, name: str) -> str:
    if state.same_as:
        return "="
    return "yes" if state.caps.get(name) else "no" if name in state.caps else ""


def _cell(state: StateResult, name: str) -> str:
    if state.same_as:
        return "="
    return next((_SIGNS[check.status] for check in state.checks if check.id == name), "")


# --- findings -----------------------------------------------------------------------------------


def _findings(run: RunResult) -> Iterator[str]:
    if all(one.is_known for one in run.findings):
        yield f"No findings{' but known issues' * bool(run.findings)}{' so far' * run.partial}."
        yield ""
    for finding in sorted(run.findings, key=lambda one: one.is_known):
        yield f"{'KNOWN ISSUE: ' * finding.is_known}{str(finding.kind).upper()}: {sentence(run, finding)}"
        yield from _evidence(finding)
        yield from (f"  {_cut(one)}" for one in (*since.lines(run, finding), *known.lines(finding)))
        yield from (f"  {what}" for what in remedies(run, finding))
        if finding.kind is not FindingKind.UNDOCUMENTED_DEPENDENCY or finding.partner is None:
            yield f"  To see it again: {reproduce.command(run, finding)}"
        yield ""
    told = [*filter(None, [known.counted(run)]), *map(_cut, known.notes(run))]
    yield from (*told, "") if told else ()


def _evidence(finding: Finding) -> Iterator[str]:
    """The first of what was seen and the names of the rest; of what a build said, its words."""
    if finding.kind in (FindingKind.NEW_WARNING, FindingKind.SANDBOX_DENIAL, FindingKind.KERNEL_COMPLAINT):
        yield from _listed([_cut(f"    {evidence.line(one)}") for one in finding.evidence])
        return
    yield f"    {evidence.line(finding.evidence[0])}"
    if len(finding.evidence) > 1:
        yield f"    and {_some([evidence.parts(one)[0] for one in finding.evidence[1:]], _NAMES)}"


_NAMES = 8
"""Names of further checks that a finding has room for; the other reports have them all."""
_PROVED = {True: "Proved", False: "Tried, and NO cure", None: "Not proved"}
"""What comes first of an advice: whether it was seen to help."""


def _listed(lines: list[str]) -> list[str]:
    """The first of many lines, and how many more there are."""
    more = [f"    and {len(lines) - _NAMES} more"] if len(lines) > _NAMES else []
    return [*lines[:_NAMES], *more]


def remedies(run: RunResult, finding: Finding) -> Iterator[str]:
    """What to do about a finding; a word in a changelog comes first, since it moves no patch."""
    if said := note(run, finding):
        yield said
    if said := promised.remedy(run, finding):
        yield said
    if finding.advice is not None:
        yield advice(run, finding.advice)
    yield from revertsets.of_finding(run, finding)
    yield from picked.of_finding(run, finding)


def note(run: RunResult, finding: Finding) -> str:
    """The trailer that would tell of a dependency which no changelog tells of; empty where that is not the matter."""
    missing = finding if finding.kind is FindingKind.UNDOCUMENTED_DEPENDENCY else _undocumented(run, finding)
    if missing is None or missing.partner is None:
        return ""
    needed = next(patch.subject for patch in run.series.patches if patch.number == missing.partner)
    whose = "its changelog" if missing is finding else f"the changelog of {_number(run, missing.patch or 0)}"
    return f'What would help in {whose}: Depends-on: ("{needed}")'


def _undocumented(run: RunResult, finding: Finding) -> Finding | None:
    """Of a break of no contract, the finding that no changelog tells of it."""
    if finding.kind is not FindingKind.SILENT_BREAK or finding.contract is not None or finding.partner is None:
        return None
    of_both = (FindingKind.UNDOCUMENTED_DEPENDENCY, finding.state, finding.partner, finding.patch)
    return next((one for one in run.findings if (one.kind, one.state, one.patch, one.partner) == of_both), None)


def advice(run: RunResult, given: Advice) -> str:
    """Whether an advice was seen to help, and what it is."""
    if given.order:
        what = f"reorder: {' '.join(map(str, given.order))}"
    else:
        *others, last = (_number(run, number) for number in given.squash)
        what = f"squash {', '.join(others)} and {last}, which are then reverted together"
    return f"{_PROVED[given.verified]}: {what}. {_proof(run, given)}"


def _proof(run: RunResult, given: Advice) -> str:
    """What was done to prove an advice, and what that showed."""
    if given.verified is None:
        return "It could not be made without a conflict, or what came of it could not be judged."
    series = "in that order" if given.order else "of that series"
    tried = f"Built and judged: {' and '.join(_judged_of(run, given)) or 'what was asked'} {series}"
    return f"{tried} is clean of it." if given.verified else f"{tried}, and it does not go away."


def _judged_of(run: RunResult, given: Advice) -> Iterator[str]:
    """Which states of a changed series were judged: as many as it has patches, where a scenario was asked for."""
    squash = next((one for one in run.squashes if one.id == given.series), None)
    scenarios = [state.scenario for state in squash.states] if squash is not None else []
    for scenario, one in (("prefixes", "every prefix"), ("reverts", "every revert")):
        if squash is not None and scenarios.count(scenario) == len(squash.patches):
            yield one


def sentence(run: RunResult, finding: Finding) -> str:
    """A finding in one plain sentence; its evidence follows."""
    state = next(state for state in run.states if state.id == finding.state)
    contract = next((one for one in state.contracts if one.id == finding.contract), None)
    match finding.kind:
        case FindingKind.SILENT_BREAK if contract is not None:
            return _silent_break(run, finding, contract)
        case FindingKind.SILENT_BREAK:
            return _loss(run, finding)
        case FindingKind.BISECT_HOLE if state.outcome.loud:
            what = "build" if state.outcome is Outcome.BUILD_FAILED else "boot"
            return f"The series does not {what} at {_patch(run, finding.patch)}: git bisect cannot pass through it."
        case FindingKind.BISECT_HOLE:
            return f"At {_patch(run, finding.patch)} the series breaks what works on the base:"
        case FindingKind.BROKEN_CONTRACT if contract is not None:
            verb = "advertises" if contract.advertised else "does not advertise"
            return f"With the whole series applied the kernel {verb} {contract.capability}, and does not behave so:"
        case FindingKind.SUSPECTED_BREAK:
            return promised.sentence(run, finding, state)
        case FindingKind.UNDOCUMENTED_DEPENDENCY:
            return _dependency(run, finding)
        case FindingKind.NEW_WARNING:
            return _new_warning(run, finding, state)
        case FindingKind.SANDBOX_DENIAL:
            whose = _patch(run, finding.patch) if finding.patch is not None else "the series"
            return f"The sandbox denied access to what the build of {whose} asked for:"
        case FindingKind.KERNEL_COMPLAINT:
            return _complaint(run, finding, state)
        case FindingKind.FLAKY if of_kernel(finding, state):
            return f"In {finding.state} the kernel complained, but not so that it can be told from chance:"
        case FindingKind.FLAKY if all(one.name == evidence.END for one in finding.evidence):
            return f"In {finding.state} the machine ended before its time in some boots, and not in others:"
        case FindingKind.FLAKY:
            return f"In {finding.state} a check gave two answers in two boots of the same kernel, and is not judged:"
        case _:
            return "With the whole series applied, checks fail that pass on the base:"


def _complaint(run: RunResult, finding: Finding, state: StateResult) -> str:
    if finding.patch is None:
        return f"Somewhere up to {_patch(run, state.patch)} the kernel began to complain; of which patch is not known:"
    return f"Since {_patch(run, finding.patch)} the kernel complains, as it does not on the base:"


def of_kernel(finding: Finding, state: StateResult) -> bool:
    """True of a finding that tells of what the kernel said."""
    return evidence.complaint_of(finding, state) is not None


def _new_warning(run: RunResult, finding: Finding, state: StateResult) -> str:
    if finding.patch is None:
        return (
            f"Somewhere up to {_patch(run, state.patch)} (the state before it was not built) the build began to warn:"
        )
    return f"Since {_patch(run, finding.patch)} the build warns:"


def _silent_break(run: RunResult, finding: Finding, contract: ContractVerdict) -> str:
    reverting = f"Reverting {' and '.join(_patch(run, number) for number in _reverted(run, finding))}"
    if not contract.advertised:
        return f"{reverting} leaves {contract.capability} not advertised, but what belongs to it is still accepted:"
    partner = f" (by {_patch(run, finding.partner)})" if finding.partner is not None else ""
    return f"{reverting} leaves {contract.capability} advertised{partner}, but the kernel no longer keeps the promise:"


def _loss(run: RunResult, finding: Finding) -> str:
    """A revert that breaks what no contract speaks of."""
    reverting = f"Reverting {' and '.join(_patch(run, number) for number in _reverted(run, finding))}"
    breaks = f"{reverting} breaks what works on the base and with the whole series"
    if finding.patch is None or finding.partner is None:
        return f"{breaks}:"
    fails, passes = (f"prefix-{upto}/without-{finding.patch}" for upto in (finding.partner, finding.partner - 1))
    return f"{breaks}, since {_patch(run, finding.partner)} ({fails} is broken so, {passes} is not):"


def _reverted(run: RunResult, finding: Finding) -> list[int]:
    """The patch that a finding is of, or the two."""
    if finding.patch is not None:
        return [finding.patch]
    state = next(state for state in run.states if state.id == finding.state)
    return [patch.number for patch in run.series.patches if patch.number not in state.applied]


def _dependency(run: RunResult, finding: Finding) -> str:
    needs = _patch(run, finding.partner) if finding.partner is not None else "more than the base has"
    what = f"keep {finding.contract}" if finding.contract is not None else "break nothing that works on the base"
    if finding.contract is None and finding.partner is None:
        what = "keep the kernel from complaining"
    return f"{_patch(run, finding.patch)} needs {needs} to {what}, and its changelog does not say so:"


def _patch(run: RunResult, number: int | None) -> str:
    subject: AppliedPatch | None = next((one for one in run.series.patches if one.number == number), None)
    return f"{_number(run, number)} '{subject.subject}'" if subject is not None and number is not None else "the tip"


# --- states that did not come through -----------------------------------------------------------


def _trouble(run: RunResult) -> Iterator[str]:
    """States that did not come through, or not in peace: what their user is told."""
    told = {finding.state for finding in run.findings}
    alike = _alike(run)
    for state in run.states:
        if state.same_as is not None:
            continue
        end = ended(state, run.series.patches)
        expected = state.scenario == "alone" and state.outcome.loud  # a patch may need those before it
        if end is not None:
            if state.id in alike:
                yield from _ending(run, state, end, alike[state.id])
                yield ""
        elif not state.outcome.well and not expected and state.id not in told and state.id in alike:
            states = (state.id, *alike[state.id])
            yield f"{', '.join(states)}: {state.outcome}{hosts.of_states(run, states)}: {state.detail}"
            yield ""


_PLACES = 3
"""Frames of a trace, or patches suspected, that a line has room for."""
_WIDTH = 300
_NUMBERS = re.compile(r"\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b")


def _alike(run: RunResult) -> dict[str, list[str]]:
    """By the first of them, the states that ended in one way: what one patch breaks is broken in those after it."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for state in run.states:
        if state.same_as is not None:
            continue
        if (end := ended(state, run.series.patches)) is not None:
            functions = tuple(frame.function for frame in _top(end)[:_PLACES])
            how = functions or _NUMBERS.sub("#", end.reason)
            groups.setdefault((state.outcome, end.ending, how, state.suspects), []).append(state.id)
        elif state.outcome.unknown:
            groups.setdefault((state.outcome, state.detail), []).append(state.id)
        else:
            groups[state.outcome, state.id] = [state.id]
    return {first: others for first, *others in groups.values()}


def _ending(run: RunResult, state: StateResult, end: Ended, alike: list[str]) -> Iterator[str]:
    """How a kernel ended, in three lines at most: the reason, where it was, who may know why."""
    outcome = "" if state.outcome is Outcome.OK else f"{state.outcome}, "
    on = hosts.of_states(run, (state.id,))
    yield _cut(f"{state.id}: {outcome}{end.ending}{on}: {end.reason}") + (
        f" (so did {', '.join(alike)})" if alike else ""
    )
    last = [said for said in end.log.splitlines() if said.strip()][-1:]
    if end.frames:
        yield _cut(f"    in {_some([place(frame) for frame in _top(end)], _PLACES)}")
    elif last:
        yield _cut(f"    it said last: {last[0]}")
    suspects = _some([_patch(run, patch.number) for patch in end.suspects], _PLACES)
    known = [f"suspected: {suspects}"] if suspects else []
    known += [f"log: {state.logs['console']}"] if "console" in state.logs else []
    known += [f"recording: {state.logs[logs.RECORDING]}"] if logs.RECORDING in state.logs else []
    if known:
        yield _cut(f"    {'; '.join(known)}")


def _top(end: Ended) -> Sequence[Frame]:
    """A trace without what the unwinder found on the stack on its way; where it was lost, that is all there is."""
    sure = [frame for frame in end.frames if frame.sure]
    return sure if len(sure) >= _PLACES else end.frames


def _some(things: list[str], limit: int) -> str:
    more = [f"and {len(things) - limit} more"] if len(things) > limit else []
    return ", ".join([*things[:limit], *more])


def _cut(said: str) -> str:
    """One line of bounded length, whatever a guest or a patch brings; its indentation stays."""
    indent = said[: len(said) - len(said.lstrip())]
    said = line(said)
    return indent + (said if len(said) <= _WIDTH else f"{said[:_WIDTH]} ...")


def _untested(run: RunResult) -> Iterator[str]:
    """What the contracts ask for and nobody has tried on the tip, so that it is not taken for tested."""
    count = len(run.series.patches)
    tips = (one for one in run.states if one.scenario == "prefixes" and len(one.applied) == count)
    for tip in tips:
        said = {check.id: check.detail.partition("\n")[0] for check in tip.checks}
        for contract in tip.contracts:
            why: dict[str, list[str]] = {}
            for name in contract.untested:
                why.setdefault(said.get(name, "left out"), []).append(name)
            for reason, names in why.items():
                listed = ", ".join(names)
                yield f"not tested on the tip, though {contract.id} asks for it: {listed} ({reason})"
        if any(contract.untested for contract in tip.contracts):
            yield ""


# --- checkpatch ---------------------------------------------------------------------------------


def _checkpatch(run: RunResult) -> Iterator[str]:
    """The remarks of checkpatch.pl, patch by patch."""
    said = run.checkpatch
    if said is None:
        return
    yield f"checkpatch, as advice: {summary(said)}"
    for one in said.patches:
        if one.failed:
            yield _cut(f"  {_number(run, one.number)} not checked: {one.failed}")
        yield from _listed([_cut(f"  {_number(run, one.number)} {remark_line(remark)}") for remark in one.remarks])
    yield ""


def _clang(run: RunResult) -> Iterator[str]:
    """What clang alone refuses of the tip's tests."""
    if not run.clang:
        return
    yield f"clang on the tip's selftests, as advice: {clang_summary(run.clang)}"
    yield from (_cut(f"  {test}: {error}") for test, error in run.clang.refused.items())
    yield ""


def clang_summary(said: ClangTests) -> str:
    """How many tests it refuses, of how many."""
    if said.missing:
        return f"not known, {said.missing}"
    count = f"{len(said.compiled)} that gcc builds"
    return f"it refuses {len(said.refused)} of {count}" if said.refused else f"it builds all of {count}"


def summary(said: Checkpatch) -> str:
    """How many remarks of each severity there are, in how many patches."""
    if said.missing:
        return f"not run, {said.missing}"
    counts = Counter(remark.severity for one in said.patches for remark in one.remarks)
    words = ", ".join(f"{counts[one]} {_SEVERITIES[one]}{'s' * (counts[one] > 1)}" for one in Severity if counts[one])
    of = f"{len(said.patches)} patch{'es' * (len(said.patches) != 1)}"
    return (
        f"{words} in {sum(bool(one.remarks) for one in said.patches)} of {of}" if words else f"nothing to say of {of}"
    )


def remark_line(remark: Remark) -> str:
    """A remark in one line, as a compiler would say it."""
    place = f"{remark.file}:{remark.line}: " if remark.file is not None else ""
    return f"{place}{_SEVERITIES[remark.severity]}: {remark.message} [{remark.type}]"


_SEVERITIES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.CHECK: "check"}


_ANSWERS = {True: "yes", False: "NO", None: "not judged"}


def _verdict(run: RunResult) -> Iterator[str]:
    so_far = "    (partial)" if run.partial else ""
    if run.partial and not run.interrupted:  # who has given it a budget is not there to see where it stopped
        yield f"{partial.how_far(run)}; {partial.goes_on(run)}"
    if rests_on := grounds.of_run(run):
        yield f"a yes rests on this: {rests_on}"
    if run.strict and None in (run.verdict.bisectable, run.verdict.revert_safe):
        yield "strict: what is not judged makes this exit 1"
    if None in (run.verdict.bisectable, run.verdict.revert_safe) and (
        why := grounds.only_built(run) or grounds.no_promise(run)
    ):
        yield f"not judged: {why}"
    yield f"bisectable: {_ANSWERS[run.verdict.bisectable]}    revert-safe: {_ANSWERS[run.verdict.revert_safe]}{so_far}"
