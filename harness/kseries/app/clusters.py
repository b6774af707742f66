# SPDX-License-Identifier: GPL-2.0-only
"""Who builds and boots for a run: this host, or those of the cluster that its options name."""

import contextlib
import itertools
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kseries import inputs
from kseries.app import setup as here
from kseries.app.options import Options
from kseries.cluster.choices import Choices
from kseries.evaluate.crew import Crew
from kseries.evaluate.setup import Setup
from kseries.host import extras, signals
from kseries.model import Accel, Plan, events
from kseries.model.errors import InputError
from kseries.sources import TreeStore, kernels

if TYPE_CHECKING:
    from kseries.cluster.connection import Connection
    from kseries.cluster.supply import Origin

_EXTRA = "cluster"

_connection: ContextVar["Connection | None"] = ContextVar("_connection", default=None)
"""Of the command that is at work, whichever of its steps needs executors."""
_choices: ContextVar[Choices | None] = ContextVar("_choices", default=None)
"""Likewise: what it has chosen to build and boot with."""


@contextlib.contextmanager
def alike() -> Iterator[None]:
    """Have all runs of a command made by hosts that are alike, as far as they need the same tools."""
    if _choices.get() is not None:
        yield
        return
    token = _choices.set(Choices())
    try:
        yield
    finally:
        _choices.reset(token)


@contextlib.contextmanager
def joined(options: Options, tell: events.Listener) -> Iterator[None]:
    """Have the cluster that is asked for, if one is, as long as a command works. Raises InputError, InfraError."""
    if options.cluster is None:
        yield
        return
    if options.unboxed:
        raise InputError("--unboxed: on the hosts of a cluster a series stays in the box\n  drop one of them")
    extras.require(_EXTRA)
    from kseries.cluster import security
    from kseries.cluster.connection import connected

    with alike(), connected(options.cluster.address, security.of(options.cluster)) as connection:
        token = _connection.set(connection)
        try:
            yield
        finally:
            _connection.reset(token)
            tell(
                events.Preparing(
                    f"{_kib(connection.sent)} went to hosts of the cluster, {_kib(connection.received)} came"
                )
            )


def crew_of(
    setup: Setup, target: inputs.Target, options: Options, trees: TreeStore, planned: Plan, tell: events.Listener
) -> tuple[Setup, Crew]:
    """Who evaluates the states of a plan, and the setup as they have it. Raises InfraError where nobody can."""
    connection, choices = _connection.get(), _choices.get()
    if connection is None or choices is None:
        return setup, here.crew_of(setup, options, trees, planned)
    from kseries.cluster import team
    from kseries.cluster.remote import Common
    from kseries.cluster.supply import Supply

    before = choices.of(setup.conditions)
    found = signals.run(team.survey(connection, setup.conditions, setup.program, tell, before))
    facts = found.facts
    choices.note(setup.conditions, facts)
    accel = Accel(name=facts.accel.name, why=f"the hosts of {connection.address} have it")
    as_there = replace(setup, accel=accel, toolchain=facts.toolchain, emulator=facts.emulator)
    supply = Supply(connection, trees, _origin(target, options, planned), tell, touched(planned, trees))
    series = tuple(patch.tree_after for patch in planned.patches)
    common = Common(setup.conditions, setup.program, facts, series)
    return as_there, team.Team(connection, supply, common, found.answers)


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f} KiB"


def _origin(target: inputs.Target, options: Options, planned: Plan) -> "Origin":
    """By which name the base was found here: another host may have it by the same one."""
    from kseries.cluster.supply import Origin

    tree = options.tree or target.tree or kernels.DEFAULT
    if not kernels.is_debians(tree):
        tree = str(Path(tree).resolve())  # a relative one is another folder there
    return Origin(tree, options.base or target.base or planned.base.guessed or None)


def touched(planned: Plan, trees: TreeStore) -> tuple[str, ...]:
    """The paths in which any state of a plan can differ from its base."""
    steps = (planned.base.tree, *(patch.tree_after for patch in planned.patches))
    found = itertools.starmap(trees.changed_paths, itertools.pairwise(steps))
    return tuple(sorted({path for paths in found for path in paths}))
