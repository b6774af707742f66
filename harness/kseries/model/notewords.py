# SPDX-License-Identifier: GPL-2.0-only
"""In which words a state says that it has the result of another one, in a plan, on a terminal and in its notes.

Why it has: plan/samebuild.py.
"""

from collections.abc import Sequence

from kseries.model.sanitize import few

BASE_AGAIN = "building base again: the cache has its result, but no objects to go on with"
"""Why base is built though it is known."""


def unbuilt(paths: Sequence[str], whose: str) -> str:
    """Why a state is not built: the files in which it differs from ``whose`` are in no object."""
    return f"not rebuilt: {few(paths)} {'affects' if len(paths) == 1 else 'affect'} no object; {_reused(whose)}"


def unbooted(whose: str) -> str:
    """Why a state that was built is not booted: ``whose`` kernel is its own, byte for byte."""
    return f"not booted: same kernel, byte for byte; {_reused(whose)}"


def overdue(tests: Sequence[str]) -> str:
    """That some tests were not asked of any state but base."""
    return (
        f"out of time on base, so that no other state is asked: {', '.join(tests)};"
        " --timeout NAME=SECONDS gives one more time, --keep-timeouts has all states asked"
    )


def downed(programs: Sequence[str]) -> str:
    """That some programs bring down the machine of base, in which the others then ran all the same."""
    return f"brought down on base, and a failed check in a state that does the same: the machine, by {few(programs)}"


def _reused(whose: str) -> str:
    """``whose``: the id of a state, or words for one of an earlier run."""
    return f"the result of {whose} reused" if " " in whose else f"{whose}'s result reused"
