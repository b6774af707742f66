# SPDX-License-Identifier: GPL-2.0-only
"""What another kernel need not answer of what base has answered: pure functions."""

import re
from collections.abc import Iterable

from kseries.model import Check, Status


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
