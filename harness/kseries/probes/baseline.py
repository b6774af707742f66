# SPDX-License-Identifier: GPL-2.0-only
"""What base has answered, and what another kernel has no answer to: pure functions."""

import re
from collections.abc import Iterable, Mapping

from kseries.model import Baseline, Check, Observation, Status


def of(base: Observation) -> Baseline:
    """What base has answered, but for what it answered in one boot and not in another."""
    passed = (check.id for check in base.checks if check.status is Status.PASS and check.id not in base.flaky)
    lacks = (name for name, value in base.caps.items() if value == 0)
    return Baseline(passed=tuple(passed), lacks=tuple(sorted(lacks)))


def unanswered(checks: Iterable[Check], caps: Mapping[str, int], baseline: Baseline) -> tuple[str, ...]:
    """The checks that base passed and that a kernel skips, or does not have at all, but for skips that are excused."""
    now = {check.id: check for check in checks}
    gained = [name for name in baseline.lacks if caps.get(name)]
    return tuple(name for name in baseline.passed if _is_unanswered(now.get(name), gained))


def _is_unanswered(check: Check | None, gained: Iterable[str]) -> bool:
    return check is None or (check.status is Status.SKIP and not excused(check, gained))


def excused(check: Check | None, gained: Iterable[str]) -> bool:
    """True of a skip whose reason, in one line, names a capability that a kernel has gained: base says it lacks it.

    It asks what a kernel without that capability does (that a flag is refused, say), and there is none to ask.
    """
    if check is None or check.status is not Status.SKIP:
        return False
    reason = check.detail.partition("\n")[0]
    return any(mentions(name, reason) for name in gained)


def mentions(name: str, said: str) -> bool:
    """Whether a line names something, and not only a longer name that has it in it."""
    return name in said and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) is not None
