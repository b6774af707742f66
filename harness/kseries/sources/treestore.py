# SPDX-License-Identifier: GPL-2.0-only
"""Source trees as git objects: import, apply, revert, cherry-pick. Nothing is checked out.

What is made here is made in the full tree, one at a time; manytrees.py makes many.

All trees live in one bare repository in the cache. A repository of the user's is read through
objects/info/alternates (gitrepository-layout(5)) and never written to.
"""

import lzma
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Unpack

from kseries.host import cachelock, checksums, disk, files, processes, untrusted
from kseries.model.errors import InfraError, InputError, in_words
from kseries.sources import corruption, fsck, git, rawdiff, repository, unpack
from kseries.sources.git import FailedError, How
from kseries.sources.hunks import Section, between

_ATTRIBUTES = "* -text -ident -filter -export-ignore -export-subst !working-tree-encoding !eol !merge\n"
_SUBMODULE = b"160000"
"""Git's mode of what is no blob, but a commit elsewhere."""
# rev-parse --quiet, twice; cat-file -e; cat-file blob TREE:PATH, twice.
_NO = re.compile(
    rb"|fatal: (log for .* only has .*|Not a valid object name .*|path .* does not exist in .*"
    rb"|git cat-file .*: bad file)\n"
)
_DIFF = ("diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
_PATCH = ("diff-tree", "-r", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
_PAIR = re.compile(rb"^[0-9a-f]{40} [0-9a-f]{40}\n", re.MULTILINE)
Diff = tuple[Section, ...]
"""What a diff does, file by file."""
_APPLY_ERROR = re.compile(r"error: (?P<what>.*)")


class ApplyError(Exception):
    """A diff does not fit a tree; the text is git's own: the file, the line, the reason."""


@dataclass(frozen=True)
class Merge:
    """The tree of a merge, or the paths in which it conflicts."""

    tree: str | None
    conflicts: tuple[str, ...] = ()

    @classmethod
    def conflict(cls, names: Iterable[str]) -> "Merge":
        """A merge that conflicts in the paths that git names."""
        # Where a file stands in a directory's way, git puts it beside with a commit's id: ours, of no use to anybody.
        return cls(None, tuple(sorted({re.sub("~[0-9a-f]{40}$", "", name) for name in names if name})))


@dataclass(frozen=True)
class ThreeWay:
    """A merge to make: what ``theirs`` changed since ``base``, done to ``ours``. Each is a tree."""

    base: str
    ours: str
    theirs: str

    @classmethod
    def revert(cls, tip: str, before: str, after: str) -> "ThreeWay":
        """The tip without the patch that led from ``before`` to ``after``, as ``git revert`` makes it."""
        return cls(base=after, ours=tip, theirs=before)

    @classmethod
    def cherry_pick(cls, onto: str, before: str, after: str) -> "ThreeWay":
        """``onto`` with the patch that led from ``before`` to ``after``, as ``git cherry-pick`` makes it."""
        return cls(base=before, ours=onto, theirs=after)


@dataclass(frozen=True)
class Change:
    """One file in which a tree differs from another: git mode and blob on either side, 000000 where it is not."""

    path: str
    old: tuple[str, str]
    new: tuple[str, str]

    @classmethod
    def of(cls, told: rawdiff.Difference) -> "Change":
        """As git tells it."""
        path, *rest = (word.decode(errors="replace") for word in told)
        old_mode, new_mode, old, new = rest
        return cls(path, (old_mode, old), (new_mode, new))

    @property
    def contents_only(self) -> bool:
        """True for a file that is there on both sides, and of one kind."""
        return self.old[0] == self.new[0]


def _identity(index: Path) -> tuple[int, ...]:
    """What no other index has: git writes a new file each time."""
    seen = index.stat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


class TreeStore:
    """The bare repository that holds every tree kseries has seen."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._checked_out: dict[Path, tuple[str, tuple[int, ...]]] = {}
        """By its index, which tree a work tree holds, and what that index was then."""
        if not self._made:
            with self._alone():
                if not self._made:
                    self._make()
        self._check_out_as_it_is()
        self._forget_gone()

    @property
    def _made(self) -> bool:
        """The attributes are the last thing that is made."""
        return (self.path / "HEAD").exists() and self._attributes.exists()

    def _alone(self) -> AbstractContextManager[None]:
        """Where another run may be about to make or to change the same thing."""
        return cachelock.one_at_a_time(self.path / "lock-made")

    def _make(self) -> None:
        # gc would compress again what fast-import packed for speed, in the middle of somebody's run.
        for words in (
            ["init", "--quiet", "--bare", "--object-format=sha1"],
            ["config", "gc.auto", "0"],
            ["config", "core.compression", "1"],
        ):
            self._must(*words)

    def _check_out_as_it_is(self) -> None:
        """Have no .gitattributes of a tree change what is checked out of it or archived, and of others after it.

        An index takes a file for what it was checked out as, with the attributes of that tree; and the store's own
        have the last word (gitattributes(5)).
        """
        place = self._attributes
        if not place.exists() or place.read_bytes() != _ATTRIBUTES.encode():
            place.parent.mkdir(exist_ok=True)
            files.write(place, _ATTRIBUTES.encode())

    @property
    def _attributes(self) -> Path:
        return self.path / "info" / "attributes"

    def _forget_gone(self) -> None:
        """Drop the repositories that are not there any more: each call of git would complain of them."""
        # Not Path.is_dir(), which raises for a mount that is dead or a folder that is closed to us.
        if all(map(os.path.isdir, self._borrowed())):
            return
        with self._alone():
            self._borrow(filter(os.path.isdir, self._borrowed()))

    def _borrowed(self) -> list[str]:
        """The folders of objects that are read beside our own."""
        rows = self._alternates.read_bytes().split(b"\n") if self._alternates.exists() else []
        return [os.fsdecode(git.unquoted(row)) for row in rows if row]

    def _borrow(self, folders: Iterable[str]) -> None:
        """Note from which folders of objects to read beside our own; a path may be quoted (link_alt_odb_entries())."""
        rows = (git.quoted(path) if b"\n" in path else path for path in map(os.fsencode, folders))
        files.write(self._alternates, b"".join(b"%b\n" % row for row in rows))

    @property
    def _alternates(self) -> Path:
        return self.path / "objects" / "info" / "alternates"

    # --- how git is called ------------------------------------------------------------------

    def git(self, *words: str, **how: Unpack[How]) -> processes.Done:
        """Run git on the store, as ``git.ours`` does. Raises InfraError, which tells what is wrong with the store."""
        try:
            return git.ours(self.path, *words, **how)
        except FailedError as error:
            raise self._trouble(error) from error

    def answer(self, *words: str, stdin: bytes = b"", index: Path | None = None, objects: Path | None = None) -> bytes:
        """What git prints when it is asked many things at once; raises InfraError where it fails."""
        return self.git(*words, stdin=stdin, index=index, objects=objects, seconds=git.BATCH_SECONDS).stdout

    @cached_property
    def git_version(self) -> str:
        """What git says of itself: another may make other trees of the same merge, or read another line's history."""
        return self.answer("version").decode().strip()

    def _must(self, *words: str, index: Path | None = None) -> str:
        return self.git(*words, index=index).text

    def _asked(self, *words: str) -> processes.Done | None:
        """As ``git``; None where it says that there is no such thing, and nothing else."""
        done = self.git(*words, statuses=git.ANSWERS)
        if done.returncode == 0:
            return done
        if _NO.fullmatch(git.said(done)):
            return None
        raise self._trouble(FailedError(words[0], git.reason(done), f" in {self.path}"))

    def _trouble(self, failed: FailedError) -> InfraError:
        """What to raise where git failed."""
        if (found := self.trouble(failed)) is not None:
            return found
        if others := self._borrowed():
            return InfraError(f"{failed}\n  is what it borrows whole? a git clone --filter is not: {', '.join(others)}")
        return InfraError(f"{failed}\n  its files are as git wrote them, and stay: see what is wrong with git here")

    def trouble(self, failed: FailedError) -> InfraError | None:
        """What of the disk or of the store made git fail, if that did; without room, it says "disk corruption?", too.

        That git fails is no proof of damage. Where there is one, the store is marked, and goes with the next run.
        """
        if disk.full(self.path, Path(tempfile.gettempdir())):
            return disk.trouble(self.path, Path(tempfile.gettempdir()))
        try:
            if fsck.damaged(self.path) is not None:
                corruption.mark(self.path)
                return InfraError(f"{failed}\n  it is damaged: the next run makes it again")
        except OSError as error:
            return InfraError(f"{failed}\n  cannot read {error.filename}: {in_words(error)}; nothing is removed")
        return None

    # --- bringing sources in ----------------------------------------------------------------

    def add_tarball(self, path: Path) -> str:
        """The tree of a kernel tarball; imported once, found again by the tarball's content."""
        try:
            with untrusted.opened(path) as file:
                key = checksums.of_file(file)
            return self._once(key, unpack.of_tarball(path))
        except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise InputError(f"{path} is not a tarball that can be read: {error}") from error
        except OSError as error:
            raise InputError(f"cannot read {path}: {in_words(error)}") from error

    def add_directory(self, path: Path) -> str:
        """The tree of an unpacked kernel; a directory with the same names, sizes and times is not read twice."""
        unpack.check_not_built(path)
        names = unpack.names(path)
        key = unpack.signature(path, names)
        return self._once(key, unpack.of_folder(path, names))

    def add_repository(self, path: Path) -> None:
        """Make the objects of a user's repository readable here. Raises InputError where they cannot be."""
        done = repository.ask(path, "rev-parse", "--git-common-dir")
        if done.returncode != 0:
            raise InputError(f"{path} is not a git repository: {git.reason(done)}")
        repository.check_sha1(path)
        objects = (path / done.text / "objects").resolve()
        if str(objects) in self._borrowed():
            return
        with self._alone():
            self._borrow([*self._borrowed(), str(objects)])

    def differs(self, path: Path) -> bool:
        """True where the work tree of a user's repository, or its index, holds other than HEAD; its files are read."""
        places = repository.ask(path, "rev-parse", "--show-toplevel", "--git-path", "index", "HEAD^{tree}")
        if places.returncode != 0:
            return False  # it is bare, or has no commit
        top, index, tree = places.text.rsplit("\n", 2)
        try:
            held = untrusted.read(path / index, unpack.FILE_LIMIT)
        except (OSError, InputError):
            return False  # there is no index: nothing was ever checked out
        with tempfile.TemporaryDirectory(prefix="kseries-index-") as scratch:
            ours = Path(scratch) / "index"
            ours.write_bytes(held)  # git diff notes in it which files it found to be the same
            options = ("--quiet", "--no-ext-diff", "--ignore-submodules=all")
            ways = (options, (*options, "--cached", tree))
            place = Path(top)
            return any(self.git("diff", *way, index=ours, work_tree=place, statuses=(0, 1)).returncode for way in ways)

    def _once(self, key: str, files: Iterable[unpack.SourceFile]) -> str:
        """The tree of an import; where another run is at one, after that: it may be the same."""
        if (tree := self._imported(key)) is not None:
            return tree
        with cachelock.one_at_a_time(self.path / "lock-import"):
            return self._imported(key) or self._import(key, files)

    def _imported(self, key: str) -> str | None:
        done = self._asked("rev-parse", "--quiet", "--verify", f"refs/imports/{key}^{{tree}}")
        return done.text if done is not None else None

    def _import(self, key: str, files: Iterable[unpack.SourceFile]) -> str:
        # --force: a ref whose commit is not there any more is no history to keep.
        words = ("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--depth=0", "--done", "--force")
        # A fast-import that fails leaves its pack behind, as large as it got: beside the store it goes with its folder.
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=self.path) as scratch:
            try:
                with git.feeding(self.path, *words, objects=Path(scratch)) as stream:
                    unpack.write_import(stream, f"refs/imports/{key}", files)
            except FailedError as error:
                raise self._trouble(error) from error
            finally:
                for report in self.path.glob("fast_import_crash_*"):
                    report.unlink(missing_ok=True)
            self.take_packs(Path(scratch) / "pack")
        tree = self._imported(key)
        if tree is None:
            raise InfraError(f"git fast-import left no tree in {self.path}")
        return tree

    def take_packs(self, made: Path) -> None:
        """Move packs into the store: git looks for a pack once its index is there."""
        packs = self.path / "objects" / "pack"
        for suffix in (".pack", ".idx"):
            for file in made.glob(f"*{suffix}"):
                files.rename(file, packs / file.name)  # git has synced what it holds (core.fsync in git-config(1))

    # --- making trees -----------------------------------------------------------------------

    def apply(self, tree: str, diff: bytes) -> str:
        """The tree with a diff applied as ``git apply`` does it, without fuzz. Raises ApplyError."""
        with tempfile.TemporaryDirectory(prefix="kseries-index-") as scratch:
            index = Path(scratch) / "index"
            self._must("read-tree", tree, index=index)
            return self.apply_to(index, diff)

    def apply_to(self, index: Path, diff: bytes, objects: Path | None = None) -> str:
        """As ``apply``, of the tree that an index holds; the index then holds the tree that comes out."""
        words = ("apply", "--cached", "--whitespace=nowarn", "-")
        done = self.git(*words, stdin=diff, index=index, objects=objects, statuses=git.ANSWERS)
        if done.returncode != 0:
            self._check_readable(self.touched(diff), index, objects)
            text = done.stderr.decode(errors="replace")
            raise ApplyError("; ".join(_APPLY_ERROR.findall(text)) or text.strip())
        return self.answer("write-tree", index=index, objects=objects).decode().strip()

    def touched(self, diff: bytes) -> set[bytes]:
        """The paths that a diff names, both of a rename or a copy, as git apply reads them; it may read none."""
        return {*self.names(diff), *self.names(diff, "--reverse")}

    def names(self, diff: bytes, *way: str) -> list[bytes]:
        """The path of each file that a diff changes, in its order and as it is afterwards; as git apply reads them."""
        rows = self.git("apply", "--numstat", "-z", *way, "-", stdin=diff, statuses=git.ANSWERS).stdout.split(b"\0")
        return [row.split(b"\t", 2)[2] for row in rows if row]

    def _check_readable(self, paths: Set[bytes], index: Path, objects: Path | None) -> None:
        """Read what an index has at some paths. Raises InfraError: a patch may fail for what the store cannot give."""
        for row in self.answer("ls-files", "--stage", "-z", index=index, objects=objects).split(b"\0"):
            about, _, path = row.partition(b"\t")
            if path in paths and not about.startswith(_SUBMODULE):
                self.git("cat-file", "blob", about.split()[1].decode(), objects=objects)

    def holds(self, tree: str, diffs: Sequence[bytes]) -> bool:
        """True where the tree has already what the diffs do, one on top of the other: their reverses apply."""
        with tempfile.TemporaryDirectory(prefix="kseries-index-") as scratch:
            index = Path(scratch) / "index"
            self._must("read-tree", tree, index=index)
            words = ("apply", "--cached", "--whitespace=nowarn", "--reverse", "-")
            done = (self.git(*words, stdin=diff, index=index, statuses=git.ANSWERS) for diff in reversed(diffs))
            return all(one.returncode == 0 for one in done)

    def revert(self, tip: str, before: str, after: str) -> Merge:
        """The tip without the patch that led from ``before`` to ``after``, as ``git revert`` makes it."""
        return self.merge(ThreeWay.revert(tip, before, after))

    def cherry_pick(self, onto: str, before: str, after: str) -> Merge:
        """``onto`` with the patch that led from ``before`` to ``after``, as ``git cherry-pick`` makes it."""
        return self.merge(ThreeWay.cherry_pick(onto, before, after))

    def merge(self, merge: ThreeWay) -> Merge:
        """The tree of a merge as git makes it, renames and all, or its conflicts."""
        # git 2.39 has no `merge-tree --merge-base`: two commits on top of a common one say the same.
        root = self._must("commit-tree", merge.base, "-m", "base")
        tips = [self._must("commit-tree", tree, "-p", root, "-m", "side") for tree in (merge.ours, merge.theirs)]
        done = self.git("merge-tree", "--write-tree", "--name-only", "-z", *tips, statuses=(0, 1))
        tree, *names = done.stdout.decode(errors="replace").split("\0\0")[0].split("\0")
        return Merge(tree) if done.returncode == 0 else Merge.conflict(names)

    def tree_of(self, revision: str) -> str:
        """The tree id of a revision; raises InputError when there is none."""
        done = self._asked("rev-parse", "--quiet", "--verify", f"{revision}^{{tree}}")
        if done is None:
            raise InputError(f"no such revision: {revision}")
        return done.text

    def trees_of(self, revisions: Sequence[str]) -> list[str]:
        """As ``tree_of``, of many revisions at once."""
        asked = os.fsencode("".join(f"{revision}^{{tree}}\n" for revision in revisions))
        rows = self.answer("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked).decode().splitlines()
        for revision, row in zip(revisions, rows, strict=True):
            if not row.endswith(" tree"):
                raise InputError(f"no such revision: {revision}")
        return [row.partition(" ")[0] for row in rows]

    def has(self, tree: str) -> bool:
        """True for a tree that is here; what nothing refers to may be gone (git-gc(1))."""
        return self._asked("cat-file", "-e", f"{tree}^{{tree}}") is not None

    def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """The paths in which two trees differ."""
        done = self._must("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
        return tuple(name for name in done.split("\0") if name)

    def diff(self, old: str, new: str, *paths: str) -> Diff:
        """What leads from one tree to another, without context; of all files, or of some."""
        return between(self.git("--literal-pathspecs", *_DIFF, old, new, "--", *paths).stdout)

    def diffs(self, pairs: Sequence[tuple[str, str]], paths: str) -> list[Diff]:
        """As ``diff``, of many pairs of trees at once, in the files that a pathspec names (gitglossary(7))."""
        asked = os.fsencode("".join(f"{old} {new}\n" for old, new in pairs))
        said = self.answer(*_DIFF, "--stdin", "--", paths, stdin=asked)
        # git-diff-tree(1): each difference has the ids of its two trees before it, in a line of their own.
        return [between(one) for one in _PAIR.split(said)[1:]]

    def patch(self, old: str, new: str) -> bytes:
        """What leads from one tree to another, as git apply takes it: with context; what is no text, too."""
        return self.answer(*_PATCH, old, new)

    def grep_files(self, tree: str, pattern: str, *paths: str) -> dict[str, str]:
        """The tree's files that have a line with an extended regular expression (git-grep(1)), path by text."""
        names = self._grep(tree, pattern, *paths)
        texts = git.contents(self.answer("cat-file", "--batch", "-z", stdin=b"".join(b"%b\0" % name for name in names)))
        found = zip(map(os.fsdecode, names), texts, strict=True)
        return {name.partition(":")[2]: text.decode(errors="replace") for name, text in found}

    def names_with(self, tree: str, pattern: str, *paths: str) -> tuple[str, ...]:
        """The paths of the same files."""
        return tuple(os.fsdecode(name).partition(":")[2] for name in self._grep(tree, pattern, *paths))

    def _grep(self, tree: str, pattern: str, *paths: str) -> list[bytes]:
        """As git names files of a tree: TREE:PATH."""
        words = ("grep", "-l", "-z", "-a", "-E", "-e", pattern, tree, "--", *paths)
        return self.git(*words, statuses=(0, 1)).stdout.split(b"\0")[:-1]  # 1: there is none

    def changes(self, old: str, new: str) -> tuple[Change, ...]:
        """What leads from one tree to another, file by file; a rename is one file gone and one new."""
        told = self.git("diff-tree", "-r", "-z", "--no-renames", old, new).stdout
        return tuple(map(Change.of, rawdiff.differences(told)))

    def changes_since(self, old: str, new: str) -> tuple[Change, ...] | None:
        """As ``changes``, where one of them was kept in mind; None where it is gone, or a folder of it is.

        Of the tree of a state only those folders are made that no repository has which we read: the others go with
        that repository.
        """
        told = self._told_of("diff-tree", "-r", "-z", "--no-renames", old, new)
        return tuple(map(Change.of, rawdiff.differences(told))) if told is not None else None

    def to_write(self, tree: str, index: Path) -> frozenset[str] | None:
        """The files that ``check_out`` would write or remove to have a tree in place of what it left the index for.

        None where the tree was one of a state and is gone, or the index cannot be read.
        """
        told = self._told_of("diff-index", "--cached", "--name-only", "-z", tree, index=index)
        return frozenset(told.decode(errors="replace").split("\0")[:-1]) if told is not None else None

    def _told_of(self, *words: str, index: Path | None = None) -> bytes | None:
        """What git tells of trees that may be gone; None where it fails, and nothing is wrong with the store."""
        try:
            return git.ours(self.path, *words, index=index).stdout
        except FailedError as error:
            if (trouble := self.trouble(error)) is not None:
                raise trouble from error
            return None

    def file(self, tree: str, path: str) -> bytes | None:
        """The contents of a file of a tree, or None."""
        done = self._asked("cat-file", "blob", f"{tree}:{path}")
        return done.stdout if done is not None else None

    def have(self, asked: Sequence[tuple[str, str]]) -> list[bool]:
        """Of many trees, each with a path without blanks, whether there is something at that path."""
        lines = "".join(f"{tree}:{path}\n" for tree, path in asked).encode()
        rows = self.answer("cat-file", "--batch-check=%(objecttype)", stdin=lines).decode().splitlines()
        return [not row.endswith(" missing") for row in rows]

    def paths(self, tree: str) -> frozenset[str]:
        """The paths of all that a tree has."""
        return frozenset(name for name in self._must("ls-tree", "-r", "-z", "--name-only", tree).split("\0") if name)

    def names_in(self, tree: str, folder: str) -> tuple[str, ...]:
        """The names in a folder of a tree; none where there is no such folder."""
        done = self._asked("ls-tree", "-z", "--name-only", f"{tree}:{folder}")
        return tuple(name.decode(errors="replace") for name in done.stdout.split(b"\0") if name) if done else ()

    def with_file(self, tree: str, path: str, contents: bytes) -> str:
        """A tree with other contents of a file that it has."""
        mode = self._must("ls-tree", "-z", tree, "--", path).partition(" ")[0]
        blob = self.answer("hash-object", "-w", "--stdin", stdin=contents).decode().strip()
        with tempfile.TemporaryDirectory(prefix="kseries-index-") as scratch:
            index = Path(scratch) / "index"
            self._must("read-tree", tree, index=index)
            self._must("update-index", "--cacheinfo", f"{mode},{blob},{path}", index=index)
            return self._must("write-tree", index=index)

    # --- for a build ------------------------------------------------------------------------

    def check_out(self, tree: str, work_tree: Path, index: Path, *, untouched: bool = False) -> None:
        """Make ``work_tree`` hold ``tree``, writing only the files that differ from what it held before.

        An interrupted check-out leaves a mark behind; the next one then compares every file. Where nobody can have
        written to what the last one of this store has left (``untouched``), none is looked at but those that differ;
        after another store's, each is.
        """
        work_tree.mkdir(parents=True, exist_ok=True)
        mark = index.with_suffix(".unsure")
        unsure = mark.exists() or not index.exists()
        # A kernel has 90,000 files, which a disk that is at work takes minutes to write.
        at_work = partial(self.git, index=index, work_tree=work_tree, seconds=git.BATCH_SECONDS)
        mark.touch()
        if unsure:
            index.with_name(index.name + ".lock").unlink(missing_ok=True)
            # 1 where a file is not as the index has it, which is what is to be found out.
            at_work("update-index", "-q", "--refresh", statuses=(0, 1))
        held, seen = self._checked_out.pop(index, ("", ()))
        # Refused where a file is not as it was left (git-read-tree(1), "Two Tree Merge").
        step = ("read-tree", "-m", "-u", held, tree)
        goes_on = untouched and not unsure and seen == _identity(index)
        if not goes_on or at_work(*step, statuses=git.ANSWERS).returncode != 0:
            if not unsure:  # a copy of a folder has what it had, but nothing that the index knows it by
                at_work("update-index", "-q", "--refresh", statuses=(0, 1))
            # Not git reset, which moves HEAD: there is one for all who check out at the same time.
            at_work("read-tree", "--reset", "-u", tree)
        self._checked_out[index] = tree, _identity(index)
        if unsure:
            # What was written for another tree, before the index knew of it.
            at_work("clean", "-ffdxq")
        mark.unlink()

    # --- for those who ask git about history ------------------------------------------------

    def commit(self, tree: str, parent: str | None = None) -> str:
        """A commit of a tree, on no branch; the same tree and parent always make the same commit."""
        return self._must("commit-tree", tree, "-m", "kseries", *(("-p", parent) if parent else ()))
