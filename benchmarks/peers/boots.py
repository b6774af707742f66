# SPDX-License-Identifier: GPL-2.0-only
"""From the start to the first thing that a program says in the guest, of vng and of kseries, on the same kernel."""

import os
import subprocess
import time

from benchmarks.peers.meter import Cost
from benchmarks.peers.onetree import OneTree
from benchmarks.peers.pieces import BOOT, KSERIES, VNG, Piece, Pieces
from kseries import arch as archs
from kseries.app.options import Options
from kseries.app.setup import setup_of
from kseries.guest import machine
from kseries.guest.machine import Image
from kseries.host import signals
from kseries.kbuild import initramfs
from kseries.model import Accel

_COUNT = 7
_PROBE = "capabilities"
_QEMU = '#!/bin/sh\ndate +%s.%N >"$(dirname "$0")/began"\nexec qemu-system-x86_64 "$@"\n'


def run(tree: OneTree, pieces: Pieces) -> None:
    """Boot base's kernel by turns: what else this host does is then the same for both."""
    missing = [number for number in range(_COUNT) if not pieces.has(tree.series.name, BOOT, KSERIES, number)]
    if missing:
        tree.unit()
    for number in missing:
        boots = ((VNG, _of_vng), (KSERIES, _of_kseries))
        for part, boot in boots if number % 2 else reversed(boots):
            first, more = boot(tree)
            cost = Cost(wall=round(first, 3), cpu=0.0)
            pieces.add(Piece(series=tree.series.name, way=BOOT, part=part, round=number, cost=cost, stages=more))


def _of_vng(tree: OneTree) -> tuple[float, dict[str, float]]:
    """Seconds from QEMU's start; as ``whole``, from the command's."""
    qemu, began = tree.series.place / "qemu" / "qemu", tree.series.place / "qemu" / "began"
    qemu.parent.mkdir(exist_ok=True)
    qemu.write_text(_QEMU)
    qemu.chmod(0o755)
    words = [*tree.vng.words(tree.kernel, str(tree.guests.only(_PROBE))), "--qemu", str(qemu)]
    start = time.time()
    with subprocess.Popen(
        words, cwd=tree.place, env={**os.environ, **tree.vng.env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as vng:
        assert vng.stdout is not None
        said = vng.stdout.readline()
        first = time.time()
        vng.stdout.read()
    assert said.startswith(b"KTAP"), f"vng exited with {vng.returncode}"
    return first - float(began.read_text()), {"whole": round(first - start, 3)}


def _of_kseries(tree: OneTree) -> tuple[float, dict[str, float]]:
    """Seconds from QEMU's start."""
    place = tree.series.place
    initrd = place / "initrd.cpio"
    initramfs.write(initrd, tree.guests.place)
    setup = setup_of(Options(out=place / "out", probes=(_PROBE,)), print)
    image = Image(tree.kernel, tree.kernel, initrd)
    tcg = Accel(name="tcg", why="as vng is told")
    log = place / "console.log"
    booted = signals.run(machine.boot(archs.get("x86_64"), tcg, image, setup.probes, log, machine=setup.machine))
    assert booted.seconds_to_first_check is not None, log.read_text(errors="replace")
    return booted.seconds_to_first_check, {}
