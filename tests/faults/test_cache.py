# SPDX-License-Identifier: GPL-2.0-only
"""A file of the cache is cut short, or a bit of it flips: what was known by it is found out again, and nothing else.

All files of a kind at once, so that no luck is needed to meet the one that matters.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.host import paths
from tests.support.commands import TOP
from tests.support.corruption import bit, cut
from tests.support.faults import CACHE, DAMAGED
from tests.support.sample import sampled
from tests.support.site import Site

ALWAYS = {
    ("bit", "results: observation.json"),
    ("cut", "build folder: dependencies.json"),
    ("bit", "build folder: obj/lib.o"),
    ("cut", "trees.git: objects/pack/*.pack"),
    ("bit", "ccache, all of it"),
}
"""What every run of the tests tries; tests --full faults has the whole table."""


def damage(files: list[Path], how: Callable[[bytes], bytes]) -> None:
    assert files
    for file in files:
        seen = file.stat()
        file.chmod(0o644)
        file.write_bytes(how(file.read_bytes()))
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def files(site: Site, what: str) -> list[Path]:
    place, _, name = what.partition(": ")
    top, below = {
        "results": (site.place / "results", f"*/{name}"),
        "build folder": (site.place / "worker", f"x86_64-*/{name}"),
        "worker": (site.place / "worker", name),
        "ccache, all of it": (paths.cache("ccache"), "*/*"),
    }[place]
    return [path for path in top.glob(below) if path.is_file()]


@pytest.mark.parametrize(
    ("how", "what", "stage", "outcome"),
    sampled("faults", (row for row in CACHE if row[2] == "next run"), lambda row: row[:2] in ALWAYS),
    ids=lambda value: value.replace(" ", "-"),
)
def test_what_is_damaged_is_found_out_again_and_changes_no_verdict(
    site: Site, how: str, what: str, stage: str, outcome: str
) -> None:
    tip = site.series()
    assert site.run(tip)["states"] == {"base": ["ok", ""], "prefix-1": ["ok", ""]}
    before = (site.obj / "lib.o").read_bytes()
    damage(files(site, what), {"cut": cut, "bit": bit}[how])
    again, other = site.run(tip), site.run(site.series())
    for run in (again, other):
        assert run["states"] == {"base": ["ok", ""], "prefix-1": ["ok", ""]}
    assert again["fresh"] == (["base", "prefix-1"] if outcome == "done again" else [])
    assert other["fresh"] == ["prefix-1"], "a base that is known again"
    assert (site.obj / "lib.o").read_bytes() == before, "though nothing that it is made of has changed"


# --- from the command line ----------------------------------------------------------------------


class Plans:
    """kseries plan of a series on a small tree, in a cache of its own."""

    def __init__(self, place: Path, cache: str) -> None:
        self._place = place
        self._cache = place / cache
        self.store = self._cache / "kseries" / "trees.git"
        (place / "tree").mkdir(exist_ok=True)
        # As large as to be in the middle of whatever it is stored in.
        text = "".join(f"# {number:x}\n" for number in range(5000))
        (place / "tree" / "Makefile").write_text(f"VERSION = 6\n{text}")

    def plan(self, patches: int) -> "subprocess.CompletedProcess[str]":
        """Of a series that the one with fewer patches is the beginning of."""
        mbox = self._place / "series.mbox"
        mbox.write_text("".join(self._mail(number, patches) for number in range(1, patches + 1)))
        words: list[str | Path] = [TOP / "kseries", "plan", mbox, "--tree", self._place / "tree"]
        env = {**os.environ, "XDG_CACHE_HOME": str(self._cache)}
        return subprocess.run(
            [*words, "--scenario", "prefixes"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    @staticmethod
    def _mail(number: int, count: int) -> str:
        below = f"line {number - 1}" if number > 1 else "0"
        return (
            f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.com>\n"
            f"Subject: [PATCH {number}/{count}] add line {number}\n\n---\n"
            f"--- a/Makefile\n+++ b/Makefile\n@@ -1,2 +1,3 @@\n VERSION = 6\n+# line {number}\n # {below}\n"
            "-- \n2.39\n\n"
        )


@pytest.mark.parametrize(
    ("how", "what", "stage", "outcome"),
    sampled("faults", (row for row in CACHE if row[2] == "next plan"), lambda row: row[:2] in ALWAYS),
    ids=lambda value: value.replace(" ", "-").replace("/", "-"),
)
def test_a_damaged_store_of_trees_is_named_and_made_again(
    tmp_path: Path, how: str, what: str, stage: str, outcome: str
) -> None:
    plans = Plans(tmp_path, "cache")
    assert plans.plan(1).returncode == 0
    name = what.removeprefix("trees.git: ")
    damage([path for path in plans.store.glob(name) if path.is_file()], {"cut": cut, "bit": bit}[how])
    done = plans.plan(2)
    if outcome == DAMAGED:
        assert done.returncode == 3, done.stderr
        assert f" failed in {plans.store}: " in done.stderr
        assert done.stderr.endswith("\n  it is damaged: the next run makes it again\n")
        done = plans.plan(2)
        assert "the sources that were stored are damaged: reading them again" in done.stderr
    assert done.returncode == 0, done.stderr
    assert done.stdout == Plans(tmp_path, "other").plan(2).stdout, "as with a cache where nothing was damaged"
