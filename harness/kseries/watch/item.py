# SPDX-License-Identifier: GPL-2.0-only
"""A series in the queue: what it is, how far it came, and what was answered. Records that the queue keeps as JSON."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from kseries.host import checksums
from kseries.inputs.prerequisite import Prerequisite
from kseries.model import Record


class Stage(StrEnum):
    """Where a series is."""

    WAITING = "waiting"
    """Mails of it did not come yet."""
    NEW = "new"
    """It is whole, and nothing was begun."""
    QUICK = "quick"
    """The quick answer is under way, or was when somebody killed the watch."""
    FULL = "full"
    """The whole answer is."""
    DONE = "done"
    FAILED = "failed"
    """It could not be judged, and not for want of a base."""
    SUPERSEDED = "superseded"
    SAME = "same"
    """Its patches are those of one that came before: a RESEND."""
    NOT_OURS = "not-ours"
    """No tree has its files."""
    NO_BASE = "no-base"
    INCOMPLETE = "incomplete"
    """Mails of it did not come, and nobody waits for them any more."""
    NOT_CHOSEN = "not-chosen"
    """It is none that was asked for; others may be made on top of it."""

    @property
    def at_work(self) -> bool:
        return self in (Stage.NEW, Stage.QUICK, Stage.FULL)


class Choice(Record, frozen=True):
    """A base, and how it was found. ``revision`` is empty of a tree that has none."""

    tree: str
    revision: str
    told: str
    guessed: bool = False
    """Whether it is only where such series go, and nothing says that this one was made there."""


class Answer(Record, frozen=True):
    """What came of a series, as far as others would be told."""

    applies: bool
    headline: str
    """What it comes to, in a sentence."""
    bisectable: bool | None = None
    revert_safe: bool | None = None
    findings: tuple[str, ...] = ()
    """Of each that is no advice its kind and its state."""
    states: tuple[str, ...] = ()
    """Of each its name and how far it came, where that is not as far as it was to."""
    lacking: tuple[str, ...] = ()
    """The prerequisites that were not to be found."""
    unfinished: tuple[str, ...] = ()
    """What was left out when the budget was used up."""

    @property
    def digest(self) -> str:
        """What is the same for answers that say the same, in other words or not."""
        told = (str(self.applies), str(self.bisectable), str(self.revert_safe))
        return checksums.of_words([*told, "", *self.findings, "", *self.states, *self.unfinished])


class Item(Record, frozen=True):
    """A series. ``number`` counts as they are met, ``order`` as they became whole; neither goes by a clock."""

    number: int
    stage: Stage
    subject: str
    sender: str
    version: int
    thread: int
    own: tuple[str, ...]
    """The keys of its mails that are of this version."""
    mails: tuple[str, ...] = ()
    """Those of its cover letter and its patches, in their order; none before it is whole."""
    change_id: str = ""
    patches: int = 0
    content: str = ""
    """A digest of its patches."""
    base_commit: str = ""
    authors: tuple[str, ...] = ()
    """The addresses of those who made its patches, in lower case."""
    order: int = 0
    came: float = 0.0
    """When its last mail came, in seconds since 1970: for how long others are waited for."""
    posted: str = ""
    """When its first mail says that it was sent, as ISO 8601 has it."""
    paths: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    named: tuple[Prerequisite, ...] = ()
    """What it says that it is made on top of."""
    told: str = ""
    """Why it is where it is."""
    base: Choice | None = None
    quick: Answer | None = None
    full: Answer | None = None
    tries: int = 0
    """How often this host failed at it."""
    failed: float = 0.0
    """When it did so last."""
    idle: int = 0
    """How many sittings in a row have left out the same, since the budget was used up."""
    by: int = 0
    """The series that took its place, or has its patches."""
    published: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By where it went, the answer that was published there last, as publishing.py tells answers apart."""

    @property
    def answer(self) -> Answer | None:
        """What is known by now."""
        return self.full or self.quick
