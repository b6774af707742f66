# SPDX-License-Identifier: GPL-2.0-only
"""The suites of KUnit that a run is asked for -> globs, and a configuration that has them."""

from collections.abc import Iterator
from dataclasses import replace

from kseries.app.options import Options
from kseries.coverage import kunitoptions, kunitsuites
from kseries.coverage.kunitsuites import Suite
from kseries.evaluate.setup import Setup
from kseries.kbuild import needed
from kseries.kbuild.config import Config
from kseries.model import Plan
from kseries.model.errors import InputError
from kseries.model.sanitize import few, line
from kseries.probes import kunit
from kseries.sources import TreeStore

_SHOWN = 8
"""Suites that an error names."""


def with_suites(setup: Setup, options: Options, planned: Plan, trees: TreeStore) -> Setup:
    """The setup of a run whose kernels test themselves, as far as that is asked for: base and tip tell which suites.

    Raises InputError for a glob that no suite of either is meant by.
    """
    if not options.kunit:
        return setup
    base, tip = planned.base.tree, planned.patches[-1].tree_after
    changed = trees.changed_paths(base, tip)
    found = kunitsuites.found(trees, tip, base, changed=changed)
    globs = tuple(dict.fromkeys(_globs(options.kunit, found, trees, changed, tip)))
    suites = tuple(suite for suite in found if any(kunit.matches(glob, suite.name) for glob in globs))
    if kunit.ALL in globs:
        more = kunitoptions.of_all()
    else:
        more = kunitoptions.of_suites(
            suites,
            lambda path: _text(trees, tip, path) or _text(trees, base, path),
            needed.definers(trees, tip),
            setup.arch.source,
        )
    theirs = Config.read(options.config).text  # which comes last, and counts
    return replace(
        setup,
        config=setup.config.with_text(setup.config.text.removesuffix(theirs) + more + theirs),
        kunit=globs,
        suites=tuple(dict.fromkeys(suite.name for suite in suites)),
    )


def _globs(
    asked: tuple[str, ...], found: tuple[Suite, ...], trees: TreeStore, changed: tuple[str, ...], tip: str
) -> Iterator[str]:
    for glob in asked:
        if glob == kunit.AUTO:
            of_changed = touched(found, changed, trees, tip)
            yield from (kunit.exactly(suite.name, "") for suite in of_changed) if of_changed else (kunit.ALL,)
        elif any(kunit.matches(glob, suite.name) for suite in found) or glob == kunit.ALL:
            yield glob
        else:
            there = f"there are: {few([line(suite.name) for suite in found], _SHOWN)}" if found else "there are none"
            raise InputError(f"--kunit {glob}: neither base nor the series has a suite of that name\n  {there}")


def touched(found: tuple[Suite, ...], changed: tuple[str, ...], trees: TreeStore, tip: str) -> tuple[Suite, ...]:
    """The suites that test some changed files: those called after them, else those of folders with a .kunitconfig."""
    about = kunitsuites.about(found, changed)
    if about:
        return about

    def configured(folder: str) -> bool:
        return trees.file(tip, f"{folder}/{kunitoptions.CONFIG}") is not None

    return kunitsuites.below(found, changed, configured)


def _text(trees: TreeStore, tree: str, path: str) -> str | None:
    data = trees.file(tree, path)
    return data.decode(errors="replace") if data is not None else None
