# SPDX-License-Identifier: GPL-2.0-only
"""Where a base kernel comes from: a Debian source package, a tarball, an unpacked tree, a git repository."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kseries.host import cachelock, checksummed, processes
from kseries.model import Base, events
from kseries.model.errors import InfraError, InputError, UnavailableError, in_words
from kseries.model.sanitize import named
from kseries.sources import TreeStore, kernelorg, repository
from kseries.sources import guess as guesses
from kseries.sources.guess import Guess

DEFAULT = "debian:linux-source-6.12"


_APT_SECONDS = 300


def get(tree: str, revision: str | None, store: TreeStore, cache: Path, tell: events.Listener) -> Base:
    """The base that ``--tree`` and ``--base`` name. Raises InputError, or InfraError when apt cannot deliver it."""
    package = tree.removeprefix("debian:")
    path = Path(tree)
    if package != tree:
        return _debian(package, store, cache, tell)
    if not path.exists():
        raise InputError(
            f"no such kernel tree: {tree}\n  --tree takes a git repository, a directory, a tarball or {DEFAULT}"
        )
    if path.is_file():
        tell(events.Preparing(f"importing {path.name}"))
        return _base(tree, store.add_tarball(path), store)
    place = _repository(path, revision)
    if place is not None:
        store.add_repository(place)
        _tell_changes(place, store, tell)
        repository.check_tree(place, revision or "HEAD")
        found = _tree_of(place, revision or "HEAD")
        _check_place(path, place, revision or "HEAD", found, store)
        return _base(f"{tree} {revision or 'HEAD'}", found, store)
    if revision is not None:
        raise InputError(f"{tree} is in no git repository, and so has no revision {revision}")
    _check_makefile(path)
    tell(events.Preparing(f"importing {path}"))
    return _base(tree, store.add_directory(path), store)


def called(tree: str) -> str:
    """A --tree as it is told: a folder that is named by where we are (``.``) by its whole path."""
    return str(Path(tree).resolve()) if Path(tree).name in ("", "..") else tree


def check_readable(tree: str) -> None:
    """Raise InputError for a --tree that we may not look into; one that is not there is another matter."""
    try:
        (Path(tree) / ".git").exists()
    except OSError as error:
        raise InputError(f"cannot read {tree}: {in_words(error)}") from error


def _check_makefile(path: Path) -> None:
    """Raise InputError for a folder that cannot be a kernel's top, before all that is in it is read."""
    if not (path / "Makefile").exists():
        top = repository.around(path)
        cure = f"\n  it lies in a repository: --tree {top}" if top is not None else ""
        raise InputError(f"{path} is not a kernel tree: it has no Makefile{cure}")


def commit_tree(tree: str, revision: str, store: TreeStore) -> str | None:
    """The tree of a revision of --tree, or None where that is no repository or has no such revision."""
    path = Path(tree)
    place = _repository(path, revision) if path.is_dir() else None
    found = repository.tree_of(place, revision) if place is not None else None
    if place is None or found is None:
        return None
    store.add_repository(place)
    return store.tree_of(found)


