# SPDX-License-Identifier: GPL-2.0-only
"""The kernel below a bundle's patches: which tree it is, and how somebody else comes by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from kseries import inputs
from kseries.app import bundlepatches
from kseries.app.bundlepatches import Patch
from kseries.app.options import Options
from kseries.bisect.staterunner import StateRunner
from kseries.host import paths
from kseries.model import Base, RunResult, events
from kseries.model.sanitize import line
from kseries.report import reproduce
from kseries.report.bundle import Kernel
from kseries.sources import kernels
from kseries.sources.archive import Archive, Offer

_DEBIAN = re.compile(r"debian:(?P<package>linux-source-[\w.]+) (?P<version>\S+)")


@dataclass(frozen=True)
class Under:
    """The tree of a kernel without any patch, and what is told of it."""

    tree: str
    kernel: Kernel
    patches: tuple[Patch, ...]
    """The prerequisites of the series."""


def under(
    run: RunResult,
    target: inputs.Target,
    options: Options,
    runner: StateRunner,
    tell: events.Listener,
    *,
    with_source: bool,
) -> Under:
    """What a state's patches are applied to: the base, without its prerequisites. Raises as kernels.get()."""
    base = runner.base
    revision = _revision(target, options, base, runner)
    if base.prerequisites:
        base = kernels.get(runner.repository, revision, runner.trees, paths.cache(), tell)
    commit = _commit(base, revision, runner)
    debian = _DEBIAN.fullmatch(base.name)
    name = reproduce.base_elsewhere(replace(run, base=base))
    how = [*_of_debian(debian["package"], debian["version"])] if debian else [*_of_commit(commit)]
    if not (how or with_source):
        how = [f"It is the kernel that the run had as {line(name)}, version {base.version}, without the patches.",
               "Who does not have it needs a bundle that was made with --with-source."]  # fmt: skip
    kernel = Kernel(f"{line(name)} (Linux {base.version})", tuple(how), commit, debian is not None, with_source)
    return Under(base.tree, kernel, bundlepatches.prerequisites(runner.base, base.tree, runner.trees))


def _revision(target: inputs.Target, options: Options, base: Base, runner: StateRunner) -> str | None:
    """The revision of --tree that the base is, as app/planning.py has found it."""
    named = base.guessed or options.base or target.base
    if named or target.base_commit is None:
        return named or None
    found = kernels.commit_tree(runner.repository, target.base_commit, runner.trees)
    return target.base_commit if found is not None else None


def _commit(base: Base, revision: str | None, runner: StateRunner) -> str:
    """The id of the commit that a base is; empty of one that is none."""
    if kernels.is_debians(runner.repository) or not Path(runner.repository).is_dir():
        return ""
    found = kernels.history(runner.repository, revision or "HEAD")
    if found is None or runner.trees.tree_of(found[1]) != base.tree:
        return ""
    return found[1]


def _of_commit(commit: str) -> Iterator[str]:
    if commit:
        yield f"It is the commit {commit} of a repository of Linux: name a clone that has it."


def _of_debian(package: str, version: str) -> Iterator[str]:
    offer = _offer(package, version)
    yield "It is in a package of Debian's source, which any Debian downloads and need not install:"
    yield f" apt-get download {package}={version}"
    if offer is not None:
        yield f" sha256: {offer.sha256}"
        yield f" it is at {line(offer.uri)} and, later, at snapshot.debian.org"
    yield "LINUX is that .deb, the tarball in it, or the unpacked folder."


def _offer(package: str, version: str) -> Offer | None:
    known = Archive(paths.cache()).known()
    offers = known.of(package) if known is not None else ()
    return next((one for one in offers if one.version == version), None)
