# SPDX-License-Identifier: GPL-2.0-only
"""git bisect itself, in a bare repository of ours that borrows the objects of a tree store.

Nothing is checked out (git-bisect(1), --no-checkout), and git's own files are all the state that there is: who comes
back later goes on where the last answer left it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from kseries.host import processes
from kseries.model import Patch
from kseries.model.errors import InfraError
from kseries.plan.scenarios import Patches
from kseries.sources import TreeStore, git

_FIRST_BAD = re.compile(r"^([0-9a-f]{40}) is the first bad commit$", re.MULTILINE)
_ANSWER = re.compile(r"^git bisect (?:good|bad|skip) ", re.MULTILINE)
_BRANCH = "refs/heads/series"
_ONLY_SKIPPED = 2
"""The exit status of git-bisect(1) with only skipped commits left: it names them all."""
_COMMIT = re.compile(r"^[0-9a-f]{40}$", re.MULTILINE)


class GitBisect:
    """A bisection over a chain of commits, base first; a repository of that place is made or gone on with."""

    def __init__(self, path: Path, trees: TreeStore) -> None:
        self._path = path
        self._git = TreeStore(path)
        self._git.add_repository(trees.path)

    def commits(self, base: str, patches: Patches, origins: Sequence[Patch]) -> tuple[str, ...]:
        """A commit for base and one for each patch: the user's own where they are, else the same ones each time."""
        own = [origin.commit for origin in origins if origin.commit is not None and origin.diff is None]
        chain = [self._must("rev-parse", f"{own[0]}^"), *own] if len(own) == len(patches) else []
        # Of a commit that its repository replaces (git-replace(1)), the object here has another tree.
        if not chain or self._git.trees_of(chain) != [base, *(patch.tree_after for patch in patches)]:
            chain = [self._must("commit-tree", base, stdin="base\n")]
            for patch in patches:
                message = f"{patch.subject}\n\n{patch.message}\n"
                chain.append(self._must("commit-tree", patch.tree_after, "-p", chain[-1], stdin=message))
        # git bisect wants a HEAD, of which it makes nothing; and git gc keeps what has a name.
        self._must("update-ref", _BRANCH, chain[-1])
        self._must("symbolic-ref", "HEAD", _BRANCH)
        return tuple(chain)

    def start(self, bad: str, good: str) -> None:
        """Begin, whatever was there before."""
        self.end()
        self._must("bisect", "start", "--no-checkout", bad, good)

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
        words = ("bisect", word, self.current)
        done = self._git.git(*words, statuses=(*git.ANSWERS, _ONLY_SKIPPED))
        if found := _FIRST_BAD.search(done.text):
            return (found[1],)
        candidates = tuple(_COMMIT.findall(done.text)) if done.returncode == _ONLY_SKIPPED else ()
        if done.returncode != 0 and not candidates:
            raise InfraError(f"git {' '.join(words)} failed in {self._path}: {_said(done)}")
        return candidates

    @property
    def log(self) -> str:
        """What ``git bisect replay`` takes."""
        return self._must("bisect", "log") + "\n"

    def _must(self, *words: str, stdin: str = "") -> str:
        done = self._git.git(*words, stdin=stdin.encode(errors="surrogateescape"), statuses=git.ANSWERS)
        if done.returncode != 0:
            raise InfraError(f"git {' '.join(words[:2])} failed in {self._path}: {_said(done)}")
        return done.text


def _said(done: processes.Done) -> str:
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"exit status {done.returncode}"
