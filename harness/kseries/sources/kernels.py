# SPDX-License-Identifier: GPL-2.0-only
"""Where a base kernel comes from: Debian, a tarball, an unpacked tree, a git repository."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import UNSET

from kseries.model import Base, events
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import named
from kseries.sources import TreeStore, debian, repository
from kseries.sources import guess as guesses
from kseries.sources.guess import Guess

DEFAULT = debian.DEFAULT


def get(tree: str, revision: str | None, store: TreeStore, cache: Path, tell: events.Listener) -> Base:
    """The base that ``--tree`` and ``--base`` name.

    Raises InputError, UnavailableError for a kernel of Debian's that is not to be had, InfraError.
    """
    path = Path(tree)
    if is_debians(tree):
        return debian.get(tree.removeprefix(debian.PREFIX), store, cache, tell, _base)
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
        base = _base(f"{tree} {revision or 'HEAD'}", found, store)
        return msgspec.structs.replace(base, commit=repository.commit_of(place, revision or "HEAD") or UNSET)
    if revision is not None:
        raise InputError(f"{tree} is in no git repository, and so has no revision {revision}")
    _check_makefile(path)
    tell(events.Preparing(f"importing {path}"))
    return _base(tree, store.add_directory(path), store)


def is_debians(tree: str) -> bool:
    """True of a name of Debian's archive."""
    return tree.startswith(debian.PREFIX)


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
