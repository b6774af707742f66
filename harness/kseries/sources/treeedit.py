# SPDX-License-Identifier: GPL-2.0-only
"""What trees hold, how they differ, and trees with changes put in: a thousand at a time, in one git process.

Paths are bytes, as git has them. ``objects`` is where new objects go that are not for the store.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kseries.sources import Merge, ThreeWay, TreeStore, git, rawdiff

# fast-import wants a branch: this one begins and ends within its process, and the store never sees it.
_REF = b"refs/kseries/scratch"
_COMMIT = b"commit " + _REF + b"\nmark :%d\ncommitter kseries <kseries@localhost> 0 +0000\ndata 0\n"
_DIFFER = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
_NO_HISTORY = b"reset " + _REF + b"\n\n"
_NO_BRANCH = b"reset " + _REF + b"\nfrom " + b"0" * 40 + b"\n\n"


class Entry(NamedTuple):
    """What a path holds: a mode and an object."""

    mode: bytes
    oid: bytes

    @property
    def is_directory(self) -> bool:
        return self.mode == b"040000"

    @property
    def is_elsewhere(self) -> bool:
        """True for a submodule's commit, which is no object of ours."""
        return self.mode == b"160000"


Changes = Mapping[bytes, Entry | None]
"""Path -> what it holds afterwards; None where it is gone."""


class Edit(NamedTuple):
    """A tree to make: changes put into ``start``, or into what the edit before this one made."""

    start: str | None
    changes: Changes


# --- reading ------------------------------------------------------------------------------------


def changes(store: TreeStore, pairs: Iterable[tuple[str, str]], objects: Path | None = None) -> list[Changes]:
    """What leads from the first tree of each pair to the second. A rename is two changes."""
    return _changes(store.answer(*_DIFFER, stdin=_rows(pairs), objects=objects))


