# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as JUnit XML: a suite per state, a test case per check, the logs with them.

There is a failure exactly where a check or an outcome is evidence of a finding, and with --strict where the verdict is
not judged, so that a CI turns red when ``kseries run`` exits 1. A state of which nothing is known, for a fault of this
host or since the run was interrupted, is an error. Whatever else did not pass is "skipped", with the reason, and so is
what a budget has left out, and a known issue, with its link. What was asked for as advice, --checkpatch, has a suite of
its own, whose failures make no run exit 1.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junit_xml

from kseries.judge import evidence
from kseries.model import (
    Budget,
    Check,
    Checkpatch,
    ContractVerdict,
    Finding,
    FindingKind,
    Outcome,
    PatchRemarks,
    RunResult,
    Severity,
    StateResult,
    Status,
)
from kseries.model.budget import in_words
from kseries.model.sanitize import line, printable, shortened
from kseries.probes.ktap import EXIT_STATUS
from kseries.report import grounds, known, logs, partial, reproduce, selftests, since, text
from kseries.report.endings import Ended, ended, place
from kseries.report.evidence import Exhibit, by_place

LOG_LIMIT = 64 * 1024
"""Bytes of each log that are attached: CI systems refuse or cut what is much longer."""

_MESSAGE = 1000
"""Characters of a reason: CI systems show it in a list."""
_STAGES = ("apply", "build", "boot")
_ENDS_AT = {
    Outcome.CONFLICT: "apply",
    Outcome.BUILD_FAILED: "build",
    Outcome.NOT_BOOTED: "build",
    Outcome.BOOT_FAILED: "boot",
    Outcome.CRASHED: "boot",
    Outcome.TIMED_OUT: "boot",
}
_FRAMES = 8
"""Frames of a call trace that stand with a case; the log has the rest."""
_LOGS = {"build": "build", "boot": "console"}
"""The log of each stage."""


def render(run: RunResult, directory: Path) -> str:
    """The whole document. ``directory`` is the run's, to which the paths of its logs are relative."""
    suites = [_Suite(run, state, directory).build() for state in run.states]
    if run.checkpatch is not None:
        suites.append(_checkpatch(run, run.checkpatch))
    if run.grounds is not None or run.strict:  # of which the exit status may be 1 for what is in no state
        suites.append(_verdict(run))
    return indented(str(junit_xml.to_xml_report_string(suites, prettyprint=False, encoding="utf-8")))


def indented(document: str) -> str:
    """As ``xml.dom.minidom`` would have it, which takes ten times as long: a level a tab, and text as it stands."""
    root = ElementTree.fromstring(document.encode())
    return "".join(['<?xml version="1.0" encoding="utf-8"?>\n', *_lines(root, "")])


def _lines(element: ElementTree.Element, indent: str) -> Iterator[str]:
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in element.items())
    yield f"{indent}<{element.tag}{attributes}"
    if element.text:  # which none has that has others in it
        yield f">{_escaped(element.text)}</{element.tag}>\n"
    elif len(element):
        yield ">\n"
        for child in element:
            yield from _lines(child, f"{indent}\t")
        yield f"{indent}</{element.tag}>\n"
    else:
        yield "/>\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace(">", "&gt;")


def _verdict(run: RunResult) -> junit_xml.TestSuite:
    """A case for each question, and what its answer rests on. A no has its failures where it was seen."""
    cases = []
    for name, answer in grounds.answers(run.verdict):
        case = junit_xml.TestCase(name, classname="verdict", stdout=grounds.of_run(run) if answer else None)
        if answer is None and run.strict:
            case.add_failure_info(
                _message(f"not judged, and --strict asks for it: {grounds.why_not(run)}"), "", "strict"
            )
        elif answer is None:
            case.add_skipped_info(_message(f"not judged: {grounds.why_not(run)}".removesuffix(": ")))
        elif not answer:
            case.add_skipped_info("no: the findings say why")
        cases.append(case)
    if run.partial and run.strict:
        case = junit_xml.TestCase("complete", classname="verdict")
        why = f"--strict asks for all of it, and this is a part: {partial.how_far(run)}"
        case.add_failure_info(_message(why), "", "strict")
        cases.append(case)
    return junit_xml.TestSuite("verdict", cases)


