# SPDX-License-Identifier: GPL-2.0-only
"""A file of the cache is cut short, or a bit of it flips: what was known by it is found out again, and nothing else.

All files of a kind at once, so that no luck is needed to meet the one that matters.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import resources
from tests.faults.test_faults import Site, ended, site

__all__ = ["ended", "site"]  # fixtures

TOP = Path(__file__).resolve().parents[2]
RESULT = ("result.json", "build.log", "sha256.json")
NOTES = ("said.json", "reads.json", "configured", "series", "boot", "fragment.config")
TREES = ("objects/pack/*.pack", "objects/pack/*.idx", "objects/??/*", "config", "HEAD")
TABLE = (
    *((how, f"results: {name}", "next run", "done again") for name in RESULT for how in ("cut", "bit")),
    *((how, f"build folder: {name}", "next run", "the same verdicts") for name in NOTES for how in ("cut", "bit")),
    *((how, "worker: index", "next run", "the same verdicts") for how in ("cut", "bit")),
    *(
        (how, f"trees.git: {name}", "next plan", "exit 3: it is damaged, unless it is not read")
        for name in TREES
        for how in ("cut", "bit")
    ),
    *((how, "ccache, all of it", "next run", "the same verdicts") for how in ("cut", "bit")),
)
HOW = {"cut": "cut short", "bit": "a bit flipped"}


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def bit(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if data else data


def damage(files: list[Path], how: Callable[[bytes], bytes]) -> None:
    assert files
    for file in files:
        file.chmod(0o644)
        file.write_bytes(how(file.read_bytes()))


def files(site: Site, what: str) -> list[Path]:
    place, _, name = what.partition(": ")
    top, below = {
        "results": (site.place / "results", f"*/{name}"),
        "build folder": (site.place / "worker", f"x86_64-*/{name}"),
        "worker": (site.place / "worker", name),
        "ccache, all of it": (resources.cache("ccache"), "*/*"),
    }[place]
    return [path for path in top.glob(below) if path.is_file()]


@pytest.mark.parametrize(
    ("how", "what", "stage", "outcome"),
    [row for row in TABLE if row[2] == "next run"],
    ids=lambda value: value.replace(" ", "-"),
)
def test_what_is_damaged_is_found_out_again_and_changes_no_verdict(
    site: Site, how: str, what: str, stage: str, outcome: str
) -> None:
    tip = site.series()
    assert site.run(tip)["states"] == {"base": ["ok", ""], "prefix-1": ["ok", ""]}
    damage(files(site, what), {"cut": cut, "bit": bit}[how])
    again, other = site.run(tip), site.run(site.series())
    for run in (again, other):
        assert run["states"] == {"base": ["ok", ""], "prefix-1": ["ok", ""]}
    assert again["fresh"] == (["base", "prefix-1"] if outcome == "done again" else [])
    assert other["fresh"] == ["prefix-1"], "a base that is known again"


# --- from the command line ----------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Callable[[], "subprocess.CompletedProcess[str]"]]:
    """kseries plan of a patch to a small tree, each time with another patch, on a cache of its own."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("VERSION = 6\n")
    (tree / "large.c").write_text("".join(f"int a{number};\n" for number in range(5000)))
    count = 0

    def run() -> "subprocess.CompletedProcess[str]":
        nonlocal count
        count += 1
        patch = tmp_path / "one.patch"
        hunk = f"@@ -1 +1,2 @@\n VERSION = 6\n+# {count}\n"
        patch.write_text(f"Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n{hunk}")
        words: list[str | Path] = [TOP / "kseries", "plan", patch, "--tree", tree, "--scenario", "prefixes"]
        env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run(
            words, env=env, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )

    yield run


@pytest.mark.parametrize("what", TREES)
@pytest.mark.parametrize("how", [cut, bit])
def test_a_damaged_store_of_trees_is_named_and_made_again_once_it_is_gone(
    plan: Callable[[], "subprocess.CompletedProcess[str]"], tmp_path: Path, what: str, how: Callable[[bytes], bytes]
) -> None:
    store = tmp_path / "cache" / "kseries" / "trees.git"
    assert plan().returncode == 0
    damage([path for path in store.glob(what) if path.is_file()], how)
    damaged = plan()
    if damaged.returncode != 0:  # not all of it is read each time
        assert damaged.returncode == 3, damaged.stderr
        assert f"{store} is damaged: remove it, and the next run makes it again" in damaged.stderr
    subprocess.run(["rm", "-rf", store], check=True)
    assert plan().returncode == 0
