# SPDX-License-Identifier: GPL-2.0-only
"""Histories with merges: any shape of them, with clocks that go wrong, and trees that merges take from either side."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from tests.support.gitrepo import Repository

PATHS = ("a", "b/c")
_MOST_PARENTS = 3


class Commit(NamedTuple):
    """A commit: its parents, by their places before it, and when it says that it was made."""

    parents: tuple[int, ...]
    files: Mapping[str, str]
    time: int


@st.composite
def dags(draw: st.DrawFn, most: int = 16) -> list[Commit]:
    """A history, a root first; a merge has each path as one of its parents has it, or anew."""
    commits: list[Commit] = [Commit((), dict.fromkeys(PATHS, "0"), 1)]
    for number in range(1, draw(st.integers(2, most))):
        below = st.integers(max(0, number - 5), number - 1)
        parents = tuple(draw(st.lists(below, min_size=1, max_size=_MOST_PARENTS, unique=True)))
        sides = [commits[one].files for one in parents]
        files = {path: draw(st.sampled_from([str(number), *(side[path] for side in sides)])) for path in PATHS}
        commits.append(Commit(parents, files, draw(st.integers(1, 20))))
    return commits


def imported(repository: Repository, commits: list[Commit]) -> list[str]:
    """The ids of the commits; each has a branch of its place, c0 and so on, and main is the last."""
    marks = repository.path / ".git" / "marks"
    stream = "".join(_commit(number, one) for number, one in enumerate(commits))
    stream += f"reset refs/heads/main\nfrom :{len(commits)}\n\n"
    repository.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream.encode())
    return [commit for _, commit in sorted(_marks(marks))]


def _commit(number: int, one: Commit) -> str:
    first, *others = (f":{parent + 1}" for parent in one.parents) if one.parents else ("",)
    files = "".join(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in one.files.items())
    return (
        f"reset refs/heads/c{number}\ncommit refs/heads/c{number}\nmark :{number + 1}\n"
        f"committer A <a@b> {one.time} +0000\ndata {len(f'commit {number}')}\ncommit {number}\n"
        + (f"from {first}\n" if first else "")
        + "".join(f"merge {other}\n" for other in others)
        + f"deleteall\n{files}\n"
    )


def _marks(place: Path) -> Iterator[tuple[int, str]]:
    for row in place.read_text().splitlines():
        mark, _, commit = row.partition(" ")
        yield int(mark.removeprefix(":")), commit


def below(commits: list[Commit], number: int) -> frozenset[int]:
    """A commit and all that it is made on, by their places."""
    found = {number}
    for place in range(number, -1, -1):
        if place in found:
            found |= {*commits[place].parents}
    return frozenset(found)
