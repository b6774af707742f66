# SPDX-License-Identifier: GPL-2.0-only
"""What a series is put on: a kernel of Debian's, or a repository that may not have the base of its mails."""

from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.host import cachelock, paths
from kseries.model import Base, Plan, events
from kseries.model.errors import UnavailableError
from kseries.sources import TreeStore, kernels
from tests.support.gitrepo import Repository, lines

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n"


def debian(release: str) -> Base:
    """A kernel of a release series ("7.3") as ``debian:linux-source-7.3`` has it, in whatever point release; imported
    into the cache, so that ``--tree debian:linux-source-7.3`` needs no network from then on.

    The test is skipped, with the reason, where it is not to be had.
    """
    try:
        with cachelock.shared(paths.cache(), lambda: None):
            trees = TreeStore(paths.cache("trees.git"))
            return kernels.get(f"debian:linux-source-{release}", None, trees, paths.cache(), print)
    except UnavailableError as error:
        pytest.skip(str(error).replace("\n ", ";"))


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
