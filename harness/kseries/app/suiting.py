# SPDX-License-Identifier: GPL-2.0-only
"""A setup that suits a plan: what a run is asked for by words whose meaning base and tip alone can tell."""

from kseries.app import kunits, tiptests
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.model import Plan, events
from kseries.sources import TreeStore


def suited(setup: Setup, options: Options, planned: Plan, trees: TreeStore, tell: events.Listener) -> Setup:
    """The setup of a run of this plan. Raises InputError for what neither base nor tip has, or that does not build."""
    return tiptests.built(kunits.with_suites(setup, options, planned, trees), options, trees, planned, tell)


def foreseen(setup: Setup, options: Options, planned: Plan, trees: TreeStore) -> Setup:
    """The same for who only plans: nothing is built for it. Raises InputError."""
    return tiptests.foreseen(kunits.with_suites(setup, options, planned, trees), options, trees, planned)
