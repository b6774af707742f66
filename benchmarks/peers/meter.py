# SPDX-License-Identifier: GPL-2.0-only
"""What a command costs: seconds of the clock, and of the CPUs."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.model.record import Record

_ENTER = 'echo $$ >"$0" && exec "$@"'
_V1, _V2 = Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup")


class Cost(Record, frozen=True):
    """What a command took, in seconds, and the status that it exited with."""

    wall: float
    cpu: float
    """User and system, of the command and of all that it has started."""
    status: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(wall=self.wall + other.wall, cpu=self.cpu + other.cpu, status=max(self.status, other.status))


NOTHING = Cost(wall=0.0, cpu=0.0)


@dataclass(frozen=True)
class _Group:
    """A cgroup of its own: what runs in a pid namespace is not all waited for by who made that, so that getrusage(2)
    does not know of it.
    """

    place: Path

    def cpu(self) -> float:
        """Seconds that all who are or were in it have had (cgroup-v1/cpuacct.rst, cgroup-v2.rst)."""
        if (nanoseconds := self.place / "cpuacct.usage").exists():
            return int(nanoseconds.read_text()) / 1e9
        rows = dict(row.split() for row in (self.place / "cpu.stat").read_text().splitlines())
        return int(rows["usage_usec"]) / 1e6


@contextlib.contextmanager
def _group() -> Iterator[_Group]:
    try:
        place = Path(tempfile.mkdtemp(prefix="kseries-peers-", dir=_V1 if _V1.is_dir() else _V2))
    except PermissionError:
        sys.exit("CPU seconds are those of a cgroup, which root alone may make\n  run it as root")
    try:
        yield _Group(place)
    finally:
        with contextlib.suppress(OSError):  # who is interrupted may leave something running
            place.rmdir()


def measure(words: Sequence[str], cwd: Path, log: Path, env: Mapping[str, str] | None = None) -> tuple[Cost, bytes]:
    """Run a command: what it cost, and what it said, which goes to the end of ``log``, too. Its status is the caller's
    affair.
    """
    with _group() as group:
        began = time.monotonic()
        done = subprocess.run(
            ["sh", "-c", _ENTER, str(group.place / "cgroup.procs"), *words],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # a file, QEMU would empty
            stderr=subprocess.STDOUT,
            check=False,
        )
        cost = Cost(wall=round(time.monotonic() - began, 3), cpu=round(group.cpu(), 3), status=done.returncode)
    with log.open("ab") as file:
        file.write(done.stdout)
    return cost, done.stdout
