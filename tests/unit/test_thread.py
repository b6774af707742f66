# SPDX-License-Identifier: GPL-2.0-only
"""A thread of mails -> one series: versions, replies, order, and what a user is told of the rest."""

import gzip
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries import inputs
from kseries.inputs import files, mbox, thread
from kseries.inputs.mail import Mail
from kseries.inputs.subject import Subject
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.gitrepo import Repository, lines


def diff(word: str) -> bytes:
    stat = b"---\n file | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n"
    return stat + f"diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+{word}\n".encode()


def posted(version: int = 1, total: int = 3, cover: bool = True) -> list[bytes]:
    """A series as its author sends it."""
    tag = f"PATCH v{version}" if version > 1 else "PATCH"
    sent = [
        mails.mail(f"[{tag} {n}/{total}] KVM: {n}", diff(f"v{version} {n}") + b"-- \n2.39\n")
        for n in range(1, total + 1)
    ]
    return [mails.mail(f"[{tag} 0/{total}] KVM: all", b"Hello.\n"), *sent] if cover else sent


def read(sent: list[bytes], reroll: int | None = None) -> inputs.Target:
    return thread.series(mbox.read(mails.mbox(sent), "t.mbox"), "t.mbox", reroll)


def subjects(found: inputs.Target) -> list[str]:
    return [patch.subject for patch in found.series.patches]


WANTED = ["KVM: 1", "KVM: 2", "KVM: 3"]


def test_a_cover_letter_and_replies_are_no_patches() -> None:
    sent = posted()
    found = read([*sent, *(mails.reply(one) for one in sent)])
    assert subjects(found) == WANTED
    assert all(b"better" not in (patch.diff or b"") for patch in found.series.patches)
    assert found.notes == ()


@pytest.mark.timeout(20)
def test_sixty_thousand_mails_are_sorted_in_seconds() -> None:
    subjects = [Subject(line="", text="", number=number % 9999 + 1, total=9999) for number in range(60_000)]
    sent = [Mail(origin="", subject=one, message="", diff=diff("a"), id=str(at)) for at, one in enumerate(subjects)]
    assert len(thread.series(sent, "x").series.patches) == 9999


def test_trailers_in_replies_are_not_applied() -> None:
    sent = posted()
    assert not any("Reviewed-by" in patch.message for patch in read([*sent, mails.reply(sent[1])]).series.patches)


def test_the_newest_version_is_taken_and_told() -> None:
    found = read([*posted(1), *posted(3), *posted(2)])
    assert found.series.version == 3
    assert b"+v3 2\n" in (found.series.patches[1].diff or b"")
    assert found.notes == ("t.mbox: v3 of v1, v2, v3",)


def test_v_takes_an_older_one() -> None:
    assert read([*posted(1), *posted(2)], reroll=1).series.version == 1


def test_a_version_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"t\.mbox has no v4 of the series\n  it has v1, v2"):
        read([*posted(1), *posted(2)], reroll=4)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_mails_is_of_no_matter(order: random.Random) -> None:
    sent = [*posted(1), *posted(2, total=12), *(mails.reply(one) for one in posted(2))]
    order.shuffle(sent)
    assert subjects(read(sent)) == [f"KVM: {number}" for number in range(1, 13)]


LISTS = (b"[foo-devel] [", b"[EXT] [foo] [", b"[foo][", b"EXTERNAL: [")


@pytest.mark.parametrize("tag", LISTS)
def test_whatever_a_list_puts_before_it_a_subject_keeps_its_number_and_its_version(tag: bytes) -> None:
    base = b"\nbase-commit: " + b"1a" * 20 + b"\n"
    sent = [one.replace(b"[", tag, 1) for one in (*posted(1), posted(2)[0] + base, *posted(2)[:0:-1])]
    found = read([*sent, *map(mails.reply, sent)])
    assert (found.series.version, subjects(found), found.base_commit) == (2, WANTED, "1a" * 20)
    with pytest.raises(InputError, match=r"^t\.mbox lacks 2/3 of v2\n"):
        read([one for number, one in enumerate(sent) if number != 6])


