# SPDX-License-Identifier: GPL-2.0-only
"""Where in the source a finding is shown, for those who want a file and a line: SARIF, GitLab, GitHub."""

import posixpath
from dataclasses import dataclass

from kseries.judge import evidence
from kseries.model import Finding, RunResult, StateResult
from kseries.model.sanitize import line
from kseries.report import endings, questions


@dataclass(frozen=True)
class Spot:
    """A line of a file of the kernel's source. ``file`` is relative to its top."""

    file: str
    line: int


def spot(run: RunResult, finding: Finding) -> Spot | None:
    """The best place to look at; None where a result does not even say which files its patches change.

    That is where the kernel or the compiler pointed to. Else it is the first line that a patch of the finding changes.
    """
    return _pointed_to(run, finding) or _changed(run, finding)


def _pointed_to(run: RunResult, finding: Finding) -> Spot | None:
    state = next(one for one in run.states if one.id == finding.state)
    for one in finding.evidence:
        if one.line is not None and (found := _spot(one.file, one.line)) is not None:
            return found
    complaint = evidence.complaint_of(finding, state)
    if complaint is not None and (found := _spot(complaint.file, complaint.line or 0)) is not None:
        return found
    named = next((one.file for one in finding.evidence if one.file), "")
    if named:
        return _first_changed(run, finding, named) or _spot(named, 1)
    return _in_trace(run, finding, state)


def _in_trace(run: RunResult, finding: Finding, state: StateResult) -> Spot | None:
    """Of a kernel that ended badly, where its call trace comes by what a patch of the finding changes."""
    ended = endings.of_finding(run, finding) if not state.outcome.well else None
    files = {name for number in questions.about(run, finding) for name in run.series.patches[number - 1].files}
    frames = (frame for frame in (ended.frames if ended is not None else ()) if frame.sure and frame.file in files)
    return next((found for frame in frames if (found := _spot(frame.file, frame.line)) is not None), None)


def _changed(run: RunResult, finding: Finding) -> Spot | None:
    """The first line that a patch of it changes; of one whose lines nobody knows, the top of its first file."""
    found = _first_changed(run, finding)
    if found is not None:
        return found
    files = (name for number in sorted(questions.about(run, finding)) for name in run.series.patches[number - 1].files)
    return next((found for name in files if (found := _spot(name, 1)) is not None), None)


def _first_changed(run: RunResult, finding: Finding, file: str | None = None) -> Spot | None:
    about = questions.about(run, finding)
    lines = (one for patch in run.patches if patch.number in about for one in patch.changed)
    spots = (_spot(one.file, one.first) for one in lines if file is None or one.file == file)
    return next((one for one in spots if one is not None), None)


def _spot(file: str, number: int) -> Spot | None:
    """What leads out of the source, or is no path of it, is no place: it is somebody else's word."""
    path = posixpath.normpath(file) if file else ""
    if not path or path != line(path) or path.startswith(("/", "..")) or path == ".":
        return None
    return Spot(path, max(number, 1))
