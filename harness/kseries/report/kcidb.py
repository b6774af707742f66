# SPDX-License-Identifier: GPL-2.0-only
"""A run as KCIDB takes it (schema v5.3): checkouts, builds, tests, and what was found as issues and incidents.

KCIDB knows no reverts: a state that is no prefix of the series says what it is in its comment, and names no commit,
lest what fails there be put down to the commit. What was proved to be the same kernel is one build.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kseries.host import checksums, extras
from kseries.model import Outcome, RunResult, Stage, StateResult
from kseries.model.errors import InfraError
from kseries.model.sanitize import line, shortened
from kseries.report import json, kcidbfindings, kcidbnames, kcidbtests, logs, patchfiles, reproduce
from kseries.report.kcidbkernels import Kernels
from kseries.report.kcidbnames import comment, excerpt, identity
from kseries.report.reporter import Document, FinishedRun

_COMMIT = re.compile("[0-9a-f]{40}")
_ADDRESS = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
_FAULT = 200


def document(run: FinishedRun, origin: str) -> dict[str, Any]:
    """The whole report. ``origin`` is by whose name the results go in the database: ``[a-z0-9_]+``."""
    kernels = Kernels(run.result)
    builds = {state.id: _build(run, state, kernels, origin) for state in kernels.built}
    tests = {state.id: kcidbtests.tests(run, state, builds[state.id]) for state in kernels.booted}
    issues, incidents = kcidbfindings.found(run, origin, kernels, builds, tests)
    return {
        "version": {"major": 5, "minor": 3},
        "checkouts": [_checkout(run, state, origin) for state in kernels.checked_out],
        "builds": list(builds.values()),
        "tests": [test.told for some in tests.values() for test in some],
        "issues": issues,
        "incidents": incidents,
    }


def render(run: FinishedRun) -> str:
    """The report as JSON, which KCIDB's own schema has taken. Raises InputError or InfraError."""
    made = document(run, kcidbnames.origin())
    check(made)
    return json.document(made)


def check(made: dict[str, Any]) -> None:
    """Raise InfraError for a report that KCIDB would not take, and where its schema is not to be had."""
    extras.require("publish")
    from jsonschema import ValidationError
    from kcidb_io.schema import V5_3

    try:
        V5_3.validate(made)
    except ValidationError as error:
        where = "/".join(map(str, error.absolute_path))
        fault = shortened(line(error.message), _FAULT)
        raise InfraError(
            f"internal error in kseries, not caused by your patches: KCIDB does not take {where}: {fault}"
        ) from error


@dataclass(frozen=True)
class KcidbReport:
    """The report as a file, or on standard output."""

    file: str = "kcidb.json"

    def check(self, to: str | None) -> None:
        kcidbnames.origin()
        extras.require("publish")
        _DOCUMENT.check(to)

    def report(self, run: FinishedRun, to: str | None) -> None:
        _DOCUMENT.report(run, to)


_DOCUMENT = Document(render, "kcidb.json")
KCIDB = KcidbReport()


# --- checkouts ----------------------------------------------------------------------------------


def _checkout(run: FinishedRun, state: StateResult, origin: str) -> dict[str, Any]:
    """The source of a state."""
    result = run.result
    told: dict[str, Any] = {
        "id": checkout_id(result, state, origin),
        "origin": origin,
        "comment": comment(_what(result, state)),
        "valid": state.outcome is not Outcome.CONFLICT,
        "misc": {"kseries": _source(result, state)},
    }
    if state.outcome is Outcome.CONFLICT and state.detail:
        told["log_excerpt"] = excerpt(state.detail)
    if result.began:
        told["start_time"] = _moment(result, 0.0)
    if state.scenario in ("base", "prefixes"):
        told |= _patchset(run, state)
    return told


def checkout_id(run: RunResult, state: StateResult, origin: str) -> str:
    """The same for all that is built of the same source, whatever it is built with and whenever."""
    series = (run.series.name, run.series.version, [patch.tree_after for patch in run.series.patches])
    return identity(origin, "checkout", reproduce.base_elsewhere(run), run.base.tree, series, state.id, state.tree)


def _what(run: RunResult, state: StateResult) -> str:
    version = f" v{run.series.version}" if run.series.version > 1 else ""
    series, count = f"{run.series.name}{version}", len(run.series.patches)
    base = reproduce.base_elsewhere(run)
    if not state.applied:
        return f"{base}, below the series {series}"
    if state.scenario == "prefixes" and state.patch is not None:
        subject = run.series.patches[state.patch - 1].subject
        return f"{series} up to {state.patch}/{count} ({subject}) on {base}"
    return f"{series}, state {state.id}: patches {', '.join(map(str, state.applied))} of {count} on {base}"


