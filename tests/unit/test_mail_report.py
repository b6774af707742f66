# SPDX-License-Identifier: GPL-2.0-only
"""A finding as a mail: what a list takes, and nothing that the result does not say."""

import email
import email.policy
import re
import shlex

import msgspec
import pytest
from hypothesis import given

from harness import cli
from harness.cli import _parser
from harness.model import AppliedPatch, FindingKind, RunResult, Verdict
from harness.render import mail
from tests.unit.runs import SPLIT, finding, hostile, run, split_run, state


def mailed(**more: str) -> RunResult:
    """The split run, as if its patches had come as mails."""
    told = split_run()
    given_: dict[str, str] = {"author": "A U Thor <author@example.com>", "message_id": "<3.6@example.com>", **more}
    patches = tuple(msgspec.structs.replace(patch, **given_) for patch in told.series.patches)
    return msgspec.structs.replace(
        told,
        words=("thread.mbox", "--tree", "/home/somebody/src/linux", "--base", "v6.12", "--config", "a b.config"),
        series=msgspec.structs.replace(told.series, version=2, patches=patches),
    )


def test_it_answers_the_patch_that_it_is_about() -> None:
    told = email.message_from_string(mail.reply(mailed(), mailed().findings[0]), policy=email.policy.default)
    assert told["Subject"] == "Re: [PATCH v2 3/6] KVM: x86: Annotate guest accesses to pages user space has not mapped"
    assert told["In-Reply-To"] == told["References"] == "<3.6@example.com>"
    assert told["To"] == "A U Thor <author@example.com>"


def test_it_is_under_72_columns_and_says_what_fails_and_on_what_it_was_tested() -> None:
    body = mail.reply(mailed(), mailed().findings[0]).partition("\n\n")[2]
    assert all(len(line) <= mail.COLUMNS for line in body.splitlines())
    words = " ".join(body.split())
    assert "Reverting 3/6" in words and "leaves KVM_CAP_EXIT_ON_MISSING advertised (by 4/6" in words
    assert "exit_on_missing.read_exits: fail: read of 0x10005240: expected EFAULT" in words
    assert "the whole series with 3/6 reverted (git revert), on debian:linux-source-6.12" in words
    assert "x86_64, QEMU with tcg" in words and "the tip passes 13 checks" in words


def test_its_command_is_one_that_kseries_takes() -> None:
    body = mail.reply(mailed(), mailed().findings[0])
    found = re.search(r"^  \$ kseries ((?:.*\\\n)*.*)", body, re.MULTILINE)
    assert found is not None
    args = _parser().parse_args(shlex.split(found[1].replace("\\\n", " ")))
    assert (args.state, args.target, args.tree, args.base) == (
        "without-3",
        "thread.mbox",
        "/home/somebody/src/linux",
        "v6.12",
    )
    assert [str(one) for one in args.config] == ["a b.config"]


def test_a_series_that_was_no_mail_has_no_mail_to_answer() -> None:
    headers = mail.reply(split_run(), split_run().findings[0]).partition("\n\n")[0]
    assert "In-Reply-To" not in headers and "\nTo:" not in headers


def test_a_finding_of_no_one_patch_answers_the_cover_letter() -> None:
    told = finding(FindingKind.REGRESSION, "base", "p.a: fail: no")
    assert "Subject: Re: [PATCH 0/2] series" in mail.reply(run(state("base"), findings=(told,)), told)


def test_all_findings_are_one_mbox(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT), "--format", "mail"]) == 0
    said = capfdbinary.readouterr().out.decode()
    assert said.startswith("From kseries Mon Sep 17 00:00:00 2001\nSubject: Re: [PATCH 3/6]")


def test_no_line_begins_a_mail_of_its_own() -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "p.a: fail", patch=1)
    one = run(state("prefix-1", 1), findings=(told,))
    patches = tuple(msgspec.structs.replace(patch, subject="From " * 40) for patch in one.series.patches)
    one = msgspec.structs.replace(one, series=msgspec.structs.replace(one.series, patches=patches))
    assert "\n>From From" in mail.reply(one, told)


@given(bad=hostile)
def test_whatever_a_patch_or_a_guest_says_stays_where_it_was_put(bad: str) -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", f"p.a: fail: {bad}\nFrom x\nBcc: y", patch=1)
    patch = AppliedPatch(
        number=1, subject=f"{bad}\nBcc: a@b", tree_before="", tree_after="", author=f"{bad}\n<a@b>", message_id=bad
    )
    one = run(state("prefix-1", 1), findings=(told,), verdict=Verdict(bisectable=False, revert_safe=True))
    one = msgspec.structs.replace(one, series=msgspec.structs.replace(one.series, patches=(patch,)), toolchain=bad)
    text = mail.reply(one, told)
    text.encode()
    headers, _, body = text.partition("\n\n")
    names = {line.partition(":")[0] for line in headers.splitlines() if not line.startswith(" ")}
    assert names <= {"To", "Subject", "In-Reply-To", "References", "MIME-Version", "Content-Type"} | {
        "Content-Transfer-Encoding"
    }
    assert not re.search(r"^From ", body, re.MULTILINE)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