def test_a_reply_behind_a_lists_tag_is_a_reply() -> None:
    sent = posted()
    answers = [mails.reply(one).replace(b"Subject: Re: ", b"Subject: [foo-devel] Re: ") for one in sent]
    found = read([*sent, *answers])
    assert (subjects(found), found.notes) == (WANTED, ())


@pytest.mark.parametrize(("gone", "named"), [((2,), "2/3"), ((1, 3), "1/3, 3/3"), ((3,), "3/3")])
def test_a_patch_that_is_not_there_is_named(gone: tuple[int, ...], named: str) -> None:
    with pytest.raises(InputError, match=rf"^t\.mbox lacks {named}\n"):
        read([one for number, one in enumerate(posted()) if number not in gone])


def test_of_many_that_are_not_there_some_are_named() -> None:
    with pytest.raises(InputError, match=r"lacks 2/200, 3/200, 4/200, 5/200, 6/200 and 194 more of v2\n") as error:
        read(posted(2, total=200)[:2])
    assert len(str(error.value).splitlines()) == 2


# --- which version a mail belongs to ------------------------------------------------------------


def answering(above: str, subject: str, body: bytes | None = None) -> bytes:
    """A mail whose id is its subject without blanks, in reply to the mail of such an id."""
    one = mails.mail(subject, diff(subject) if body is None else body)
    above = f"In-Reply-To: <{above.replace(' ', '')}@x>\n" if above else ""
    return f"Message-ID: <{subject.replace(' ', '')}@x>\n{above}".encode() + one


def series_v2(tag: str = "PATCH v2") -> list[bytes]:
    """Three patches in reply to their cover letter."""
    cover = answering("", f"[{tag} 0/3] KVM: all", b"base-commit: " + b"2a" * 20 + b"\n")
    return [cover, *(answering(f"[{tag} 0/3] KVM: all", f"[{tag} {n}/3] KVM: {n}") for n in (1, 2, 3))]


def changed(found: inputs.Target) -> list[str]:
    """The subjects with their tags as they stand in the diffs, that say which mail a patch came of."""
    return re.findall(r"^\+(\[.*)$", "".join((one.diff or b"").decode() for one in found.series.patches), re.MULTILINE)


def test_of_a_partial_reroll_the_others_are_those_of_the_version_before_and_told() -> None:
    again = answering("[PATCH v2 2/3] KVM: 2", "[PATCH v3 2/3] KVM: 2")
    found = read([again, *series_v2()])
    assert changed(found) == ["[PATCH v2 1/3] KVM: 1", "[PATCH v3 2/3] KVM: 2", "[PATCH v2 3/3] KVM: 3"]
    assert (found.series.version, found.series.cover_id) == (3, "<[PATCHv20/3]KVM:all@x>")
    assert found.base_commit == "2a" * 20
    assert found.notes[1] == "t.mbox: v3 is a partial reroll, and has these as they were: 1/3 of v2, 3/3 of v2"
    resent = again.replace(b"In-Reply-To", b"X").replace(b"v32/3", b"again").replace(b": [PATCH", b": [RESEND PATCH")
    assert changed(read([resent, again, *series_v2()])) == changed(found)
    assert read([again, *series_v2()], reroll=2).notes == ("t.mbox: v2 of v2, v3",)


def test_a_partial_reroll_may_answer_a_reviewer_and_be_of_a_partial_reroll() -> None:
    review = answering("[PATCH v2 2/3] KVM: 2", "Re: [PATCH v2 2/3] KVM: 2", b"Typo.\n")
    second = answering("Re: [PATCH v2 2/3] KVM: 2", "[PATCH v3 2/3] KVM: 2")
    third = answering("[PATCH v2 3/3] KVM: 3", "[PATCH v4 3/3] KVM: 3")
    found = read([*series_v2(), review, second, third])
    assert changed(found) == ["[PATCH v2 1/3] KVM: 1", "[PATCH v3 2/3] KVM: 2", "[PATCH v4 3/3] KVM: 3"]
    assert found.notes[1].endswith(": 1/3 of v2, 2/3 of v3")


@pytest.mark.parametrize("above", ["", "[PATCH v2 0/3] KVM: all", "[PATCH v2 1/3] KVM: 1", "nobody"])
def test_what_answers_no_patch_of_its_number_is_no_partial_reroll(above: str) -> None:
    with pytest.raises(InputError, match=r"^t\.mbox lacks 1/3, 3/3 of v3\n  -v 2 takes v2, which is whole; b4 am "):
        read([*series_v2(), answering(above, "[PATCH v3 2/3] KVM: 2")])


