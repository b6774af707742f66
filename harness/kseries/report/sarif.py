# SPDX-License-Identifier: GPL-2.0-only
"""What a run found as SARIF 2.1.0 (OASIS): a rule for each kind of finding, a result for each finding."""

import urllib.parse
from typing import Any

from kseries import __version__
from kseries.model import FindingKind, RunResult
from kseries.model.sanitize import line
from kseries.report import json, known
from kseries.report.annotations import Annotation, annotations
from kseries.report.spots import Spot

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
"""By which SARIF's users call the top of the source; who shows a result knows where it is."""
_FINGERPRINT = "kseries/v1"
_RULES = {
    FindingKind.BROKEN_CONTRACT: "With the whole series the kernel does not keep what it advertises.",
    FindingKind.SILENT_BREAK: "A patch can be reverted without a word, and a promise is broken then.",
    FindingKind.BISECT_HOLE: "At a patch of the series the kernel fails at what works before it and at its end.",
    FindingKind.REGRESSION: "With the whole series, checks fail that pass on the base.",
    FindingKind.NEW_WARNING: "The build warns of what it does not warn of on the base.",
    FindingKind.SANDBOX_DENIAL: "The build asked for files or networks that are not for it.",
    FindingKind.KERNEL_COMPLAINT: "The kernel complains of what it does not complain of on the base.",
    FindingKind.SUSPECTED_BREAK: "A patch can be reverted, and what nobody wrote down as a promise is broken then.",
    FindingKind.UNDOCUMENTED_DEPENDENCY: "A patch depends on another, and its changelog does not tell.",
    FindingKind.FLAKY: "A check gave two answers in two boots of the same kernel.",
}


def render(run: RunResult) -> str:
    """The whole document."""
    return json.document(document(run))


def document(run: RunResult) -> dict[str, Any]:
    """The same as a value."""
    driver = {"name": "kseries", "version": __version__, "rules": [_rule(kind) for kind in FindingKind]}
    told = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"kseries/{line(run.series.name)}/{line(run.variant.label)}/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the kernel's source."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(run, one) for one in annotations(run)],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [told]}


def _rule(kind: FindingKind) -> dict[str, Any]:
    return {"id": str(kind), "shortDescription": {"text": _RULES[kind]}}


def _result(run: RunResult, one: Annotation) -> dict[str, Any]:
    finding = one.finding
    about = {"state": line(finding.state), "contract": line(finding.contract or "")}
    told = {
        "ruleId": str(finding.kind),
        "ruleIndex": list(FindingKind).index(finding.kind),
        "level": str(one.level),
        "message": {"text": f"{one.title}\n{one.body}"},
        "partialFingerprints": {_FINGERPRINT: one.fingerprint},
        "properties": {name: value for name, value in about.items() if value},
    }
    if finding.is_known:
        told["suppressions"] = [{"kind": "external", "justification": known.label(finding)}]
    if one.spot is not None:
        told["locations"] = [_location(one.spot)]
    return told


def _location(spot: Spot) -> dict[str, Any]:
    place = {"uri": urllib.parse.quote(spot.file), "uriBaseId": _ROOT}
    return {"physicalLocation": {"artifactLocation": place, "region": {"startLine": spot.line}}}
