# SPDX-License-Identifier: GPL-2.0-only
"""What is to be proved of a patch of a series: itself, what it stands on, and the tip without it or its revert set."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from kseries.bisect import pick
from kseries.bisect.blame import Case, Kernel
from kseries.bisect.patchsets import SetSearch
from kseries.bisect.setrunner import SetRunner
from kseries.bisect.staterunner import StateRunner
from kseries.model import SetKind, State

_KERNELS = 6
"""That are built to find a revert set."""
_SETS = "sets"
"""Where in a folder the logs of its states are."""


def case(runner: StateRunner, number: int) -> Case:
    """The case against a patch. Raises InputError."""
    return Case(
        culprit=_named(runner.state(f"prefix-{number}")),
        parents=(_named(runner.state(f"prefix-{number - 1}")) if number > 1 else _base(runner),),
        revert=_named(runner.state(f"without-{number}")),
        larger=partial(_larger, runner, number),
        others="other patches",
    )


def _named(state: State) -> Kernel:
    return Kernel(state.id, state)


def _base(runner: StateRunner) -> Kernel:
    """Base as a state like any other: it may be asked again."""
    return Kernel("base", State(id="below-1", scenario="commit", applied=(), tree=runner.base.tree))


def _larger(runner: StateRunner, number: int) -> Iterator[Kernel]:
    """The tip without the patch's revert set, where one is found. Raises InputError, InfraError."""
    sets = SetRunner(SetKind.REVERT, "", replace(runner, out=runner.out / _SETS))
    found = SetSearch((number,), (sets,), _KERNELS).run()
    if len(found.patches) > 1:
        state = runner.state(f"without-{pick.spelled(found.patches)}")
        also = tuple(str(one) for one in reversed(found.patches) if one != number)
        yield Kernel(state.id, state, also)
