# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel shows in one boot and not in another is no part of its surface: it is asked in two boots at least."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from kseries.guest import isolation
from kseries.model import Boot, Check, Outcome, Probe, Status
from kseries.model.surface import PROBE

_SECOND = f"{PROBE}.second_boot"
"""The check that tells, by missing, that nobody knows what is the same in another boot."""


@dataclass(frozen=True)
class Agreed:
    """The names that each boot showed, and those that only some did, by kind."""

    surface: dict[str, tuple[str, ...]]
    unstable: dict[str, tuple[str, ...]]


async def confirmed(boot_once: isolation.BootOnce, whole: Boot, console_log: Path) -> Boot:
    """A boot with what its kernel shows in a second one as well, which runs the probe that lists it and no other.

    The kernel log of that stands behind the first one's. Raises InfraError as machine.boot() does.
    """
    if not whole.surface:
        return whole
    beside = console_log.with_suffix(".second")
    again = await boot_once((Probe.ours(PROBE),), beside)
    with console_log.open("ab") as log:
        log.write(b"\n--- a second boot, for what the kernel shows\n" + beside.read_bytes())
    beside.unlink()
    both = agreed([whole, again]) if again.surface else Agreed({}, {})
    joined = isolation.joined(whole, again)
    checks = (*joined.checks, *_untold(again))
    return replace(joined, checks=checks, surface=both.surface, unstable=both.unstable)


def _untold(again: Boot) -> tuple[Check, ...]:
    if again.surface and again.outcome is Outcome.OK:
        return ()
    why = f"{again.outcome}: {again.detail}" if again.outcome is not Outcome.OK else "it listed nothing"
    return (Check(id=_SECOND, status=Status.MISSING, detail=why),)


def agreed(boots: Sequence[Boot]) -> Agreed:
    """Of the boots that listed anything: a kind that one of them did not list whole is not known."""
    listed = [boot for boot in boots if boot.surface]
    kinds = set[str]().union(*(boot.surface for boot in listed))
    surface, unstable = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for kind in sorted(kind for kind in kinds if all(kind in boot.surface for boot in listed)):
        names = [frozenset(boot.surface[kind]) for boot in listed]
        before = (frozenset(boot.unstable.get(kind, ())) for boot in listed)
        differing = frozenset[str]().union(*names, *before) - names[0].intersection(*names)
        surface[kind] = tuple(sorted(names[0].intersection(*names)))
        if differing:
            unstable[kind] = tuple(sorted(differing))
    return Agreed(surface, unstable)
