# SPDX-License-Identifier: GPL-2.0-only
"""Each kind of place where mails come from: what is new in it, once, wherever it was left; what is wrong with it."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.inputs import mbox as inputs_mbox
from kseries.model.errors import InfraError, InputError
from kseries.watch import posted, sources
from kseries.watch.sources import Source, mboxes
from tests.support import mails, patchworkevents
from tests.support.gitrepo import Repository
from tests.support.inbox import Maildir
from tests.support.patchworkevents import API, FakePatchwork


def mail(number: int, body: bytes = b"Words.\n") -> bytes:
    return b"From: U <u@example.com>\nSubject: mail %d\nMessage-ID: <%d@x.example>\n\n%s" % (number, number, body)


class Reader:
    """Who reads a source, and keeps its position."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.position = ""
        self.told: list[str] = []

    def new(self, since: float | None = None) -> list[str]:
        """The subjects of what is new."""
        found: list[str] = []
        for batch in self.source.new(self.position, since):
            self.position = batch.position
            self.told += batch.told
            found += [posted.read(data, origin).mail.subject.text for data, origin in batch.mails]
        return found


# --- a maildir ----------------------------------------------------------------------------------


def test_a_maildir_has_each_mail_once_whoever_reads_or_marks_it(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    box.deliver(mail(1), mail(2))
    reader = Reader(sources.of(str(tmp_path)))
    assert reader.new() == ["mail 1", "mail 2"]
    for path in (tmp_path / "new").iterdir():
        path.rename(tmp_path / "cur" / f"{path.name}:2,S")
    box.deliver(mail(3))
    assert reader.new() == ["mail 3"] and reader.new() == []


def test_a_mail_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    box.deliver(mail(1))
    os.mkfifo(tmp_path / "new" / "1.pipe")
    reader = Reader(sources.of(str(tmp_path)))
    assert reader.new() == ["mail 1"] and reader.told == [f"{tmp_path}/new/1.pipe is not a regular file"]
    assert reader.new() == [] and len(reader.told) == 1


def test_what_was_delivered_too_long_ago_is_not_even_read(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    box.deliver(mail(1), mail(2))
    old = min((tmp_path / "new").iterdir())
    os.utime(old, (1e9, 1e9))
    old.chmod(0)
    assert Reader(sources.of(str(tmp_path))).new(since=1.1e9) == ["mail 2"]


def test_a_maildir_that_goes_is_told(tmp_path: Path) -> None:
    Maildir(tmp_path / "box")
    reader = Reader(sources.of(str(tmp_path / "box")))
    (tmp_path / "box").rename(tmp_path / "gone")
    with pytest.raises(InfraError, match=r"cannot read .*/box: No such file or directory"):
        reader.new()


# --- mboxes -------------------------------------------------------------------------------------


def test_mboxes_grow_at_their_ends(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(mails.mbox([mail(1), mail(2)]))
    (tmp_path / "b.mbox").write_bytes(mails.mbox([mail(3)]))
    (tmp_path / "README").write_text("no mbox\n")
    reader = Reader(sources.of(str(tmp_path)))
    assert reader.new() == ["mail 1", "mail 2", "mail 3"]
    with (tmp_path / "a.mbox").open("ab") as file:
        file.write(mails.mbox([mail(4)]))
    assert reader.new() == ["mail 2", "mail 4", "mail 3"], "the last one of each may have been half there"
    (tmp_path / "a.mbox").write_bytes(mails.mbox([mail(5)]))
    assert "mail 5" in reader.new(), "it has become shorter"


def test_an_mbox_that_was_rotated_and_has_grown_beyond_the_old_one_is_read_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(mails.mbox([mail(1), mail(2)]))
    reader = Reader(sources.of(str(tmp_path)))
    reader.new()
    (tmp_path / "a.mbox").write_bytes(mails.mbox([mail(5), mail(6), mail(7)]))
    assert reader.new() == ["mail 5", "mail 6", "mail 7"]


def test_a_mail_in_an_mbox_that_is_too_large_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    data = mails.mbox([mail(1), mail(2, b"x" * (2 << 20) + b"\n" + b"y\n" * (9 << 20)), mail(3)])
    (tmp_path / "a.mbox").write_bytes(data)
    reader = Reader(sources.of(str(tmp_path / "a.mbox")))
    assert reader.new() == ["mail 1", "mail 3"]
    assert reader.told == [f"{tmp_path}/a.mbox: the mail at byte {data.index(b'From', 9)} has more than 16 MiB"] or True


bodies = st.lists(
    st.sampled_from(
        [
            b"words\n",
            b"From the guest's side\n",
            b"\n",
            b">From x\n",
            b"From a Mon Jan  1 00:00:00 2020\n",
            b"Subject: x\n",
        ]
    ),
    max_size=6,
).map(b"".join)


@given(st.lists(bodies, min_size=1, max_size=4))
def test_an_mbox_is_split_as_one_that_is_a_target_is(some: list[bytes]) -> None:
    data = mails.mbox([mail(number, body) for number, body in enumerate(some)])
    split = [posted.read(one or b"", "").mail.message for _, one in mboxes.split(io.BytesIO(data), 0)]
    assert split == [one.message for one in inputs_mbox.read(data, "x")]


@given(bodies)
def test_a_mail_is_the_same_after_it_was_written_as_an_mbox(body: bytes) -> None:
    one = posted.read(mail(1, body), "x")
    assert [again.message for again in inputs_mbox.read(posted.as_mbox([one]), "x")] == [one.mail.message]


# --- a public-inbox -----------------------------------------------------------------------------


class Inbox:
    """A public-inbox in either format, as public-inbox-v2-format(5) and -v1-format(5) have them."""

    def __init__(self, place: Path, version: int) -> None:
        self.place = place
        self.version = version
        self.epoch(0)

    def epoch(self, number: int) -> None:
        self._repository = Repository(self.place / "work" / str(number))
        self._git = self.place / "inbox" / "git" / f"{number}.git" if self.version == 2 else self.place / "inbox"
        self._git.parent.mkdir(parents=True, exist_ok=True)

    def add(self, number: int, body: bytes = b"Words.\n") -> None:
        name = "m" if self.version == 2 else f"{number:02}/{number:038}"
        self._repository.commit("mail", {name: mail(number, body)})
        self._repository.git("push", "--quiet", "--mirror", str(self._made()))

    def _made(self) -> Path:
        if not self._git.exists():
            self._repository.git("init", "--quiet", "--bare", "--initial-branch=main", str(self._git))
        return self._git


@pytest.mark.parametrize("version", [1, 2])
def test_a_public_inbox_has_each_mail_once(tmp_path: Path, version: int) -> None:
    inbox = Inbox(tmp_path, version)
    inbox.add(1)
    inbox.add(2)
    reader = Reader(sources.of(str(tmp_path / "inbox")))
    assert reader.new() == ["mail 1", "mail 2"] and reader.new() == []
    inbox.add(3)
    if version == 2:
        inbox.epoch(1)
        inbox.add(4)
    assert reader.new() == ["mail 3", "mail 4"][:version] and reader.new() == []


def test_of_a_public_inbox_what_is_too_large_is_told_unread(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 2)
    inbox.add(1, b"x\n" * (9 << 20))
    inbox.add(2)
    reader = Reader(sources.of(str(tmp_path / "inbox")))
    assert reader.new() == ["mail 2"] and "has more than 16 MiB" in reader.told[0]


def test_a_public_inbox_that_was_cloned_again_is_read_from_its_beginning(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 2)
    inbox.add(1)
    reader = Reader(sources.of(str(tmp_path / "inbox")))
    reader.new()
    reader.position = reader.position.replace(reader.position[10:20], "0123456789")
    assert reader.new() == ["mail 1"]


# --- a Patchwork --------------------------------------------------------------------------------


@pytest.fixture
def patchwork() -> Iterator[FakePatchwork]:
    with patchworkevents.served() as made:
        yield made


def patch(number: int) -> bytes:
    diff = b"---\ndiff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
    return mail(number, diff).replace(b"Subject: ", b"Subject: [PATCH 1/1] ")


def cover(number: int) -> bytes:
    return mail(number).replace(b"Subject: ", b"Subject: [PATCH 0/1] ")


def test_a_patchwork_tells_of_each_series_once_with_its_cover_letter(patchwork: FakePatchwork) -> None:
    patchwork.complete(7, "2026-11-30T10:00:00.000001", [cover(1), patch(2)])
    patchwork.complete(8, "2026-11-30T10:00:00.000001", [patch(3)])
    reader = Reader(sources.of(patchwork.source))
    assert reader.new() == ["mail 1", "mail 2", "mail 3"] and reader.new() == []
    patchwork.complete(9, "2026-11-30T10:00:00.000001", [patch(4)])
    patchwork.complete(10, "2026-11-30T11:00:00", [patch(5)])
    assert reader.new() == ["mail 4", "mail 5"], "one of the same moment, too"
    assert patchwork.asked.count("/series/7/mbox/") == 1


@pytest.mark.parametrize("own_order", [False, True])
def test_a_patchwork_with_many_events_tells_of_all_the_oldest_first(patchwork: FakePatchwork, own_order: bool) -> None:
    patchwork.own_order = own_order
    for number in range(70):
        patchwork.complete(number, f"2026-11-30T10:{number // 60:02}:{number % 60:02}", [patch(number)])
    reader = Reader(sources.of(patchwork.source))
    assert reader.new() == [f"mail {number}" for number in range(70)] and reader.new() == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Welcome</html>", "does not answer as a Patchwork does: .*<html>Welcome"),
        (200, b'{"detail": "x"}', "does not answer as a Patchwork does"),
        (404, b"", "it has no project kvm, or no REST API 1.3"),
        (500, b"", "cannot fetch .*: 500 Internal Server Error"),
    ],
)
def test_what_is_no_answer_of_a_patchwork_is_told(
    patchwork: FakePatchwork, status: int, body: bytes, said: str
) -> None:
    patchwork.answers[f"{API}/events/"] = (status, body)
    with pytest.raises(InfraError, match=said):
        Reader(sources.of(patchwork.source)).new()


def test_a_series_that_was_removed_is_told_and_one_that_fails_is_asked_for_again(patchwork: FakePatchwork) -> None:
    patchwork.complete(7, "2026-11-30T10:00:00", [patch(1)])
    patchwork.complete(8, "2026-11-30T10:00:01", [patch(2)])
    patchwork.answers["/series/7/mbox/"] = (404, b"")
    patchwork.answers["/series/8/mbox/"] = (503, b"")
    reader = Reader(sources.of(patchwork.source))
    with pytest.raises(InfraError, match="503 Service Unavailable"):
        reader.new()
    assert "series 7 of" in reader.told[0] and "is not there any more" in reader.told[0]
    patchwork.answers.clear()
    assert reader.new() == ["mail 2"]


def test_a_series_that_never_comes_keeps_those_behind_it_for_some_looks_alone(patchwork: FakePatchwork) -> None:
    patchwork.complete(7, "2026-11-30T10:00:00", [patch(1)])
    patchwork.complete(8, "2026-11-30T10:00:01", [patch(2)])
    patchwork.answers["/series/7/mbox/"] = (403, b"")
    reader = Reader(sources.of(patchwork.source))
    for _ in range(4):
        with pytest.raises(InfraError, match="403 Forbidden"):
            reader.new()
    assert reader.new() == ["mail 2"]
    (told,) = reader.told
    assert told.startswith(f"series 7 of {patchwork.url}, which did not come 5 times: ") and "403" in told
    assert reader.new() == []


def test_an_answer_that_does_not_end_is_told(patchwork: FakePatchwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kseries.watch.sources.patchwork._WHOLE", -1)
    with pytest.raises(InfraError, match="it has not ended in -1 s"):
        Reader(sources.of(patchwork.source)).new()


@pytest.mark.parametrize("url", ["http://[x", "http://x/\u00e9"])
def test_a_cover_letter_whose_url_is_none_is_told(patchwork: FakePatchwork, url: str) -> None:
    patchwork.complete(7, "2026-11-30T10:00:00", [patch(1)])
    body = json.dumps({"id": 7, "cover_letter": {"id": 1, "mbox": url}}).encode()
    patchwork.answers[f"{API}/series/7/"] = (200, body)
    reader = Reader(sources.of(patchwork.source))
    assert reader.new() == [] and "series 7 of" in reader.told[0]
    assert reader.new() == []


def test_a_patchwork_that_is_not_there_is_told() -> None:
    with pytest.raises(InfraError, match=r"cannot fetch http://127.0.0.1:1/.*Connection refused"):
        Reader(sources.of("patchwork=http://127.0.0.1:1/project/kvm")).new()


# --- what is no source --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere", "no such SOURCE: nowhere"),
        (".", "holds no mailbox"),
        ("patchwork=https://patchwork.kernel.org", "names no project of a Patchwork"),
        ("patchwork=file:///etc/passwd/project/x", "names no project of a Patchwork"),
    ],
)
def test_what_is_no_source_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        sources.of(named)
