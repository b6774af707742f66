# SPDX-License-Identifier: GPL-2.0-only
"""Work trees of a series, and copies of what was built, to go on from more than once."""

import subprocess
from pathlib import Path

from benchmarks.peers.series import Series, git
from kseries.host import files


def clone(series: Series, place: Path) -> Path:
    """A work tree with base in it, in the place of what was there."""
    files.remove(place)
    git("clone", "--quiet", "--shared", "--no-checkout", str(series.repository), str(place), cwd=series.place)
    git("checkout", "--quiet", "--detach", series.commits[0].id, cwd=place)
    return place


def save(place: Path) -> None:
    """Keep a folder as it is now, beside it."""
    _copy(place, kept(place))


def restore(place: Path) -> None:
    """Have a folder as it was saved, under its own path: builds note paths."""
    _copy(kept(place), place)


def kept(place: Path) -> Path:
    """The copy; it is not there before ``save``."""
    return place.with_name(f"{place.name}.base")


def _copy(source: Path, to: Path) -> None:
    """With the owners and the times of its files, which builds go by; whole, or not there."""
    making = to.with_name(f"{to.name}.making")
    for old in (making, to):
        files.remove(old)
    subprocess.run(["cp", "--archive", "--reflink=auto", source, making], check=True)
    making.rename(to)
