# SPDX-License-Identifier: GPL-2.0-only
"""A real history: what lies between two of Debian's kernels, cut by file into commits, Debian's queue as branches that
are merged into it, and a fault in one of them.

All of it is made of git objects; nothing is checked out.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kseries.sources import TreeStore, git, treeedit
from kseries.sources.git import ANSWERS
from kseries.sources.hunks import Section
from kseries.sources.treeedit import Edit, Entry

Files = Mapping[bytes, Entry | None]
"""Path -> what it holds; None where it is not."""

_NAME = re.compile(r"(?=\w{9})[A-Za-z]+_\w{2,}")
"""A name that is one thing's alone, most likely: long, and of several words."""
_COMMON = 8
"""Files in whose changes a name is, from which on it links none of them."""
_DEEP = 3
"""Folders of a path by which files that nothing links make a commit."""
_MOST = 8
"""Files of such a commit."""
_CORE = (b"include/", b"arch/x86/include/", b"Makefile")
"""Of which one makes most of a kernel be compiled again (its version, too, is in all of it): what changes them comes
first, and GOOD behind it; and no patch of the queue is taken that does.
"""
_FORKS = (0.0, 0.25, 0.5)
"""Where on the main line each branch begins and where it is merged, as parts of its length. The first begins below
GOOD.
"""
_MERGES = (0.4, 0.7, 0.85)
_FAULTY = 1
"""The branch that has the fault in its middle."""


class Fault(NamedTuple):
    """A text of a file, and what a commit puts in its place."""

    path: str
    old: bytes
    new: bytes


class RealHistory(NamedTuple):
    """A repository, and what there is to know of it."""

    path: Path
    good: str
    bad: str
    culprit: str
    commits: int
    """Between GOOD and BAD."""
    merges: int


class _Step(NamedTuple):
    """A commit of a branch: its files where the main line has the older ones still, and where it has the newer ones."""

    subject: str
    older: Files
    newer: Files


def _is_core(paths: Iterable[bytes]) -> bool:
    return any(path.startswith(_CORE) for path in paths)


class _Group(NamedTuple):
    """A commit of the main line."""

    subject: str
    paths: tuple[bytes, ...]

    @property
    def core(self) -> bool:
        return _is_core(self.paths)


class _Commit(NamedTuple):
    branch: str
    subject: str
    parents: tuple[int, ...]
    """Places in the list of all."""
    files: Files
    """That differ from those of the first parent."""


def build(place: Path, trees: TreeStore, older: str, newer: str, queue: Path, fault: Fault) -> RealHistory:
    """The history that leads from one tree to another; ``queue`` is debian/patches, of which those are taken that both
    trees have whole, and that have not all of a kernel compiled again.
    """
    ours = TreeStore(place)
    ours.add_repository(trees.path)
    patches = {name: diff for name, diff in _patches(queue) if not _is_core(ours.touched(diff))}
    paths = frozenset(path for diff in patches.values() for path in ours.touched(diff))
    sides = tuple(_Side(ours, tree, paths, place / f"index-{tree}") for tree in (older, newer))
    taken = [name for name, diff in reversed(patches.items()) if _undone(sides, diff)][::-1]
    bare = treeedit.edited(ours, [Edit(side.tree, side.files) for side in sides])
    (changes,) = treeedit.changes(ours, [(bare[0], bare[1])])
    branches = _branches(ours, sides, {name: patches[name] for name in taken}, fault)
    groups = _cut(changes, ours.diff(*bare))
    commits = _laid(bare[0], groups, changes, branches)
    ids = _imported(ours, bare[0], commits)
    (whole,) = treeedit.edited(ours, [Edit(newer, _faulty(ours, newer, fault))])
    assert ours.tree_of(ids[-1]) == whole, "BAD is not the newer tree with the fault"
    culprit = next(place for place, one in enumerate(commits) if one.subject == _subject(fault))
    good = ids[sum(one.core for one in groups)]
    counted = ours.git("rev-list", "--count", f"{good}..{ids[-1]}").text
    merges = ours.git("rev-list", "--count", "--merges", f"{good}..{ids[-1]}").text
    return RealHistory(place, good, ids[-1], ids[culprit], int(counted), int(merges))


# --- Debian's queue -----------------------------------------------------------------------------


def _patches(queue: Path) -> Iterator[tuple[str, bytes]]:
    for name in re.findall(r"^[^#\s]\S*", (queue / "series").read_text(), re.MULTILINE):
        yield name, (queue / name).read_bytes()


