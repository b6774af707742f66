# SPDX-License-Identifier: GPL-2.0-only
"""A series as mails, and the plan of it on a repository that may not have its base."""

from pathlib import Path

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.model import Plan, events
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n"


def left_behind(place: Path) -> Repository:
    """A kernel whose HEAD, "next", has left the base of the series of "main" behind: there it does not apply any more.

    The series is in t.mbox, beside it.
    """
    repository = Repository(place / "linux")
    repository.commit("base", {"Makefile": MAKEFILE, "file": lines(30)})
    repository.git("tag", "base")
    repository.commit("KVM: one", {"file": lines(30, line3="one")})
    repository.commit("KVM: two", {"file": lines(30, line3="one", line20="two")})
    write(repository, place, "--base=base", "--cover-letter")
    repository.git("checkout", "--quiet", "-b", "next", "base")
    repository.commit("next", {"file": lines(30, line3="else")})
    return repository


def write(repository: Repository, tmp_path: Path, *options: str) -> None:
    (tmp_path / "t.mbox").write_bytes(repository.run("format-patch", "--stdout", *options, "base..main").stdout)


def plan(tmp_path: Path, tree: Path, base: str | None = None, target: str = "t.mbox") -> tuple[Plan, list[str]]:
    """The plan of the mbox, and what was said on the way."""
    said: list[str] = []

    def tell(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            said.append(event.what)

    options = Options(out=tmp_path, tree=str(tree), base=base)
    store = TreeStore(tmp_path / "cache" / "trees.git")
    return planning.plan(inputs.load(str(tmp_path / target)), options, store, tell), said
