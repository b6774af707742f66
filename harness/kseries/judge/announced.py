# SPDX-License-Identifier: GPL-2.0-only
"""What a state advertises by a check that it passes: a library, or a script's test, has no flag to tell of itself."""

from collections.abc import Iterable

import msgspec

from kseries.judge import losses
from kseries.judge.losses import GOOD
from kseries.model import Check, Contract, StateResult, Status


def is_check(when: str) -> bool:
    """Whether what a contract goes by is a check, and no capability: those have no dot in their names."""
    return "." in when


def with_checks(result: StateResult, contracts: Iterable[Contract]) -> StateResult:
    """A booted state with what contracts go by that is a check, as a capability: 1 where it is passed, else 0.

    A test that is skipped has no answer, nor has a flaky one or one that the run leaves out, so that it is not known
    what the state advertises. A test that its tree does not have is not passed.
    """
    checks = {check.id: check for check in result.checks}
    names = dict.fromkeys(one.when for one in contracts if is_check(one.when) and one.when not in one.unasked)
    told = {name: value for name in names if (value := _value(name, checks.get(name), result)) is not None}
    return msgspec.structs.replace(result, caps=result.caps | told) if told else result


def _value(name: str, check: Check | None, result: StateResult) -> int | None:
    if name in result.flaky or not losses.came(name, result):
        return None
    if check is not None and check.status is Status.SKIP:
        return None
    return int(check is not None and check.status in GOOD)