def _source(run: RunResult, state: StateResult) -> dict[str, Any]:
    base = run.base
    return {
        "state": line(state.id),
        "scenario": line(state.scenario),
        "applied": list(state.applied),
        "tree": state.tree or "",
        "same_tree": [line(one.id) for one in run.states if one.same_as == state.id],
        "series": line(run.series.name),
        "series_version": run.series.version,
        "base": line(reproduce.base_elsewhere(run)),
        "base_tree": base.tree,
        "base_commit": line(base.commit or ""),
        "prerequisites": [line(one) for one in base.prerequisites],
    }


def _patchset(run: FinishedRun, state: StateResult) -> dict[str, Any]:
    """What KCIDB knows the source by. Of patches whose files are not there it is left out, and nothing made up."""
    result, base = run.result, run.result.base
    told: dict[str, Any] = {}
    if base.commit and _COMMIT.fullmatch(base.commit) and not base.prerequisites:
        told["git_commit_hash"] = base.commit
    patches = [result.series.patches[number - 1] for number in state.applied]
    of_all = patchfiles.find(run.directory, result.series.patches) if patches else ()
    if of_all is not None:
        found = [of_all[patch.number - 1] for patch in patches]
        told["patchset_hash"] = patchset_hash([one.sha256 for one in found])
        if run.links and found:
            told["patchset_files"] = [{"name": Path(one.path).name, "url": run.url(one.path)} for one in found]
    if patches:
        whole = len(patches) == len(result.series.patches)
        letter = (whole and result.series.cover_id) or patches[-1].message_id
        if (address := _ADDRESS.fullmatch(letter)) and letter == line(letter):
            told["message_id"] = address[1]
    return told


def patchset_hash(digests: list[str]) -> str:
    """``sha256sum *.patch | cut -c-64 | sha256sum | cut -c-64``; empty for no patches."""
    return checksums.of_bytes("".join(f"{one}\n" for one in digests).encode()) if digests else ""


# --- builds -------------------------------------------------------------------------------------


_BUILD_STATUS = {Outcome.BUILD_FAILED: "FAIL", Outcome.INFRA_ERROR: "MISS"}
"""Of any other outcome PASS: the kernel was there. A fault of this host's is never the series'."""


def _build(run: FinishedRun, state: StateResult, kernels: Kernels, origin: str) -> dict[str, Any]:
    """The kernel of a state. One of another run has another id, unless that run had it from this one."""
    result, variant = run.result, run.result.variant
    status = _BUILD_STATUS.get(state.outcome, "PASS")
    seen = (state.outcome, state.seconds, state.made_on or "", result.began if status == "MISS" else "")
    source = checkout_id(result, state, origin)
    told: dict[str, Any] = {
        "id": identity(origin, "build", source, *_of_variant(result), *seen),
        "origin": origin,
        "checkout_id": source,
        "status": status,
        "architecture": re.sub("[^a-z0-9_]", "_", variant.arch.lower()),
        "compiler": comment(variant.toolchain),
        "config_name": comment(" ".join(filter(None, (variant.label, variant.config_hash)))),
        "comment": comment(_of_kernel(result, state, kernels)),
        "misc": {"kseries": {"state": line(state.id), "same_kernel": kernels.same_as(state)}},
    }
    if (command := reproduce.make_line_elsewhere(result)) is not None:
        told["command"] = comment(command)
    if "build" in state.seconds:
        told["duration"] = state.seconds["build"]
    told |= _log(run, state)
    return told | dict(_began(result, state))


def _of_variant(run: RunResult) -> tuple[object, ...]:
    """What a kernel, and what was seen of it, depends on beside its source."""
    variant, userland = run.variant, run.variant.userland
    machine = [str(getattr(run.machine, name)) for name in run.machine.__struct_fields__]
    return variant.label, variant.arch, variant.toolchain, variant.config_hash, variant.make, str(userland), machine


def _of_kernel(run: RunResult, state: StateResult, kernels: Kernels) -> str:
    others = kernels.same_as(state)
    same = f"; the same kernel: {', '.join(others)}" if others else ""
    return f"state {state.id} of {run.series.name}{f': {state.detail}' if not state.outcome.well else ''}{same}"


def _log(run: FinishedRun, state: StateResult) -> dict[str, str]:
    told = {}
    path = logs.path(run.directory, state, "build")
    if path is not None and run.links:
        told["log_url"] = run.url(path)
    if state.outcome is Outcome.BUILD_FAILED:
        tail = logs.tail(run.directory, state, "build", 4096)
        told["log_excerpt"] = excerpt(tail.text if tail is not None else state.detail)
    return told


def _began(run: RunResult, state: StateResult) -> Iterator[tuple[str, str]]:
    """When it was built, where this run did."""
    stages = (one for one in run.timeline or () if one.stage is Stage.BUILD and not one.series)
    found = next((one for one in stages if one.state == state.id), None)
    if run.began and found is not None:
        yield "start_time", _moment(run, found.began)


def _moment(run: RunResult, seconds: float) -> str:
    """A time of a run, as RFC 3339 has it; the run is known to have begun."""
    began = datetime.fromisoformat(run.began).astimezone(UTC)
    return (began + timedelta(seconds=seconds)).isoformat(timespec="seconds")
