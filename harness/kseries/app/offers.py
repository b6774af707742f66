# SPDX-License-Identifier: GPL-2.0-only
"""What may exercise a series and was not asked for: offered by whoever only plans it, as the tip's source tells.

Suites of KUnit and selftests that lie beside the changed files (coverage/ways.py), and targets of kselftest whose
``config`` asks for an option by which a changed file is compiled.
"""

import re
from collections.abc import Iterator

from kseries import arch as archs
from kseries.app import autoconfig
from kseries.app.options import Options
from kseries.coverage import tracepoints
from kseries.coverage.goals import Goals
from kseries.coverage.maintainers import SELFTESTS
from kseries.coverage.ways import Ways
from kseries.model import Plan, Way
from kseries.model.conditions import options as named
from kseries.sources import TreeStore

_MOST = 12
_COMMON = 8
"""Targets that ask for an option, from which on it says nothing of them."""
_CONFIG = re.compile(rf"{re.escape(SELFTESTS)}(?P<target>.+)/config")


def offered(planned: Plan, options: Options, trees: TreeStore) -> tuple[Way, ...]:
    """Each once, what lies nearest first."""
    tip = planned.patches[-1].tree_after
    files = tuple(tracepoints.changes(trees, planned.base.tree, tip))
    reader, includers = autoconfig.asking(trees, tip)
    asked = {one.partition(":")[0] for one in options.selftests}
    ways = Ways(reader, lambda folder: trees.names_in(tip, folder), files, asked)
    goals = Goals(archs.get(options.arch).source, reader, includers)
    found = (
        *(() if options.kunit else ways.to_test(files)),
        *ways.to_run((), files),
        *_by_option(goals, files, trees, tip),
    )
    first: dict[str, Way] = {}
    for one in found:
        if one.what.removeprefix("--selftest ").partition(":")[0] not in asked:
            first.setdefault(one.what, one)
    return tuple(first.values())[:_MOST]


def _by_option(goals: Goals, files: tuple[str, ...], trees: TreeStore, tip: str) -> Iterator[Way]:
    """The targets of kselftest that ask for the option of an object itself, where few do."""
    sources = [path for path in files if not path.endswith(".h")]
    wanted = dict.fromkeys(name for one in goals.whole(sources) for name in named(one.condition)[:1])
    for name in wanted:
        places = trees.names_with(tip, rf"^CONFIG_{name}=", f"{SELFTESTS}*/config")
        targets = [found["target"] for one in places if (found := _CONFIG.fullmatch(one))]
        if len(targets) < _COMMON:
            yield from (Way(what=f"--selftest {one}", where=f"its config has CONFIG_{name}") for one in targets)
