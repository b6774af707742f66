# SPDX-License-Identifier: GPL-2.0-only
"""The trees of a series by the thousand: patches applied in turn, and merges.

A patch is applied in a small tree, which holds the paths that the series names, of the 86,700 of a kernel: what
``git apply`` does to a path depends on that path, on a directory in its place or a file in the place of one above it,
and on nothing else. What was changed is then put into the full tree. A diff that does not apply is tried again in the
full tree, whose error is told.

Merges are made of full trees: git's merge passes over what is alike, and looks for renames of files and of whole
directories in what is not. Only the files that they change, and the trees above those, come into the store.

What git answered is kept beside the store, by its version.
"""

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from kseries.host import checksums, processes
from kseries.model import events
from kseries.model.errors import InfraError, in_words
from kseries.sources import ApplyError, Merge, ThreeWay, TreeStore, gitversion, treeedit
from kseries.sources.gitmemo import Answers
from kseries.sources.treeedit import Changes, Edit

_AT_ONCE = 50
"""Merges in one git process: few enough to tell of progress, and to share among cores."""
_LOOSE = 100
"""From so many objects on, git keeps them in a pack (transfer.unpackLimit in git-config(1))."""


class Touched(NamedTuple):
    """The paths in which two trees differ, and of renamed files the names before and after, which are among them."""

    paths: frozenset[bytes]
    renames: tuple[tuple[bytes, bytes], ...] = ()


