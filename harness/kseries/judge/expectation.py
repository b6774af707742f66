# SPDX-License-Identifier: GPL-2.0-only
"""A test case's expected findings against those that came: a pure comparison."""

from collections.abc import Iterator

import msgspec

from kseries.inputs import Expected, ExpectedFinding
from kseries.model import Finding, RunResult


def differences(expected: Expected, result: RunResult) -> tuple[str, ...]:
    """A line for each thing that is not as the test case says; empty when all is."""
    return tuple(_differences(expected, result))


def _differences(expected: Expected, result: RunResult) -> Iterator[str]:
    for name in ("bisectable", "revert_safe"):
        want, got = getattr(expected, name), getattr(result.verdict, name)
        if want is not got:
            yield f"{name}: expected {want}, got {got}"
    want_findings = {
        msgspec.structs.replace(finding, arch=None)
        for finding in expected.findings
        if finding.arch in (None, result.arch)
    }
    got_findings = {_essence(finding) for finding in result.findings}
    for finding in result.findings:
        if finding.advice is not None and finding.advice.verified is not True:
            yield f"{finding.kind} in {finding.state}: the squash of {finding.advice.squash} is not seen to cure it"
    for missing in sorted(want_findings - got_findings, key=str):
        yield f"expected, and not found: {_words(missing)}"
    for extra in sorted(got_findings - want_findings, key=str):
        yield f"found, and not expected: {_words(extra)}"


def _essence(finding: Finding) -> ExpectedFinding:
    return ExpectedFinding(
        kind=finding.kind, state=finding.state, contract=finding.contract, patch=finding.patch, partner=finding.partner
    )


def _words(one: ExpectedFinding) -> str:
    return f"{one.kind} in {one.state} (patch {one.patch}, partner {one.partner}, contract {one.contract})"
