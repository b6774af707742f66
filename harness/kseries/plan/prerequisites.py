# SPDX-License-Identifier: GPL-2.0-only
"""What a series is made on top of: its prerequisites are found, and applied to the base before the series."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from kseries import inputs
from kseries.inputs import patchdir, patchfile
from kseries.inputs.prerequisite import Prerequisite
from kseries.inputs.target import Target
from kseries.model import Base, Patch, events
from kseries.model.errors import InputError
from kseries.model.sanitize import few, line
from kseries.sources import TreeStore, patchids
from kseries.sources.manytrees import ManyTrees

_DIGITS = 12


def given(files: Sequence[str], tree: str | None = None) -> tuple[Target, ...]:
    """What each ``--prerequisite`` names. Raises InputError, for a range of commits too."""
    found = tuple(_read(file, tree) for file in files)
    for file, one in zip(files, found, strict=True):
        if one.base is not None:
            raise InputError(
                f"--prerequisite {file}: a range of commits is not taken here\n"
                "  make patches of it: git format-patch -o DIR REV..REV"
            )
    return found


def _read(file: str, tree: str | None) -> Target:
    """One of them; of a file that is called like a patch only that, which may be 1/7: others come by themselves."""
    path = Path(file)
    if not (patchdir.is_patch(path.name) and path.is_file()):
        return inputs.load(file, tree)
    found = patchfile.together(patchfile.read(patchfile.mails([path])), path.name)
    if not found.series.patches:
        raise InputError(f"--prerequisite {file} holds no patch\n  is it a cover letter, or cut short?")
    return found


def patches(target: Target, others: Iterable[Target]) -> tuple[Patch, ...]:
    """Those that are at hand, in the order in which they apply: what was given, then what lay among the mails.

    Each once: of like lines, what takes one away would apply a second time to the next.
    """
    every = (*(patch for one in others for patch in (*one.before, *one.series.patches)), *target.before)
    return tuple({(patch.subject, patch.diff): patch for patch in every}.values())


def applied(
    base: Base,
    target: Target,
    others: Sequence[Target],
    store: TreeStore,
    history: tuple[Path, str] | None,
    tell: events.Listener,
) -> Base:
    """The base with the prerequisites on it that are at hand; ``history`` is its repository and commit, if it has any.

    What is named and not to be found is told, and noted in the base. Raises InputError for one that does not apply.
    """
    wanted = _applied(base, patches(target, others), store)
    if wanted.prerequisites:
        tell(events.Preparing(f"{_count(wanted.prerequisites)} applied first: {few(wanted.prerequisites)}"))
    lacking = _without_history(_lacking(target, others), history, tell)
    if lacking:
        tell(events.Preparing(f"the series names prerequisites that are not here: {few(lacking)}"))
        tell(
            events.Preparing(
                "give them with --prerequisite FILE (b4 am fetches a series by its id), unless the base has them"
            )
        )
    return msgspec.structs.replace(wanted, lacking=lacking)


def _applied(base: Base, wanted: Sequence[Patch], store: TreeStore) -> Base:
    """The base with patches on it; those that it has already are passed over."""
    tree, done = base.tree, []
    many = ManyTrees(store)
    rest = list(wanted)
    while rest:
        made, error = many.apply_all(tree, [patch.diff or b"" for patch in rest])
        tree = made[-1] if made else tree
        done += [patch.subject for patch in rest[: len(made)]]
        rest = rest[len(made) :]
        if error is not None:
            if not store.holds(tree, [rest[0].diff or b""]):
                why = few(str(error).split("; "))
                raise InputError(
                    f"the prerequisite {rest[0].origin} does not apply to {_name(base, done)}: {why}\n"
                    "  are all of them given, in their order, and is --base right?"
                ) from error
            del rest[0]
    return msgspec.structs.replace(base, name=_name(base, done), tree=tree, prerequisites=tuple(done))


def _name(base: Base, done: Sequence[str]) -> str:
    return f"{base.name} + {_count(done)}" if done else base.name


def _lacking(target: Target, others: Sequence[Target]) -> list[Prerequisite]:
    """The prerequisites that are named, and are neither at hand nor part of the series."""
    every = (target, *others)
    there = {name for one in every for name in one.ids}
    at_hand = [patch for one in every for patch in (*one.before, *one.series.patches)]
    there |= {patch.message_id.strip("<>") for patch in at_hand}
    if any(one.patch_id for one in target.prerequisites):
        there |= {*patchids.stable([patch.diff or b"" for patch in at_hand])}
    return [one for one in target.prerequisites if {one.patch_id, one.change_id, one.message_id} - {""} - there]


def _without_history(
    named: Sequence[Prerequisite], history: tuple[Path, str] | None, tell: events.Listener
) -> tuple[str, ...]:
    """The names of those that are not among the last commits of the base's history either."""
    if not named or history is None:
        return tuple(one.name for one in named)
    known, log = patchids.in_history(*history)
    lacking = []
    for one in named:
        found = known.get(one.patch_id) or patchids.linked(log, one.message_id)
        if found is None:
            lacking.append(one.name)
        else:
            tell(events.Preparing(f"prerequisite {line(one.name)} is in the base: {found[:_DIGITS]}"))
    return tuple(lacking)


def _count(done: Sequence[str]) -> str:
    return f"{len(done)} prerequisite{'s' * (len(done) > 1)}"
