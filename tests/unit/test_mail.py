# SPDX-License-Identifier: GPL-2.0-only
"""A mail -> a patch: whatever came of it on its way, it leads to the tree that git am makes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kseries.inputs import mail, mbox, subject, thread
from kseries.inputs.target import Target
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.gitrepo import Repository, lines

DIFF = b"diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"
BLOB = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Everything that a patch can do to a tree, a commit each."""
    repository = Repository(tmp_path_factory.mktemp("repository") / "linux")
    base: dict[str, str | bytes | None] = {
        "file": lines(30),
        "old/name": lines(40),
        "tool": "#!/bin/sh\n",
        "gone": "x\n",
        "blob": BLOB,
    }
    repository.commit("base", {**base, "dos": "a\r\nb\r\nc\r\n", "latin": b"caf\xe9\n" + lines(9).encode()})
    repository.git("tag", "base")
    repository.commit("KVM: change a line\n\nFrom the guest's side nothing changes.\n\n>From here on, neither.",
                      {"file": lines(30, line3="three")})  # fmt: skip
    repository.git("mv", "old/name", "renamed")
    repository.commit("KVM: rename a file")
    repository.git("mv", "renamed", "moved")
    repository.commit("KVM: rename and change a file", {"moved": lines(40, line20="twenty")})
    (repository.path / "tool").chmod(0o755)
    repository.commit("KVM: change a mode")
    repository.commit("KVM: add files", {"dir/new": "new\n", "empty": "", "no newline": "at the end", "naïve": "x\n"})
    repository.commit("KVM: remove files", {"gone": None, "empty": None})
    repository.commit("KVM: add bytes", {"blob2": BLOB[::-1]})
    repository.commit("KVM: change bytes", {"blob": BLOB[:5000] + b"\0other" + BLOB[5000:]})
    (repository.path / "link").symlink_to("file")
    repository.commit("KVM: link")
    repository.commit("KVM: fix the end of a file", {"no newline": "at the end\n"})
    repository.commit("KVM: Ärger mit Umlauten\n\nGrüße", {"latin": b"caf\xe9s\n" + lines(9).encode()})
    repository.commit(
        "KVM: like a header", {"file": lines(30, line3="-- a/file", line4="++ b/file", line9="@@ -1 +1 @@")}
    )
    repository.commit("KVM: take that away", {"file": lines(30)})
    return repository


@pytest.fixture
def commits(repository: Repository) -> list[str]:
    return [repository.tree(one) for one in repository.git("rev-list", "--reverse", "base..main").split()]


def read(data: bytes) -> Target:
    return thread.series(mbox.read(data, "x.mbox"), "x.mbox")


