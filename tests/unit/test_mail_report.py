# SPDX-License-Identifier: GPL-2.0-only
"""A finding as a mail: what a list takes, and nothing that the result does not say."""

import email
import email.policy
import re
import shlex
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from kseries import cli, inputs
from kseries.cli import _parser
from kseries.judge import evidence
from kseries.model import (
    Advice,
    AppliedPatch,
    Complaint,
    Document,
    Ending,
    FindingKind,
    Frame,
    Gravity,
    RunResult,
    Status,
    Variant,
    Verdict,
)
from kseries.report import mail
from tests.support.runs import SPLIT, checks, ended_state, finding, hostile, run, split_run, state


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


def test_of_one_it_speaks_in_the_singular() -> None:
    found = finding(FindingKind.KERNEL_COMPLAINT, "prefix-2", "outside of any check: WARNING: at a.c:1", patch=2)
    tip = state("prefix-2", 2, applied=(1, 2), checks=checks(p__a=Status.PASS), ending=Ending.DONE)
    said = " ".join(mail.reply(run(tip, findings=(found,)), found).split())
    assert "1 state, 1 kernel booted; the tip passes 1 check." in said


def test_its_command_is_one_that_kseries_takes_and_names_no_folder_of_this_host() -> None:
    body = mail.reply(mailed(), mailed().findings[0])
    found = re.search(r"^  \$ kseries ((?:.*\\\n)*.*)", body, re.MULTILINE)
    assert found is not None
    args = _parser().parse_args(shlex.split(found[1].replace("\\\n", " ")))
    assert (args.state, args.target, args.tree, args.base) == (
        "without-3",
        "thread.mbox",
        "linux",
        "v6.12",
    )
    assert "/home" not in body
    assert [str(one) for one in args.config] == ["a b.config"]


def test_of_what_the_kernel_said_it_has_trace_and_suspects_and_what_the_check_said_too() -> None:
    said = (
        "oops.end: fail: expected 0; the kernel said: BUG: kernel NULL pointer dereference, address: 0000000000000000"
    )
    told = finding(FindingKind.KERNEL_COMPLAINT, "prefix-1", said, patch=1)
    body = mail.reply(run(ended_state("prefix-1", "oops", 1, suspects=(1,)), findings=(told,)), told)
    words = " ".join(body.split())
    assert "Since 1/2 'KVM: Patch 1' the kernel complains, as it does not on the base:" in words
    assert "expected 0; the kernel said: BUG: kernel NULL pointer dereference" in words
    assert "The call trace, innermost first: write_to_null (kernel/reboot.c:" in words
    assert 'What is there was last touched by 1/2 "KVM: Patch 1".' in words


def test_of_an_oops_in_one_boot_of_two_it_has_trace_and_suspects_though_the_other_ended_in_peace() -> None:
    frame = Frame(function="write_to_null", file="kernel/reboot.c", line=7, sure=True)
    oops = Complaint(
        gravity=Gravity.OOPS, kind="BUG: x", said="BUG: x, address: 0", boots=1, of=2, trace=(frame,), suspects=(1,)
    )
    done = state("prefix-1", 1, ending=Ending.DONE, complaints=(oops,))
    told = finding(FindingKind.KERNEL_COMPLAINT, "prefix-1", evidence.of_complaint(oops, done), patch=1)
    words = " ".join(mail.reply(run(done, findings=(told,)), told).split())
    assert "The call trace, innermost first: write_to_null (kernel/reboot.c:7)" in words
    assert 'What is there was last touched by 1/2 "KVM: Patch 1".' in words


def test_of_a_check_that_fails_in_peace_it_has_no_trace_of_something_else() -> None:
    told = finding(FindingKind.REGRESSION, "prefix-1", "p.a: fail: no")
    assert "call trace" not in mail.reply(run(ended_state("prefix-1", "warning", 1), findings=(told,)), told)


def test_a_series_that_was_no_mail_has_no_mail_to_answer() -> None:
    headers = mail.reply(split_run(), split_run().findings[0]).partition("\n\n")[0]
    assert "In-Reply-To" not in headers and "\nTo:" not in headers


def test_a_finding_of_no_one_patch_answers_the_cover_letter() -> None:
    told = finding(FindingKind.REGRESSION, "base", "p.a: fail: no")
    assert "Subject: Re: [PATCH 0/2] series" in mail.reply(run(state("base"), findings=(told,)), told)


def test_what_came_with_a_cover_letter_answers_it_where_it_is_no_one_patchs_fault() -> None:
    told = finding(FindingKind.REGRESSION, "base", "p.a: fail: no")
    one = run(state("base"), findings=(told,))
    covered = msgspec.structs.replace(one, series=msgspec.structs.replace(one.series, cover_id="<0@example.com>"))
    assert "In-Reply-To: <0@example.com>\n" in mail.reply(covered, told)
    assert "In-Reply-To" not in mail.reply(one, told)
    steering = msgspec.structs.replace(
        one, series=msgspec.structs.replace(one.series, cover_id="<\x1b[2J\x9b@example.com>")
    )
    assert "In-Reply-To" not in mail.reply(steering, told)


