# SPDX-License-Identifier: GPL-2.0-only
"""checkpatch.pl: what it is given, what it answers, and what becomes of one that misbehaves.

Its words are those of Linux 6.12's (data/checkpatch); the scripts that run here are stand-ins of a few lines.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kseries.inputs import mail
from kseries.kbuild import checkpatch
from kseries.model import Base, Checkpatch, Patch, PatchRemarks, Remark, Series, Severity
from kseries.model.errors import InfraError
from kseries.report import html, junit, text
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository
from tests.support.runs import run, state

BAD = Path(__file__).parent / "data" / "checkpatch" / "bad.txt"
"""What it says of a patch with a bad changelog, a bad function and a new file."""
KVM_MAIN = "virt/kvm/kvm_main.c"
DIFF = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n a\n+b\n"
BARE = Patch(number=1, subject="f", origin="f.patch", diff=DIFF)
ECHO = 'open(F, "<", $ARGV[-1]); print "WARNING:SEEN: $_\\n\\n" for <F>; exit 1'
"""A checkpatch.pl with a remark on each line of what it is given."""


class Linux:
    """A base with a scripts/checkpatch.pl of our own, or with none."""

    def __init__(self, place: Path) -> None:
        self.repository = Repository(place / "linux")
        self.store = TreeStore(place / "trees.git")
        self.store.add_repository(self.repository.path)

    def base(self, script: str | None) -> Base:
        files = {"Makefile": "", **({} if script is None else {checkpatch.SCRIPT: script})}
        commit = self.repository.commit("base", files)
        return Base(name="linux HEAD", version="6", tree=self.store.tree_of(commit))

    async def check(self, script: str | None, *patches: Patch) -> Checkpatch:
        series = Series(name="s", version=1, patches=patches or (BARE,))
        return await checkpatch.check(series, self.base(script), self.store)

    async def failure(self, script: str) -> str:
        (only,) = (await self.check(script)).patches
        assert only.remarks == ()
        return only.failed


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


# --- what it answers ----------------------------------------------------------------------------


def test_a_remark_has_its_severity_type_words_and_place() -> None:
    remarks = checkpatch.parse(BAD.read_text())
    assert len(remarks) == 12
    assert remarks[1] == Remark(
        severity=Severity.ERROR,
        type="OPEN_BRACE",
        message="open brace '{' following function definitions go on the next line",
        file=KVM_MAIN,
        line=13,
    )
    assert [one.severity for one in remarks].count(Severity.ERROR) == 6


def test_what_is_said_of_the_changelog_or_of_all_has_no_place() -> None:
    nowhere = [one.type for one in checkpatch.parse(BAD.read_text()) if one.file is None]
    assert nowhere == ["TYPO_SPELLING", "FILE_PATH_CHANGES", "NO_AUTHOR_SIGN_OFF"]


def test_what_a_patch_quotes_is_no_remark() -> None:
    quoted = "WARNING:LONG: too long\n#4: FILE: a.c:1:\n+ERROR:X: y\n\n+ERROR:X: y\nERROR:X: y\n\nNOTE: For some\n"
    assert [one.type for one in checkpatch.parse(quoted)] == ["LONG"]
    assert checkpatch.parse("") == ()


# --- what it is given ---------------------------------------------------------------------------

MAIL = (
    b"From: Someone Else <else@example.com>\nSubject: [PATCH v2 3/4] KVM: =?utf-8?q?Ma=C3=9F?=\n\n"
    b"From: A U Thor <author@example.com>\n\nWhy it is done.\n\nSigned-off-by: A U Thor <author@example.com>\n"
    b"---\n f | 1 +\n\n"
)  # fmt: skip


def test_a_mail_is_given_with_its_author_subject_and_changelog(linux: Linux) -> None:
    patch = mail.read(MAIL + DIFF, "x").patch(1)
    assert checkpatch.as_mail(patch, linux.store) == (
        "From: A U Thor <author@example.com>\nSubject: [PATCH] KVM: Maß\n\nWhy it is done.\n\n"
        "Signed-off-by: A U Thor <author@example.com>\n---\n f | 1 +\n\n"
    ).encode() + DIFF  # fmt: skip


def test_a_mail_without_an_author_in_its_body_is_of_who_sent_it() -> None:
    assert mail.read(MAIL.replace(b"From: A U Thor <author@example.com>\n\n", b"") + DIFF, "x").author == (
        "Someone Else <else@example.com>"
    )


def test_a_bare_diff_stays_one(linux: Linux) -> None:
    assert checkpatch.as_mail(BARE, linux.store) == DIFF


def test_a_changelog_ends_where_the_diff_begins(linux: Linux) -> None:
    patch = Patch(number=1, subject="s", origin="o", message="Why.", diff=DIFF)
    assert checkpatch.as_mail(patch, linux.store) == b"Subject: [PATCH] s\n\nWhy.\n---\n" + DIFF


def test_a_commit_is_given_as_git_mails_it(linux: Linux) -> None:
    linux.repository.commit("base", {"f": "a\n"})
    commit = linux.repository.commit("KVM: Do it\n\nWhy it is done.", {"f": "a\nb\n"})
    given = checkpatch.as_mail(Patch(number=1, subject="", origin="", commit=commit), linux.store).decode()
    assert "\nFrom: A U Thor <author@example.com>\n" in given
    assert "\nSubject: [PATCH] KVM: Do it\n\nWhy it is done.\n---\n" in given
    assert "\n+b\n" in given


# --- how it is run ------------------------------------------------------------------------------


async def test_each_patch_is_checked_by_the_bases_own_script(linux: Linux) -> None:
    second = Patch(number=2, subject="s", origin="o", author="A <a@b.c>", diff=DIFF)
    said = await linux.check(ECHO, BARE, second)
    assert (said.missing, [one.number for one in said.patches]) == ("", [1, 2])
    assert "+b" in [remark.message for remark in said.patches[0].remarks]
    assert "From: A <a@b.c>" in [remark.message for remark in said.patches[1].remarks]


async def test_its_word_lists_lie_beside_it_and_the_users_habits_do_not(linux: Linux) -> None:
    """It reads a .checkpatch.conf in $HOME, and so that must be no home of anybody's."""
    linux.repository.commit("words", {"scripts/spelling.txt": "recieve||receive\n"})
    script = (
        'print "WARNING:HOME: $ENV{HOME}\n\n" if -e $ENV{HOME};'
        'open(F, "<", "spelling.txt"); print "WARNING:WORDS: ", <F>, "\n"; exit 1'
    )
    (only,) = (await linux.check(script)).patches
    assert [(one.type, one.message) for one in only.remarks] == [("WORDS", "recieve||receive")]