@pytest.mark.parametrize("transport", mails.TRANSPORTS)
def test_whatever_the_transport_the_trees_are_those_of_git_am(
    transport: Callable[[bytes], bytes], repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    data = mails.mbox([transport(one) for one in mails.formatted(repository, "-M", "--binary")])
    options = ("--patch-format=mboxrd",) if transport is mails.quoted_mboxrd else ()
    assert mails.am(repository, data, *options) == commits
    assert mails.trees(read(data), repository, tmp_path) == commits


@pytest.mark.parametrize("transport", mails.MORE_TRANSPORTS)
def test_some_transports_are_read_that_git_am_must_be_told_of(
    transport: Callable[[bytes], bytes], repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    data = mails.mbox([transport(one) for one in mails.formatted(repository, "-M", "--binary")])
    assert mails.trees(read(data), repository, tmp_path) == commits


@pytest.mark.parametrize("parameters", ["format=flowed", "Format=Flowed; DelSp=Yes", 'format="flowed"', "x=y"])
def test_lines_that_flow_are_joined_as_git_mailinfo_joins_them(
    parameters: str, repository: Repository, tmp_path: Path
) -> None:
    why = b"It \n flows \n   on.\n\n  \n -- \n-- \nSo \n-- \nor\n  >not.  \n"
    headers = f"Content-Type: text/plain; charset=UTF-8; {parameters}\n"
    data = mails.mail("[PATCH] a", why + b"---\n" + DIFF + b" \n  b\nno newline ", headers)
    repository.git("mailinfo", str(tmp_path / "message"), str(tmp_path / "patch"), stdin=data)
    one = mail.read(data, "x")
    assert one.message == (tmp_path / "message").read_text().strip()
    assert one.diff == (tmp_path / "patch").read_bytes()


def test_the_message_ends_where_it_does_for_git_mailinfo(repository: Repository, tmp_path: Path) -> None:
    """At whatever begins as the header of a diff; and between the parts of a mail there is an empty line."""
    body = b"Why.\n--- not this\n---\n" + DIFF
    for data in (mails.mail("[PATCH] a", body), mails.as_an_attachment(mails.mail("[PATCH] a", body))):
        repository.git("mailinfo", str(tmp_path / "message"), str(tmp_path / "patch"), stdin=data)
        one = mail.read(data, "x")
        assert one.message == (tmp_path / "message").read_text().strip()
        assert one.diff.rstrip(b"\n") == (tmp_path / "patch").read_bytes().rstrip(b"\n")


def test_no_renames_in_the_mails_is_the_same_to_the_trees(
    repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    data = repository.run("format-patch", "--stdout", "--no-renames", "--no-signature", "base..main").stdout
    assert mails.trees(read(data), repository, tmp_path) == commits


def test_a_file_with_dos_line_ends_is_changed_as_git_am_keep_cr_does_it(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-B", "dos", "base")
    commit = repository.commit("DOS", {"dos": "a\r\nB\r\nc\r\n", "new-dos": "x\r\n"})
    data = repository.run("format-patch", "--stdout", "base..dos").stdout
    assert mails.am(repository, data, "--keep-cr") == [repository.tree(commit)]
    assert mails.trees(read(data), repository, tmp_path) == [repository.tree(commit)]
    # By a mailer with CRLF each line has one CR that is not the patch's.
    assert mails.trees(read(mails.with_crlf(data)), repository, tmp_path) == [repository.tree(commit)]


def test_a_subject_and_a_message_survive_every_charset(repository: Repository) -> None:
    for transport in (*mails.TRANSPORTS, *mails.MORE_TRANSPORTS):
        data = mails.mbox([transport(one) for one in mails.formatted(repository, "--binary")])
        patch = read(data).series.patches[10]
        assert patch.subject == "KVM: Ärger mit Umlauten"
        assert "Grüße" in patch.message


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Type: text/plain; charset=iso-8859-1\n", "Grüße"),
        ("Content-Type: text/plain; charset=nonsense-7\n", "Grüße"),
        ("", "Grüße"),
    ],
)
def test_a_latin1_mail_is_read_whatever_its_headers_say(headers: str, body: str) -> None:
    raw = b"From: J\xf6rg <j@b>\nSubject: [PATCH] KVM: \xc4rger\n" + headers.encode() + b"\n"
    one = mail.read(raw + body.encode("latin-1") + b"\n---\n" + DIFF, "x")
    assert (one.subject.text, one.message) == ("KVM: Ärger", "Grüße")


def test_a_line_that_begins_with_from_ends_no_mail(repository: Repository) -> None:
    patch = read(mails.mbox(mails.formatted(repository, "--binary"))).series.patches[0]
    assert patch.message.startswith("From the guest's side nothing changes.")


def test_what_an_mboxrd_archive_quoted_is_unquoted_once(repository: Repository) -> None:
    data = mails.mbox([mails.quoted_mboxrd(one) for one in mails.formatted(repository, "--binary")])
    wanted = "From the guest's side nothing changes.\n\n>From here on, neither."
    assert read(data).series.patches[0].message == wanted


def test_a_diff_that_an_attachment_ends_with_keeps_its_last_newline() -> None:
    attached = mails.as_an_attachment(mails.mail("[PATCH] a", b"a\n---\n" + DIFF.rstrip(b"\n")))
    assert mail.read(attached, "x").diff.endswith(DIFF)


def test_headers_in_the_body_are_no_part_of_the_message() -> None:
    body = b"From: Some Body Else <else@example.com>\nSubject: KVM: the real one\n\nWhy.\n---\n" + DIFF
    one = mail.read(mails.mail("[PATCH v2 1/2] KVM: not this", body), "x")
    assert (one.subject.text, one.message) == ("KVM: the real one", "Why.")
    assert (one.subject.version, one.subject.number) == (2, 1)


def test_a_diff_like_line_in_the_message_is_no_part_of_the_diff() -> None:
    one = mail.read(mails.mail("[PATCH] a", b"Undo this hunk:\n\n@@ -1,3 +1,9 @@ int main(\n\n---\n" + DIFF), "x")
    assert one.diff == b"---\n" + DIFF


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("[PATCH] KVM: a", ("KVM: a", False, 1, None, None)),
        ("[PATCH v2 3/6] KVM: a", ("KVM: a", False, 2, 3, 6)),
        ("[PATCHv3 02/13] KVM: a", ("KVM: a", False, 3, 2, 13)),
        ("[RFC 1/2] a", ("a", False, 1, 1, 2)),
        ("[RFC] [PATCH V4 1/2] a", ("a", False, 4, 1, 2)),
        ("[RESEND][PATCH net-next v10 0/2] a", ("a", False, 10, 0, 2)),
        ("[net-next,v2,3/6] a", ("a", False, 2, 3, 6)),
        ("[PATCH 6.1.y v5.10 1/2] a", ("a", False, 1, 1, 2)),
        ("[PATCH] [media] a [really]", ("[media] a [really]", False, 1, None, None)),
        ("Re: [PATCH v2 3/6] a", ("a", True, 2, 3, 6)),
        ("AW: [PATCH] a", ("a", True, 1, None, None)),
        ("RE: Re: a", ("a", True, 1, None, None)),
        ("Re: Re: [PATCH 2/3] [media] a", ("[media] a", True, 1, 2, 3)),
        ("[Intel-gfx] [PATCH v2 2/2] a", ("a", False, 2, 2, 2)),
        ("[SRU][N][PATCH 1/2] a", ("a", False, 1, 1, 2)),
        ("[net-next][PATCH v2 3/4] a", ("a", False, 2, 3, 4)),
        ("[POC][RFC][PATCH 2/3] a", ("a", False, 1, 2, 3)),
        ("[EXT] [PATCH V2 0/3] a", ("a", False, 2, 0, 3)),
        ("[dm-devel] Re: [PATCH 3/4] a", ("a", True, 1, 3, 4)),
        ("Re: [tag] [PATCH] a", ("a", True, 1, None, None)),
        ("Fwd: [tag] Re: [PATCH 1/2] a", ("a", True, 1, 1, 2)),
        ("Odp: [PATCH 1/2] a", ("a", True, 1, 1, 2)),
        ("KVM: [x] a", ("KVM: [x] a", False, 1, None, None)),
        ("EXT: [PATCH 1/2] a", ("a", False, 1, 1, 2)),
        ("*** SPAM *** Re: [PATCH 1/2] a", ("a", True, 1, 1, 2)),
        ("[media] a", ("[media] a", False, 1, None, None)),
        ("[dispatch] a", ("[dispatch] a", False, 1, None, None)),
        ("[PATCH [RFC] 1/2] a", ("a", False, 1, 1, 2)),
        ("[PATCH 1 of 3] a", ("a", False, 1, 1, 3)),
        ("[PATCH1/2] a", ("a", False, 1, 1, 2)),
        ("[PATCH 6.1/6 1/2] a", ("a", False, 1, 1, 2)),
        ("Revert: the [PATCH 1/2] a", ("Revert: the [PATCH 1/2] a", False, 1, None, None)),
        ("", ("", False, 1, None, None)),
    ],
)
def test_the_tags_of_a_subject(line: str, wanted: tuple[str, bool, int, int | None, int | None]) -> None:
    found = subject.parse(line)
    assert (found.text, found.reply, found.version, found.number, found.total) == wanted


