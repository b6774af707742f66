# SPDX-License-Identifier: GPL-2.0-only
"""A stranger's series with commands: from a guest with a userland nothing of this host is seen, and none costs another.

What it brings to its build is for test_hostile_series.py.
"""

import json
import select
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Kseries
from tests.support.patches import adding
from tests.support.split import result_of

pytestmark = pytest.mark.full("userland")

PARTS = ("the-secret", "of-a-home-folder")
SECRET = "-".join(PARTS)
"""Nowhere in a command, or that itself would be found."""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder that any user may read, with a secret in it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kseries-home-") as place:
        Path(place).chmod(0o755)
        (Path(place) / "token").write_text(f"{SECRET}\n")
        yield Path(place)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        yield listening


def commands(home: Path, port: int) -> dict[str, str]:
    """Each passes where it has found nothing; it may look beneath its root, too, which is not init's."""
    roots = "/ /proc/1/root"
    asked = " ".join(f"{host}/{port}" for host in ("10.0.2.2", "127.0.0.1", socket.gethostname()))
    skipped = "--exclude-dir=proc --exclude-dir=sys --exclude-dir=userland"  # init's root has all of this one in it
    return {
        "path": f"for root in {roots}; do [ ! -e $root{home} ] || exit 1; done",
        "files": f"! grep -rsl -D skip {skipped} {PARTS[0]}-'{PARTS[1]}' {roots}",
        "shares": "! grep -E '9p|virtiofs|fuse|nfs|vboxsf' /proc/filesystems /proc/mounts",
        "disks": "! ls /sys/block | grep -v '^loop'",
        "devices": "! ls /sys/bus/virtio/devices /sys/bus/pci/devices /sys/firmware/qemu_fw_cfg 2>/dev/null | grep .",
        "network": f"! ls /sys/class/net | grep -vx lo && ip link set lo up && for host in {asked};"
        ' do ! timeout 3 bash -c ": <>/dev/tcp/$host" || exit 1; done',
    }


def test_of_a_guest_with_a_userland_nothing_of_the_host_is_seen(
    kseries: Kseries, tmp_path: Path, home: Path, server: socket.socket
) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "0001-wait.patch").write_text(adding("fs/eventfd.c", "/* harmless */", "eventfd: Comment"))
    runs = commands(home, server.getsockname()[1])
    text = (
        f"[[run]]\nname = {json.dumps(name)}\ncommand = {json.dumps(said)}\ntimeout = 300\n"
        for name, said in runs.items()
    )
    (stranger / "runs.toml").write_text("".join(text))
    words = ("--userland", "debian:bookworm", "--probe", "capabilities", "--scenario", "prefixes", "--out", "out")
    done = kseries("run", stranger, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    for state in result_of(tmp_path / "out" / "result.json")["states"]:
        _assert_found_nothing(state, runs, tmp_path / "out" / "states" / state["id"])
    assert select.select([server], [], [], 0)[0] == [], "nobody has come to the port"
    everything = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not [path for path in everything if SECRET.encode() in path.read_bytes()]


def _assert_found_nothing(state: Any, runs: dict[str, str], logs: Path) -> None:
    """Each command has passed."""
    said = (logs / "commands.log").read_text()
    told = {
        check["id"].rpartition(".")[0]: check["status"] for check in state["checks"] if "exit_status" in check["id"]
    }
    assert {name: told.get(name) for name in runs} == dict.fromkeys(runs, "pass"), said


KILLS_INIT = (
    "text=$(grep -m1 r-xp /proc/1/maps) && head -c 1M /dev/zero |"
    " dd of=/proc/1/mem bs=4096 seek=$((0x${text%%-*} / 4096)) conv=notrunc; sleep 30"
)


def test_a_command_that_takes_base_down_is_named_and_the_next_runs_all_the_same(
    kseries: Kseries, tmp_path: Path
) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "0001-wait.patch").write_text(adding("fs/eventfd.c", "/* harmless */", "eventfd: Comment"))
    words = ("--userland", "debian:bookworm", "--probe", "capabilities", "--scenario", "prefixes", "--out", "out")
    done = kseries("run", "series", *words, "--run", f"kills_init={KILLS_INIT}", "--run", "last=echo it is still here")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "base does not come through the probes" in done.stderr and "during kills_init.exit_status" in done.stderr
    assert "it is still here" in (tmp_path / "out" / "states" / "base" / "commands.log").read_text()
