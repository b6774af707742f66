# SPDX-License-Identifier: GPL-2.0-only
"""Boots in which a kernel tests itself: what KUnit's suites came to, each in spite of what the others did.

A filter takes suites in and leaves none out. So where one brings the machine down, the kernel is asked which suites it
has, and each that has not come runs by its name, in a boot of its own.
"""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from kseries.guest import isolation, kunitlog, machine
from kseries.guest.ending import How, Stop
from kseries.guest.kunitlog import Suites
from kseries.guest.machine import Booting, Heard
from kseries.model import Boot, Check, Ending, Outcome, Status
from kseries.probes import ktap, kunit

BOOT = kunit.BOOT
LONG_CASES = 20
"""Cases of one boot that may take as long as a probe does."""
_MOST = 100
"""Boots of one kernel after a suite has brought the machine down."""
_GRAVEST = (Ending.DONE, Ending.WARNING, Ending.OOPS)
"""How a kernel ends that went on to the end, from the best on."""


async def boot(booting: Booting, globs: Iterable[str], whole: Boot, console_log: Path) -> Boot:
    """A boot with what the suites came to that some globs mean, each in boots of its own.

    Their kernel logs follow in ``console_log``. Raises InfraError as machine.boot() does.
    """
    if whole.outcome is Outcome.BOOT_FAILED:
        return whole
    died: list[str] = []
    late: list[str] = []
    for glob in globs:
        boots = _OfGlob(booting, glob, console_log)
        whole = joined(whole, await boots.boot())
        died += boots.died
        late += boots.late
    # Of those that were too slow this host may be why: without it, nobody knows what has not come (judge/losses.py).
    status = Status.MISSING if late else Status.FAIL if died else Status.PASS
    told = Check(id=BOOT, status=status, detail="\n".join((*late, *died)))
    return replace(whole, checks=(*whole.checks, told))


class _OfGlob:
    """The boots of one glob."""

    def __init__(self, booting: Booting, glob: str, console_log: Path) -> None:
        self._booting = booting
        self._glob = glob
        self._console_log = console_log
        self.died: list[str] = []
        """How boots ended of which no check of a suite tells."""
        self.late: list[str] = []
        """How those ended that were not done in time."""

    async def boot(self) -> Boot:
        heard, stop = await self._listen(self._glob)
        if stop.how is How.END:
            return await self._told(heard, stop, {})
        listed = await self._list()
        whole = await self._told(heard, stop, listed)
        left = [suite for suite in listed if kunit.probe(suite) not in whole.begun]
        for suite in left[:_MOST]:
            more = await self._told(*await self._listen(kunit.exactly(suite, self._glob)), {suite: listed[suite]})
            whole = joined(whole, more)
        return replace(whole, checks=(*whole.checks, *_never_run(left[_MOST:], listed)))

    async def _listen(self, glob: str, action: str = "") -> tuple[Heard, Stop]:
        """A boot of its own, whose log is put behind the others."""
        limits = self._booting.machine
        again = self._console_log.with_suffix(".kunit")
        seconds = limits.boot_seconds + LONG_CASES * limits.probe_seconds
        heard = Heard(limits, again, seconds, kunit=True, cast=self._booting.cast)
        stop = await machine.listen(self._booting, heard, (), kunit.words(glob, action))
        with self._console_log.open("ab") as log:
            log.write(f"\n--- KUnit, {f'a {action} of ' if action else ''}{glob}\n".encode() + again.read_bytes())
        again.unlink()
        return heard, stop

    async def _list(self) -> Suites:
        heard, _ = await self._listen(self._glob, "list")
        return kunitlog.suites(heard.console.text)

    async def _told(self, heard: Heard, stop: Stop, listed: Suites) -> Boot:
        """What the suites of a boot came to."""
        results = kunitlog.read(heard.console.text, listed)
        report = ktap.parse(results.ktap)
        booting = self._booting
        told = await machine.tell(booting.arch, booting.image, heard, stop, report, results.log, results.running)
        if told.ending is Ending.DEADLINE:
            self.late.append(told.detail or told.outcome)
        elif told.outcome is not Outcome.OK and not any(check.blamed for check in told.checks):
            self.died.append(told.detail or told.outcome)
        return told


def _never_run(left: Iterable[str], listed: Suites) -> tuple[Check, ...]:
    """Of suites for which there were too many boots already, what they would have told."""
    said = [line for suite in left for line in (*kunitlog.announced(suite, listed[suite]), f"ok {kunit.probe(suite)}")]
    return ktap.parse("\n".join([*said, ""])).checks


def joined(whole: Boot, more: Boot) -> Boot:
    """A boot with what one more has said of suites.

    How the first ended stands: a suite that brings the machine down costs its own checks, which tell of it.
    """
    ending = max(whole.ending, _as_survived(more.ending), key=_GRAVEST.index) if whole.ending in _GRAVEST else None
    return replace(
        isolation.joined(whole, more),
        ending=ending or whole.ending,
        ended_in=whole.ended_in,
        detail=whole.detail or more.detail,
        log_tail=whole.log_tail or more.log_tail,
        trace=whole.trace or more.trace,
    )


def _as_survived(ending: Ending) -> Ending:
    """The ending of a kernel that suites bring down, and nothing else does."""
    if ending in _GRAVEST:
        return ending
    return Ending.OOPS if ending is Ending.PANIC else Ending.DONE