def test_an_attachment_that_does_not_end_is_cut_short() -> None:
    whole = mails.as_an_attachment(mails.mail("[PATCH] a", b"a\n---\n" + DIFF))
    with pytest.raises(InputError, match="cut short"):
        mail.read(whole[:-7], "x")


def test_an_escape_sequence_in_a_subject_does_not_reach_the_terminal() -> None:
    assert mail.read(mails.mail("[PATCH] a\x1b[2Jb", DIFF), "x").subject.line == "[PATCH] a\ufffd[2Jb"


def test_mails_in_mails_without_end_are_an_error() -> None:
    nested = b"Subject: a\n" + b"Content-Type: message/rfc822\n\n" * 5000
    with pytest.raises(InputError, match="not a mail that can be read"):
        mail.read(nested, "x")


# --- what no mailer writes, and takes no minutes ------------------------------------------------

NO_DIFF = b"From: a\nSubject: x\n"


def nested(levels: int) -> bytes:
    """A text in multiparts in multiparts."""
    starts = (f'Content-Type: multipart/mixed; boundary="{level}-"\n\n--{level}-\n' for level in range(levels))
    ends = (f"--{level}---\n" for level in reversed(range(levels)))
    return NO_DIFF + f"{''.join(starts)}\ntext\n{''.join(ends)}".encode()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        NO_DIFF + b"\nSubject: " + b"=?utf-8?q?a?= " * 300_000 + b"\n\nwhy\n",
        NO_DIFF + b"Content-Type: text/plain; charset=punycode\n\n" + b"b" * 500_000 + b"-" + b"a" * 500_000,
        b" \n" * 32_000 + mails.FROM + NO_DIFF,
        nested(20),
        NO_DIFF + b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * 2_000_000,
    ],
    ids=["encoded words", "punycode", "blanks", "levels", "flowed"],
)
def test_odd_mails_are_read_in_seconds(data: bytes) -> None:
    assert mbox.read(data, "x")[-1].subject.line