class ManyTrees:
    """Makes the trees of a series in a store. Raises InfraError where git is too old for that."""

    def __init__(self, store: TreeStore, tell: events.Listener = events.unheard) -> None:
        self._store = store
        self._tell = tell
        self._answers = Answers(store.path)
        self._paths: dict[bytes, set[bytes]] = {}
        self._git = store.git_version
        if (old := gitversion.too_old(self._git)) is not None:
            raise InfraError(f"{old}\n  install a newer one; see kseries doctor")

    # --- a series applied -------------------------------------------------------------------

    def apply_all(self, tree: str, diffs: Sequence[bytes]) -> tuple[list[str], ApplyError | None]:
        """The tree after each diff, as ``TreeStore.apply`` makes it, up to the first that does not apply."""
        questions = self._apply_questions(tree, diffs)
        trees = self._applied(tree, questions)
        before = len(trees)
        error = None
        while len(trees) < len(diffs) and error is None:
            made, error = self._apply_more(trees[-1] if trees else tree, diffs[len(trees) :])
            trees += made
        answers = zip(questions, map(Merge, trees), strict=False)
        self._answers.put(dict(itertools.islice(answers, before, None)))
        return trees, error

    def _applied(self, tree: str, questions: Sequence[str]) -> list[str]:
        """What git answered before of some diffs in turn, up to the first whose tree is not all there any more."""
        known = self._answers.find(questions)
        trees = [known[one].tree or "" for one in itertools.takewhile(known.__contains__, questions)]
        whole = treeedit.whole(self._store, [*itertools.pairwise([tree, *trees])])
        return trees[: [*whole, False].index(False)]

    def _apply_questions(self, tree: str, diffs: Sequence[bytes]) -> list[str]:
        """A question for each diff, made of all those below it."""
        digest = tree
        questions: list[str] = []
        for diff in diffs:
            digest = checksums.of_words([digest, checksums.of_bytes(diff)])
            questions.append(f"{self._git}: apply {digest}")
        return questions

    def _apply_more(self, tree: str, diffs: Sequence[bytes]) -> tuple[list[str], ApplyError | None]:
        """As ``apply_all``, of some of the diffs: one at least, or the error."""
        made = self._apply(tree, diffs)
        try:
            return made or [self._store.apply(tree, diffs[0])], None
        except ApplyError as error:
            return [], error

    def _apply(self, tree: str, diffs: Sequence[bytes]) -> list[str]:
        """The tree after each diff, up to the first that does not apply in a small tree."""
        with self._scratch() as objects:
            index = objects / "index"
            paths = self._touched(diffs)
            small = treeedit.edited(self._store, [Edit(None, self._held(tree, paths))], objects)
            self._store.answer("read-tree", *small, index=index, objects=objects)
            with contextlib.suppress(ApplyError):
                for number, diff in enumerate(diffs):
                    self._tell(events.Planning("applying patches", number, len(diffs)))
                    small.append(self._store.apply_to(index, diff, objects))
            self._tell(events.Planning("applying patches", len(diffs), len(diffs)))
            steps = treeedit.changes(self._store, itertools.pairwise(small), objects)
            self._keep_blobs(steps, objects)
            starts = itertools.chain([tree], itertools.repeat(None))
            return treeedit.edited(self._store, [Edit(*edit) for edit in zip(starts, steps, strict=False)])

    def small(self, tree: str, diffs: Iterable[bytes]) -> str:
        """A tree of what diffs can touch in a full one, and no more: they apply to it if they apply to that."""
        return treeedit.edited(self._store, [Edit(None, self._held(tree, self._touched([*diffs])))])[0]

    def grown(self, tree: str, small: str, made: str) -> str:
        """The full tree with what leads from its small one to another."""
        (step,) = treeedit.changes(self._store, [(small, made)])
        return treeedit.edited(self._store, [Edit(tree, step)])[0]

    def _touched(self, diffs: Sequence[bytes]) -> set[bytes]:
        """The paths that diffs name, but for those that git apply refuses; that it does is told by the full tree."""
        new = [diff for diff in dict.fromkeys(diffs) if diff not in self._paths]
        with ThreadPoolExecutor(os.cpu_count()) as pool, processes.company() as gits:
            self._paths |= zip(new, pool.map(lambda diff: gits.call(self._store.touched, diff), new), strict=True)
        paths = set[bytes]().union(*(self._paths[diff] for diff in diffs))
        return {path for path in paths if not {b"", b".", b".."} & set(path.split(b"/"))}

    def _held(self, tree: str, paths: Set[bytes]) -> Changes:
        """What a small tree takes from a full one: what stands at the paths, and files in the place of directories."""
        above = {path[:at] for path in paths for at, letter in enumerate(path) if letter == ord("/")}
        found = treeedit.directories(self._store, tree, {b"", *above})
        places = ((path, *path.rpartition(b"/")[::2]) for path in paths | above)
        there = {path: found[where][name] for path, where, name in places if name in found.get(where, {})}
        return {path: entry for path, entry in there.items() if path in paths or not entry.is_directory}

    # --- merges -----------------------------------------------------------------------------

    def merge_all(self, merges: Sequence[ThreeWay]) -> list[Merge]:
        """Each merge as ``TreeStore.merge`` makes it."""
        questions = list(map(self._question, merges))
        known = self._known(merges)
        todo = {question: merge for question, merge in zip(questions, merges, strict=True) if question not in known}
        if todo:
            made = dict(zip(todo, self._merge(list(todo.values())), strict=True))
            self._answers.put(made)
            known |= made
        return [known[question] for question in questions]

    def merged(self, merge: ThreeWay) -> Merge | None:
        """What is known of a merge from before."""
        return self._known([merge]).get(self._question(merge))

    def keep(self, made: Mapping[ThreeWay, Merge]) -> None:
        """Have merges that the store has made be known from now on."""
        if made:
            self._answers.put({self._question(merge): of for merge, of in made.items()})

    def _question(self, merge: ThreeWay) -> str:
        return f"{self._git}: merge {merge.theirs} into {merge.ours} since {merge.base}"

    def _merge(self, merges: Sequence[ThreeWay]) -> list[Merge]:
        with self._scratch() as objects:
            made = self._merge_in(objects, merges)
            clean = [(merge.ours, of.tree) for merge, of in zip(merges, made, strict=True) if of.tree is not None]
            steps = treeedit.changes(self._store, clean, objects)
            self._keep_blobs(steps, objects)
        # The same trees once more, now in the store.
        treeedit.edited(self._store, (Edit(ours, step) for (ours, _), step in zip(clean, steps, strict=True)))
        return made

    def _merge_in(self, objects: Path, merges: Sequence[ThreeWay]) -> list[Merge]:
        made: list[Merge] = []
        parts = [merges[at : at + _AT_ONCE] for at in range(0, len(merges), _AT_ONCE)]
        with ThreadPoolExecutor(os.cpu_count()) as pool, processes.company() as gits:
            for done in pool.map(lambda part: gits.call(treeedit.merged, self._store, part, objects), parts):
                made += done
                self._tell(events.Planning("merging", len(made), len(merges)))
        return made

    def touched(self, pairs: Sequence[tuple[str, str]]) -> list[Touched]:
        """What the trees of each pair differ in."""
        steps = treeedit.changes(self._store, pairs)
        # A rename is a path that goes, and one that came with what is in it: of most patches nobody has to ask.
        moving = [pair for pair, step in zip(pairs, steps, strict=True) if None in step.values() and any(step.values())]
        renames = dict(zip(moving, treeedit.renames(self._store, moving), strict=True)) if moving else {}
        return [Touched(frozenset(step), renames.get(pair, ())) for pair, step in zip(pairs, steps, strict=True)]

    # --- what both need ---------------------------------------------------------------------

    def _keep_blobs(self, steps: Iterable[Changes], objects: Path) -> None:
        """Take the files that changes have made from the scratch objects into the store."""
        files = {entry.oid: path for step in steps for path, entry in step.items() if entry and not entry.is_elsewhere}
        # The path is a hint: versions of one file are stored as what differs.
        asked = b"".join(oid + b" " + path.replace(b"\n", b" ") + b"\n" for oid, path in files.items())
        words = ("pack-objects", "--quiet", "--stdout", "--local", "--non-empty", "--delta-base-offset")
        pack = self._store.answer(*words, stdin=asked, objects=objects)
        if pack:
            few = int.from_bytes(pack[8:12]) < _LOOSE
            self._store.answer(*(("unpack-objects", "-q") if few else ("index-pack", "--stdin")), stdin=pack)

    def _known(self, merges: Iterable[ThreeWay]) -> dict[str, Merge]:
        """What git answered before, as far as all is there still that the trees are made of."""
        asked = {self._question(merge): merge for merge in merges}
        found = self._answers.find(asked)
        clean = {question: (asked[question].ours, of.tree) for question, of in found.items() if of.tree is not None}
        whole = dict(zip(clean, treeedit.whole(self._store, [*clean.values()]), strict=True))
        return {question: of for question, of in found.items() if whole.get(question, True)}

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A place for objects that nobody needs afterwards, on the disk of the store."""
        try:
            place = tempfile.TemporaryDirectory(prefix="scratch-", dir=self._store.path)
        except OSError as error:
            raise InfraError(f"cannot write to {self._store.path}: {in_words(error)}") from error
        with place:
            yield Path(place.name)
