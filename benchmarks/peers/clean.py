# SPDX-License-Identifier: GPL-2.0-only
"""(a) A clean build per state: make in an empty folder, without ccache; nothing is booted."""

from pathlib import Path

from benchmarks.peers import trees
from benchmarks.peers.meter import Cost, measure
from benchmarks.peers.pieces import CLEAN, Piece, Pieces
from benchmarks.peers.series import JOBS, Commit, Series, git
from kseries.host import files

_SAMPLE = 5


def run(series: Series, pieces: Pieces) -> None:
    """Build what is missing of the sample."""
    missing = [one for one in spread(series.commits, _SAMPLE) if not pieces.has(series.name, CLEAN, one.state)]
    if not missing:
        return
    source = trees.clone(series, series.place / "clean")
    for commit in missing:
        git("checkout", "--quiet", "--detach", commit.id, cwd=source)
        obj = series.place / "clean-obj"
        cost = _build(series, source, obj)
        unit = measure(_make(obj, "vmlinux"), source, series.log)
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


def _build(series: Series, source: Path, obj: Path) -> Cost:
    files.remove(obj)
    obj.mkdir()
    configure = measure(_make(obj, f"KCONFIG_ALLCONFIG={series.fragment}", "allnoconfig"), source, series.log)
    return configure + measure(_make(obj, "vmlinux"), source, series.log)


def _make(obj: Path, *words: str) -> list[str]:
    return ["make", f"-j{JOBS}", f"O={obj}", *words]
