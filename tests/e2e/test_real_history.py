# SPDX-License-Identifier: GPL-2.0-only
"""A bisection over a real history: Debian's 6.12 from one version to another, its queue merged in, and kill -9."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from kseries.host import paths
from kseries.model.errors import UnavailableError
from kseries.sources import TreeStore, kernels
from tests.support import debian, realhistory
from tests.support.commands import TOP, Kseries, git
from tests.support.realhistory import Fault, RealHistory

pytestmark = pytest.mark.full("history")

OLDER, NEWER = "6.12.117-1", "6.12.118-1"
SUITE = "debian-security trixie-security"
"""Has sources of that branch, if not of these versions: most of the queue is the same in all of them."""
FAULT = Fault("fs/eventfd.c", b"\tif (ULLONG_MAX - ctx->count > ucnt)\n", b"\tif (ULLONG_MAX - ctx->count)\n")
"""A write that there is no room for is taken, and the counter begins anew."""
PROBE = TOP / "testcases" / "eventfd-saturate" / "probes" / "eventfd_saturate.c"
CHECK = "eventfd_saturate.other_writers_wait"
BUILDING = re.compile(r"\[\d+/\d+\] (\S+): building")
BOOTING = re.compile(r"\[\d+/\d+\] (\S+): booting")
DONE = re.compile(r"\d+:\d\d  (\S+): ok \((?!not rebuilt)")


@pytest.fixture(scope="module")
def linux() -> RealHistory:
    """In the cache, and made anew: kseries goes on reading it for as long as it is there, whoever removes what tests
    have left elsewhere.
    """
    if shutil.which("apt-get") is None:
        pytest.skip("Debian's queue comes through apt, which is not here")
    place = paths.cache("tests", "real-history")
    shutil.rmtree(place, ignore_errors=True)  # the store forgets what it borrowed of it
    trees = TreeStore(paths.cache("trees.git"))
    try:
        older, newer = (_tree(version, trees) for version in (OLDER, NEWER))
        queue = debian.patches("6.12", SUITE, paths.cache("tests", "debian-patches-6.12"))
    except (UnavailableError, LookupError, ConnectionError) as error:
        pytest.skip(f"Debian's archive: {error}")
    return realhistory.build(place, trees, older, newer, queue, FAULT)


def _tree(version: str, trees: TreeStore) -> str:
    return kernels.get(f"{kernels.DEFAULT}={version}", None, trees, paths.cache(), print).tree


def test_the_history_is_as_long_as_a_real_one_and_branches_begin_below_good(linux: RealHistory) -> None:
    assert 150 <= linux.commits <= 500
    assert linux.merges == 3
    forks = [git("-C", linux.path, "merge-base", linux.good, f"queue-{number}") for number in (1, 2, 3)]
    assert forks[0] != linux.good and forks[1:] == [linux.good] * 2
    assert git("-C", linux.path, "merge-base", linux.good, linux.bad) == linux.good
    assert "queue-2" in git("-C", linux.path, "branch", "--contains", linux.culprit)
    (changed,) = git("-C", linux.path, "diff", "--name-only", f"{linux.culprit}~", linux.culprit).splitlines()
    assert changed == FAULT.path


@pytest.fixture
def words(linux: RealHistory, tmp_path: Path) -> tuple[str | Path, ...]:
    """What is typed; the probe is one that no kernel was asked before."""
    probe = tmp_path / PROBE.name
    probe.write_text(f"{PROBE.read_text()}/* {os.urandom(8).hex()} */\n")
    asked = ("--probe", f"capabilities,{probe}", "--no-contracts", "--check", CHECK)
    return ("bisect", f"{linux.good}..{linux.bad}", "--tree", linux.path, *asked)


class Sitting(NamedTuple):
    """What kseries said until it ended, or was killed, and the states that it was done with by then."""

    status: int
    done: list[str]
    said: str


def _sitting(place: Path, words: tuple[str | Path, ...], until: re.Pattern[str] | None, count: int = 0) -> Sitting:
    """kseries, killed as soon as it says something for the so-manieth time."""
    rows: list[str] = []
    with (place / "printed").open("a") as printed, (place / "said").open("a") as told:
        argv = [TOP / "kseries", *words]
        child = subprocess.Popen(argv, cwd=place, stdout=printed, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        with child.stderr:
            for row in child.stderr:
                rows.append(row)
                print(row, end="", file=told, flush=True)
                if until is not None and len(until.findall("".join(rows))) == count:
                    child.send_signal(signal.SIGKILL)
                    break
        status = child.wait()
    said = "".join(rows)
    return Sitting(status, DONE.findall(said), said)


def test_a_fault_is_found_and_its_revert_proved_though_it_is_killed_twice(
    linux: RealHistory, words: tuple[str | Path, ...], kseries: Kseries, tmp_path: Path
) -> None:
    sittings = [
        _sitting(tmp_path, words, BUILDING, 3),
        _sitting(tmp_path, words, BOOTING, 2),
        _sitting(tmp_path, words, None),
    ]
    printed = (tmp_path / "printed").read_text()
    assert [one.status for one in sittings] == [-signal.SIGKILL, -signal.SIGKILL, 1], sittings[-1].said
    assert f"{linux.culprit[:12]} '{FAULT.path}: Be quicker' is the first bad commit." in printed
    assert "Proved: it fails, what it is made on passes, and so does the bad end without it." in printed

    again = kseries(*words, "--json")
    assert again.returncode == 1, again.stderr
    assert "building" not in again.stderr and "booting" not in again.stderr
    found = json.loads(again.stdout)
    assert found["suspects"]["commits"][0]["id"] == linux.culprit
    assert all(step["known"] for step in found["steps"])
    assert found["proof"]["proved"]
    legs = found["proof"]["legs"]
    assert [(one["role"], one["passed"] >= 3, one["failed"] >= 3) for one in legs] == [
        ("parent", True, False),
        ("culprit", False, True),
        ("revert", True, False),
    ]
    done = Counter(name for one in sittings for name in one.done)
    twice = {name for name, times in done.items() if times > 1}
    assert twice <= {one["name"] for one in legs}, "done twice, and not for more boots of a proof"
    assert max(done.values()) <= 2
