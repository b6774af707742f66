# SPDX-License-Identifier: GPL-2.0-only
"""git bisect itself, in a bare repository of ours that borrows the objects of a tree store.

Nothing is checked out (git-bisect(1), --no-checkout), and git's own files are all the state that there is: who comes
back later goes on where the last answer left it.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from kseries.host import processes
from kseries.model import Patch
from kseries.model.errors import InfraError
from kseries.model.lineage import Range
from kseries.plan.scenarios import Patches
from kseries.sources import TreeStore, commitview, git

_FIRST_BAD = re.compile(r"^([0-9a-f]{40}) is the first bad commit$", re.MULTILINE)
_ANSWER = re.compile(r"^git bisect (?:good|bad|skip) ", re.MULTILINE)
_BRANCH = "refs/heads/series"
_ONLY_SKIPPED = 2
"""The exit status of git-bisect(1) with only skipped commits left: it names them all."""
_COMMIT = re.compile(r"^[0-9a-f]{40}$", re.MULTILINE)
_ASKS = "Bisecting: "
_LEFT = re.compile(rf"{_ASKS}(-?\d+) revisions? left to test after this \(roughly (\d+) steps?\)")
_MERGE_BASE = f"{_ASKS}a merge base must be tested"
_SKIPPED_BASE = re.compile(r"^warning: the merge base between .* must be skipped\.$", re.MULTILINE)


class Refusal(Enum):
    """Why git does not go on (bisect_next_all() and check_merge_bases() in git's bisect.c)."""

    MISTAKEN = auto()
    """A good commit is made on the bad one."""
    BOTH = auto()
    """No commit is left that could be the first bad one."""
    FIXED = auto()
    """Where a good and the bad commit part is bad: what breaks was mended since."""
    NOTHING = auto()
    """No commit is left that could be the first bad one, of those that touch the paths."""


_REFUSALS = {
    Refusal.MISTAKEN: re.compile(r"^Maybe you mistook good and bad revs\?$", re.MULTILINE),
    Refusal.BOTH: re.compile(r"^[0-9a-f]{40} was both good and bad$", re.MULTILINE),
    Refusal.FIXED: re.compile(r"^This means the bug has been fixed between ", re.MULTILINE),
    Refusal.NOTHING: re.compile(r"^No testable commit found\.$", re.MULTILINE),
}
_STATUSES = (0, 1, _ONLY_SKIPPED, 3, 4, 128)
"""Those of a git bisect that says why it goes on or does not (enum bisect_error in git's bisect.h)."""


class Turn(NamedTuple):
    """What git makes of an answer: what it wants to know next, or what it came to."""

    suspects: tuple[str, ...] = ()
    """The first bad commit, or all that it could be where the others were skipped; empty while there is more to ask."""
    refusal: Refusal | None = None
    left: int | None = None
    """How many commits will be left after the next answer, and in about how many steps. None where git does not say."""
    steps: int | None = None
    merge_base: bool = False
    """Whether what it asks of is a commit at which a good one and the bad one part."""
    skipped_base: bool = False
    """Whether such a one was skipped: then nobody knows that the first bad commit lies above it."""


class GitBisect:
    """A bisection over a chain of commits, base first, or over a history; a repository of that place is made or gone on
    with.
    """

    def __init__(self, path: Path, trees: TreeStore) -> None:
        self._path = path
        self._git = TreeStore(path)
        self._git.add_repository(trees.path)

    def commits(self, base: str, patches: Patches, origins: Sequence[Patch]) -> tuple[str, ...]:
        """A commit for base and one for each patch: the user's own where they are, else the same ones each time."""
        commitview.drop(self._git)
        own = [origin.commit for origin in origins if origin.commit is not None and origin.diff is None]
        chain = [self._must("rev-parse", f"{own[0]}^"), *own] if len(own) == len(patches) else []
        # Of a commit that its repository replaces (git-replace(1)), the object here has another tree.
        if not chain or self._git.trees_of(chain) != [base, *(patch.tree_after for patch in patches)]:
            chain = [self._must("commit-tree", base, stdin="base\n")]
            for patch in patches:
                message = f"{patch.subject}\n\n{patch.message}\n"
                chain.append(self._must("commit-tree", patch.tree_after, "-p", chain[-1], stdin=message))
        self._set_head(chain[-1])
        return tuple(chain)

    def _set_head(self, commit: str) -> None:
        """git bisect wants a HEAD, of which it makes nothing; and git gc keeps what has a name."""
        self._must("update-ref", _BRANCH, commit)
        self._must("symbolic-ref", "HEAD", _BRANCH)

    def start(self, bad: str, good: str) -> None:
        """Begin, whatever was there before."""
        self.end()
        self._must("bisect", "start", "--no-checkout", bad, good)

    def begin(self, place: Path, wanted: Range) -> Turn:
        """Begin over a history of a user's repository, as it is shown there, whatever was here before."""
        self._borrow(place, wanted)
        return self._turn("bisect", *_start(wanted))

    def replay(self, place: Path, wanted: Range, answers: Sequence[tuple[str, str]]) -> Turn:
        """Likewise, with answers given: each a word and a commit."""
        self._borrow(place, wanted)
        begin, *words = _start(wanted)
        rows = [f"{begin} {' '.join(map(_quoted, words))}", *map(" ".join, answers)]
        log = self._path.absolute() / "replayed.log"
        log.write_text("".join(f"git bisect {row}\n" for row in rows))
        return self._turn("bisect", "replay", str(log))

    def _borrow(self, place: Path, wanted: Range) -> None:
        self.end()
        commitview.take(place, self._git)
        self._set_head(wanted.bad)

    def answer(self, word: str) -> Turn:
        """Tell git "good", "bad" or "skip" of the current commit."""
        return self._turn("bisect", word, self.current)

    def _turn(self, *words: str) -> Turn:
        done = self._git.git(*words, statuses=_STATUSES, seconds=git.BATCH_SECONDS)
        said, aside = done.text, git.said(done).decode(errors="replace")
        skipped_base = _SKIPPED_BASE.search(aside) is not None
        if found := _FIRST_BAD.search(said):
            return Turn((found[1],), skipped_base=skipped_base)
        if done.returncode == _ONLY_SKIPPED:
            return Turn(tuple(_COMMIT.findall(said)), skipped_base=skipped_base)
        if refusal := next((one for one, words in _REFUSALS.items() if words.search(f"{said}\n{aside}")), None):
            return Turn(refusal=refusal)
        if done.returncode != 0:
            raise InfraError(f"git {' '.join(words[:2])} failed in {self._path}: {_said(done)}")
        last = ([row for row in said.splitlines() if row.startswith(_ASKS)] or [""])[-1]  # a replay says it twice
        left = _LEFT.fullmatch(last)
        return Turn(
            left=max(0, int(left[1])) if left else None,  # of paths that leave BAD out, git says -1 at the end
            steps=int(left[2]) if left else None,
            merge_base=last == _MERGE_BASE,
            skipped_base=skipped_base,
        )

    @property
    def ends(self) -> tuple[str, tuple[str, ...]]:
        """The commit that is bad and below all others that are, and those that are good."""
        rows = self._must("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/bisect").splitlines()
        named = [row.partition(" ")[::2] for row in rows]
        (bad,) = (commit for name, commit in named if name == "bad")
        return bad, tuple(commit for name, commit in named if name.startswith("good-"))

    def end(self) -> None:
        """Forget the bisection, if there is one."""
        self._must("bisect", "reset")

    @property
    def begun(self) -> bool:
        return (self._path / "BISECT_LOG").exists()

    @property
    def answers(self) -> int:
        """How many answers git has been given."""
        return len(_ANSWER.findall(self.log)) if self.begun else 0

    @property
    def current(self) -> str:
        """The commit that git wants to know of."""
        return self._must("rev-parse", "BISECT_HEAD")

    def mark(self, word: str) -> tuple[str, ...]:
        """Tell git "good", "bad" or "skip" of the current commit.

        Empty while there is more to ask; else the first bad commit, or all that it could be where what lies between
        was skipped.
        """
        turn = self.answer(word)
        if turn.refusal is not None:
            raise InfraError(f"git bisect {word} failed in {self._path}: {turn.refusal.name.lower()}")
        return turn.suspects

    @property
    def log(self) -> str:
        """What ``git bisect replay`` takes."""
        return self._must("bisect", "log") + "\n"

    def _must(self, *words: str, stdin: str = "") -> str:
        done = self._git.git(*words, stdin=stdin.encode(errors="surrogateescape"), statuses=git.ANSWERS)
        if done.returncode != 0:
            raise InfraError(f"git {' '.join(words[:2])} failed in {self._path}: {_said(done)}")
        return done.text


def _start(wanted: Range) -> tuple[str, ...]:
    """The words of git bisect that begin it."""
    first = ("--first-parent",) if wanted.first_parent else ()
    paths = ("--", *wanted.paths) if wanted.paths else ()
    return ("start", "--no-checkout", *first, wanted.bad, wanted.good, *paths)


def _quoted(word: str) -> str:
    """A word of a start in a log, each of which is quoted, and in this way alone (sq_dequote_step() in quote.c)."""
    return "'" + word.replace("'", "'\\''") + "'"


def _said(done: processes.Done) -> str:
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"exit status {done.returncode}"
