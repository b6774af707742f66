# SPDX-License-Identifier: GPL-2.0-only
"""A git bundle (gitformat-bundle(5)): the commits of a range, without those that they stand on, which --tree has.

It is a stranger's. Its header is read here. Its objects go into a scratch repository of ours, beside those of --tree,
by a git that has so much memory and disk and no more; what comes out of it is diffs, as out of mails.
"""

import re
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kseries.inputs import binary, files, gitrange
from kseries.inputs.subject import printable
from kseries.inputs.target import Target
from kseries.model import Patch, Record
from kseries.model.errors import InputError
from kseries.sources import TreeStore, git, rawdiff, repository

_HEADER = re.compile(rb"# v[23] git bundle\n")
_HEADER_BYTES = 8 << 20
_ROW = re.compile(r"(-?)([0-9a-f]{40}) ?([^\n]*)")
_MEMORY = 4 << 30
"""A delta of some bytes makes an object of any size, and git asks for its memory first (prlimit(1))."""
_OBJECTS_BYTES = 512 << 20
"""Of all objects of a bundle, unpacked: of a thousand patches, the folders are most of it."""
_DIFF = ("diff-tree", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--format=")
_LISTED = 5


class _Bundle(Record, frozen=True):
    """What a bundle says in its header: the commits that it stands on, and what it has by their names."""

    name: str
    below: tuple[str, ...]
    tips: dict[str, str]
    pack: bytes


def is_one(data: bytes) -> bool:
    return _HEADER.match(data) is not None


def read(data: bytes, name: str, revisions: str, tree: Path) -> Target:
    """The series in a bundle: all of it where it has one tip; else ``revisions`` names a tip, or a range.

    ``tree`` is the repository that has what it stands on. Raises InputError.
    """
    bundle = _parsed(data, name)
    if not repository.is_one(tree) and repository.around(tree) is None:
        raise InputError(f"{tree} is no git repository\n  name with --tree the one that {name} was made for")
    with tempfile.TemporaryDirectory(prefix="kseries-bundle-") as scratch:
        store = TreeStore(Path(scratch) / "bundle.git")
        store.add_repository(tree)
        _check_below(bundle, store, tree)
        _take(bundle, store)
        base, tip = _ends(bundle, revisions, tree)
        try:
            series, fork = gitrange.read(store.path, f"{base[:12]}..{tip[:12]}")
        except InputError as error:
            raise InputError(f"{name}: {str(error).replace(str(store.path), 'it')}") from error
        if repository.tree_of(tree, fork) is None:
            raise InputError(
                f"{name}: the series stands on {fork[:12]}, which {tree} lacks\n"
                "  take the bundle into it with git fetch, and name the range"
            )
        _check_changes(fork, tip, store, name)
        patches = tuple(_with_diff(patch, store) for patch in series.patches)
    called = Path(name).stem + (f":{revisions.replace('/', '-')}" if revisions else "")
    series = msgspec.structs.replace(series, name=called, patches=patches)
    return Target(series=series, tree=str(tree), base=fork)


def _parsed(data: bytes, name: str) -> _Bundle:
    head, end, pack = data[:_HEADER_BYTES].partition(b"\n\n")
    if not end:
        raise InputError(f"{name} is a git bundle that is cut short")
    below, tips = [], {}
    for row in head.decode(errors="replace").split("\n")[1:]:
        if row.startswith("@"):
            _check_capability(row, name)
        elif (found := _ROW.fullmatch(row)) is None:
            raise InputError(f"{name} is no git bundle that can be read: {printable(row[:100])}")
        elif found[1]:
            below.append(found[2])
        else:
            tips[found[3]] = found[2]
    if not tips:
        raise InputError(f"{name} is a git bundle without a commit")
    return _Bundle(name=name, below=tuple(below), tips=tips, pack=pack + data[_HEADER_BYTES:])


def _check_capability(row: str, name: str) -> None:
    """Raise InputError for what a bundle of version 3 asks of its reader, and we cannot do."""
    if row != "@object-format=sha1":
        raise InputError(
            f"{name} is a git bundle with {printable(row[1:100])}\n  make one without: git bundle create FILE BASE..TIP"
        )


def _check_below(bundle: _Bundle, store: TreeStore, tree: Path) -> None:
    """Raise InputError where --tree lacks what a bundle stands on: a commit, or files of it."""
    asked = "".join(f"{one}\n" for one in bundle.below).encode()
    rows = store.answer("cat-file", "--batch-check", stdin=asked).decode().splitlines()
    lacking = [row for row in rows if " commit " not in row]
    if lacking:
        raise InputError(
            f"{bundle.name} stands on {lacking[0][:12]}, which {tree} lacks\n"
            "  name a repository that has it with --tree, or fetch it there"
        )
    for one in bundle.below[:_LISTED]:
        repository.check_tree(tree, one)


def _take(bundle: _Bundle, store: TreeStore) -> None:
    """Put a bundle's objects into a store. Raises InputError for what git cannot read, and for what has no end."""
    words = ("index-pack", "--stdin", "--fix-thin", "--threads=1")
    done = store.git(*words, stdin=bundle.pack, limits=_limits(files.LIMIT << 1), statuses=git.ANSWERS)
    if done.returncode != 0:
        raise InputError(f"{bundle.name} is no git bundle that can be read: {git.reason(done)}")
    for index in (store.path / "objects" / "pack").glob("*.idx"):
        rows = store.answer("show-index", stdin=index.read_bytes()).decode().splitlines()
        if sum(_sizes([row.split()[1] for row in rows], store)) > _OBJECTS_BYTES:
            raise InputError(f"{bundle.name} has objects of more than {_OBJECTS_BYTES >> 20} MiB")


def _limits(file_bytes: int) -> tuple[str, ...]:
    return ("prlimit", f"--as={_MEMORY}", f"--fsize={file_bytes}")


def _sizes(oids: Sequence[str], store: TreeStore) -> list[int]:
    """The sizes of objects, unpacked; nothing is unpacked for that."""
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    rows = store.answer("cat-file", "--batch-check=%(objectsize)", stdin=asked).decode().splitlines()
    return [int(row) if row.isdigit() else 0 for row in rows]


def _ends(bundle: _Bundle, revisions: str, tree: Path) -> tuple[str, str]:
    """The commits between which the series lies. Raises InputError where nobody can tell."""
    base, _, tip = revisions.rpartition("..")
    if base:
        done = repository.ask(tree, "rev-parse", "--quiet", "--verify", f"{base}^{{commit}}")
        return done.text if done.returncode == 0 else _tip(bundle, base), _tip(bundle, tip)
    if len(bundle.below) != 1:
        what = f"stands on {len(bundle.below)} commits" if bundle.below else "has a whole history"
        raise InputError(f"{bundle.name} {what}\n  say which part is the series: {bundle.name}:BASE..TIP")
    return bundle.below[0], _tip(bundle, tip)


def _tip(bundle: _Bundle, name: str) -> str:
    """The commit that has a name in a bundle; without a name, its only one. Raises InputError."""
    found = {oid for ref, oid in bundle.tips.items() if not name or ref == name or ref.endswith(f"/{name}")}
    if len(found) == 1:
        return found.pop()
    names = printable(", ".join(list(bundle.tips)[:_LISTED]))
    raise InputError(
        f"{bundle.name} has {'several tips' if not name else f'no one tip {name}'}: {names}\n"
        f"  name one: {bundle.name}:{printable(next(iter(bundle.tips)))}"
    )


def _check_changes(fork: str, tip: str, store: TreeStore, name: str) -> None:
    """Raise InputError where the files that the series changes are together larger than any input may be."""
    told = _written("log", "--raw", "--no-abbrev", "--no-renames", "--format=", f"{fork}..{tip}", store=store)
    files_of = [oid.decode() for one in rawdiff.differences(told or b"") for oid in (one.old, one.new)]
    if told is None or sum(_sizes(files_of, store)) > files.LIMIT:
        raise InputError(f"{name} changes files of more than {files.LIMIT >> 20} MiB\n  name a part of it: {name}:A..B")


def _with_diff(patch: Patch, store: TreeStore) -> Patch:
    """A commit as the diff that it is: its tree is nowhere but in the scratch repository."""
    diff = _written(*_DIFF, patch.commit or "", store=store)
    if not diff:
        raise InputError(f"{patch.origin} ('{patch.subject}') changes nothing, or more than anybody reads")
    binary.check(diff, patch.origin)
    return msgspec.structs.replace(patch, diff=diff, tree=None)


def _written(*words: str, store: TreeStore) -> bytes | None:
    """What git writes, or None where that is more than an input may have."""
    file = store.path / "written"
    file.unlink(missing_ok=True)
    done = store.git(*words, f"--output={file}", limits=_limits(files.LIMIT), statuses=(0, -signal.SIGXFSZ))
    return file.read_bytes() if done.returncode == 0 else None
