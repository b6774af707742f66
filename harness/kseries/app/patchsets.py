# SPDX-License-Identifier: GPL-2.0-only
"""kseries revert and kseries pick: the search for a set, in each variant that is asked for."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kseries import inputs
from kseries.app import single
from kseries.app.options import Options
from kseries.app.planning import onto_base
from kseries.bisect import pick
from kseries.bisect.patchsets import SetSearch
from kseries.bisect.setrunner import SetRunner
from kseries.bisect.staterunner import StateRunner
from kseries.model import Outcome, PatchSet, Record, SetKind, TriedSet, events
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import few
from kseries.plan import scenarios
from kseries.plan.scenarios import Patches, Stacked
from kseries.report import gitcommands
from kseries.report.patchsets import NotThere, SetDocument


class Wanted(Record, frozen=True):
    """What somebody asks for: patches as they are typed, at most so many kernels, and of a pick the base."""

    kind: SetKind
    typed: str
    most: int
    place: Path | None = None
    """Where the series is read from, if it is a folder."""
    onto: str | None = None


def find(
    wanted: Wanted,
    target: inputs.Target,
    options: Sequence[Options],
    out: Path | None,
    tell: events.Listener,
    told: Callable[[TriedSet], None],
) -> SetDocument:
    """The set for some patches of a TARGET. Raises InputError or InfraError."""
    asked = pick.typed(wanted.typed, len(target.series.patches))
    with _homes(target, options, out, tell) as homes:
        own = homes[0]
        base, stacked = own.base, Stacked()
        runners = [SetRunner(wanted.kind, one.arch, home) for one, home in zip(options, homes, strict=True)]
        if wanted.onto is not None:
            base = onto_base(wanted.onto, target, options[0], own.trees, tell)
            stacked = scenarios.stacked(own.patches, base.tree, own.trees)
            if base.tree != own.base.tree:
                _check(stacked, wanted.onto, own.patches)
                runners = [
                    SetRunner(wanted.kind, one.arch, single.moved(home, target, one, base, stacked.patches, tell), home)
                    for one, home in zip(options, homes, strict=True)
                ]
        found = SetSearch(asked, runners, wanted.most, told, not_there=stacked.conflicts).run()
    patches = target.series.patches
    return SetDocument(
        series=target.series.name,
        version=target.series.version,
        base=base,
        variants=tuple(one.arch for one in options),
        set=found,
        commands=gitcommands.of(found, patches, wanted.place),
        patches=tuple(one.subject for one in patches),
        not_there=tuple(NotThere(number=number, files=files) for number, files in stacked.conflicts.items()),
        already_there=stacked.empty,
    )


@contextlib.contextmanager
def _homes(
    target: inputs.Target, options: Sequence[Options], out: Path | None, tell: events.Listener
) -> Iterator[list[StateRunner]]:
    """What runs the states of the series on its own base, in each variant."""
    with contextlib.ExitStack() as stack:
        places = [None if out is None else one.out for one in options]
        yield [
            stack.enter_context(single.state_runner(target, one, place, tell, watched=True))
            for one, place in zip(options, places, strict=True)
        ]


def _check(stacked: Stacked, onto: str, patches: Patches) -> None:
    """Raise InputError where git can put no patch of a series onto a base."""
    if not stacked.patches:
        files = few([path for found in stacked.conflicts.values() for path in found])
        raise InputError(f"--onto {onto}: none of the {len(patches)} patches applies there: conflicts in {files}")


def exit_status(found: PatchSet) -> int:
    """0 of a set that is proved; 3 where this host is why there is none; else 1."""
    if found.proved and not found.unjudged:
        return 0
    failed = any(seen.name == Outcome.INFRA_ERROR for one in found.tried for seen in one.why)
    return InfraError.exit_status if failed else 1