def whole(store: TreeStore, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Of each pair whether all is there that the second tree is made of, where all is of the first.

    Of a tree that was made when a repository had parts of it already, these are gone with that repository, or with a
    branch there. Only what differs is looked at: a third of a millisecond for a pair of kernels with a patch between.
    """
    if not pairs:
        return []
    steps: Sequence[Changes | None] | None = _steps(store, pairs)
    if steps is None:  # a git that ends for one pair says nothing of those after it
        steps = [one[0] if (one := _steps(store, [pair])) else None for pair in pairs]
    files = [{entry.oid for entry in (step or {}).values() if entry and not entry.is_elsewhere} for step in steps]
    asked = b"".join(oid + b"\n" for oid in set[bytes]().union(*files))
    rows = store.answer("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines()
    lacking = {row.removesuffix(b" missing") for row in rows if row.endswith(b" missing")}
    return [step is not None and lacking.isdisjoint(some) for step, some in zip(steps, files, strict=True)]


def _steps(store: TreeStore, pairs: Sequence[tuple[str, str]]) -> list[Changes] | None:
    """As ``changes``; None where a tree is not there, or a folder of one."""
    done = store.git(*_DIFFER, stdin=_rows(pairs), seconds=git.BATCH_SECONDS, statuses=git.ANSWERS)
    found = _changes(done.stdout) if done.returncode == 0 else []
    return found if len(found) == len(pairs) else None  # of a pair without one of its trees git says nothing


def _rows(pairs: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{old} {new}\n" for old, new in pairs).encode()


def _changes(told: bytes) -> list[Changes]:
    return [{one.path: _after(one) for one in some} for some in rawdiff.of_pairs(told)]


def renames(store: TreeStore, pairs: Iterable[tuple[str, str]]) -> list[tuple[tuple[bytes, bytes], ...]]:
    """The names before and after of the files that are renamed from the first tree of each pair to the second, as git's
    merge finds them: half of the file stays.
    """
    asked = list(pairs)
    words = ("diff-tree", "--stdin", "-r", "-z", "-M", "--name-status", "--diff-filter=R")
    told = store.answer(*words, stdin="".join(f"{old} {new}\n" for old, new in asked).encode())
    found: list[tuple[tuple[bytes, bytes], ...]] = []
    for old, new in asked:
        told = told.removeprefix(f"{old} {new}\n".encode())
        some: list[tuple[bytes, bytes]] = []
        while told.startswith(b"R"):  # which no id does
            _, before, after, told = told.split(b"\0", 3)
            some.append((before, after))
        found.append(tuple(some))
    return found


def _after(one: rawdiff.Difference) -> Entry | None:
    return None if one.new_mode == rawdiff.NONE else Entry(one.new_mode, one.new)


def directories(store: TreeStore, tree: str, paths: Iterable[bytes]) -> dict[bytes, dict[bytes, Entry]]:
    """What the directories of a tree hold, name by name; the root is ``b""``. What is no directory is left out."""
    asked = list(paths)
    output = store.answer(
        "cat-file", "--batch", "-z", stdin=b"".join(tree.encode() + b":%b\0" % path for path in asked)
    )
    found: dict[bytes, dict[bytes, Entry]] = {}
    at = 0
    for path in asked:
        missing = b"%b:%b missing\n" % (tree.encode(), path)
        if output.startswith(missing, at):
            at += len(missing)
            continue
        end = output.index(b"\n", at)
        _, kind, size = output[at:end].split(b" ")
        if kind == b"tree":
            found[path] = dict(_parse_tree(output[end + 1 : end + 1 + int(size)]))
        at = end + 1 + int(size) + 1
    return found


def _parse_tree(data: bytes) -> Iterator[tuple[bytes, Entry]]:
    """Read a tree object: ``mode SP name NUL`` and twenty bytes of object id, again and again."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        yield name, Entry(mode.zfill(6), data[end + 1 : end + 21].hex().encode())
        at = end + 21


# --- making -------------------------------------------------------------------------------------


def edited(store: TreeStore, edits: Iterable[Edit], objects: Path | None = None) -> list[str]:
    """The tree of each edit."""
    stream = [_NO_HISTORY]
    for number, edit in enumerate(edits, 1):
        stream.append(_COMMIT % number)
        if edit.start is not None:
            stream.append(b"M 040000 %b \n" % edit.start.encode())
        # What goes makes room first: a file may become a directory, and a directory a file.
        stream += [b"D %b\n" % git.quoted(path) for path, entry in edit.changes.items() if entry is None]
        stream += [b"M %b %b %b\n" % (*entry, git.quoted(path)) for path, entry in edit.changes.items() if entry]
        stream.append(b'ls ""\n\n')
    return [row.split()[2].decode() for row in _fast_import(store, stream, objects)]


def merged(store: TreeStore, merges: Sequence[ThreeWay], objects: Path) -> list[Merge]:
    """Each merge as ``TreeStore.merge`` makes it."""
    commits = _sides(store, merges, objects)
    asked = "".join(f"{ours} {theirs}\n" for ours, theirs in zip(commits[::2], commits[1::2], strict=True))
    words = ("merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages", "-z")
    answers = iter(store.answer(*words, stdin=asked.encode(), objects=objects).decode(errors="replace").split("\0"))
    made: list[Merge] = []
    for _ in merges:
        clean, tree, names = next(answers), next(answers), list(iter(lambda: next(answers), ""))
        made.append(Merge(tree) if clean == "1" else Merge.conflict(names))
    return made


def _sides(store: TreeStore, merges: Sequence[ThreeWay], objects: Path) -> list[str]:
    """Two commits for each merge, ours and theirs, on top of one of its base: git looks for the base itself."""
    stream: list[bytes] = []
    for number, merge in enumerate(merges):
        base, ours, theirs = (3 * number + one for one in (1, 2, 3))
        stream.append(_NO_HISTORY)
        stream.append(_COMMIT % base + b"M 040000 %b \n\n" % merge.base.encode())
        for mark, tree in ((ours, merge.ours), (theirs, merge.theirs)):
            stream.append(_COMMIT % mark + b"from :%d\nM 040000 %b \n" % (base, tree.encode()))
            stream.append(b"\nget-mark :%d\n" % mark)
    return [row.decode() for row in _fast_import(store, stream, objects)]


def _fast_import(store: TreeStore, stream: list[bytes], objects: Path | None) -> list[bytes]:
    """The lines that git fast-import prints (git-fast-import(1))."""
    whole = b"".join([*stream, _NO_BRANCH, b"done\n"])
    return store.answer("fast-import", "--quiet", "--done", stdin=whole, objects=objects).splitlines()
