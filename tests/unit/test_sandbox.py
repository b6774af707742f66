# SPDX-License-Identifier: GPL-2.0-only
"""What the box refused to a build: which lines tell of it, and which patch is told to have brought it."""

from pathlib import Path

import pytest

from kseries import judge
from kseries.judge import sandbox
from kseries.kbuild import denials
from kseries.model import FindingKind, Objects, Outcome, StateResult
from kseries.report import text
from tests.support.judged import plan_of
from tests.support.runs import run, state
from tests.support.told import lines

OURS = (Path("/cache/source"), Path("/cache/obj"))
READ = "cat: /root/token: No such file or directory"


@pytest.mark.parametrize(
    "line",
    [
        READ,
        "/bin/sh: 1: cannot create /etc/x: Read-only file system",
        "/bin/sh: 1: cannot create /home/me/x: Directory nonexistent",
        "bash: connect: Network is unreachable",
        "bash: line 1: /dev/tcp/127.0.0.1/80: Connection refused",
        "curl: (6) Could not resolve host: example.com",
        "rm: cannot remove '/cache/sources/a': Read-only file system",
        "rm: cannot remove '/cache/ccache/a': Read-only file system",
        "scripts/x.c:1:10: fatal error: /usr/local/include/x.h: No such file or directory",
        "left running: miner",
        "reached for a network",
    ],
)
def test_a_line_of_what_is_outside_is_told(line: str) -> None:
    log = f"  CC      a.o\n{line}\n  LD      vmlinux\n"
    assert denials.refused(log.encode(), OURS) == (line,)


@pytest.mark.parametrize(
    "line",
    [
        # What each kernel says, of a place to try a compiler in: scripts/Makefile.compiler.
        "mkdir: cannot create directory '.tmp_11': Read-only file system",
        "/bin/sh: 1: ./scripts/check.sh: Permission denied",
        "cat: /cache/obj/include/config/auto.conf: No such file or directory",
        "/bin/sh: 1: cannot create /cache/source: Read-only file system",
        "/cache/source/a.c:1:10: fatal error: linux/none.h: No such file or directory",
        '   12 |         pr_err("/etc/x: Permission denied");',
        "  CC      net/dns_resolver/dns_key.o",
        "cat /root/token",
    ],
)
def test_a_line_of_what_is_ours_is_not(line: str) -> None:
    assert denials.refused(f"{line}\n".encode(), OURS) == ()


def test_a_line_without_end_is_cut_and_many_are_some() -> None:
    log = "".join(f"cat: /root/{number}{'x' * 1000}: No such file or directory\n" for number in range(100))
    told = denials.refused(log.encode(), OURS)
    assert len(told) == 20
    assert max(map(len, told)) == 300


def test_bytes_that_are_no_text_are_told_likewise() -> None:
    assert denials.refused(b"cat: /root/\xff: Permission denied\n", OURS) == ("cat: /root/�: Permission denied",)


def seen(name: str, *lines: str, outcome: Outcome = Outcome.OK) -> StateResult:
    one = next(one for one in plan_of((name,), patches=(1, 2, 3)).states if one.id == name)
    return state(
        name, one.patch, applied=one.applied, outcome=outcome, refused=lines, objects=Objects(compiled=1, found=0)
    )


def told(*results: StateResult) -> list[tuple[str, int | None, tuple[str, ...]]]:
    plan = plan_of(tuple(one.id for one in results), patches=(1, 2, 3))
    findings = sandbox.findings(plan, {one.id: one for one in results})
    return [(one.state, one.patch, lines(one.evidence)) for one in findings]


def test_what_is_seen_from_one_patch_on_is_of_that_patch() -> None:
    assert told(seen("base"), seen("prefix-1"), seen("prefix-2", READ), seen("prefix-3", READ)) == [
        ("prefix-2", 2, (READ,))
    ]


def test_each_patch_has_its_own() -> None:
    other = "bash: connect: Network is unreachable"
    assert told(seen("base"), seen("prefix-1", READ), seen("prefix-2", READ), seen("prefix-3", READ, other)) == [
        ("prefix-1", 1, (READ,)),
        ("prefix-3", 3, (other,)),
    ]


def test_a_revert_tells_whose_it_is_where_the_prefixes_were_not_built() -> None:
    assert told(seen("base"), seen("prefix-3", READ), seen("without-2")) == [("prefix-3", 2, (READ,))]


def test_what_was_seen_once_though_others_have_the_patch_too_is_of_nobody() -> None:
    assert told(seen("base"), seen("prefix-1"), seen("prefix-2", READ), seen("prefix-3")) == [
        ("prefix-2", None, (READ,))
    ]


def test_a_build_that_failed_before_it_came_to_it_acquits_nobody() -> None:
    failed = seen("prefix-2", outcome=Outcome.BUILD_FAILED)
    assert told(seen("base"), seen("prefix-1"), failed, seen("prefix-3", READ)) == [("prefix-3", None, (READ,))]
    assert told(seen("base"), seen("prefix-1", READ), failed, seen("prefix-3", READ)) == [("prefix-1", 1, (READ,))]


def test_what_base_says_too_is_told_of_nobody_whatever_its_numbers() -> None:
    assert told(seen("base", "cat: /proc/12/x: No such file"), seen("prefix-1", "cat: /proc/7/x: No such file")) == []


def test_it_is_a_finding_with_a_sentence_of_its_own() -> None:
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    results = {"base": seen("base"), "prefix-1": seen("prefix-1", READ)}
    states, findings, _ = judge.judge(plan, results, ())
    (finding,) = findings
    assert finding.kind is FindingKind.SANDBOX_DENIAL and not finding.kind.advice
    shown = text.render(run(*states, findings=findings))
    assert "The sandbox denied access to what the build of 1/2" in shown and "asked for:" in shown
    assert f"    {READ}" in shown
