# SPDX-License-Identifier: GPL-2.0-only
"""A probe that ends its machine costs that probe: a fresh boot goes on with the next one."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from kseries.guest import complaints
from kseries.model import Boot, Check, Outcome, Probe, Status

BootOnce = Callable[[tuple[Probe, ...], Path], Awaitable[Boot]]
"""Boots with these probes, and leaves the kernel's log in this file."""
_GOES_ON = (Outcome.CRASHED, Outcome.TIMED_OUT)


async def boot(boot_once: BootOnce, probes: tuple[Probe, ...], console_log: Path) -> Boot:
    """Boot as often as it takes to have run every probe that lets itself be run, each once.

    The result is that of the first boot, with the checks of the probes that it did not come to. The kernel logs
    stand one after the other in ``console_log``. Raises InfraError as machine.boot() does.
    """
    whole = last = await boot_once(probes, console_log)
    left = after(probes, last) if last.outcome in _GOES_ON else ()
    while left:
        again = console_log.with_suffix(".again")
        last = await boot_once(left, again)
        with console_log.open("ab") as log:
            log.write(f"\n--- a fresh boot, from {left[0].name} on\n".encode() + again.read_bytes())
        again.unlink()
        whole = joined(whole, last)
        left = after(left, last) if last.outcome is not Outcome.OK else ()
    return whole


def after(probes: tuple[Probe, ...], boot: Boot) -> tuple[Probe, ...]:
    """The probes that come after the one that a boot ended in: init runs them in order.

    One that nothing was heard of need not be what the machine died of: its turn had come between two probes, so it is
    the first of the next boot. If nothing is heard of it there either, it is passed over.
    """
    left = [probe for probe in probes if probe.name not in boot.ended]
    if left and left[0] != probes[0] and left[0].name not in boot.begun:
        return tuple(left)
    return tuple(left[1:])


def joined(whole: Boot, more: Boot) -> Boot:
    """What boots said together. How the first ended stands; a check that it lost is not lost if another has it.

    A crash of the second is told by the checks that it fails.
    """
    checks: dict[str, Check] = {check.id: check for check in whole.checks}
    for check in more.checks:
        known = checks.get(check.id)
        if known is None or known.status is Status.MISSING or check.status is Status.FAIL:
            checks[check.id] = check
    changed = {name for name in whole.caps if more.caps.get(name, whole.caps[name]) != whole.caps[name]}
    disputed = {*whole.disputed, *more.disputed, *changed}
    return msgspec.structs.replace(
        whole,
        seconds=whole.seconds + more.seconds,
        caps={name: value for name, value in (more.caps | whole.caps).items() if name not in disputed},
        disputed=tuple(sorted(disputed)),
        checks=tuple(checks.values()),
        begun=whole.begun + more.begun,
        ended=whole.ended + more.ended,
        ended_in=_ended_in(whole, more),
        complaints=complaints.joined(whole.complaints, more.complaints),
        executed=whole.executed + more.executed,
        printed=more.printed | whole.printed,
        surface=more.surface | whole.surface,
    )


def _ended_in(*boots: Boot) -> tuple[str, ...]:
    """Where machines ended, unless one of them ended nowhere that is known."""
    if any(boot.outcome is not Outcome.OK and not boot.ended_in for boot in boots):
        return ()
    return tuple(probe for boot in boots for probe in boot.ended_in)
