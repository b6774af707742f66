# SPDX-License-Identifier: GPL-2.0-only
"""Selftests that give no answer on base in time: no other state is asked them, and what base shows of them is little.

Each would cost every state the whole of its time, twice, and tell nothing of a patch. What *fails* on base stays in:
the test of a fix fails there. Pure functions.
"""

import re
from collections.abc import Iterable, Set

from msgspec.structs import replace

from kseries.model import Check, Observation, Origin, Probe, Status
from kseries.probes.ktap import EXIT_STATUS

_NO_ANSWER = re.compile(r"no answer after \d+ s")
"""What init says of one that was not done in time (guests/init/init.c, tell_status)."""


def candidates(probes: Iterable[Probe], kept: Set[str]) -> tuple[str, ...]:
    """Those that may be left out: the kernel's own tests, but for those that stay whatever base does."""
    return tuple(one.name for one in probes if one.origin is Origin.SELFTEST and one.name not in kept)


def on_base(base: Observation, among: Iterable[str]) -> tuple[str, ...]:
    """Those that time out on base, in each of its boots."""
    status = {check.id: check for check in base.checks}
    return tuple(name for name in among if _is_overdue(status.get(f"{name}.{EXIT_STATUS}"), base))


def _is_overdue(check: Check | None, base: Observation) -> bool:
    if check is None or check.status is not Status.FAIL or check.id in base.flaky:
        return False
    return any(map(_NO_ANSWER.fullmatch, check.detail.splitlines()))


def shown(seen: Observation, left_out: Set[str]) -> Observation:
    """Of base, what the other states can be compared with: of a test that none of them is asked, only that it had no
    answer. What it had printed until then, none of them can have lost.
    """
    if not left_out:
        return seen

    def stays(check: str) -> bool:
        probe, _, name = check.rpartition(".")
        return probe not in left_out or name == EXIT_STATUS

    return replace(
        seen,
        checks=tuple(check for check in seen.checks if stays(check.id)),
        flaky=tuple(filter(stays, seen.flaky)),
    )
