# SPDX-License-Identifier: GPL-2.0-only
"""One kernel booted several times: what is broken fails each time, what is flaky does not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from harness.model import Boot, Outcome, Status

_BLAMELESS = (Status.PASS, Status.SKIP, Status.XFAIL)


@dataclass(frozen=True)
class Repeated:
    """The boot that tells how it went, the checks on which boots do not agree, and the seconds of all together."""

    boot: Boot
    flaky: tuple[str, ...]
    seconds: float


async def boot(boot_once: Callable[[], Awaitable[Boot]], times: int) -> Repeated:
    """Boot ``times`` times; at least twice where there is something to blame a patch for."""
    boots = [await boot_once()]
    while len(boots) < times or (len(boots) == 1 and not clean(boots[0])):
        boots.append(await boot_once())
    return settled(boots)


def clean(boot: Boot) -> bool:
    """True where there is nothing to blame a patch for."""
    return boot.outcome is Outcome.OK and all(check.status in _BLAMELESS for check in boot.checks)


def settled(boots: list[Boot]) -> Repeated:
    """Of boots that disagree, the last that came to its end tells how it went."""
    ended = [boot for boot in boots if boot.outcome is Outcome.OK]
    told = ended[-1] if ended else boots[0]
    answers = [{check.id: check.status for check in boot.checks} for boot in boots]
    names = {name: None for answer in answers for name in answer}
    flaky = tuple(name for name in names if len({answer.get(name) for answer in answers}) > 1)
    executed = tuple({address for boot in boots for address in boot.executed})
    told = msgspec.structs.replace(told, executed=executed)
    return Repeated(told, flaky, sum(boot.seconds for boot in boots))
