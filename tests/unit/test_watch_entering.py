# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of series in the queue as mails of several senders come: what replaces another and what does not."""

from pathlib import Path

import msgspec
import pytest

from kseries.watch import archive
from kseries.watch.choosing import Picks
from kseries.watch.item import Answer, Stage
from kseries.watch.queue import Queue
from kseries.watch.sources.source import Batch

AUTHOR = "author@example.com"
STRANGER = "stranger@example.net"
CHANGE = "change-id: 20261130-two-0123456789ab\n"


def patch(name: str, subject: str, *, sender: str = AUTHOR, file: str = "virt/a.c", **more: str) -> bytes:
    """A patch that changes a line of a file. ``more``: what it ``answers``, its ``line``, ``words`` and trailers."""
    answers = f"In-Reply-To: <{more['answers']}@x.example>\n" if "answers" in more else ""
    head = f"From: U <{sender}>\nSubject: {subject}\nMessage-ID: <{name}@x.example>\n{answers}"
    author = f"From: A <{more['author']}>\n\n" if "author" in more else ""
    body = f"{author}What it does.\n{more.get('ends', '')}---\n {more.get('words', '')}\n"
    diff = f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-old\n+{more.get('line', 'new')}\n"
    return f"{head}\n{body}{diff}-- \n2.43.0\n\n{more.get('behind', '')}".encode()


class Entered:
    """A queue that mails are entered into."""

    def __init__(self, place: Path) -> None:
        self.queue = Queue(place, print)

    def mails(self, *mails: bytes) -> None:
        batch = Batch(tuple((one, "a test") for one in mails), "")
        assert self.queue.take("test", batch, Picks(), 1.0, None) == []

    def answered(self, number: int, applies: bool = True) -> None:
        done = {"stage": Stage.DONE, "full": Answer(applies=applies, headline="")}
        self.queue.put(msgspec.structs.replace(self.queue.items[number], **done))

    @property
    def stages(self) -> list[str]:
        return [str(one.stage) for one in self.queue.items.values()]


@pytest.fixture
def entered(tmp_path: Path) -> Entered:
    return Entered(tmp_path)


# --- whose versions -----------------------------------------------------------------------------


def test_the_change_id_of_another_takes_nobodys_place(entered: Entered) -> None:
    entered.mails(patch("v2", "[PATCH v2] KVM: A", ends=CHANGE))
    entered.mails(patch("v99", "[PATCH v99] KVM: A", sender=STRANGER, author=AUTHOR, ends=CHANGE, answers="v2"))
    entered.mails(patch("v3", "[PATCH v3] KVM: A", ends=CHANGE, line="newer"))
    assert entered.stages == ["superseded", "new", "new"]


def test_an_author_of_a_series_sends_its_next_version_in_its_thread(entered: Entered) -> None:
    entered.mails(patch("v1", "[PATCH] KVM: A", author="other@example.org", ends=CHANGE))
    entered.mails(patch("v2", "[PATCH v2] KVM: A", sender="other@example.org", ends=CHANGE, line="x", answers="v1"))
    assert entered.stages == ["superseded", "new"]


# --- what is of one version ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "more", "stages"),
    [
        ("[PATCH 6.6] KVM: Fix", "[PATCH 6.1] KVM: Fix", {}, ["new", "new"]),
        ("[PATCH] docs: Fix typo", "[PATCH] docs: Fix typo", {"file": "b.c"}, ["new", "new"]),
        ("[PATCH] KVM: Fix", "[PATCH RESEND] KVM: Fix", {}, ["superseded", "new"]),
        ("[PATCH v3 1/1] KVM: X", "[PATCH 1/1] selftests: Y", {"file": "b.c", "answers": "one"}, ["new", "new"]),
        ("[PATCH v3 1/1] KVM: X", "[PATCH v4 1/1] KVM: Y", {"answers": "one"}, ["superseded", "new"]),
    ],
)
def test_of_one_sender_what_has_another_purpose_stays(
    entered: Entered, first: str, second: str, more: dict[str, str], stages: list[str]
) -> None:
    entered.mails(patch("one", first))
    entered.mails(patch("two", second, line="other", **more))
    assert entered.stages == stages


# --- what is sent again -------------------------------------------------------------------------


def test_what_is_sent_again_with_other_words_is_the_same(entered: Entered) -> None:
    entered.mails(patch("one", "[PATCH] KVM: A"))
    entered.mails(patch("two", "[PATCH RESEND] KVM: A", words="Nobody has looked.", behind="_______\nlist footer\n"))
    assert entered.stages == ["new", "same"]


BASES = tuple(f"base-commit: {digit * 40}\n" for digit in "12")


@pytest.mark.parametrize(
    "more",
    [{"line": "\tnew"}, {"sender": STRANGER}, {"behind": BASES[1]}, {"behind": f"{BASES[0]}depends-on: <a@b.c>\n"}],
    ids=["a tab", "another sender", "another base", "a prerequisite"],
)
def test_what_differs_in_what_it_comes_to_is_not_the_same(entered: Entered, more: dict[str, str]) -> None:
    entered.mails(patch("one", "[PATCH] KVM: A", behind=BASES[0]))
    entered.mails(patch("two", "[PATCH RESEND] KVM: A", **{"behind": BASES[0], **more}))
    assert entered.stages[1] == "new"


@pytest.mark.parametrize(("applies", "stage"), [(True, "same"), (False, "new")])
def test_what_did_not_apply_is_looked_at_when_it_is_sent_again(entered: Entered, applies: bool, stage: str) -> None:
    entered.mails(patch("one", "[PATCH] KVM: A"))
    entered.answered(1, applies)
    entered.mails(patch("two", "[PATCH RESEND] KVM: A"))
    assert entered.stages[1] == stage


# --- threads ------------------------------------------------------------------------------------


def test_a_mail_with_the_name_of_one_that_is_here_joins_no_threads(entered: Entered) -> None:
    entered.mails(patch("a", "[PATCH] KVM: A"), patch("b", "[PATCH] mm: B", file="b.c"))
    entered.mails(patch("a", "[PATCH] KVM: A", sender=STRANGER, answers="b"))
    assert len(entered.queue.ask(lambda database: archive.threads(database, ["<a@x.example>", "<b@x.example>"]))) == 2


def test_a_mail_that_was_half_there_is_of_the_thread_that_the_rest_of_it_names(entered: Entered) -> None:
    whole = patch("b", "[PATCH 2/2] KVM: B", answers="a")
    entered.mails(patch("a", "[PATCH 1/2] KVM: A"), whole[: whole.index(b"In-Reply-To")])
    entered.mails(whole)
    assert entered.stages[0] == "new"
