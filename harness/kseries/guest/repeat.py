# SPDX-License-Identifier: GPL-2.0-only
"""One kernel booted several times: what is broken fails each time, what is flaky does not."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kseries.guest import complaints, surfaces
from kseries.model import Baseline, Boot, Gravity, Outcome, Status
from kseries.probes.baseline import unanswered

_BLAMELESS = (Status.PASS, Status.SKIP, Status.XFAIL)
_NOTHING = Baseline()


@dataclass(frozen=True)
class Repeated:
    """The boot that tells how it went, the checks on which boots do not agree, and the seconds of all together.

    Of so many ``boots`` so many ``ended`` as they should; ``failures`` tells of each flaky check in how many it failed.
    """

    boot: Boot
    flaky: tuple[str, ...]
    seconds: float
    boots: int
    ended: int
    failures: dict[str, int]


async def boot(
    boot_once: Callable[[Path], Awaitable[Boot]], times: int, console_log: Path, baseline: Baseline = _NOTHING
) -> Repeated:
    """Boot ``times`` times; at least twice where there is something to blame a patch for, as base has answered.

    The kernel logs of all boots stand one after the other in ``console_log``.
    """
    boots = [await boot_once(console_log)]
    while len(boots) < times or (len(boots) == 1 and not _clean(boots[0], baseline)):
        another = console_log.with_suffix(".another")
        boots.append(await boot_once(another))
        with console_log.open("ab") as log:
            log.write(f"\n--- boot {len(boots)} of the same kernel\n".encode() + another.read_bytes())
        another.unlink()
    return settled(boots)


def _clean(first: Boot, baseline: Baseline) -> bool:
    """True where there is nothing to blame a patch for."""
    seen = settled([first]).boot
    quiet = seen.outcome is Outcome.OK and not seen.complaints
    fine = all(check.status in _BLAMELESS for check in seen.checks)
    return quiet and fine and not unanswered(seen.checks, seen.caps, baseline)


def settled(boots: list[Boot]) -> Repeated:
    """Of boots that disagree, the last that came to its end tells how it went; where the kernel has complained in
    another alone, that one's log is the one to show. Capabilities on which they disagree are not known.
    """
    ended = [boot for boot in boots if boot.outcome is Outcome.OK]
    told = ended[-1] if ended else boots[0]
    answers = [{check.id: check.status for check in boot.checks} for boot in boots]
    names = {name: None for answer in answers for name in answer}
    flaky = tuple(name for name in names if len({answer.get(name) for answer in answers}) > 1)
    failures = {name: sum(answer.get(name) not in _BLAMELESS for answer in answers) for name in flaky}
    disputed = _disputed(boots)
    executed = tuple({address for boot in boots for address in boot.executed})
    agreed = surfaces.agreed(boots)
    shown = next(filter(_has_oops, (told, *boots)), None) or next((one for one in (told, *boots) if one.trace), told)
    told = msgspec.structs.replace(
        told,
        caps={name: value for name, value in told.caps.items() if name not in disputed},
        disputed=disputed,
        ended_in=_ended_in(told, boots),
        executed=executed,
        complaints=complaints.over([boot.complaints for boot in boots]),
        log_tail=shown.log_tail,
        trace=shown.trace,
        surface=agreed.surface,
        unstable=agreed.unstable,
    )
    return Repeated(told, flaky, sum(boot.seconds for boot in boots), len(boots), len(ended), failures)


def _ended_in(told: Boot, boots: list[Boot]) -> tuple[str, ...]:
    """The probes that each boot ended in, where each that ended knows its own; of another, a check is flaky."""
    if any(boot.outcome is not Outcome.OK and not boot.ended_in for boot in boots):
        return ()
    return tuple(probe for probe in told.ended_in if all(probe in boot.ended_in for boot in boots))


def _disputed(boots: list[Boot]) -> tuple[str, ...]:
    """The capabilities of which boots do not say the same, or one alone says two things."""
    count = Counter(name for name, _ in {item for boot in boots for item in boot.caps.items()})
    twice = {name for name in count if count[name] > 1}
    return tuple(sorted(twice.union(*(boot.disputed for boot in boots))))


def _has_oops(boot: Boot) -> bool:
    return any(one.gravity is Gravity.OOPS for one in boot.complaints)