class _Side:
    """Some files of a tree in an index of their own, into which patches go and out of which they are taken."""

    def __init__(self, store: TreeStore, tree: str, paths: Iterable[bytes], index: Path) -> None:
        self.tree = tree
        self._store = store
        self._index = index
        names = [path.decode() for path in sorted(paths)]
        rows = store.git("--literal-pathspecs", "ls-tree", "-r", "-z", tree, "--", *names).stdout
        store.git("update-index", "-z", "--index-info", stdin=rows, index=index)
        self._first = self._entries()

    def takes(self, diff: bytes, *way: str) -> bool:
        words = ("apply", "--cached", "--check", "--whitespace=nowarn", *way, "-")
        return self._store.git(*words, stdin=diff, index=self._index, statuses=ANSWERS).returncode == 0

    def apply(self, diff: bytes, *way: str) -> None:
        self._store.git("apply", "--cached", "--whitespace=nowarn", *way, "-", stdin=diff, index=self._index)

    def held(self, paths: Iterable[bytes]) -> Files:
        now = self._entries()
        return {path: now.get(path) for path in paths}

    @property
    def files(self) -> Files:
        """In what it differs from the tree."""
        now = self._entries()
        return {path: now.get(path) for path in {*now, *self._first} if now.get(path) != self._first.get(path)}

    def _entries(self) -> dict[bytes, Entry]:
        found: dict[bytes, Entry] = {}
        for row in self._store.git("ls-files", "-s", "-z", index=self._index).stdout.split(b"\0")[:-1]:
            about, _, path = row.partition(b"\t")
            mode, oid, _ = about.split(b" ")
            found[path] = Entry(mode, oid)
        return found


def _undone(sides: Sequence[_Side], diff: bytes) -> bool:
    """Take a patch out of all sides, or out of none."""
    if not all(side.takes(diff, "--reverse") for side in sides):
        return False
    for side in sides:
        side.apply(diff, "--reverse")
    return True


