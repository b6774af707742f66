# SPDX-License-Identifier: GPL-2.0-only
"""What a boot up to its first check is made of: seconds of each stage, by turns, beside what this host does at all.

.venv/bin/python -m benchmarks.boot [ARCH [BOOTS [WORDS ...]]]: each WORDS are for the end of the kernel's command line,
and a boot with them comes by turns with one without.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from kseries import arch as archs
from kseries.app.options import Options
from kseries.app.setup import setup_of, worker_of
from kseries.evaluate.setup import Setup
from kseries.guest import channel, folder, qemu
from kseries.guest.channel import Channel
from kseries.guest.guest import Guest
from kseries.guest.liveness import Watch
from kseries.guest.machine import Image
from kseries.host import paths, processes, signals
from kseries.kbuild import initramfs
from kseries.model import Machine
from kseries.sources import TreeStore, kernels

_STAGES = {
    "qemu": "QEMU in its box, until it answers",
    "console": "firmware, and the kernel until it has a console",
    "kernel": "the kernel until it runs init",
    "init": "init until it speaks",
    "check": "the first check",
}
_SECONDS = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Clock:
    """When a boot came to the end of each stage, and what it cost by then."""

    began: float = field(default_factory=time.monotonic)
    ends: dict[str, float] = field(default_factory=dict)
    printed: int = 0
    """Bytes of the kernel's log."""
    cpu: float = 0.0
    """Seconds that QEMU had of this host's CPUs until the first check."""
    watch: Watch = field(default_factory=Watch)

    def reached(self, stage: str) -> None:
        self.ends.setdefault(stage, time.monotonic() - self.began)

    def console_line(self, line: str) -> None:
        self.watch.console_line(line)
        self.reached("console")
        if line.rstrip().endswith("Run /init as init process"):
            self.reached("kernel")

    def results_line(self, line: str) -> None:
        self.reached("init")
        self.watch.results_line(line)
        if self.watch.first_result_at is not None and "check" not in self.ends:
            self.reached("check")
            self.watch.ended.set()

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of each stage."""
        reached = [0.0, *(self.ends[stage] for stage in _STAGES)]
        return {stage: reached[number + 1] - reached[number] for number, stage in enumerate(_STAGES)}


def main() -> None:
    """Build base, boot it by turns, and print a table."""
    arch = sys.argv[1] if len(sys.argv) > 1 else archs.default()
    boots = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-", dir=paths.cache()) as home:
        setup = setup_of(Options(out=Path(home) / "out", arch=arch), print)
        image = _image(setup, Path(home))
        variants = {"as it is": setup} | {words: _with(setup, words) for words in sys.argv[3:]}
        found: dict[str, list[Clock]] = {name: [] for name in variants}
        units = []
        for number in range(boots):
            units.append(_unit(setup))
            for name in (*variants,) if number % 2 else reversed((*variants,)):
                found[name].append(signals.run(_booted(variants[name], image)))
                print(f"{name:40.40}{found[name][-1].ends['check']:8.2f} s", flush=True)
        print(f"\n{setup.arch.name} under {setup.accel.name}; {len(image.archives) / 1e6:.1f} MB of initramfs")
        for name, clocks in found.items():
            print(f"\n{name}", *_table(clocks, statistics.median(units)), sep="\n")


def _image(setup: Setup, home: Path) -> Image:
    trees = TreeStore(paths.cache("trees.git"))
    tree = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    built = signals.run(worker_of(setup, trees, tree, jobs=os.cpu_count() or 1).build_alone(tree, home))
    assert built.kernel is not None and built.symbols is not None and built.initrd is not None, built.errors
    return Image(Path(built.kernel), Path(built.symbols), Path(built.initrd))


def _with(setup: Setup, words: str) -> Setup:
    return replace(setup, machine=Machine(append=tuple(words.split())))


def _unit(setup: Setup) -> float:
    """Seconds of what no boot can do without: QEMU is loaded, and ends."""
    began = time.monotonic()
    subprocess.run([setup.arch.qemu, "--version"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


async def _booted(setup: Setup, image: Image) -> Clock:
    """One boot, as guest/machine.py has it, until the first check."""
    line = qemu.kernel_command_line(setup.arch, setup.machine)
    with tempfile.TemporaryDirectory(prefix="kseries-") as scratch:
        place = Path(scratch) / "qemu"
        folder.make(place, image.archives + initramfs.listing(setup.probes, setup.machine.probe_seconds), setup.machine)
        box = folder.box(place, setup.accel, setup.machine, image.kernel)
        argv = partial(qemu.argv, setup.arch, setup.accel, image.kernel, folder.INITRD, line, machine=setup.machine)
        clock = Clock()
        console, results = (Channel(told, channel.LIMIT) for told in (clock.console_line, clock.results_line))
        async with Guest.start(argv, box, console, results, processes.Deadline.after(_SECONDS)) as guest:
            clock.reached("qemu")
            await guest.resume()
            await guest.wait(clock.watch)
            clock.printed, clock.cpu = len(console.data), _cpu(guest._process.processes())
            await guest.stop()
    assert "check" in clock.ends, console.text
    return clock


def _cpu(pids: Iterable[int]) -> float:
    """Seconds that some processes have had of this host's CPUs (proc_pid_stat(5)): utime and stime."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):  # it has ended
            user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
    return ticks / _TICKS


def _table(clocks: list[Clock], unit: float) -> Iterator[str]:
    for stage, what in _STAGES.items():
        yield _row(what, [clock.stages[stage] for clock in clocks], unit)
    yield _row("all of it", [clock.ends["check"] for clock in clocks], unit)
    yield _row("CPU seconds of QEMU", [clock.cpu for clock in clocks], unit)
    yield f"{'kernel log':50}{statistics.median(clock.printed for clock in clocks):8.0f} bytes"


def _row(what: str, seconds: list[float], unit: float) -> str:
    median = statistics.median(seconds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    return f"{what:50}{median:8.3f} s  {spread:>14}  {median / unit:6.1f} times qemu --version"


if __name__ == "__main__":
    main()