def test_a_partial_reroll_of_what_is_not_whole_is_not_whole() -> None:
    sent = [*series_v2()[:2], answering("[PATCH v2 2/3] KVM: 2", "[PATCH v3 2/3] KVM: 2")]
    with pytest.raises(InputError, match=r"^t\.mbox lacks 1/3, 3/3 of v3\n  is it complete\?"):
        read(sent)  # nor does it answer anything that is here
    sent.append(series_v2()[2])
    with pytest.raises(InputError, match=r"^t\.mbox lacks 3/3 of v3\n  is it complete\?"):
        read(sent)


def test_mails_that_answer_each_other_in_a_circle_are_read() -> None:
    loop = answering("[PATCH v3 2/3] KVM: 2", "Re: round", b"x\n")
    with pytest.raises(InputError, match="lacks 1/3, 3/3 of v3"):
        read([*series_v2(), loop, answering("Re: round", "[PATCH v3 2/3] KVM: 2")])


@pytest.mark.parametrize("patch", [1, 2])
def test_a_cover_letter_tells_the_version_for_all(patch: int) -> None:
    """Whether the patches answer it, or (``--thread=deep``) each the one before; and beside an older version."""
    above = ["", "[PATCH v3 0/3] KVM: all", *(f"[PATCH {n}/3] {n}" for n in (1, 2))]
    sent = [answering("", above[1], b"Hello.\n")]
    sent += [answering(above[n if patch == 2 else 1], f"[PATCH {n}/3] {n}") for n in (1, 2, 3)]
    for one in (sent, sent[::-1], [*posted(2), *sent], [*posted(1), *sent]):
        found = read(one)
        assert (found.series.version, subjects(found)) == (3, ["1", "2", "3"])


def test_a_patch_without_a_version_is_no_other_version_for_what_it_answers() -> None:
    """A series in reply to its last version, and a patch in reply to that of its own number, tell nothing."""
    sent = [*series_v2(), answering("[PATCH v2 2/3] KVM: 2", "[PATCH 2/3] KVM: 2")]
    assert changed(read(sent)) == [f"[PATCH v2 {n}/3] KVM: {n}" for n in (1, 2, 3)]
    sent = [*series_v2(), *(answering("[PATCH v2 0/3] KVM: all", f"[PATCH {n}/2] KVM: {n}") for n in (1, 2))]
    assert changed(read(sent, reroll=1)) == [f"[PATCH {n}/2] KVM: {n}" for n in (1, 2)]


def test_patches_with_a_version_keep_a_cover_letter_without_one() -> None:
    cover, *patches = series_v2("PATCH")
    found = read([cover, *(one.replace(b"[PATCH ", b"[PATCH v3 ") for one in patches)])
    assert (found.series.version, found.series.cover_id) == (3, "<[PATCH0/3]KVM:all@x>")
    assert found.base_commit == "2a" * 20
    own = [one.replace(b"[PATCH ", b"[PATCH v3 ").replace(b"<[PATCH", b"<[PATCHv3", 1) for one in patches]
    assert read([cover, *patches, *own]).base_commit is None  # which is the cover letter of v1


def test_where_the_newest_version_is_not_whole_an_older_one_that_is_is_named() -> None:
    message = r"lacks 2/3 of v4\n  -v 2 takes v2, which is whole; b4 am fetches what is not here$"
    with pytest.raises(InputError, match=message):
        read([*posted(1), *posted(2), *posted(3)[:3], *posted(4)[:2], posted(4)[3]])
    with pytest.raises(InputError, match=r"lacks 1/3, 2/3, 3/3 of v2\n  -v 1 takes v1"):
        read([*posted(1), posted(2)[0]])


def test_a_patch_added_later_belongs_to_the_series() -> None:
    assert subjects(read([*posted(), mails.mail("[PATCH 4/3] KVM: late", diff("late"))])) == [*WANTED, "KVM: late"]


def test_two_candidates_for_one_number_are_named() -> None:
    with pytest.raises(InputError, match=r"has two patches 2/3: 'KVM: 2' and 'KVM: other'\n"):
        read([*posted(), mails.mail("[PATCH 2/3] KVM: other", diff("other"))])


