# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as one HTML file that needs nothing else: no font, no network, and to be read no script.

What stands where is reports/run.html.j2; what it shows is computed here, in grid.py and in arcs.py. All text
passes through ``printable`` and is escaped by jinja2. A Content-Security-Policy forbids what might get through: the one
script that may run is reports/run.js, by its digest.
"""

import base64
import functools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from kseries.host import checksums, paths
from kseries.judge import evidence, partners
from kseries.model import (
    AppliedPatch,
    Check,
    Ending,
    Finding,
    Outcome,
    PatchResult,
    RunResult,
    Squash,
    StateResult,
    Status,
)
from kseries.model.sanitize import printable, shortened
from kseries.report import (
    arcs,
    autoconfig,
    busy,
    compiled,
    coverage,
    fuzzed,
    grounds,
    hosts,
    journeys,
    known,
    logs,
    mail,
    onto,
    pages,
    partial,
    reproduce,
    revertsets,
    selftests,
    since,
    surface,
    targetconfig,
    text,
    unset,
)
from kseries.report.endings import Ended, ended, of_finding, place
from kseries.report.evidence import exhibits
from kseries.report.grid import ENDINGS, OUTCOMES, SCENARIOS, STATUSES, anchor, grid
from kseries.report.headline import headline

LOG_LIMIT = 16 * 1024
"""Bytes of each log that are shown: what a person reads before opening the file."""

FEW = 4
"""How much of a long list is shown before the rest is folded: checks that failed, frames of a call trace."""

_NOTHING = 0.05
"""Seconds below which a stage is not worth a bar: what timers leave between two stages."""
LIMIT = 16 * 1024
"""Characters of any one text that is not ours; logs have a limit of their own."""

_STAGES = ("configure", "compile", "link", "build", "boot", "probes")
"""What takes turns in a state. ``build`` is the rest of it, and all of one that was not timed further."""


def render(run: RunResult, directory: Path) -> str:
    """The whole page. ``directory`` is the run's, to which the paths of its logs are relative."""
    tried = {state.id: _trial(run, state) for state in run.states}
    page = _environment().get_template("run.html.j2")
    script = paths.project("reports", "run.js").read_text()
    return page.render(
        run=run,
        grid=grid(run),
        problems=[finding for finding in run.findings if finding.counts],
        told_findings=[(number, one) for number, one in enumerate(run.findings, 1) if not one.is_known],
        known_findings=[(number, one) for number, one in enumerate(run.findings, 1) if one.is_known],
        issues=known.issues(run),
        known_notes=list(known.notes(run)),
        judged=None not in (run.verdict.bisectable, run.verdict.revert_safe),
        patches=[_Row(patch, tuple(_answers(run, patch)), coverage.of(run, patch)) for patch in run.series.patches],
        asked=_asked(run),
        scenarios=[one for one in dict.fromkeys(state.scenario for state in run.states) if one != "base"],
        told={finding.state for finding in run.findings if finding.counts},
        times=_times(run),
        busy=busy.chart(run),
        tails={state.id: _tails(directory, state) for state in run.states},
        recordings={state.id: logs.recording(directory, state) for state in run.states},
        tried=tried,
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(bytes.fromhex(checksums.of_bytes(script.encode()))).decode()}",
        headline=headline(run),
        picture=arcs.picture(run.series.patches, run.couplings),
        journeys=list(journeys.lines(run)),
        together=revertsets.beside(run),
        surface=list(surface.lines(run)),
        ended=any(trial.ended for trial in tried.values()),
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = pages.environment(_fit)
    environment.filters |= {
        "anchor": anchor,
        "breakable": breakable,
        "seconds": seconds,
        "answer": _answer,
        "place": place,
        "moment": moment,
    }
    environment.globals |= {
        "sentence": text.sentence,
        "remedies": text.remedies,
        "since": since.lines,
        "known_lines": known.lines,
        "chances": known.chances,
        "hosts": hosts.lines,
        "targetconfig": targetconfig.lines,
        "autoconfig": autoconfig.lines,
        "unset": unset.lines,
        "selftests": selftests.lines,
        "onto": onto.lines,
        "end_of": of_finding,
        "exhibits": exhibits,
        "line_of": evidence.line,
        "cures": _cures,
        "searched": partners.searched,
        "reproduce": reproduce.command,
        "again": reproduce.whole,
        "mail": mail.reply,
        "summary": text.summary,
        "clang_summary": text.clang_summary,
        "how_far": partial.how_far,
        "goes_on": partial.goes_on,
        "brief": coverage.brief,
        "ways": coverage.ways,
        "compiled": compiled.brief,
        "compiled_lines": compiled.details,
        "LOOKS": coverage.LOOKS,
        "rests_on": grounds.of_run,
        "patch_rests_on": grounds.of_patch,
        "why_not": grounds.why_not,
        "placed": fuzzed.in_words,
        "SCENARIOS": SCENARIOS,
        "FEW": FEW,
        "ENDINGS": ENDINGS,
        "STATUSES": STATUSES,
        "OUTCOMES": OUTCOMES,
    }
    return environment


def _fit(value: object) -> object:
    """Every value on its way into the page."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return shortened(printable(value), LIMIT)


def breakable(name: str) -> Markup:
    """A long identifier that a narrow column may break after ``_`` and ``.``."""
    escaped = str(escape(shortened(printable(name), LIMIT)))
    return Markup(escaped.replace("_", "_<wbr>").replace(".", ".<wbr>"))


def seconds(value: float) -> str:
    """A duration as a person says it."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def moment(began: str) -> str:
    """A date as ISO 8601 has it, for a person; as it is where it is none."""
    try:
        return f"{datetime.fromisoformat(began):%d %B %Y, %H:%M} UTC"
    except ValueError:
        return began


