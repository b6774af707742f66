# SPDX-License-Identifier: GPL-2.0-only
"""(a) A clean build per state: make in an empty folder, without ccache; nothing is booted."""

from pathlib import Path

from benchmarks.peers import trees
from benchmarks.peers.meter import Cost, measure
from benchmarks.peers.pieces import CLEAN, Piece, Pieces
from benchmarks.peers.series import JOBS, Commit, Series, git
from kseries.host import files

_SAMPLE = 5
_SOURCE = "clean"


def run(series: Series, pieces: Pieces) -> None:
    """Build what is missing of the sample."""
    missing = [one for one in spread(series.commits, _SAMPLE) if not pieces.has(series.name, CLEAN, one.state)]
    if not missing:
        return
    source = trees.clone(series, series.place / _SOURCE)
    for commit in missing:
        git("checkout", "--quiet", "--detach", commit.id, cwd=source)
        obj = series.place / "clean-obj"
        files.remove(obj)
        obj.mkdir()
        configured = _make(series, obj, f"KCONFIG_ALLCONFIG={series.fragment}", "allnoconfig")
        cost, unit = configured + _make(series, obj, "vmlinux"), _make(series, obj, "vmlinux")
        pieces.add(
            Piece(series=series.name, way=CLEAN, part=commit.state, cost=cost, unit=unit, of=len(series.commits))
        )
        files.remove(obj)
    files.remove(source)


def spread(commits: tuple[Commit, ...], count: int) -> list[Commit]:
    """Some of them, the first and the last among them, as far from each other as can be."""
    if count >= len(commits):
        return list(commits)
    return [commits[number * (len(commits) - 1) // (count - 1)] for number in range(count)]


def _make(series: Series, obj: Path, *words: str) -> Cost:
    return measure(["make", f"-j{JOBS}", f"O={obj}", *words], series.place / _SOURCE, series.log)[0]