def test_the_same_mail_twice_is_one() -> None:
    ids = [one.replace(b"Subject:", b"Message-ID: <%d@x>\nSubject:" % number) for number, one in enumerate(posted())]
    footed = [one + b"_______\na list's footer\n" for one in ids]
    assert subjects(read([*ids, *footed])) == WANTED


def test_a_resend_with_the_same_diff_is_one() -> None:
    resent = [one.replace(b"[PATCH ", b"[PATCH RESEND ") for one in posted()]
    assert subjects(read([*posted(), *resent])) == WANTED
    alone = mails.mail("[PATCH] KVM: a", diff("a"))
    found = read([alone, alone.replace(b"[PATCH]", b"[PATCH RESEND]")])
    assert (subjects(found), found.notes) == (["KVM: a"], ())


def test_patches_without_numbers_are_taken_as_they_stand_and_told() -> None:
    found = read([mails.mail("[PATCH] KVM: b", diff("b")), mails.mail("[PATCH] KVM: a", diff("a"))])
    assert subjects(found) == ["KVM: b", "KVM: a"]
    assert "2 patches without numbers" in found.notes[0]


def test_a_patch_without_a_number_in_the_thread_of_a_series_is_passed_over_and_told() -> None:
    found = read([*posted(), mails.mail("[tip: x86/urgent] KVM: applied", diff("z"))])
    assert subjects(found) == WANTED
    assert found.notes == ("t.mbox: passed over, for want of a number: '[tip: x86/urgent] KVM: applied'",)


@pytest.mark.parametrize("sent", [[], posted()[:1], [mails.reply(one) for one in posted()], [mails.mail("Hi", b"x\n")]])
def test_mails_without_a_patch_are_no_series(sent: list[bytes]) -> None:
    with pytest.raises(InputError, match=rf"t\.mbox holds no patch: mails {max(1, len(sent))}, replies "):
        read(sent)


def test_a_patch_mail_without_its_diff_is_named() -> None:
    sent = posted()
    sent[2] = sent[2].partition(b"\n\n")[0] + b"\n\nOnly words.\n"
    with pytest.raises(InputError, match=r"^\[PATCH 2/3\] KVM: 2 holds no diff"):
        read(sent)


def test_base_commit_is_read_of_the_cover_letter_or_of_any_patch() -> None:
    sent, trailer = posted(), b"\nbase-commit: " + b"1a" * 20 + b"\n"
    assert read(sent).base_commit is None
    assert read([sent[0] + trailer, *sent[1:]]).base_commit == "1a" * 20
    assert read([*sent[:3], sent[3] + trailer]).base_commit == "1a" * 20
    assert read([*sent, mails.reply(sent[1] + trailer)]).base_commit is None


# --- what is cut short --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An mbox of two patches; the last has two files and two hunks in each, and no signature."""
    repository = Repository(tmp_path_factory.mktemp("repository") / "linux")
    repository.commit("base", {"a": lines(40), "b": lines(40)})
    repository.git("tag", "base")
    repository.commit("KVM: 1", {"c": "c\n"})
    repository.commit("KVM: 2", {name: lines(40, line5="five", line35="more") for name in "ab"})
    return repository.run("format-patch", "--stdout", "--no-signature", "base..main").stdout.rstrip(b"\n") + b"\n"


def test_an_mbox_cut_anywhere_is_never_taken_for_a_whole_one(archive: bytes, tmp_path: Path) -> None:
    """Each cut is refused when it is read, or its diff is one that git calls corrupt."""
    last = archive.rindex(b"\ndiff --git")
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"a": lines(40), "b": lines(40)})
    repository.git("tag", "base")
    accepted = []
    for cut in [*range(0, last, 37), *range(last - 30, len(archive) - 1)]:
        try:
            found = thread.series(mbox.read(archive[:cut], "t.mbox"), "t.mbox")
        except InputError:
            continue
        if repository.run("apply", "--check", "-", stdin=found.series.patches[-1].diff or b"").returncode == 0:
            accepted.append(archive[cut - 20 : cut])
    assert accepted == []


