# SPDX-License-Identifier: GPL-2.0-only
"""A setup that suits a plan: what a run is asked for by words whose meaning base and tip alone can tell."""

from dataclasses import replace

from kseries import kbuild
from kseries.app import autoconfig, kunits, tiptests
from kseries.app.options import Options
from kseries.evaluate.setup import Setup
from kseries.kbuild import compilers, selftestconfig
from kseries.kbuild.config import Start
from kseries.model import Plan, events
from kseries.model.errors import InputError
from kseries.model.sanitize import few
from kseries.sources import TreeStore

_OPTIONS = 8
"""Of a target's configuration, that are named while a run begins; its result has all."""


def suited(setup: Setup, options: Options, planned: Plan, trees: TreeStore, tell: events.Listener) -> Setup:
    """The setup of a run of this plan. Raises InputError for what neither base nor tip has, or that does not build."""
    return tiptests.built(_configured(setup, options, planned, trees, tell), options, trees, planned, tell)


def foreseen(setup: Setup, options: Options, planned: Plan, trees: TreeStore, tell: events.Listener) -> Setup:
    """The same for who only plans: nothing but Kconfig is built for it. Raises InputError."""
    return tiptests.foreseen(_configured(setup, options, planned, trees, tell), options, trees, planned)


def _configured(setup: Setup, options: Options, planned: Plan, trees: TreeStore, tell: events.Listener) -> Setup:
    started = with_start(setup, planned.base.tree, trees)
    tree = tiptests.tree_of(options, planned)
    asked = with_targets(kunits.with_suites(started, options, planned, trees), tree, trees, tell)
    made = autoconfig.with_options(asked, options, planned, trees, tell)
    return _with_tools(made, setup, options)


def _with_tools(made: Setup, given: Setup, options: Options) -> Setup:
    """A setup with what its own configuration is made with; the hosts of a cluster are asked for that themselves."""
    if options.cluster is not None or compilers.asked(made.config) == compilers.asked(given.config):
        return made
    return replace(made, toolchain=kbuild.toolchain(made.arch, made.config))


def with_start(setup: Setup, base: str, trees: TreeStore) -> Setup:
    """All states have base's own defconfig below our fragments, where that is what they begin with."""
    if setup.config.start is not Start.DEFCONFIG:
        return setup
    found = trees.file(base, setup.arch.defconfig)
    if found is None:
        raise InputError(f"--config defconfig: base has no {setup.arch.defconfig}")
    return replace(setup, config=setup.config.with_text(f"{found.decode(errors='replace')}\n{setup.config.text}"))


def with_targets(setup: Setup, tree: str, trees: TreeStore, tell: events.Listener) -> Setup:
    """All states have the options that the targets of kselftest ask for in one tree."""
    found = selftestconfig.of(setup.targets, trees, tree, setup.config.text, setup.arch.source)
    for target, text in found.items():
        names = selftestconfig.options(text)
        tell(events.Preparing(f"{selftestconfig.path(target)} wants of every kernel: {few(names, _OPTIONS)}"))
    config = setup.config.with_text("\n".join((*found.values(), setup.config.text)))
    return replace(setup, config=config) if found else setup
