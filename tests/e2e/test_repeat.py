# SPDX-License-Identifier: GPL-2.0-only
"""--repeat and --quick as a user types them: how often each kernel is booted, and what the result says."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import Kseries
from tests.support.told import read_one

pytestmark = pytest.mark.full("e2e")

_BOOT = re.compile(r"kseries-\w+")
"""The scratch folder of one boot (harness/kseries/guest/machine.py); it lasts for as long as its QEMU does."""


@contextmanager
def _watched(folder: Path) -> Iterator[set[str]]:
    """The boots that put their scratch folders here meanwhile."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen.update(entry.name for entry in folder.iterdir() if _BOOT.fullmatch(entry.name))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_twice(kseries: Kseries, new_series: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "t"
    scratch.mkdir()
    # A comment does not reach the image, and one that was judged in an earlier run is not booted again.
    patch = new_series / "0001-a-comment.patch"
    text = re.sub(
        r"\+/\* (\w+) \*/", r'+static const char new_here[] __attribute__((__used__)) = "\1";', patch.read_text()
    )
    patch.write_text(text)
    words = ("run", new_series, "--scenario", "prefixes", "--quick", "--repeat", "2", "--json")
    with _watched(scratch) as boots:
        done = kseries(*words, TMPDIR=str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    result = read_one(done.stdout)
    kernels = [state["id"] for state in result["states"] if not state["same_as"]]
    assert kernels == ["base", "prefix-1"]
    todo = re.search(r"([12]) of 2 kernels to build and boot", done.stderr)  # base may be known from before
    assert todo is not None, done.stderr
    assert len(boots) == 2 * int(todo[1])
    assert [state["flaky"] for state in result["states"]] == [[], []]

    # No kernel here advertises what a slow probe is about, so that nothing is left open.
    assert result["quick"] is True
    assert not any(check["id"].startswith("exit_on_missing_slow") for check in result["states"][0]["checks"])
    assert result["verdict"]["bisectable"] is True

    with _watched(scratch) as boots:
        assert kseries(*words, TMPDIR=str(scratch)).returncode == 0
    assert not boots