@pytest.mark.timeout(20)
def test_tags_without_end_are_read_in_seconds() -> None:
    assert subject.parse("[PATCH 1/2]" * 600_000 + " x").text == "x"


def test_parts_in_parts_and_lines_and_mails_have_an_end() -> None:
    with pytest.raises(InputError, match="its parts lie in more than 20 others"):
        mail.read(nested(21), "x")
    with pytest.raises(InputError, match="x has more than 100000 mails"):
        mbox.read((mails.FROM + NO_DIFF) * 100_001, "x")
    for end in (b"\n", b"\r"):
        with pytest.raises(InputError, match="x has more than 5000000 lines"):
            mail.read(NO_DIFF + end * 5_000_001, "x")


@settings(max_examples=300)
@given(st.binary(max_size=600))
@example(b"Content-Type: multipart/mixed; boundary=x\nSubject: a\n\n--x\nContent-Type: message/rfc822\n\n--x--\n")
@example(b"Content-Type: text/plain; charset=\xff\nContent-Transfer-Encoding: base64\nSubject: =?x?b?=\n\n====")
def test_no_bytes_are_too_odd_for_a_mail_or_an_error(data: bytes) -> None:
    for one in (data, b"Subject: a\n" + data, b"Subject: a\nContent-Type: multipart/mixed; boundary=x\n\n--x\n" + data):
        try:
            mail.read(one, "x")
        except InputError as error:
            assert str(error).startswith("x ")


def test_a_patch_keeps_its_author_and_the_id_of_its_mail() -> None:
    raw = b"From: A U Thor <a@example.com>\nMessage-ID: <1.2@example.com>\nSubject: [PATCH 1/2] x\n\n---\n" + DIFF
    patch = mail.read(raw, "mbox").patch(1)
    assert (patch.author, patch.message_id) == ("A U Thor <a@example.com>", "<1.2@example.com>")