def base_commit(tree: str, commit: str, tell: events.Listener) -> str | None:
    """The ``base-commit:`` of a series where --tree is a repository that has it, else None; says which."""
    path = Path(tree)
    if not path.is_dir() or not repository.is_one(path):
        what = f"the series is for base-commit {commit[:12]}; {tree} has no commits, and is taken as it is"
        tell(events.Preparing(what))
        return None
    if repository.ask(path, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0:
        tell(events.Preparing(f"base: {commit[:12]}, the base-commit of the series"))
        return commit
    shallow = repository.ask(path, "rev-parse", "--is-shallow-repository").text == "true"
    cure = "it is a shallow clone, see git fetch --unshallow" if shallow else "name another with --base, or fetch it"
    lacks = f"the series is for base-commit {commit[:12]}, which {tree} lacks ({cure})"
    tell(events.Preparing(f"{lacks}; trying what its files match or HEAD"))
    return None


def guess(tree: str, blobs: Mapping[str, str], store: TreeStore, tell: events.Listener) -> Guess | None:
    """The base of a series that was made from these blobs, where --tree is a repository and HEAD has not all of them;
    says what was found.
    """
    path = Path(tree)
    if not path.is_dir() or not repository.is_one(path):
        return None
    store.add_repository(path)
    found = guesses.find(path, store, blobs, tell)
    if found is not None:
        tell(events.Preparing(found.told))
    return found if found is not None and found.commit is not None else None


def history(tree: str, revision: str) -> tuple[Path, str] | None:
    """The repository that --tree is, and the commit of a revision; None where it is none."""
    path = Path(tree)
    place = _repository(path, revision) if path.is_dir() else None
    commit = repository.commit_of(place, revision) if place is not None else None
    return (place, commit) if place is not None and commit is not None else None


def _tell_changes(path: Path, store: TreeStore, tell: events.Listener) -> None:
    """Say that changes in a work tree, which are in no commit, are no part of the base."""
    with contextlib.suppress(InfraError):  # on a slow disk it takes too long for what is but a word of warning
        if store.differs(path):
            tell(events.Preparing(f"{path} has changes that are not committed: nothing is taken from its work tree"))


def _repository(path: Path, revision: str | None) -> Path | None:
    """The repository that a folder is; where a revision is asked for, also the one that it lies in, as git has it.

    Else a folder is what it holds: a kernel may be unpacked anywhere.
    """
    if repository.is_one(path):
        return path
    return repository.around(path) if revision is not None else None


def _tree_of(path: Path, revision: str) -> str:
    tree = repository.tree_of(path, revision)
    if tree is None:
        raise InputError(f"{path} has no revision {revision}{repository.shallow_cure(path)}")
    return tree


def _check_place(path: Path, top: Path, revision: str, tree: str, store: TreeStore) -> None:
    """Raise InputError for a kernel in a folder of a larger repository, whose commits name other paths, too."""
    if _version_of(store, tree, "Makefile") or not path.resolve().is_relative_to(top.resolve()):
        return
    inside = path.resolve().relative_to(top.resolve())
    for folder in (inside, *inside.parents)[:-1]:  # the last is the top itself
        if _version_of(store, tree, f"{folder}/Makefile"):
            raise InputError(
                f"the kernel is in {folder}/ of {top}, whose commits are about more than a kernel\n"
                f"  take it out, in {folder}/: git archive --prefix=linux/ -o BASE.tar {revision[:12]};"
                " git format-patch --relative -o DIR REV..REV; then run DIR with --tree BASE.tar"
            )


def _version_of(store: TreeStore, tree: str, path: str) -> str | None:
    makefile = store.file(tree, path)
    return _kernel_version(makefile.decode(errors="replace")) if makefile else None


def _base(name: str, tree: str, store: TreeStore) -> Base:
    version = _version_of(store, tree, "Makefile")
    if version is None:
        raise InputError(f"{name} is not a kernel tree: its Makefile names no VERSION")
    return Base(name=named(name), version=version, tree=tree)


def _kernel_version(makefile: str) -> str | None:
    """VERSION.PATCHLEVEL.SUBLEVEL of the kernel's top Makefile."""
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)$", makefile, re.MULTILINE))
    if "VERSION" not in found:
        return None
    return ".".join(found[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if key in found)


# --- debian:PACKAGE -----------------------------------------------------------------------------


def _debian(package: str, store: TreeStore, cache: Path, tell: events.Listener) -> Base:
    """A linux-source package, through apt and without root. What was imported once is used from then on."""
    if not re.fullmatch(r"linux-source-[0-9.]+", package):
        raise InputError(f"debian:{package}: expected debian:linux-source-VERSION")
    note = cache / "bases" / f"{package}.json"
    if (known := _known(note, store)) is not None:
        return known

    def wait() -> None:
        tell(events.Preparing(f"waiting for another run to import {package}"))

    with cachelock.one_at_a_time(note.with_suffix(".lock"), wait):
        return _known(note, store) or _imported(package, note, store, tell)


def _known(note: Path, store: TreeStore) -> Base | None:
    """The base of which an earlier import has left a note, if its tree is there."""
    if (data := checksummed.read(note)) is None:
        return None
    known = msgspec.json.decode(data, type=Base)
    return known if store.has(known.tree) else None


def _imported(package: str, note: Path, store: TreeStore, tell: events.Listener) -> Base:
    with tempfile.TemporaryDirectory(prefix="kseries-base-", dir=note.parent) as scratch:
        tell(events.Preparing(f"fetching {package} from Debian"))
        deb = _download(package, Path(scratch))
        if deb is not None:
            name, tarball = f"debian:{package} {deb[1]}", _unpacked(deb[0], Path(scratch) / "x")
        else:
            branch = package.removeprefix("linux-source-")
            tell(events.Preparing(f"apt has no {package}: fetching linux-{branch}.y from kernel.org"))
            try:
                tarball, version = kernelorg.fetch(branch, Path(scratch))
            except InfraError as error:
                raise UnavailableError(f"{package} is not to be had: {error}") from error
            name = f"kernel.org linux-{version}"
        tell(events.Preparing(f"importing {name}"))
        base = _base(name, store.add_tarball(tarball), store)
    checksummed.write(note, msgspec.json.encode(base))
    return base


def _unpacked(deb: Path, into: Path) -> Path:
    """The source tarball in a linux-source package."""
    done = processes.run(["dpkg-deb", "-x", deb, into], seconds=_APT_SECONDS)
    if done.returncode != 0:
        raise InfraError(f"cannot unpack {deb.name}: {done.stderr.decode(errors='replace').strip()}")
    tarballs = list((into / "usr" / "src").glob("linux-source-*.tar.*"))
    if len(tarballs) != 1:
        raise InfraError(f"{deb.name} holds {len(tarballs)} source tarballs, expected 1")
    return tarballs[0]


def _download(package: str, into: Path) -> tuple[Path, str] | None:
    """The newest version that the mirror really has (the one named first may still answer 404), or None."""
    if shutil.which("apt-get") is None:
        return None
    for options in ((), _private_lists(into)):
        if options:
            processes.run(["apt-get", *options, "-qq", "update"], seconds=_APT_SECONDS)
        listed = processes.run(["apt-cache", *options, "madison", package], seconds=_APT_SECONDS).text
        versions = [row.split("|")[1].strip() for row in listed.splitlines() if row.count("|") == 2]
        for version in dict.fromkeys(versions):
            processes.run(
                ["apt-get", *options, "-qq", "download", f"{package}={version}"], seconds=_APT_SECONDS, cwd=into
            )
            found = list(into.glob("*.deb"))
            if found:
                return found[0], version
    return None


def _private_lists(scratch: Path) -> tuple[str, ...]:
    """apt options for package lists of our own from the host's sources: without root, and its apt is not touched."""
    state, archives = scratch / "state" / "lists" / "partial", scratch / "cache" / "archives" / "partial"
    for directory in (state, archives):
        directory.mkdir(parents=True, exist_ok=True)
    return (
        "-o",
        f"Dir::State={scratch / 'state'}",
        "-o",
        f"Dir::Cache={scratch / 'cache'}",
        "-o",
        "Debug::NoLocking=1",
    )
