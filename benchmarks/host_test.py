# SPDX-License-Identifier: GPL-2.0-only
"""What one trivial host-side test costs a boot with all our probes, in one run by turns.

.venv/bin/python -m benchmarks.host_test [ARCH [BOOTS]]
"""

import statistics
import sys
import tempfile
from pathlib import Path

from kseries import arch as archs
from kseries.app.options import Options
from kseries.app.setup import setup_of, worker_of
from kseries.evaluate.setup import Setup
from kseries.guest import driven, machine
from kseries.guest.machine import Booting, Image
from kseries.guest.pytests import About
from kseries.host import paths, signals
from kseries.model import Outcome, Status
from kseries.sources import TreeStore, kernels

_TEST = 'def test_runs(guest):\n    assert guest.run(["/probes/capabilities"]).status == 0\n'


def main() -> None:
    """Build base once, boot it by turns, and print a line for each boot and the medians."""
    arch = sys.argv[1] if len(sys.argv) > 1 else archs.default()
    boots = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    trees = TreeStore(paths.cache("trees.git"))
    tree = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-", dir=paths.cache()) as home:
        scratch = Path(home)
        (scratch / "tests").mkdir()
        test = scratch / "tests" / "test_trivial.py"
        test.write_text(_TEST)
        setup = setup_of(Options(out=scratch / "out", arch=arch, host_tests=(test,)), print)
        built = signals.run(worker_of(setup, trees, tree, jobs=2).build_alone(tree, scratch))
        assert built.kernel is not None and built.symbols is not None and built.initrd is not None, built.errors
        image = Image(Path(built.kernel), Path(built.symbols), Path(built.initrd))
        _report(_measured(setup, image, boots, scratch / "console.log"), setup)


def _measured(setup: Setup, image: Image, boots: int, log: Path) -> dict[str, list[float]]:
    """Seconds of each boot."""
    booting = Booting(setup.arch, setup.accel, image, setup.machine)
    about = About(arch=setup.arch.name)
    took: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(2 * boots):
        name = ("without", "with")[(number + number // 2) % 2]
        if name == "with":
            seen = signals.run(driven.boot(booting, setup.probes, setup.host_tests, about, log))
            assert [one.status for one in seen.checks if one.id == "trivial.test_runs"] == [Status.PASS]
        else:
            seen = signals.run(machine.boot_as(booting, setup.probes, log))
        assert seen.outcome is Outcome.OK, seen.detail
        took[name].append(seen.seconds)
        print(f"{name:10}{seen.seconds:8.2f} s", flush=True)
    return took


def _report(took: dict[str, list[float]], setup: Setup) -> None:
    without, given = (statistics.median(took[name]) for name in ("without", "with"))
    print(f"\na boot with {len(setup.probes)} probes on {setup.arch.name} under {setup.accel.name}, median")
    print(f"without {without:.2f} s, with a host-side test {given:.2f} s: {given / without:.3f} of it")


if __name__ == "__main__":
    main()