async def test_a_base_without_the_script_is_told_and_is_no_error(linux: Linux) -> None:
    said = await linux.check(None)
    assert said == Checkpatch(missing="linux HEAD has no scripts/checkpatch.pl")
    assert text.summary(said) == "not run, linux HEAD has no scripts/checkpatch.pl"


async def test_a_patch_with_nothing_wrong_has_no_remarks(linux: Linux) -> None:
    assert (await linux.check("exit 0")).patches == (PatchRemarks(number=1),)


async def test_a_script_that_fails_is_told_and_not_taken_for_content(linux: Linux) -> None:
    assert await linux.failure('die "broken\\n"') == "scripts/checkpatch.pl failed with status 255: broken"
    assert "failed with status 1: no message" in await linux.failure("exit 1")
    assert "aborted due to compilation errors" in await linux.failure("nonsense nonsense (")


async def test_a_script_without_an_end_is_ended(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpatch, "_SECONDS", 1.0)
    assert await linux.failure("sleep 1000") == "scripts/checkpatch.pl gave no answer in 1 s"
    monkeypatch.setattr(checkpatch, "_MAX_OUTPUT", 1000)
    monkeypatch.setattr(checkpatch, "_SECONDS", 60.0)
    assert await linux.failure('print "a\\n" while 1') == "scripts/checkpatch.pl prints without end"


