# SPDX-License-Identifier: GPL-2.0-only
"""Results of runs for the tests of what shows them: a real one, small made ones, hostile text."""

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from kseries.app import rundir
from kseries.guest import ending, klog, trace
from kseries.guest.ending import How, Stop
from kseries.judge.judgement import Judgement
from kseries.model import (
    Accel,
    AppliedPatch,
    Base,
    Check,
    ContractVerdict,
    Evidence,
    Finding,
    FindingKind,
    Frame,
    Outcome,
    Plan,
    RunResult,
    SeriesSummary,
    StateResult,
    Status,
    Variant,
    Verdict,
)
from kseries.probes import ktap
from tests.support.told import of_lines

SPLIT = Path(__file__).parents[1] / "unit" / "data" / "split-run"
"""What `kseries run testcases/exit-on-missing-split` wrote, with the logs of three states."""
ENDINGS = Path(__file__).parents[1] / "unit" / "data" / "endings"
"""Both channels of real boots, by how they ended."""

_DOWN = Stop(How.DOWN, "the guest went down (guest-reset)", "guest-reset")
_STALL = Stop(How.STALL, "no progress in 30 s, and not a word")
STOPS = {
    "warning": Stop(How.END),
    "oops": Stop(How.END),
    "bug": Stop(How.END),
    "deadly_oops": _STALL,
    "panic": _DOWN,
    "triple_fault": _DOWN,
    "reboot": _DOWN,
    "hang": _STALL,
    "loop": _STALL,
    "no_init": _DOWN,
}
"""What stopped each of those that did not end as it should."""

NASTY = (
    "]]>",
    "<script>alert(1)</script>",
    "&amp;&#x0;",
    "'\"><img src=x onerror=alert(1)>",
    "<!--",
    "-->",
    "</pre></details>",
    "{{ 7 * 7 }}{% raw %}",
    "\x00\x08\x0b\x0c\x1b[31m\x7f\x85\x9f",
    "\x1b]0;title\x07",
    "\ud800",
    "\udfff\ud800",
    "\ufffe\uffff\ufdd0",
    "\U0001ffff\U0010fffe",
    "\r\n",
    "\u2028\u202e",
    "\U0001f427",
)
hostile = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=()), max_size=8)), max_size=6
).map("".join)
"""What a patch or a guest may bring: every code point, lone surrogates too, and whatever means something in markup."""


VARIANT = Variant(
    label="x86_64",
    arch="x86_64",
    toolchain="gcc 12 / ld 2.40",
    config="CONFIG_KVM=y\n",
    config_hash="c66684f95a2fd3cc",
    make=("LLVM=1",),
)


def of_arch(run: RunResult, arch: str) -> RunResult:
    """The same for another architecture."""
    return msgspec.structs.replace(run, variant=msgspec.structs.replace(run.variant, arch=arch, label=arch))


def split_run() -> RunResult:
    return rundir.read(SPLIT)[0]


def checks(**statuses: Status) -> tuple[Check, ...]:
    """``probe__test=PASS`` is the check probe.test; one that did not pass says why."""
    return tuple(
        Check(id=name.replace("__", "."), status=status, detail="" if status is Status.PASS else "why it did not")
        for name, status in statuses.items()
    )


def state(name: str, patch: int | None = None, **more: Any) -> StateResult:
    """A state that came through, unless ``more`` says otherwise."""
    scenario = {"base": "base", "prefix": "prefixes", "without": "reverts", "only": "alone"}[name.partition("-")[0]]
    given = {"applied": (), "tree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "same_as": None, "outcome": Outcome.OK}
    return StateResult(**{"id": name, "scenario": scenario, "patch": patch, **given, **more})


def finding(kind: FindingKind, where: str, *evidence: str | Evidence, **more: Any) -> Finding:
    given: dict[str, Any] = {"patch": None, "partner": None, "contract": None}
    return Finding(kind=kind, state=where, evidence=of_lines(kind, *evidence), **{**given, **more})


def contract(holds: bool | None = True, advertised: bool | None = True, *failed: str) -> ContractVerdict:
    return ContractVerdict(
        id="feature", capability="KVM_CAP_FEATURE", advertised=advertised, holds=holds, failed=failed
    )


def run(*states: StateResult, findings: tuple[Finding, ...] = (), **more: Any) -> RunResult:
    """A run of a series of two patches."""
    patches = tuple(
        AppliedPatch(number=number, subject=f"KVM: Patch {number}", tree_before="", tree_after="") for number in (1, 2)
    )
    given: dict[str, Any] = {
        "series": SeriesSummary(name="series", version=1, patches=patches),
        "base": Base(name="linux-6.12.tar.xz", version="6.12", tree="4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
        "variant": VARIANT,
        "accel": Accel(name="tcg", why="there is no /dev/kvm"),
        "verdict": Verdict(bisectable=True, revert_safe=not findings),
    }
    return RunResult(**{**given, "states": states, "findings": findings, **more})


def judgement(of: RunResult) -> Judgement:
    """What a run was judged to be, before anything followed from it."""
    series = of.series
    plan = Plan(series=series.name, version=series.version, patches=series.patches, base=of.base, states=())
    return Judgement(plan=plan, states=of.states, findings=of.findings, verdict=of.verdict)


def ended_state(name: str, boot: str, patch: int | None = None, **more: Any) -> StateResult:
    """A state whose boot was that of ENDINGS. There is no vmlinux to it: the lines of the frames are made up."""
    files = (ENDINGS / f"{boot}.{kind}" for kind in ("ktap", "console"))
    results, console = (file.read_bytes().decode(errors="replace") for file in files)
    report, log = ktap.parse(results), klog.read(console)
    judged = ending.judge(STOPS[boot], report, log)
    lines = console.split("\n")
    first = klog.first_complaint(lines)
    spots = trace.spots(lines[first:]) if first is not None else ()
    frames = {
        spot: (Frame(function=spot.function, file="kernel/reboot.c", line=700 + spot.offset % 100, sure=spot.sure),)
        for spot in spots
    }
    given = {
        "outcome": judged.outcome,
        "ending": judged.ending,
        "detail": judged.detail,
        "checks": ending.settled(report.checks, judged, log, report.running([boot])),
        "seconds": {"build": 6.5, "boot": 32.1, "first_check": 1.2},
        "log_tail": "\n".join(trace.excerpt(lines, first, frames)),
        "trace": tuple(frame for one in frames.values() for frame in one),
    }
    return state(name, patch, **{**given, **more})


def mailed(of: RunResult, numbers: dict[int, int] | None = None) -> RunResult:
    """The same of mails, <patch-N@example.com>; ``numbers`` are those that a Patchwork gave to some."""
    patches = tuple(
        msgspec.structs.replace(
            patch,
            message_id=message_id(patch.number),
            patchwork=(numbers or {}).get(patch.number, msgspec.UNSET),
        )
        for patch in of.series.patches
    )
    return msgspec.structs.replace(of, series=msgspec.structs.replace(of.series, patches=patches))


def message_id(number: int) -> str:
    """That of the mail of a patch (mailed)."""
    return f"<patch-{number}@example.com>"