def _branches(
    store: TreeStore, sides: Sequence[_Side], patches: Mapping[str, bytes], fault: Fault
) -> list[list[_Step]]:
    """The queue as branches, none of which touches a file of another, with the fault in the middle of one."""
    touched = {name: store.touched(diff) for name, diff in patches.items()}
    links = _Links(patches)
    by_path: dict[bytes, str] = {}
    for name, paths in touched.items():
        for path in paths:
            links.link(name, by_path.setdefault(path, name))
    parts: list[list[str]] = [[] for _ in _FORKS]
    for group in links.groups():
        min(parts, key=len).extend(group)
    order = list(patches)
    branches: list[list[_Step]] = []
    for names in parts:
        steps = []
        for name in sorted(names, key=order.index):
            for side in sides:
                side.apply(patches[name])
            steps.append(_Step(name, *(side.held(touched[name]) for side in sides)))
        branches.append(steps)
    assert fault.path.encode() not in by_path
    whole = branches[_FAULTY]
    older, newer = (_faulty(store, side.tree, fault) for side in sides)
    whole.insert(len(whole) // 2, _Step(_subject(fault), older, newer))
    return branches


def _subject(fault: Fault) -> str:
    return f"{fault.path}: Be quicker"


def _faulty(store: TreeStore, tree: str, fault: Fault) -> Files:
    text = store.file(tree, fault.path) or b""
    assert text.count(fault.old) == 1, fault
    changed = store.answer("hash-object", "-w", "--stdin", stdin=text.replace(fault.old, fault.new)).strip()
    return {fault.path.encode(): Entry(b"100644", changed)}


# --- how the difference is cut ------------------------------------------------------------------


class _Links:
    """Names, some of which belong together."""

    def __init__(self, names: Iterable[str]) -> None:
        self._first = {name: name for name in names}

    def link(self, one: str, other: str) -> None:
        self._first[self._root(one)] = self._root(other)

    def _root(self, name: str) -> str:
        while (above := self._first[name]) != name:
            name = above
        return name

    def groups(self) -> list[list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._first:
            found[self._root(name)].append(name)
        return list(found.values())


def _cut(changes: Files, diff: Sequence[Section]) -> list[_Group]:
    """The commits of the main line: a header goes with the files in which the same names change, a Makefile with those
    that come and go beside it; others go by their folder.
    """
    links = _Links(path.decode() for path in sorted(changes))
    _link_names(links, diff)
    _link_makefiles(links, diff)
    groups: list[_Group] = []
    alone: list[str] = []
    for group in links.groups():
        if len(group) > 1:
            name = next((path for path in group if path.endswith(".h")), group[0])
            groups.append(_Group(f"{name}: Change it with its users", tuple(path.encode() for path in group)))
        else:
            alone += group
    for folder, names in itertools.groupby(sorted(alone), _folder):
        some = list(names)
        for at in range(0, len(some), _MOST):
            part = some[at : at + _MOST]
            subject = f"{folder}: Change {PurePosixPath(part[0]).name}"
            groups.append(_Group(subject, tuple(path.encode() for path in part)))
    return sorted(groups, key=lambda one: (not one.core, min(one.paths)))


def _folder(path: str) -> str:
    return "/".join(path.split("/")[:-1][:_DEEP]) or "top"


def _link_names(links: _Links, diff: Sequence[Section]) -> None:
    names = {_path(one): _changed(one) for one in diff}
    users: dict[str, list[str]] = defaultdict(list)
    for path, some in names.items():
        for name in some:
            users[name].append(path)
    for header in (path for path in names if path.endswith(".h")):
        for paths in (users[name] for name in names[header] if len(users[name]) < _COMMON):
            for path in paths:
                links.link(header, path)


def _changed(one: Section) -> frozenset[str]:
    """The names in the lines that come or go."""
    return frozenset(name for hunk in one.hunks for _, line in hunk.changed for name in _NAME.findall(line))


def _link_makefiles(links: _Links, diff: Sequence[Section]) -> None:
    build = {_path(one) for one in diff if PurePosixPath(_path(one)).name in ("Makefile", "Kconfig")}
    for path in (_path(one) for one in diff if None in one.names):
        for name in ("Makefile", "Kconfig"):
            beside = str(PurePosixPath(path).with_name(name))
            if beside in build:
                links.link(path, beside)


def _path(one: Section) -> str:
    return (one.names[1] or one.names[0] or b"").decode()


# --- how it is laid out -------------------------------------------------------------------------


class _Line:
    """The main line and its branches, as they come about; ``first`` is the tree of the first commit."""

    def __init__(self, first: str, branches: Sequence[Sequence[_Step]]) -> None:
        self.commits = [_Commit("main", f"Linux, as of {first[:12]}", (), {})]
        self._branches = branches
        self._head = 0
        self._newer: set[bytes] = set()
        """The files that the main line has changed."""
        self._begun: dict[int, tuple[int, frozenset[bytes]]] = {}
        self._merged: dict[bytes, Entry | None] = {}
        """What a file that the main line has yet to change holds then, where a branch has changed it, too."""

    def add(self, group: _Group, changes: Files) -> None:
        files = {path: self._merged.get(path, changes[path]) for path in group.paths}
        self._head = self._commit("main", group.subject, (self._head,), files)
        self._newer.update(group.paths)

    def fork(self, number: int) -> None:
        self._begun[number] = self._head, frozenset(self._newer)

    def merge(self, number: int) -> None:
        tip, newer = self._begun[number]
        name, whole = f"queue-{number + 1}", dict[bytes, Entry | None]()
        for step in self._branches[number]:
            tip = self._commit(name, step.subject, (tip,), _of(step, newer))
            whole |= _of(step, self._newer)
            self._merged |= step.newer
        self._head = self._commit("main", f"Merge branch '{name}'", (self._head, tip), whole)

    def _commit(self, branch: str, subject: str, parents: tuple[int, ...], files: Files) -> int:
        self.commits.append(_Commit(branch, subject, parents, files))
        return len(self.commits) - 1


def _of(step: _Step, newer: Container[bytes]) -> Files:
    return {path: (step.newer if path in newer else step.older)[path] for path in step.newer}


def _laid(first: str, groups: Sequence[_Group], changes: Files, branches: Sequence[Sequence[_Step]]) -> list[_Commit]:
    """All commits, each behind its parents."""
    line = _Line(first, branches)
    for place, group in enumerate(groups):
        for number, (fork, merge) in enumerate(zip(_FORKS, _MERGES, strict=True)):
            if round(fork * len(groups)) == place:
                line.fork(number)
            if round(merge * len(groups)) == place:
                line.merge(number)
        line.add(group, changes)
    return line.commits


def _imported(store: TreeStore, first: str, commits: Sequence[_Commit]) -> list[str]:
    """The ids of the commits; the main line is HEAD."""
    stream: list[bytes] = []
    for number, one in enumerate(commits, 1):
        subject = one.subject.encode()
        stream.append(b"commit refs/heads/%b\nmark :%d\n" % (one.branch.encode(), number))
        stream.append(b"committer A U Thor <author@example.com> %d +0000\n" % (1_700_000_000 + 60 * number))
        stream.append(b"data %d\n%b\n" % (len(subject), subject))
        words = (b"from", *itertools.repeat(b"merge", len(one.parents)))
        stream += [b"%b :%d\n" % (word, parent + 1) for word, parent in zip(words, one.parents, strict=False)]
        if not one.parents:
            stream.append(b"M 040000 %b \n" % first.encode())
        stream += [b"D %b\n" % git.quoted(path) for path, entry in one.files.items() if entry is None]
        stream += [b"M %b %b %b\n" % (*entry, git.quoted(path)) for path, entry in one.files.items() if entry]
        stream.append(b"\nget-mark :%d\n" % number)
    told = store.answer("fast-import", "--quiet", "--done", "--force", stdin=b"".join([*stream, b"done\n"]))
    store.git("symbolic-ref", "HEAD", "refs/heads/main")
    return told.decode().split()
