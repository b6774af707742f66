# SPDX-License-Identifier: GPL-2.0-only
"""What a userland costs a boot, up to the first check: with it, with its kernel alone and without it, in one run.

.venv/bin/python -m benchmarks.userland [ARCH [BOOTS [USERLAND]]]
"""

import statistics
import sys
import tempfile
from pathlib import Path

from kseries import arch as archs
from kseries.app.options import Options
from kseries.app.setup import setup_of, worker_of
from kseries.evaluate.setup import Setup
from kseries.guest import machine
from kseries.guest.machine import Image
from kseries.host import paths, signals
from kseries.sources import TreeStore, kernels

_WITHOUT, _KERNEL, _WITH = "without", "its kernel, not itself", "with"


def main() -> None:
    """Build base twice, boot it by turns, and print a line for each boot, the medians and what they come to."""
    arch = sys.argv[1] if len(sys.argv) > 1 else archs.default()
    boots = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    userland = sys.argv[3] if len(sys.argv) > 3 else "debian:bookworm"
    trees = TreeStore(paths.cache("trees.git"))
    tree = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-", dir=paths.cache()) as home:
        scratch = Path(home)
        options = Options(out=scratch / "out", arch=arch, probes=("capabilities",))
        plain = setup_of(options, print)
        more = setup_of(Options(out=options.out, arch=arch, probes=options.probes, userland=userland), print)
        images = {_WITHOUT: _image(plain, trees, tree, scratch / "without"), _WITH: _image(more, trees, tree, scratch)}
        images[_KERNEL] = Image(*(getattr(images[_WITH], name) for name in ("kernel", "symbols", "initrd")))
        _report(_measured(plain, images, boots, scratch / "console.log"), more)


def _image(setup: Setup, trees: TreeStore, tree: str, into: Path) -> Image:
    into.mkdir(exist_ok=True)
    worker = worker_of(setup, trees, tree, jobs=2)
    built = signals.run(worker.build_alone(tree, into))
    assert built.kernel is not None and built.symbols is not None and built.initrd is not None, built.errors
    return Image(Path(built.kernel), Path(built.symbols), Path(built.initrd), setup.image)


def _measured(setup: Setup, images: dict[str, Image], boots: int, log: Path) -> dict[str, list[float]]:
    """Seconds to the first check of each, by turns: what else this host does is then the same for all."""
    took: dict[str, list[float]] = {name: [] for name in (_WITHOUT, _KERNEL, _WITH)}
    for number in range(boots):
        for name in (*took,) if number % 2 else reversed((*took,)):
            boot = machine.boot(setup.arch, setup.accel, images[name], setup.probes, log, machine=setup.machine)
            seconds = signals.run(boot).seconds_to_first_check
            assert seconds is not None, log.read_text(errors="replace")
            took[name].append(seconds)
            print(f"{name:24}{seconds:8.2f} s", flush=True)
    return took


def _report(took: dict[str, list[float]], setup: Setup) -> None:
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    size = setup.userland.size / 1e6 if setup.userland is not None else 0.0
    print(f"\nboot to first check on {setup.arch.name} under {setup.accel.name}, median; an image of {size:.1f} MB")
    for name, seconds in medians.items():
        ratio, more = seconds / medians[_WITHOUT], seconds - medians[_WITHOUT]
        print(f"{name:24}{seconds:8.2f} s  {ratio:5.2f} of without, {more:+.2f} s")


if __name__ == "__main__":
    main()
