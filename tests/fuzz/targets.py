# SPDX-License-Identifier: GPL-2.0-only
"""What is fuzzed: each parser of what strangers write, given bytes as they come.

A target returns, whatever the bytes, or raises what it finds wrong with the parser. InputError is an answer.
"""

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from kseries.coverage import linetable
from kseries.guest import complaints, klog, trace
from kseries.inputs import contracts as contract_files
from kseries.inputs import mbox, strip, testcase
from kseries.kbuild import ccache, checkpatch, denials, hostlacks, limits, linked, make, warnings
from kseries.model import Status
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line, printable
from kseries.probes import ktap
from kseries.sources import hunks
from kseries.sources.fuzz import Effort, Placing

SOURCE = Path("/source")
_KEPT = tempfile.TemporaryDirectory(prefix="kseries-fuzz-")
_SCRATCH = Path(_KEPT.name)


def mails(data: bytes) -> None:
    """An mbox, a mail or a bare diff."""
    with contextlib.suppress(InputError):
        for mail in mbox.read(data, "name"):
            assert mail.subject.line.isprintable()
            assert mail.subject.number is None or mail.subject.number >= 0
            if mail.has_diff:
                mail.patch(1)
            for depth in (0, 2):
                with contextlib.suppress(ValueError):
                    strip.to_p1(mail.diff, depth)


def results(data: bytes) -> None:
    """The probes' KTAP: as the channel has it, and as a program's output that init frames."""
    text = data.decode(errors="replace")
    _results(ktap.parse(text))
    lines = text.split("\n")
    framed = ktap.parse("".join(f"    {line}\n" for line in ("# Subtest: p", *lines)))
    _results(framed)
    if any(line.lstrip(" ").startswith("not ok ") and "#" not in line for line in lines):
        assert any(check.status is Status.FAIL for check in framed.checks)


def _results(report: ktap.Report) -> None:
    assert len({check.id for check in report.checks}) == len(report.checks)
    for check in report.checks:
        assert len(check.detail) <= ktap.MAX_DETAIL
        _fit_to_show(check.detail)
        _fit_to_show(check.id)
    msgspec.json.decode(msgspec.json.encode(report.checks))


def kernel_logs(data: bytes) -> None:
    """A kernel log, and the call traces in it."""
    text = data.decode(errors="replace")
    log = klog.read(text)
    for splat in log.splats:
        _fit_to_show(splat.text)
    for found in complaints.found(text):
        _fit_to_show(found.complaint.said)
        msgspec.json.encode(found.complaint)
    lines = text.split("\n")
    first = klog.first_complaint(lines)
    assert (first is None) == (not log.splats) or "\r" in text
    for spot in trace.spots(lines):
        assert spot.offset >= 0
    if first is not None:
        msgspec.json.encode(trace.told_by(lines[first], trace.spots(lines)))
    for shown in trace.excerpt(lines, first, {}):
        _fit_to_show(shown)


def build_logs(data: bytes) -> None:
    """What make, compilers, checkers and ccache print."""
    for error in make.errors_of(data, SOURCE):
        _fit_to_show(error)
    for line_told in denials.refused(data, (SOURCE,)):
        assert len(line_told) <= 300
        _fit_to_show(line_told)
    with contextlib.suppress(InfraError):
        limits.check(data)
    list(hostlacks.found(data, Path("/build/obj")))
    text = data.decode(errors="replace")
    warnings.merged(warnings.said_of(text, SOURCE))
    compiled, found = ccache.counts(text)
    assert compiled >= found >= 0
    msgspec.json.encode(checkpatch.parse(text))
    msgspec.json.encode(list(trace.frames_of(text.splitlines()).values()))
    trace.Symbols(text.splitlines())
    list(linetable.rows(text.splitlines(), {"a.c": ((1, 100),)}))
    archive = _SCRATCH / "vmlinux.a"
    archive.write_bytes(b"!<thin>\n" + data)
    linked.objects(archive)


def contracts(data: bytes) -> None:
    """A testcase.toml, and the contract files."""
    path = _SCRATCH / "testcase.toml"
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        testcase.read(path)
    with contextlib.suppress(InputError):
        read = contract_files.read([path])
        contract_files.check(read, frozenset({"capabilities"}))


def _fit_to_show(text: str) -> None:
    """Escape sequences and what no XML may have do not come through, and nothing else is lost on the second try."""
    shown = printable(text)
    assert "\x1b" not in shown and "\r" not in shown and "\0" not in shown
    assert printable(shown) == shown
    assert "\n" not in line(text)


def diffs(data: bytes) -> None:
    """A diff, put with fuzz into a file that is much like it."""
    with contextlib.suppress(ValueError):
        parts, _ = hunks.sections(data)
        assert hunks.sections(b"".join(part.text() for part in parts))[0] == parts
        for part in parts:
            placing = Placing(list(io.BytesIO(data)), Effort(1_000_000))
            for hunk in part.hunks[:100]:
                placing.place(hunk, 3)
                assert 1 <= placing.likeliest(hunk) <= max(len(placing.lines), 1)
            placing.made()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (mails, results, kernel_logs, build_logs, contracts, diffs)
}
