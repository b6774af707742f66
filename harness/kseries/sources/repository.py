# SPDX-License-Identifier: GPL-2.0-only
"""A git repository of somebody's, which is read and not obeyed.

A tree that comes with a series can be a repository, whose configuration names programs: to watch its files, to filter
them, to check signatures, to fetch what is missing. None of what is asked here runs any; what git reads of its objects,
it reads as ours (TreeStore), with a configuration of ours.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from kseries.host import processes
from kseries.model.errors import InputError
from kseries.sources import git, rawdiff

_CURE = re.compile(r"^\s*(git config --global --add safe\.directory .+)$", re.MULTILINE)
"""What git says to whoever asks about a repository of another user (die_upon_dubious_ownership() in git's setup.c)."""
_PROMISORS = r"^(extensions\.partialclone|remote\..*\.promisor)$"
_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without files, which git knows everywhere."""
_WHOLE_ID = re.compile("[0-9a-f]{40}")
_LISTED = 3


def is_one(path: Path) -> bool:
    """True for a folder with a work tree's ``.git``, and for a bare repository."""
    return (path / ".git").exists() or (path / "HEAD").exists()


def around(path: Path) -> Path | None:
    """The top of the work tree that a folder lies in, as git finds it from there; None where it lies in none."""
    done = ask(path, "rev-parse", "--show-toplevel")
    return Path(done.text) if done.returncode == 0 and done.text else None


def top(path: Path) -> Path:
    """Where the paths of a repository's commits begin: the top of the work tree that a folder is or lies in."""
    return path if is_one(path) else around(path) or path


def tree_of(path: Path, revision: str) -> str | None:
    """The tree of a commit as git shows and checks it out there: of a replaced one (git-replace(1)) the other's.

    None where there is no such commit. Our store knows the objects of a repository, and not what replaces them.
    """
    done = ask(path, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}^{{tree}}")
    return done.text if done.returncode == 0 else None


def check_sha1(path: Path) -> None:
    """Raise InputError for a repository whose objects have other names than ours (objectFormat in git-config(1))."""
    if (kind := ask(path, "rev-parse", "--show-object-format").text) not in ("sha1", ""):
        raise InputError(
            f"{path} has the object format {kind}, and kseries reads sha1 alone\n"
            "  export it: git archive --prefix=linux/ -o BASE.tar REV; git format-patch -o DIR REV..;"
            " then run DIR with --tree BASE.tar"
        )


def check_tree(path: Path, revision: str) -> None:
    """Raise InputError for a partial clone (gitglossary(7)) without all files of a revision; nothing is fetched."""
    revision = revision[:12] if _WHOLE_ID.fullmatch(revision) else revision
    if lacking := _lacking(path, "--no-walk", revision):
        rows = ask(path, "ls-tree", "-r", "-z", "--full-tree", revision).text.split("\0")
        names = [name for about, _, name in (row.partition("\t") for row in rows) if about.split(" ")[-1] in lacking]
        raise _partial(path, revision, len(lacking), names, f"diff --shortstat {_NOTHING} {revision}")


def check_range(path: Path, revisions: str) -> None:
    """Raise InputError for a partial clone without all that the commits of a range bring."""
    if lacking := _lacking(path, revisions):
        told = ask(path, "log", "--raw", "--no-renames", "--no-abbrev", "--format=", revisions).stdout
        some = (one for one in rawdiff.differences(told) if one.new.decode() in lacking)
        names = [one.path.decode(errors="replace") for one in some]
        raise _partial(path, revisions, len(lacking), names, f"log --shortstat {revisions}")


def _lacking(path: Path, *revisions: str) -> frozenset[str]:
    """The objects of revisions that a partial clone does not have."""
    if ask(path, "config", "--get-regexp", _PROMISORS).returncode != 0:
        return frozenset()
    rows = ask(path, "rev-list", "--objects", "--missing=print", *revisions, "--").text.splitlines()
    return frozenset(row[1:] for row in rows if row.startswith("?"))


def _partial(path: Path, what: str, count: int, names: Sequence[str], asking: str) -> InputError:
    """What to raise; a git that is asked for what it needs them for fetches them at once."""
    such = f", such as {', '.join(list(dict.fromkeys(names))[:_LISTED])}" if names else ""
    return InputError(
        f"{path} is a partial clone, and of {what} it lacks {count} object{'s' * (count > 1)}{such}\n"
        f"  have git fetch them: git -C {shlex.quote(str(path))} {asking}"
    )


def shallow_cure(path: Path) -> str:
    """A second line for a message on what a repository lacks, where it is a shallow clone; else nothing."""
    shallow = ask(path, "rev-parse", "--is-shallow-repository").text == "true"
    return f"\n  it is a shallow clone: git -C {shlex.quote(str(path))} fetch --unshallow --tags" if shallow else ""


def commit_of(path: Path, revision: str) -> str | None:
    """The id of a commit; None where there is none."""
    done = ask(path, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}")
    return done.text if done.returncode == 0 else None


def recent(path: Path, revision: str, count: int, seconds: float) -> list[tuple[str, str]]:
    """The last commits of a history, each its tree and its subject, with single blanks as in a mail, the newest first;
    of a revision that is not there, and of what is no repository, nothing. Raises InfraError, and InputError as ``ask``
    does.
    """
    words = ("log", "-z", "--ignore-missing", f"--max-count={count}", "--format=%T%x09%s", revision, "--")
    done = ask(path, *words, seconds=seconds)
    if done.returncode != 0:
        return []
    rows = (row.partition("\t") for row in done.stdout.decode(errors="replace").split("\0") if row)
    return [(tree, " ".join(subject.split())) for tree, _, subject in rows]


def ask(path: Path, *words: str, seconds: float | None = None) -> processes.Done:
    """Ask git about revisions and commits, as ``git.theirs`` does: the caller looks at its status. Raises InfraError.

    Raises InputError for a repository of another user, which git does not read.
    """
    done = git.theirs(path, *words, seconds=seconds)
    if done.returncode != 0 and (cure := _CURE.search(done.stderr.decode(errors="replace"))):
        raise InputError(f"{path} belongs to another user, and so git does not read it\n  if you trust it: {cure[1]}")
    return done