async def test_a_script_cannot_write_outside(linux: Linux, tmp_path: Path) -> None:
    places = [tmp_path / "stamp", Path("/var/tmp/kseries-unit-checkpatch")]
    script = "".join(f'open(F, ">", "{place}") and print F "x";' for place in places)
    assert (await linux.check(f"{script} exit 0")).patches == (PatchRemarks(number=1),)
    assert not [place for place in places if place.exists()]


def test_a_perl_without_its_modules_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpatch.require()
    monkeypatch.setattr(checkpatch, "_MODULES", ("No::Such::Module",))
    with pytest.raises(InfraError, match=r"perl lacks modules .*\n  install them with: apt-get install perl"):
        checkpatch.require()
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(InfraError, match="perl is not installed"):
        checkpatch.require()


# --- how it is shown ----------------------------------------------------------------------------

ERROR = Remark(severity=Severity.ERROR, type="OPEN_BRACE", message="open brace <b>", file="a.c", line=3)
WARNING = Remark(severity=Severity.WARNING, type="TYPO_SPELLING", message="'recieves' may be misspelled")
SAID = Checkpatch(
    patches=(PatchRemarks(number=1, remarks=(WARNING, ERROR, *[WARNING] * 9)), PatchRemarks(number=2, failed="no end"))
)


def test_a_terminal_shows_the_first_remarks_of_each_patch() -> None:
    shown = text.render(run(state("base"), checkpatch=SAID))
    assert "checkpatch, as advice: 1 error, 10 warnings in 1 of 2 patches\n" in shown
    assert "  1/2 warning: 'recieves' may be misspelled [TYPO_SPELLING]\n" in shown
    assert "  1/2 a.c:3: error: open brace <b> [OPEN_BRACE]\n" in shown
    assert "    and 3 more\n  2/2 not checked: no end\n" in shown
    assert "checkpatch" not in text.render(run(state("base")))
    clean = Checkpatch(patches=(PatchRemarks(number=1),))
    assert "checkpatch, as advice: nothing to say of 1 patch\n" in text.render(run(state("base"), checkpatch=clean))


def test_junit_has_a_case_for_each_patch_that_fails_for_errors(tmp_path: Path) -> None:
    document = ET.fromstring(junit.render(run(state("base"), checkpatch=SAID), tmp_path))
    (suite,) = (one for one in document if one.get("name") == "checkpatch")
    first, second = suite
    assert (first.get("name"), first.get("classname")) == ("1/2 KVM: Patch 1", "checkpatch")
    failure, output = first.find("failure"), first.find("system-out")
    assert failure is not None and failure.get("message") == "a.c:3: error: open brace <b> [OPEN_BRACE]"
    assert output is not None and output.text is not None and output.text.count("recieves") == 10
    skipped = second.find("skipped")
    assert skipped is not None and skipped.get("message") == "not checked: no end"


def test_junit_says_why_there_is_nothing(tmp_path: Path) -> None:
    document = ET.fromstring(junit.render(run(state("base"), checkpatch=Checkpatch(missing="no script")), tmp_path))
    (skipped,) = (one for suite in document if suite.get("name") == "checkpatch" for one in suite.iter("skipped"))
    assert skipped.get("message") == "not run, no script"


def test_the_page_shows_remarks_escaped_and_folds_the_rest(tmp_path: Path) -> None:
    page = html.render(run(state("base"), checkpatch=SAID), tmp_path)
    assert '<section id="checkpatch">' in page
    assert "open brace &lt;b&gt;" in page and "and 7 more" in page and "Not checked: no end" in page
    assert '<section id="checkpatch">' not in html.render(run(state("base")), tmp_path)