def _answer(value: bool | None) -> str:
    """The CSS class of a verdict."""
    return {True: "good", False: "bad", None: "unknown"}[value]


def _cures(run: RunResult, finding: Finding) -> list[Squash]:
    """What was built to try a finding's advice."""
    return [squash for squash in run.squashes if finding.advice and squash.id == finding.advice.series]


# --- the patches --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Answer:
    """What a scenario says of a patch. ``looks`` is a CSS class; ``href`` leads to what it rests on."""

    looks: str
    words: str
    href: str


@dataclass(frozen=True)
class _Row:
    """A patch, and an answer for each scenario that asked about single patches; None where it did not."""

    patch: AppliedPatch
    answers: tuple[_Answer | None, ...]
    seen: PatchResult | None
    """What ran of it."""


def _asked(run: RunResult) -> list[str]:
    """The scenarios that have a state for single patches, in the order of the run."""
    return list(dict.fromkeys(state.scenario for state in run.states if state.patch is not None))


def _answers(run: RunResult, patch: AppliedPatch) -> Iterator[_Answer | None]:
    for scenario in _asked(run):
        states = (state for state in run.states if state.scenario == scenario and state.patch == patch.number)
        state = next(states, None)
        yield _of_state(run, state) if state is not None else None


def _of_state(run: RunResult, state: StateResult) -> _Answer:
    found = [(number, one) for number, one in enumerate(run.findings, 1) if one.state == state.id and one.counts]
    if found:
        number, finding = found[0]
        return _Answer("bad", f"NO: {finding.kind.replace('-', ' ')}", f"#finding-{number}")
    looks, words = _without_finding(run, state)
    return _Answer(looks, words, f"#{anchor(state.id)}")


def _without_finding(run: RunResult, state: StateResult) -> tuple[str, str]:
    """What is said of a state in which nothing was found: that may mean that nothing could be."""
    own = next((one.verdict for one in run.patches if one.number == state.patch), run.verdict)
    verdict = {"prefixes": own.bisectable, "reverts": own.revert_safe}.get(state.scenario, True)
    if state.outcome.loud:
        return "loud", _LOUD[state.outcome]
    if state.outcome is not Outcome.OK:
        return "unknown", OUTCOMES[state.outcome].word
    if any(one.holds is False for one in state.contracts):
        return "loud", "promises what it does not keep"
    if verdict is None or any(one.holds is None and one.advertised is not False for one in state.contracts):
        return "unknown", "runs, not judged"
    if state.ending not in (None, Ending.DONE):
        return "loud", f"runs, {state.ending}"
    return "good", "yes"


_LOUD = {
    Outcome.CONFLICT: "no, conflicts",
    Outcome.BUILD_FAILED: "no, does not build",
    Outcome.BOOT_FAILED: "no, does not boot",
}


# --- the states ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trial:
    """A state in full: the numbers of its findings, its checks counted, and those that did not pass.

    ``ended`` is how its kernel ended, unless that was in peace.
    """

    state: StateResult
    ended: Ended | None
    findings: tuple[int, ...]
    counts: tuple[tuple[Status, int], ...]
    failed: tuple[Check, ...]
    skipped: tuple[Check, ...]


def _trial(run: RunResult, state: StateResult) -> _Trial:
    counts = {status: sum(check.status is status for check in state.checks) for status in STATUSES}
    return _Trial(
        state,
        ended(state, run.series.patches),
        tuple(number for number, finding in enumerate(run.findings, 1) if finding.state == state.id),
        tuple((status, count) for status, count in counts.items() if count),
        tuple(check for check in state.checks if check.status in (Status.FAIL, Status.MISSING)),
        tuple(check for check in state.checks if check.status in (Status.SKIP, Status.XFAIL)),
    )


def _tails(directory: Path, state: StateResult) -> list[tuple[str, logs.Tail]]:
    found = ((name, logs.tail(directory, state, name, LOG_LIMIT)) for name in state.logs if name != logs.RECORDING)
    return [(name, one) for name, one in found if one is not None]


# --- the time -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Times:
    """Where the time went: the sum of each stage, and the bars of each state in percent of the longest."""

    sums: dict[str, float]
    bars: tuple[tuple[StateResult, tuple[tuple[str, float, float], ...]], ...]
    """A state, and (stage, seconds, percent) of each stage that it went through."""
    first_check: float | None
    """From QEMU's start to the first result of a check, the median."""


def _times(run: RunResult) -> _Times:
    spent = [(state, _spent(state)) for state in run.states if state.same_as is None]
    spent = [(state, stages) for state, stages in spent if stages]
    first = [state.seconds["first_check"] for state, _ in spent if "first_check" in state.seconds]
    longest = max((sum(stages.values()) for _, stages in spent), default=1.0)
    sums = {stage: sum(stages.get(stage, 0.0) for _, stages in spent) for stage in _STAGES}
    return _Times(
        sums={stage: total for stage, total in sums.items() if total},
        bars=tuple(
            (state, tuple((stage, took, round(100 * took / longest, 2)) for stage, took in stages.items()))
            for state, stages in spent
        ),
        first_check=statistics.median(first) if first else None,
    )


def _spent(state: StateResult) -> dict[str, float]:
    """The seconds of each stage, none counted twice: the kernel boots until the first check, and then it is probed."""
    took = state.seconds
    parts = {stage: took.get(stage, 0.0) for stage in ("configure", "compile", "link")}
    parts["build"] = took.get("build", 0.0) - sum(parts.values())
    boot = took.get("boot", 0.0)
    parts["boot"] = min(took.get("first_check", boot), boot)
    parts["probes"] = boot - parts["boot"]
    return {stage: seconds for stage, seconds in parts.items() if seconds > _NOTHING}
