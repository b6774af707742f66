# SPDX-License-Identifier: GPL-2.0-only
"""What a run says of each patch as NIPA's results (github.com/linux-netdev/nipa, pw_upload.py), which it uploads.

``SERIES/PATCH/TEST/`` has ``retcode`` and ``desc``, and ``SERIES/.tester_done`` says that all is there. PATCH is the
number in a Patchwork, to which the checks go: of a series whose patches have none there is no ``.tester_done``, so that
nobody posts to the patches that happen to have the numbers 1, 2 and 3 there.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from kseries.host import files, untrusted
from kseries.model import RunResult
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import line, shortened
from kseries.report.contexts import context, slug
from kseries.report.questions import Answer, answers
from kseries.report.reporter import FinishedRun

_RETCODES = {Answer.SUCCESS: "0", Answer.WARNING: "250", Answer.OPEN: "111", Answer.FAIL: "1"}
"""As NIPA reads them: the whole file, without a newline. What is unknown is not told."""
_PENDING = _RETCODES[Answer.OPEN]
_DONE = ".tester_done"
_UPLOADED = ".pw_done"
"""NIPA's, once it has uploaded a series: it does not look again, unless that goes."""
_LIMIT = 1 << 16
_SHOWN = 100


@dataclass(frozen=True)
class Told:
    """The answer to one question: ``place`` is its folder."""

    place: str
    retcode: str
    desc: str


@dataclass(frozen=True)
class NipaResults:
    """The folder of a series, below ``nipa/`` in the run's directory, or below the results of a NIPA."""

    file: str = "nipa/"
    shared: bool = True

    def check(self, to: str | None) -> None:
        if to is not None and not Path(to).is_dir():
            raise InputError(
                f"no such directory: {to}\n  it is that of NIPA's results, and has a folder for each series"
            )

    def report(self, run: FinishedRun, to: str | None) -> None:
        found = tuple(told(run.result))
        if to is None:
            print("\n".join(f"{one.place}: {one.retcode} {one.desc}" for one in found), flush=True)
            return
        self.check(to)
        lacking = _lacking(run.result)
        try:
            _write(Path(to), series(run.result), found, whole=not lacking)
        except OSError as error:
            raise InfraError(f"cannot write into {to}: {in_words(error)}") from error
        if lacking:
            numbers = ", ".join(map(str, lacking))
            what = f"{series(run.result)} in {shortened(line(to), _SHOWN)}"
            print(
                f"kseries: NIPA will not upload {what}: no number of its own in a Patchwork of patch {numbers}",
                file=sys.stderr,
            )


NIPA = NipaResults()


def series(run: RunResult) -> str:
    """The folder of a series. Nobody tells a mail which number its series has in a Patchwork: that of the first patch
    tells it from others of the same name.
    """
    first = [] if _lacking(run) else [str(patch.patchwork) for patch in run.series.patches[:1]]
    return "-".join((slug(run.series.name), f"v{run.series.version}", *first))


def _lacking(run: RunResult) -> list[int]:
    """The patches that have no number in a Patchwork, or that of another."""
    counts = Counter(patch.patchwork for patch in run.series.patches)
    return [one.number for one in run.series.patches if one.patchwork is UNSET or counts[one.patchwork] > 1]


def told(run: RunResult) -> Iterator[Told]:
    """All that is known, or will be."""
    folder, lacking = series(run), bool(_lacking(run))
    for one in answers(run):
        if one.answer in _RETCODES:
            number = one.patch.number if lacking else one.patch.patchwork
            place = f"{folder}/{number}/{context(run, one.question)}"
            yield Told(place, _RETCODES[one.answer], one.said)


def _write(top: Path, folder: str, found: tuple[Told, ...], *, whole: bool) -> None:
    """Write what is new, with _DONE away meanwhile; where nothing is new, nothing. Raises OSError."""
    done = top / folder / _DONE
    fresh = [one for one in found if _is_news(top, one)]
    if not fresh and done.exists() == whole:
        return
    (top / folder).mkdir(exist_ok=True)
    for mark in (done, top / folder / _UPLOADED):
        mark.unlink(missing_ok=True)
    for one in fresh:
        (top / one.place).mkdir(parents=True, exist_ok=True)
        files.write(top / one.place / "desc", one.desc.encode())
        files.write(top / one.place / "retcode", one.retcode.encode())
    if whole:
        files.write(done, b"")


def _is_news(top: Path, one: Told) -> bool:
    """What is finished stays so: it is not said to be pending again."""
    retcode, desc = (_read(top / one.place / name) for name in ("retcode", "desc"))
    if retcode not in (None, _PENDING) and one.retcode == _PENDING:
        return False
    return (retcode, desc) != (one.retcode, one.desc)


def _read(path: Path) -> str | None:
    """What was written there; None where nothing was, or what is no such file."""
    try:
        return untrusted.read(path, _LIMIT).decode(errors="replace")
    except (OSError, InputError):
        return None
