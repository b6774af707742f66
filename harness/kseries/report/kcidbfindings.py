# SPDX-License-Identifier: GPL-2.0-only
"""What a run found, as KCIDB's issues, and as an incident for each build or test that shows one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kseries.judge import evidence
from kseries.model import EvidenceKind, Finding, FindingKind, RunResult
from kseries.model.sanitize import line
from kseries.report import known, questions, reproduce, text
from kseries.report.kcidbkernels import Kernels
from kseries.report.kcidbnames import comment, identity
from kseries.report.kcidbtests import Tested
from kseries.report.reporter import FinishedRun

_OF_BUILD = (EvidenceKind.WARNING, EvidenceKind.DENIAL)
_VERSION = 1
"""Of every issue: one that says something else has another id."""
Objects = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def found(
    run: FinishedRun,
    origin: str,
    kernels: Kernels,
    builds: Mapping[str, dict[str, Any]],
    tests: Mapping[str, Sequence[Tested]],
) -> Objects:
    """Issues and incidents. ``builds`` and ``tests`` are by the states that have them of their own."""
    issues: dict[str, dict[str, Any]] = {}
    incidents: dict[str, dict[str, Any]] = {}
    for finding in run.result.findings:
        issue = _issue(run, finding, origin)
        issues.setdefault(issue["id"], issue)
        for incident in _incidents(run.result, finding, issue, kernels, builds, tests):
            incidents.setdefault(incident["id"], incident)
    return list(issues.values()), list(incidents.values())


def _issue(run: FinishedRun, finding: Finding, origin: str) -> dict[str, Any]:
    result = run.result
    subjects = [result.series.patches[number - 1].subject for number in sorted(questions.about(result, finding))]
    state = next(one for one in result.states if one.id == finding.state)
    seen = [evidence.gist(one) for one in finding.evidence]
    about = (result.base.tree, state.tree, state.id, result.variant.label, result.variant.config_hash)
    told = {
        "id": identity(origin, "issue", *about, finding.kind, finding.contract, finding.partner, subjects, seen),
        "version": _VERSION,
        "origin": origin,
        "comment": comment(
            f"{'known issue: ' * finding.is_known}{finding.kind}: {text.sentence(result, finding).rstrip(':')}"
        ),
        "culprit": _culprit(finding),
        "misc": {"kseries": _about(result, finding, subjects)},
    }
    if finding.is_known:
        told |= {"report_url": known.label(finding).partition(",")[0], "report_subject": "known issue"}
    elif run.links:
        told |= {"report_url": run.url("report.html"), "report_subject": comment(text.sentence(result, finding))}
    return told


def _culprit(finding: Finding) -> dict[str, bool]:
    """A check that gives two answers may be the test's own fault; all else that is found is of the code."""
    checks = all(one.kind is EvidenceKind.FLAKY and one.name != evidence.END for one in finding.evidence)
    of_test = finding.kind is FindingKind.FLAKY and checks
    return {"code": not of_test, "tool": of_test, "harness": False}


def _about(run: RunResult, finding: Finding, subjects: Sequence[str]) -> dict[str, Any]:
    return {
        "kind": str(finding.kind),
        "advice": finding.is_advice,
        **({"known": list(known.lines(finding))} if any(known.lines(finding)) else {}),
        "state": line(finding.state),
        "patches": [line(one) for one in subjects],
        "contract": line(finding.contract or ""),
        "evidence": [comment(evidence.line(one)) for one in finding.evidence],
        "reproduce": line(reproduce.elsewhere(run, finding)),
    }


def _incidents(
    run: RunResult,
    finding: Finding,
    issue: Mapping[str, Any],
    kernels: Kernels,
    builds: Mapping[str, dict[str, Any]],
    tests: Mapping[str, Sequence[Tested]],
) -> Iterator[dict[str, Any]]:
    """On what shows it. A state that git could not make has neither a build nor a test: the issue says it alone."""
    if finding.state not in kernels.builder:
        return
    build = builds[kernels.builder[finding.state].id]
    named: dict[str | None, Tested] = {one.check: one for one in tests.get(kernels.booter[finding.state].id, ())}
    places = dict.fromkeys(_places(finding, build, named))
    for kind, place in places:
        yield {
            "id": identity(issue["origin"], "incident", issue["id"], place),
            "origin": issue["origin"],
            "issue_id": issue["id"],
            "issue_version": issue["version"],
            kind: place,
            "present": True,
            "comment": comment(f"seen in state {finding.state} of {run.series.name}"),
        }


def _places(
    finding: Finding, build: Mapping[str, Any], tests: Mapping[str | None, Tested]
) -> Iterator[tuple[str, str]]:
    """The test of each check that tells it; the boot, or else the build, for what is told outside of any."""
    for one in finding.evidence:
        test = tests.get(one.name) or tests.get(None)
        if test is None or one.kind in _OF_BUILD:
            yield "build_id", build["id"]
        else:
            yield "test_id", test.told["id"]