def _checkpatch(run: RunResult, said: Checkpatch) -> junit_xml.TestSuite:
    """A case for each patch: errors make it fail, all else that was said is its output."""
    return junit_xml.TestSuite("checkpatch", [_checked(run, one) for one in said.patches] or [_not_run(said)])


def _checked(run: RunResult, one: PatchRemarks) -> junit_xml.TestCase:
    subject = next((patch.subject for patch in run.series.patches if patch.number == one.number), "")
    errors, others = (
        [printable(text.remark_line(remark)) for remark in one.remarks if (remark.severity is Severity.ERROR) is wanted]
        for wanted in (True, False)
    )
    name = line(f"{one.number}/{len(run.series.patches)} {subject}")
    case = junit_xml.TestCase(name, classname="checkpatch", stdout="\n".join(others) or None)
    if errors:
        case.add_failure_info(_message(errors[0]), "\n".join(errors), "checkpatch")
    elif one.failed:
        case.add_skipped_info(line(f"not checked: {one.failed}"))
    return case


def _not_run(said: Checkpatch) -> junit_xml.TestCase:
    case = junit_xml.TestCase("checkpatch", classname="checkpatch")
    case.add_skipped_info(line(text.summary(said)))
    return case


class _Suite:
    """The test suite of one state."""

    def __init__(self, run: RunResult, state: StateResult, directory: Path) -> None:
        self._run = run
        self._state = state
        self._directory = directory
        here = {name: exhibits for (where, name), exhibits in by_place(run).items() if where == state.id}
        self._evidence = _some_of(here, lambda one: one.counts)
        self._known = _some_of(here, lambda one: one.is_known)
        self._suspected = _some_of(here, lambda one: one.kind is FindingKind.SUSPECTED_BREAK)
        self._ended = ended(state, run.series.patches)
        self._log_stands_with = self._case_of_log()

    def build(self) -> junit_xml.TestSuite:
        cases = [self._stage(name) for name in _STAGES]
        cases += [self._check(check) for check in self._checks()]
        cases += [self._left_out(name) for name in selftests.left_out(self._run, self._state)]
        cases += [self._contract(contract) for contract in self._state.contracts]
        cases += [self._finding(finding, number) for number, finding in self._problems()]
        cases += [self._known_finding(finding, number) for number, finding in self._findings(lambda one: one.is_known)]
        return junit_xml.TestSuite(line(self._state.id), cases, properties=self._properties())

    def _properties(self) -> dict[str, str]:
        run, state = self._run, self._state
        first = None if state.same_as else state.seconds.get("first_check")
        about = {
            "series": run.series.name,
            "base": run.base.name,
            "base_guessed": run.base.guessed,
            "prerequisites": "; ".join(run.base.prerequisites),
            "prerequisites_lacking": "; ".join(run.base.lacking),
            "arch": run.arch,
            "kernel_release": run.base.version,
            "began": run.began,
            "partial": "yes" if run.partial else "",
            **(_budget(run.budget) if run.budget else {}),
            "accel": run.accel.name,
            "toolchain": run.variant.toolchain,
            "applied": " ".join(str(number) for number in state.applied),
            "tree": state.tree or "",
            "same_as": state.same_as or "",
            "outcome": state.outcome,
            "ending": state.ending or "",
            "suspects": " ".join(str(number) for number in state.suspects),
            "flaky": " ".join(state.flaky),
            "config_dropped": " ".join(state.config_dropped),
            "config_wanted": " ".join(state.config_wanted),
            "seconds_to_first_check": "" if first is None else str(first),
            **({"host": state.made_on} if state.made_on else {}),
            **{cap: str(value) for cap, value in state.caps.items()},
        }
        return {line(name): line(value) for name, value in about.items()}

    def _case(self, group: str, name: str, **more: Any) -> junit_xml.TestCase:
        """A test case whose class names the state too: a CI that ignores suites would take 13 checks for one."""
        return junit_xml.TestCase(str(name), classname=f"{line(self._state.id)}.{group}", **more)

    # --- the state itself -----------------------------------------------------------------------

    def _stage(self, stage: str) -> junit_xml.TestCase:
        """How far the state came. One that has the tree of another took no time and has no logs."""
        seconds = None if self._state.same_as else self._state.seconds.get(stage)
        case = self._case("state", stage, elapsed_sec=seconds, stdout=self._log(stage))
        last = self._last_stage()
        if _STAGES.index(stage) > _STAGES.index(last):
            case.add_skipped_info(f"not reached: {self._state.outcome}")
        elif stage == last and not self._state.outcome.well:
            self._not_ok(case)
        elif stage == last and self._log_stands_with == "boot":
            case.stderr = self._account("boot")
        return case

    def _last_stage(self) -> str:
        """The stage at which the state ended; a fault of this host is where the next time is missing."""
        if self._state.outcome is Outcome.INFRA_ERROR:
            return "boot" if "build" in self._state.seconds else "build"
        if self._state.outcome is Outcome.NOT_TRIED:
            return "apply"
        return _ENDS_AT.get(self._state.outcome, "boot")

    def _not_ok(self, case: junit_xml.TestCase) -> None:
        outcome, detail = self._state.outcome, self._state.detail
        more = self._account("boot") or _body("\n".join([detail, *self._state.notes]))
        if told := self._evidence.get(outcome):
            self._fail(case, told, more)
        elif self._run.budget and self._state.id in self._run.budget.left_out:
            case.add_skipped_info(_message(detail), more)
        elif outcome.unknown:
            case.add_error_info(_message(f"{outcome}: {detail}"), more, error_type=str(outcome))
        else:
            loud = " (no finding: whoever makes this state is told)" if outcome.loud else ""
            case.add_skipped_info(_message(f"{outcome}: {detail}") + loud, more)

    def _log(self, stage: str) -> str | None:
        log = logs.tail(self._directory, self._state, _LOGS.get(stage, ""), LOG_LIMIT)
        if log is None:
            return None
        head = f"[the last {log.shown} of {log.size} bytes of {line(log.path)}]\n" if log.cut else ""
        return head + log.text

    # --- how its kernel ended -------------------------------------------------------------------

    def _case_of_log(self) -> str:
        """The one case with which the decoded log stands: the boot, or the first check that fails if that is well."""
        failed = [check.id for check in self._checks() if check.id in self._evidence]
        return failed[0] if failed and self._state.outcome is Outcome.OK else "boot"

    def _account(self, case: str) -> str:
        """How the kernel ended, as it stands with a case; empty where that was in peace."""
        if self._ended is None:
            return ""
        if case == self._log_stands_with:
            log = ["", "the kernel log about the first complaint and at its end:", self._ended.log]
        else:
            log = [f"the kernel log stands with the case {self._log_stands_with} of this suite"]
        return _body("\n".join([*self._told(self._ended), *(log if self._ended.log else [])]))

    def _told(self, end: Ended) -> Iterator[str]:
        """The reason, the patches suspected, the top of the trace."""
        yield f"this kernel's end: {end.ending}: {end.reason}"
        for patch in end.suspects:
            yield line(f"suspected: {patch.number}/{len(self._run.series.patches)} {patch.subject}")
        for frame in end.frames[:_FRAMES]:
            yield f"    {place(frame)}"
        if len(end.frames) > _FRAMES:
            yield f"    ... {len(end.frames) - _FRAMES} more"

    # --- checks ---------------------------------------------------------------------------------

    def _checks(self) -> list[Check]:
        """The state's checks, and those that a finding misses in it."""
        come = {check.id for check in self._state.checks}
        known = {check.id for state in self._run.states for check in state.checks}
        known |= {name for contract in self._state.contracts for name in contract.failed}
        never = [name for name in self._evidence if name in known - come]
        return [*self._state.checks, *(Check(id=name, status=Status.MISSING) for name in never)]

    def _check(self, check: Check) -> junit_xml.TestCase:
        probe, _, name = line(check.id).rpartition(".")
        case = self._case(probe, name)
        if told := self._evidence.get(check.id):
            self._fail(case, told, "\n\n".join(filter(None, (check.words, self._account(check.id)))))
        elif told := self._known.get(check.id):
            case.add_skipped_info(_message(f"{_known(told[0].finding)} {check.words or check.status}"))
        elif told := self._suspected.get(check.id):
            sentence = text.sentence(self._run, told[0].finding)
            case.add_skipped_info(_message(f"fails, as advice: {sentence} {check.words}"))
        elif check.status is not Status.PASS:
            case.add_skipped_info(_message(f"{_REASONS[check.status]}{check.words and ': '}{check.words}"))
        return case

    def _left_out(self, probe: str) -> junit_xml.TestCase:
        case = self._case(line(probe), EXIT_STATUS)
        case.add_skipped_info("not asked of this state: on base it gives no answer in time")
        return case

    def _fail(self, case: junit_xml.TestCase, told: list[Exhibit], detail: str) -> None:
        """Mark a case as evidence: what was seen first, then what each finding makes of it."""
        sentences = [f"{one.finding.kind}: {text.sentence(self._run, one.finding)}" for one in told]
        seen = told[0].said or told[0].name
        case.add_failure_info(_message(seen), _body("\n".join([*sentences, "", detail])), str(told[0].finding.kind))

    # --- contracts and findings ---------------------------------------------------------------------

    def _problems(self) -> list[tuple[int, Finding]]:
        return self._findings(lambda one: one.counts)

    def _findings(self, which: Callable[[Finding], bool]) -> list[tuple[int, Finding]]:
        """Findings of this state, with the numbers that they have in the other reports."""
        numbered = enumerate(self._run.findings, 1)
        return [(number, one) for number, one in numbered if one.state == self._state.id and which(one)]

    def _contract(self, contract: ContractVerdict) -> junit_xml.TestCase:
        case = self._case("contract", line(contract.id))
        violated = f"{contract.capability}: {', '.join(contract.failed)}"
        if any(finding.contract == contract.id for _, finding in self._problems()):
            case.add_failure_info(_message(f"violated: {violated}"), printable("\n".join(contract.failed)), "contract")
        elif issues := [one for _, one in self._findings(lambda one: one.is_known) if one.contract == contract.id]:
            case.add_skipped_info(_message(f"violated: {violated}; {_known(issues[0])}"))
        elif contract.holds is False:
            case.add_skipped_info(_message(f"violated, and no finding: {violated}"))
        elif contract.holds is None:
            untested = f": untested {', '.join(contract.untested)}" if contract.untested else ""
            case.add_skipped_info(_message(f"could not be judged{untested}"))
        return case

    def _finding(self, finding: Finding, number: int) -> junit_xml.TestCase:
        """What to do about it, and how to see it, stand with it."""
        case = self._case("finding", f"{number} {finding.kind}")
        told = [*map(evidence.line, finding.evidence), "", f"to reproduce: {reproduce.command(self._run, finding)}"]
        told += [*since.lines(self._run, finding), *known.lines(finding), *text.remedies(self._run, finding)]
        case.add_failure_info(_message(text.sentence(self._run, finding)), _body("\n".join(told)), str(finding.kind))
        return case

    def _known_finding(self, finding: Finding, number: int) -> junit_xml.TestCase:
        """Never a failure, and never gone."""
        case = self._case("known", f"{number} {finding.kind}")
        told = [*map(evidence.line, finding.evidence), *known.lines(finding)]
        sentence = text.sentence(self._run, finding)
        case.add_skipped_info(_message(f"{_known(finding)} {sentence}"), _body("\n".join(told)))
        return case


def _known(finding: Finding) -> str:
    return f"known issue ({known.label(finding)}):"


def _some_of(here: Mapping[str, list[Exhibit]], which: Callable[[Finding], bool]) -> dict[str, list[Exhibit]]:
    """By its name, what is evidence of some findings."""
    chosen = {name: [one for one in exhibits if which(one.finding)] for name, exhibits in here.items()}
    return {name: exhibits for name, exhibits in chosen.items() if exhibits}


def _message(said: str) -> str:
    """A reason, in one line of bounded length."""
    return shortened(line(said), _MESSAGE)


def _budget(budget: Budget) -> dict[str, str]:
    """How long it was, and what it has left out."""
    about = {"budget": in_words(budget.seconds), "budget_left_out": " ".join(budget.left_out)}
    return {**about, "budget_unfinished": budget.unfinished or ""}


def _body(said: str) -> str:
    return shortened(printable(said), LOG_LIMIT)


_REASONS = {
    Status.FAIL: "fails, and is no finding",
    Status.SKIP: "skip",
    Status.XFAIL: "expected failure",
    Status.MISSING: "missing: the plan promised it and it never came",
}
