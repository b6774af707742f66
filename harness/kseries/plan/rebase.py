# SPDX-License-Identifier: GPL-2.0-only
"""A series or a queue on another base: what becomes of every patch, each tried on top of those before it that applied.

Nothing is built. A patch that fails is left out, and the next one is tried.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from kseries.model import Base, FuzzedHunk, Patch, Record, RejectedHunk, Series, events
from kseries.sources import ApplyError, TreeStore
from kseries.sources.applying import Applying, Step
from kseries.sources.history import History
from kseries.sources.manytrees import ManyTrees

SCHEMA_VERSION = 1
_DIFF = ("-r", "--patch", "--binary", "--full-index", "--find-renames", "--no-ext-diff", "--no-textconv")


class Fate(StrEnum):
    """What becomes of a patch."""

    APPLIES = "applies"
    """As git am takes it: without fuzz."""
    FUZZ = "fuzz"
    """patch(1) takes it with fuzz; it is applied where --fuzz allows so much."""
    THERE = "there"
    """The base, or a patch before it, has it already."""
    REJECTED = "rejected"


class Same(StrEnum):
    """By what a commit was known for a patch."""

    CHANGE = "change"
    """It changes the same lines among the same ones, as git patch-id has it."""
    SUBJECT = "subject"
    """It has the patch's subject and files, and may change them otherwise."""


class There(Record, frozen=True):
    """The commit by which a patch is there already."""

    commit: str
    subject: str
    same: Same


class Rebased(Record, frozen=True):
    """What becomes of one patch."""

    number: int
    subject: str
    origin: str
    """Where it was read: a file, or a commit."""
    fate: Fate
    applied: bool
    """True where those after it were tried on top of it."""
    fuzz: int | None = None
    """How much it takes, up to patch(1)'s 2 or --fuzz; null where that does not help, or none was needed."""
    fuzzed: tuple[FuzzedHunk, ...] = ()
    rejected: tuple[RejectedHunk, ...] = ()
    why: str = ""
    """What git says of one that does not apply."""
    there: There | None = None
    """Null where no history tells of it."""
    alone: bool | None = None
    """Of one that is not applied, whether it would be with nothing below it; null where nothing is, or it is there."""


class Rebase(Record, frozen=True):
    """The report of ``kseries plan --apply``; its schema is docs/rebase.schema.json."""

    schema: int
    series: str
    version: int
    base: Base
    fuzz: int
    """How much was allowed: --fuzz."""
    patches: tuple[Rebased, ...]
    tree: str
    """The git tree of the base with all that applied."""

    @property
    def whole(self) -> bool:
        """True where every patch applies."""
        return all(patch.applied for patch in self.patches)


def report(
    series: Series,
    base: Base,
    store: TreeStore,
    fuzz: int = 0,
    history: History | None = None,
    tell: events.Listener = events.unheard,
) -> Rebase:
    """Try every patch, which has a diff, on a base. Raises InfraError."""
    # To read a full tree takes git a second; of many patches that fail, it would be read many times.
    many = ManyTrees(store, tell)
    small = many.small(base.tree, [patch.diff or b"" for patch in series.patches])
    rebasing = _Rebasing(small, Applying(store, many, fuzz), history, tell)
    patches = tuple(rebasing.each(series.patches))
    return Rebase(
        schema=SCHEMA_VERSION,
        series=series.name,
        version=series.version,
        base=base,
        fuzz=fuzz,
        patches=patches,
        tree=many.grown(base.tree, small, rebasing.tree),
    )


class _Rebasing:
    """Puts patches on a tree, in turn."""

    def __init__(self, tree: str, applying: Applying, history: History | None, tell: events.Listener) -> None:
        self.tree = tree
        """What those that applied have made of it."""
        self._base = tree
        self._applying = applying
        self._history = history
        self._tell = tell

    def each(self, patches: Sequence[Patch]) -> Iterator[Rebased]:
        rest = list(patches)
        while rest:
            steps, error = self._applying.in_turn(self.tree, rest)
            yield from map(_applied, rest, steps)
            self.tree = steps[-1].tree if steps else self.tree
            rest = rest[len(steps) :]
            if error is not None:
                self._tell(events.Planning("trying patches", len(patches) - len(rest), len(patches)))
                yield self._failed(rest.pop(0), error)

    def _failed(self, patch: Patch, error: ApplyError) -> Rebased:
        diff = patch.diff or b""
        if not diff:  # a commit of nothing, which git rebase keeps
            return msgspec.structs.replace(_of(patch), applied=True)
        there = self._there(patch)
        if there is not None or self._applying.store.holds(self.tree, [diff]):
            return msgspec.structs.replace(_of(patch), fate=Fate.THERE, there=there)
        found, step = self._applying.fit(self.tree, diff)
        alone = None
        if self.tree != self._base:
            alone = self._applying.in_turn(self._base, [patch])[1] is None
        failed = msgspec.structs.replace(_of(patch), why=str(error), alone=alone)
        if step is None:
            return msgspec.structs.replace(failed, fate=Fate.REJECTED, rejected=found.rejected)
        return _with_fuzz(failed, step)

    def _there(self, patch: Patch) -> There | None:
        known = self._history.find(patch) if self._history is not None else None
        return There(commit=known.commit, subject=known.subject, same=Same(known.same)) if known is not None else None


def _of(patch: Patch) -> Rebased:
    return Rebased(number=patch.number, subject=patch.subject, origin=patch.origin, fate=Fate.APPLIES, applied=False)


def _applied(patch: Patch, step: Step) -> Rebased:
    done = msgspec.structs.replace(_of(patch), applied=True)
    return _with_fuzz(done, step) if step.fuzzed else done


def _with_fuzz(patch: Rebased, step: Step) -> Rebased:
    fuzz = max(hunk.fuzz for hunk in step.fuzzed)
    return msgspec.structs.replace(patch, fate=Fate.FUZZ, fuzz=fuzz, fuzzed=step.fuzzed)


def as_diffs(series: Series, before: str, store: TreeStore) -> Series:
    """A series of commits as the diffs that they are; ``before`` is the tree under it."""
    patches: list[Patch] = []
    for patch in series.patches:
        after = store.tree_of(patch.tree or patch.commit or "")
        diff = store.answer("diff-tree", *_DIFF, before, after)
        patches.append(msgspec.structs.replace(patch, diff=diff))
        before = after
    return msgspec.structs.replace(series, patches=tuple(patches))