def test_a_cut_between_two_hunks_is_named(archive: bytes) -> None:
    cut = archive.rindex(b"\n@@ ") + 1
    with pytest.raises(InputError, match=r"^\[PATCH 2/2\] KVM: 2 is cut short: its diffstat has "):
        thread.series(mbox.read(archive[:cut], "t.mbox"), "t.mbox")


def test_of_a_cut_that_leaves_each_file_its_lines_are_told(archive: bytes) -> None:
    cut = archive.rindex(b"\n@@ ") + 1
    with pytest.raises(InputError, match=r"is cut short: its diffstat has \+4 -4 lines, its diff \+3 -3$"):
        thread.series(mbox.read(archive[:cut], "t.mbox"), "t.mbox")
    cut = archive.rindex(b"\ndiff ") + 1
    with pytest.raises(InputError, match=r"is cut short: its diffstat has 2 files, its diff 1$"):
        thread.series(mbox.read(archive[:cut], "t.mbox"), "t.mbox")


def test_a_cut_between_two_mails_is_a_patch_that_is_not_there(archive: bytes) -> None:
    with pytest.raises(InputError, match="lacks 2/2"):
        thread.series(mbox.read(archive[: archive.rindex(b"\nFrom ") + 1], "t.mbox"), "t.mbox")


def test_an_mbox_without_its_beginning_lacks_a_patch(archive: bytes) -> None:
    for cut in (200, archive.index(b"\ndiff --git") + 1, 3):
        with pytest.raises(InputError, match="lacks 1/2"):
            thread.series(mbox.read(archive[cut:], "t.mbox"), "t.mbox")


def test_a_changelog_may_quote_the_start_of_a_mail() -> None:
    quoting = mails.mail("[PATCH 4/4] KVM: 4", b"It began with\n" + mails.FROM + b"and so on.\n" + diff("4"))
    sent = [one.replace(b"/3]", b"/4]") for one in posted()]
    assert subjects(read([*sent, quoting])) == [*WANTED, "KVM: 4"]


def test_a_mail_put_in_front_of_an_mbox_belongs_to_it() -> None:
    _, first, *rest = posted()
    found = thread.series(mbox.read(first + mails.mbox(rest), "t.mbox"), "t.mbox")
    assert subjects(found) == WANTED


# --- TARGETs made of mails ----------------------------------------------------------------------


def test_a_packed_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.mbox.gz").write_bytes(gzip.compress(mails.mbox(posted())))
    assert subjects(inputs.load(str(tmp_path / "t.mbox.gz"))) == WANTED


def test_a_packed_archive_that_is_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.mbox.gz").write_bytes(gzip.compress(mails.mbox(posted()))[:-9])
    with pytest.raises(InputError, match=r"t\.mbox\.gz is not a gzip file that can be read"):
        inputs.load(str(tmp_path / "t.mbox.gz"))


def test_an_input_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/dev/zero is not a regular file"):
        inputs.load("/dev/zero")
    with (tmp_path / "t.mbox").open("wb") as file:
        file.truncate(files.LIMIT + 1)
    with pytest.raises(InputError, match=r"t\.mbox has more than 256 MiB"):
        inputs.load(str(tmp_path / "t.mbox"))


