# SPDX-License-Identifier: GPL-2.0-only
"""What finished runs know of a patch that somebody has as a mail, in a repository or not."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import UNSET

from kseries.app import rundir
from kseries.cache.patchindex import SERIES, PatchIndex, Place, tree
from kseries.host.database import DatabaseError
from kseries.inputs.checkedmail import CheckedMail, Tracking
from kseries.model import AppliedPatch, RunResult
from kseries.model.errors import InfraError, InputError
from kseries.report.knownpatch import Known
from kseries.report.questions import answers
from kseries.sources import repository

_COMMITS = 500
"""Those of each history that are looked at, the newest first."""
_LOG_SECONDS = 10.0
_RESULTS = 32
"""The results that are read for one patch: some variants of some runs. Each may have some MiB."""
_ALIKE = 4
"""Those of them that hold and are of the same circumstances: the newest are believed."""


@dataclass(frozen=True)
class Found:
    """What runs know of a patch or a series, the newest first; and after how many results the older ones were not
    looked at, which may know something else: 0 where all were.
    """

    known: Sequence[Known]
    unread: int


@dataclass(frozen=True)
class Here:
    """What lies in the folder that somebody asks in, whose mail may be of one of its commits."""

    trees: frozenset[str] = frozenset()
    tips: frozenset[str] = frozenset()
    """Those of them with nothing after."""
    subjects: frozenset[str] = frozenset()
    reviewed: bool = False
    """Whether all patches of the series are here, on a branch of b4 review, or nobody can tell."""

    def has(self, checked: CheckedMail) -> bool:
        """Whether the patch is here, so that the trees tell on what code it is, and its Message-ID does not."""
        return self.reviewed or checked.mail.subject.text in self.subjects

    @classmethod
    def at(cls, folder: Path, tracking: Tracking) -> "Here":
        """In a repository the last commits, and those of a branch that b4 review has; nothing where git cannot tell."""
        revisions = ["HEAD", *filter(None, [tracking.branch])]
        try:
            # One by one: a history with many newer commits would leave no place for a branch of review.
            rows = [row for one in revisions for row in repository.recent(folder, one, _COMMITS, _LOG_SECONDS)]
            tips = [repository.tree_of(folder, one) for one in revisions] if rows else []
        except (InputError, InfraError):
            return cls(reviewed=True)
        trees, subjects = zip(*rows, strict=True) if rows else ((), ())
        reviewed = len(tips) > 1 and tips[-1] is not None
        return cls(frozenset(trees), frozenset(filter(None, tips)), frozenset(subjects), reviewed)


@dataclass(frozen=True)
class Branch:
    """The trees of a series on the branch that b4 review has of it: before its first patch, and after its last; None
    where that is not known.
    """

    before: str | None = None
    after: str | None = None

    @classmethod
    def at(cls, folder: Path, tracking: Tracking) -> "Branch | None":
        """None where there is no such branch."""
        try:
            after = repository.tree_of(folder, tracking.branch) if tracking.branch else None
            before = repository.tree_of(folder, f"{tracking.first}~1") if tracking.first else None
        except (InputError, InfraError):
            return cls()
        return cls(before, after) if after else None

    def has(self, patches: Sequence[AppliedPatch], total: int | None) -> bool:
        """Whether these are its patches, of a series that is said to have so many."""
        begins = patches[0].tree_before == self.before if self.before else (total or 1) == len(patches)
        return begins and patches[-1].tree_after == self.after and total in (None, len(patches))


def of_patch(index: PatchIndex, checked: CheckedMail, here: Here) -> Found:
    """What runs know of the patch in a mail. Raises InfraError where the list cannot be read."""

    def known(run: RunResult, directory: Path, place: Place) -> Known | None:
        patches, asked = run.series.patches, checked.mail.subject
        twins = [one for one in patches if _has_diff(one, checked)]
        patch = next((one for one in twins if one.number == place.number), None)
        if patch is None:
            return None
        is_mail = _is_mail(checked, patch)
        is_it = len(twins) == 1 or is_mail or (asked.number, asked.total) == (patch.number, len(patches))
        mails = is_mail and not here.has(checked)
        whole = mails and asked.total in (None, len(patches))
        before = is_it and (mails or patch.tree_after in here.trees)
        return Known(run, directory, patch, answers(run), before, after=whole or patches[-1].tree_after in here.tips)

    return _results(index, checked.patch_ids, known)


def of_series(index: PatchIndex, checked: CheckedMail, branch: Branch | None) -> Found:
    """What runs know of the last patch of a series, all of the same patches: those of a branch, or
    those of which the mail is the cover letter or the first. Where there is a branch, the mail alone tells of other
    code. Raises InfraError as ``of_patch``.
    """
    total = checked.mail.subject.total

    def known(run: RunResult, directory: Path, place: Place) -> Known | None:
        patches = run.series.patches
        cover = place.number == SERIES and run.series.cover_id == checked.mail.id != ""
        first = place.number == 1 and _is_mail(checked, patches[0]) and _has_diff(patches[0], checked)
        as_mails = (cover or first) and total in (None, len(patches))
        on_branch = branch is not None and branch.has(patches, total)
        if not as_mails and not on_branch:
            return None
        holds = on_branch or branch is None
        return Known(run, directory, patches[-1], answers(run), before=holds, after=holds)

    names = [*filter(None, [checked.mail.id]), *([tree(branch.after)] if branch and branch.after else [])]
    found = _results(index, names, known)
    lead = next((one for one in found.known if one.before), found.known[0] if found.known else None)
    same = [one for one in found.known if lead and _are_same(one.run.series.patches, lead.run.series.patches)]
    return replace(found, known=same)


def _has_diff(patch: AppliedPatch, checked: CheckedMail) -> bool:
    return patch.patch_ids is not UNSET and not set(patch.patch_ids).isdisjoint(checked.patch_ids)


def _is_mail(checked: CheckedMail, patch: AppliedPatch) -> bool:
    """Whether the mail is the one that a run had as this patch, with all before it."""
    return checked.mail.id == patch.message_id != "" and checked.mail.subject.number in (None, patch.number)


def _are_same(some: Sequence[AppliedPatch], others: Sequence[AppliedPatch]) -> bool:
    """Whether patches are the same ones in the same order, be it on another base."""
    return len(some) == len(others) and all(
        one.tree_after == other.tree_after or not set(one.patch_ids or ()).isdisjoint(other.patch_ids or ())
        for one, other in zip(some, others, strict=True)
    )


def _results(index: PatchIndex, names: Sequence[str], known: Callable[[RunResult, Path, Place], Known | None]) -> Found:
    """What the results make known that are there, and are what was written down."""
    every: list[Known] = []
    alike, read = Counter[str](), 0
    try:
        for place in index.find(names):
            if alike[place.circumstances] == _ALIKE or not place.is_there:
                continue
            if read == _RESULTS:
                return Found(every, unread=read)
            read += 1
            try:
                run, directory = rundir.read(Path(place.out))
            except InputError:  # of another kseries
                continue
            if (found := known(run, directory, place)) is not None:
                every.append(found)
                alike[place.circumstances] += found.before and found.after and not run.partial
    except DatabaseError as error:
        raise InfraError(f"the list of patches that runs have seen cannot be read: {error}") from error
    return Found(every, unread=0)
