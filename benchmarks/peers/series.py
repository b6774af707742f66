# SPDX-License-Identifier: GPL-2.0-only
"""The two series, and what each way begins with: a repository, the states as commits of it, and one configuration."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support import debian

from benchmarks.peers import choice
from kseries import arch as archs
from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.model import State
from kseries.sources import TreeStore, kernels

SPLIT, QUEUE = NAMES = ("split", "queue")
JOBS = os.cpu_count() or 1
_HERE = Path(__file__).parent
_FRAGMENTS = {SPLIT: (_HERE / "vng.config",), QUEUE: (_HERE / "vng.config", _HERE / "queue.config")}
_SCENARIOS = {SPLIT: ("prefixes", "reverts", "alone"), QUEUE: ("prefixes", "reverts")}
_PATCHES = 20
_BRANCH, _SUITE = "6.12", "debian-security trixie-security"
_TINY = ("kernel/configs/tiny-base.config", "kernel/configs/tiny.config", "arch/x86/configs/tiny.config")
_BASE = "base"
_WHO = {"NAME": "kseries", "EMAIL": "kseries@example.org", "DATE": "1700000000 +0000"}


@dataclass(frozen=True)
class Commit:
    """A state that is a commit of the repository."""

    state: str
    id: str


@dataclass(frozen=True)
class Series:
    """What is measured."""

    name: str
    place: Path
    target: Path
    repository: Path
    commits: tuple[Commit, ...]
    """The states with trees of their own, base first, in the order of the plan: prefixes, reverts, single patches."""
    tip: str
    """The commit that has all patches."""

    @property
    def kseries_words(self) -> list[str]:
        """What ``kseries run`` is told."""
        fragments = [word for one in _FRAGMENTS[self.name] for word in ("--config", str(one))]
        scenarios = ["--scenario", ",".join(_SCENARIOS[self.name])]
        return ["--tree", str(self.repository), "--base", _BASE, *scenarios, *fragments, str(self.target)]

    @property
    def log(self) -> Path:
        """What all commands say."""
        return self.place / "log"

    @property
    def fragment(self) -> Path:
        """For KCONFIG_ALLCONFIG: the options that kseries asks for."""
        return self.place / "fragment.config"


def prepared(name: str, work: Path, most: int | None) -> Series:
    """Fetch the kernel, choose the patches, make the states, at ``most`` so many of them; what is there stays."""
    place = work / name
    place.mkdir(parents=True, exist_ok=True)
    trees = TreeStore(paths.cache("trees.git"))
    tree, target = _split(trees) if name == SPLIT else _queue(trees, work, place)
    repository = _repository(place / "linux.git", trees, tree)
    options = Options(
        out=place / "out", tree=str(repository), base=_BASE, scenarios=_SCENARIOS[name], config=_FRAGMENTS[name]
    )
    loaded = inputs.load(str(target), str(repository))
    plan = planning.plan(loaded, options.of(loaded), trees, lambda _: None)
    commits = _commits(repository, distinct(plan.states))
    tip = next(one.id for one in commits if one.state == plan.tip)
    made = Series(name, place, target, repository, commits[:most], tip)
    made.fragment.write_text(_options(trees, tree, name))
    return made


def distinct(states: Iterable[State]) -> list[State]:
    """The first state of each tree."""
    trees: dict[str, State] = {}
    for state in states:
        if state.tree is not None:
            trees.setdefault(state.tree, state)
    return list(trees.values())


def _split(trees: TreeStore) -> tuple[str, Path]:
    tree = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    return tree, paths.project("testcases", "exit-on-missing-split")


def _queue(trees: TreeStore, work: Path, place: Path) -> tuple[str, Path]:
    source = debian.source(_BRANCH, _SUITE, work / "debian")
    tree, target = trees.add_tarball(source.upstream), place / "patches"
    if not (target / "series").exists():
        chosen = choice.of_queue(_PATCHES, source.patches, tree, trees)
        choice.write(chosen, source.patches, target)
    return tree, target


def _repository(place: Path, trees: TreeStore, tree: str) -> Path:
    """As a developer has one, with a commit that has the base's tree."""
    if not place.exists():
        git("init", "--quiet", "--bare", str(place), cwd=place.parent)
        (place / "objects" / "info" / "alternates").write_text(f"{(trees.path / 'objects').resolve()}\n")
    git("update-ref", f"refs/heads/{_BASE}", git("commit-tree", tree, "-m", _BASE, cwd=place), cwd=place)
    return place


def _commits(repository: Path, states: Iterable[State]) -> tuple[Commit, ...]:
    """The states as commits: prefixes upon each other, all others upon the last prefix."""
    made: list[Commit] = []
    above: list[str] = []
    for state in states:
        assert state.tree is not None
        parents = [word for parent in above[-1:] for word in ("-p", parent)]
        commit = git("commit-tree", state.tree, *parents, "-m", state.id, cwd=repository)
        if state.scenario == "prefixes" or state.id == _BASE:
            above.append(commit)
        made.append(Commit(state.id, commit))
    return tuple(made)


def _options(trees: TreeStore, tree: str, name: str) -> str:
    arch = archs.get("x86_64")
    config = Config.read((paths.project("kernels", arch.config), *_FRAGMENTS[name]))
    tiny = (trees.file(tree, place) for place in _TINY)
    return "".join(text.decode() for text in tiny if text is not None) + config.text_for(frozenset())


def git(*words: str, cwd: Path) -> str:
    """What git prints."""
    who = {f"GIT_{one}_{what}": value for one in ("AUTHOR", "COMMITTER") for what, value in _WHO.items()}
    env = {**os.environ, **who}
    return subprocess.run(["git", *words], cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout.strip()