THREAD = b"""From mboxrd@z Thu Jan  1 00:00:00 1970
From: A U Thor <author@example.com>
Subject: [PATCH v2 0/1] Numbers
Message-ID: <cover@x>

From mboxrd@z Thu Jan  1 00:00:00 1970
From: A U Thor <author@example.com>
Subject: [PATCH v2 1/1] line: Count from zero
Message-Id: <one@x>
In-Reply-To: <cover@x>

Why not.
---
diff --git a/file b/file
--- a/file
+++ b/file
@@ -1 +1 @@
-line 1
+line 0
"""


def test_a_thread_says_which_mails_there_are_to_answer(tmp_path: Path) -> None:
    (tmp_path / "thread.mbox").write_bytes(THREAD)
    series = inputs.load(str(tmp_path / "thread.mbox")).series
    assert (series.cover_id, series.patches[0].message_id) == ("<cover@x>", "<one@x>")


@pytest.mark.parametrize(
    "author",
    ["A U Thor <author@example.com>", "Thor, A. U. <author@example.com>", "Ä. U. Thor, Jr. <author@example.com>"],
)
def test_one_author_is_one_address(author: str) -> None:
    told = email.message_from_string(
        mail.reply(mailed(author=author), mailed().findings[0]), policy=email.policy.default
    )
    (to,) = told["To"].addresses
    assert (to.display_name, to.addr_spec) == (author.partition(" <")[0], "author@example.com")


@pytest.mark.parametrize("verified", [True, False, None])
def test_a_cure_is_told_if_it_was_seen_to_work(verified: bool | None) -> None:
    told = msgspec.structs.replace(split_run().findings[0], advice=Advice(squash=(3, 4), verified=verified))
    assert ("Proved: squash 3/6" in mail.reply(split_run(), told)) is (verified is True)


def test_a_directory_takes_a_file_for_each_mail_since_git_send_email_takes_a_file_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = split_run()
    advice = finding(FindingKind.FLAKY, "base", "p.a: two answers")
    (tmp_path / "result.json").write_bytes(
        msgspec.json.encode(Document.of(msgspec.structs.replace(told, findings=(*told.findings, advice))))
    )
    (tmp_path / "mails").mkdir()
    report = ["report", str(tmp_path), "--format", "mail", "-o"]
    assert cli.main([*report, str(tmp_path / "mails")]) == 0
    assert sorted(path.name for path in (tmp_path / "mails").iterdir()) == [
        "0001-silent-break-without-3.mail",
        "0002-flaky-base.mail",
    ]
    assert (tmp_path / "mails" / "0001-silent-break-without-3.mail").read_text().startswith("Subject: Re: [PATCH 3/6]")
    assert cli.main([*report, str(tmp_path / "one.mail")]) == 2
    assert "2 findings, and a mail for each" in capsys.readouterr().err


def test_all_findings_are_one_mbox(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["report", str(SPLIT), "--format", "mail"]) == 0
    said = capfdbinary.readouterr().out.decode()
    assert said.startswith("From kseries Mon Sep 17 00:00:00 2001\nSubject: Re: [PATCH 3/6]")


def test_no_line_begins_a_mail_of_its_own() -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "p.a: fail", patch=1)
    one = run(state("prefix-1", 1), findings=(told,))
    patches = tuple(msgspec.structs.replace(patch, subject="From " * 40) for patch in one.series.patches)
    one = msgspec.structs.replace(one, series=msgspec.structs.replace(one.series, patches=patches))
    assert "\n>From From" in mail.render(one)


@given(bad=hostile)
def test_whatever_a_patch_or_a_guest_says_stays_where_it_was_put(bad: str) -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", f"p.a: fail: {bad}\nFrom x\nBcc: y", patch=1)
    patch = AppliedPatch(
        number=1, subject=f"{bad}\nBcc: a@b", tree_before="", tree_after="", author=f"{bad}\n<a@b>", message_id=bad
    )
    one = run(state("prefix-1", 1), findings=(told,), verdict=Verdict(bisectable=False, revert_safe=True))
    one = msgspec.structs.replace(
        one,
        series=msgspec.structs.replace(one.series, patches=(patch,)),
        variant=Variant(label="", arch="", toolchain=bad),
    )
    text = mail.reply(one, told)
    text.encode()
    headers = text.partition("\n\n")[0]
    names = {line.partition(":")[0] for line in headers.splitlines() if not line.startswith(" ")}
    assert names <= {"To", "Subject", "In-Reply-To", "References", "MIME-Version", "Content-Type"} | {
        "Content-Transfer-Encoding"
    }
    assert not re.search(r"^From ", mail.render(one).partition("\n")[2], re.MULTILINE)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
