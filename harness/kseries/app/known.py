# SPDX-License-Identifier: GPL-2.0-only
"""What finished runs know of a patch that somebody has as a mail, in a repository or not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from msgspec import UNSET

from kseries.app import rundir
from kseries.cache.patchindex import SERIES, PatchIndex, Place, tree
from kseries.host.database import DatabaseError
from kseries.inputs.checkedmail import CheckedMail, Tracking
from kseries.model import RunResult
from kseries.model.errors import InfraError, InputError
from kseries.report.knownpatch import Known
from kseries.report.questions import answers
from kseries.sources import repository

_COMMITS = 500
"""Those of each history that are looked at, the newest first."""
_LOG_SECONDS = 10.0
_RESULTS = 8
"""The results that are read for one patch: some variants of some runs. Each may have some MiB."""


@dataclass(frozen=True)
class Here:
    """What lies in the folder that somebody asks in, whose mail may be of one of its commits."""

    trees: frozenset[str] = frozenset()
    tips: frozenset[str] = frozenset()
    """Those of them with nothing after."""
    subjects: frozenset[str] = frozenset()

    @classmethod
    def at(cls, folder: Path, tracking: Tracking) -> "Here":
        """In a repository the last commits, and those of a branch that b4 review has; nothing where git cannot tell."""
        revisions = ["HEAD", *filter(None, [tracking.branch])]
        try:
            # One by one: a history with many newer commits would leave no place for a branch of review.
            rows = [row for one in revisions for row in repository.recent(folder, one, _COMMITS, _LOG_SECONDS)]
            tips = [repository.tree_of(folder, one) for one in revisions] if rows else []
        except (InputError, InfraError):
            return cls()
        trees, subjects = zip(*rows, strict=True) if rows else ((), ())
        return cls(frozenset(trees), frozenset(filter(None, tips)), frozenset(subjects))


def of_patch(index: PatchIndex, checked: CheckedMail, here: Here) -> list[Known]:
    """What runs know of the patch in a mail, the newest first. Raises InfraError where the list cannot be read."""

    def known(run: RunResult, directory: Path, place: Place) -> Known | None:
        patch = next((one for one in run.series.patches if one.number == place.number), None)
        if patch is None or patch.patch_ids is UNSET or not set(patch.patch_ids).intersection(checked.patch_ids):
            return None
        mails = _is_mail(checked, patch.message_id, patch.number)
        whole = mails and checked.mail.subject.total in (None, len(run.series.patches))
        last = run.series.patches[-1].tree_after
        before = mails or patch.tree_after in here.trees
        return Known(run, directory, patch, answers(run), before=before, after=whole or last in here.tips)

    return list(_results(index, checked.patch_ids, known))


def of_series(index: PatchIndex, checked: CheckedMail, tip: str | None) -> list[Known]:
    """What runs know of the last patch of a series, the newest first: its cover letter or first patch is the mail, or
    its last tree is known (``tip``). Raises InfraError as ``of_patch``.
    """

    def known(run: RunResult, directory: Path, place: Place) -> Known | None:
        patches = run.series.patches
        cover = place.number == SERIES and run.series.cover_id == checked.mail.id != ""
        first = place.number == 1 and _is_mail(checked, patches[0].message_id, 1)
        as_mails = (cover or first) and checked.mail.subject.total in (None, len(patches))
        if not as_mails and patches[-1].tree_after != tip:
            return None
        return Known(run, directory, patches[-1], answers(run), before=True, after=True)

    names = [*filter(None, [checked.mail.id]), *([tree(tip)] if tip else [])]
    return list(_results(index, names, known))


def tip(folder: Path, tracking: Tracking) -> str | None:
    """The tree of a series on the branch that b4 review has of it; None where there is none."""
    try:
        return repository.tree_of(folder, tracking.branch) if tracking.branch else None
    except (InputError, InfraError):
        return None


def _is_mail(checked: CheckedMail, message_id: str, number: int) -> bool:
    """Whether the mail is the one that a run had as its patch of that number, with all before it."""
    return checked.mail.id == message_id != "" and checked.mail.subject.number in (None, number)


def _results(
    index: PatchIndex, names: Sequence[str], known: Callable[[RunResult, Path, Place], Known | None]
) -> Iterator[Known]:
    """What the results make known that are there, and are what was written down."""
    try:
        for place in islice((one for one in index.find(names) if one.is_there), _RESULTS):
            try:
                run, directory = rundir.read(Path(place.out))
            except InputError:  # of another kseries
                continue
            if (found := known(run, directory, place)) is not None:
                yield found
    except DatabaseError as error:
        raise InfraError(f"the list of patches that runs have seen cannot be read: {error}") from error