@pytest.mark.timeout(60)
def test_a_pipe_that_nobody_writes_to_keeps_nobody_waiting(tmp_path: Path) -> None:
    for name in ("patches/0001-x.patch", "maildir/cur/1", "maildir/new/2", "case/testcase.toml", "t.mbox"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(tmp_path / name)
    for name in ("patches", "maildir", "case", "t.mbox"):
        with pytest.raises(InputError, match=f"{tmp_path / name}.* is not a regular file"):
            inputs.load(str(tmp_path / name))


@pytest.mark.parametrize("place", ["/dev/fd", "/proc/self/fd"])
def test_what_a_shell_has_opened_is_read_though_it_is_a_pipe(tmp_path: Path, place: str) -> None:
    (tmp_path / "t.mbox").write_bytes(mails.mbox(posted()))
    with subprocess.Popen(["cat", tmp_path / "t.mbox"], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        assert subjects(inputs.load(f"{place}/{cat.stdout.fileno()}")) == WANTED


def test_what_is_piped_in_is_read_by_its_name(tmp_path: Path) -> None:
    code = "from kseries import inputs; print(len(inputs.load('/dev/stdin').series.patches))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, input=mails.mbox(posted()), stdout=subprocess.PIPE, check=True)
    assert int(done.stdout) == len(WANTED)


def test_a_maildir_is_read_whatever_its_files_are_called(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "m" / folder).mkdir(parents=True)
    for number, one in enumerate(reversed([*posted(), *map(mails.reply, posted())])):
        (tmp_path / "m" / ("cur" if number % 2 else "new") / f"1700000000.M{number}.host:2,S").write_bytes(one)
    (tmp_path / "m" / "cur" / ".hidden").write_bytes(b"x")
    found = inputs.load(str(tmp_path / "m"))
    assert (found.series.name, subjects(found)) == ("m", WANTED)


def test_one_mail_or_a_bare_diff_is_a_series_of_one(tmp_path: Path) -> None:
    (tmp_path / "fix.patch").write_bytes(mails.mail("[PATCH] KVM: a", diff("a")))
    (tmp_path / "fix.diff").write_bytes(diff("a").partition(b"\n\n")[2])
    assert subjects(inputs.load(str(tmp_path / "fix.patch"))) == ["KVM: a"]
    assert subjects(inputs.load(str(tmp_path / "fix.diff"))) == ["fix"]


def test_a_patch_that_is_attached_as_format_patch_wrote_it_is_one_mail(tmp_path: Path) -> None:
    inner = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" + posted()[1]
    (tmp_path / "x.eml").write_bytes(mails.as_an_attachment(mails.mail("KVM: attached", inner)))
    assert subjects(inputs.load(str(tmp_path / "x.eml"))) == ["KVM: attached"]


def test_v_of_what_has_no_versions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fix.patch").write_bytes(mails.mail("[PATCH] KVM: a", diff("a")))
    with pytest.raises(InputError, match="has no v2"):
        inputs.load(str(tmp_path / "fix.patch"), reroll=2)


def test_of_a_directory_with_two_versions_the_newest_is_taken(tmp_path: Path) -> None:
    for version in (1, 2):
        for number, one in enumerate(posted(version)):
            name = f"v{version}-{number:04}-x.patch" if version > 1 else f"{number:04}-x.patch"
            (tmp_path / name).write_bytes(one)
    found = inputs.load(str(tmp_path))
    assert (found.series.version, subjects(found), len(found.notes)) == (2, WANTED, 1)
    assert inputs.load(str(tmp_path), reroll=1).series.version == 1
    with pytest.raises(InputError, match=r"^-v 3: .* is v2 "):
        inputs.load(str(tmp_path), reroll=3)


# --- nothing but a Series or an InputError ------------------------------------------------------

MBOX = mails.mbox([*posted(2), mails.reply(posted(2)[1]), *(mails.in_base64(one) for one in posted())])


def never_more_than_an_error(data: bytes) -> None:
    try:
        found = thread.series(mbox.read(data, "t.mbox"), "t.mbox")
    except InputError as error:
        assert 1 <= len(str(error).splitlines()) <= 2
    else:
        assert [patch.number for patch in found.series.patches] == list(range(1, len(found.series.patches) + 1))


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_arbitrary_bytes(data: bytes) -> None:
    never_more_than_an_error(data)
    never_more_than_an_error(mails.FROM + data)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mangled_mbox(data: st.DataObject) -> None:
    """Pieces of an mbox taken out, doubled, or written over."""
    mangled = bytearray(MBOX)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(mangled)))
        end = min(len(mangled), start + data.draw(st.integers(0, 300)))
        mangled[start:end] = data.draw(
            st.sampled_from([b"", bytes(mangled[start:end] * 2), b"\0\xff\r", b"\n\n", b"\nFrom "])
        )
    never_more_than_an_error(bytes(mangled))


def test_a_change_that_comes_back_after_its_revert_is_there_twice() -> None:
    """format-patch -N: without numbers, nothing but its subject tells it from what was sent again."""
    wanted = ["KVM: x", 'Revert "KVM: x"', 'Reapply "KVM: x"']
    words = ["there", "gone", "there"]
    sent = [mails.mail(f"[PATCH] {one}", diff(word)) for one, word in zip(wanted, words, strict=True)]
    assert subjects(read(sent)) == wanted
