# SPDX-License-Identifier: GPL-2.0-only
"""git bisect itself on a lineage: which commits it asks, and which it blames."""

from collections.abc import Callable
from pathlib import Path

from kseries.model.lineage import Lineage
from tests.support.gitrepo import Repository


def steps(path: Path, lineage: Lineage, bad: Callable[[int], bool]) -> tuple[list[int], int]:
    """The places that git asks, one after the other, and the place of the commit that it calls the first bad one."""
    repository = Repository(path)
    commits = _made(repository, lineage)
    repository.git("bisect", "start", "--no-checkout", commits[-1], "good")
    asked: list[int] = []
    said = ""
    while "is the first bad commit" not in said and len(commits) > 1:
        asked.append(commits.index(repository.git("rev-parse", "BISECT_HEAD")))
        said = repository.git("bisect", "bad" if bad(asked[-1]) else "good", commits[asked[-1]])
    return asked, commits.index(said.split()[0]) if said else 0


def _made(repository: Repository, lineage: Lineage) -> list[str]:
    """The commits of a lineage; those that are made on none of it are made on ``good``."""
    stream = [_commit("refs/tags/good", 1, 1, [])]
    for place, parents in enumerate(lineage.parents):
        stream.append(_commit("refs/heads/main", place + 2, place + 2, [parent + 2 for parent in parents] or [1]))
    marks = repository.path / "marks"
    repository.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin="".join(stream).encode())
    made = dict(line.split() for line in marks.read_text().splitlines())
    return [made[f":{place + 2}"] for place in range(len(lineage.parents))]


def _commit(name: str, mark: int, when: int, parents: list[int]) -> str:
    lines = [f"reset {name}", f"commit {name}", f"mark :{mark}", f"committer A <a@b> {when} +0000", "data 1", "x"]
    words = ["from", *["merge"] * len(parents)]
    return "\n".join([*lines, *(f"{word} :{parent}" for word, parent in zip(words, parents, strict=False)), "", ""])
