# SPDX-License-Identifier: GPL-2.0-only
"""git, started: with whose configuration, for how long, and which ends of it are an answer. No other module starts one.

``ours`` asks a repository of ours, ``theirs`` one of somebody's, ``alone`` none at all. Of a git that failed otherwise
than by saying why, or was killed, what it printed is no answer: each raises FailedError. The locks that we hold go on
to it (processes.run): where we are killed, nobody has them before git, too, has ended.
"""

import contextlib
import re
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import IO, TypedDict, Unpack

from kseries.host import processes
from kseries.model.errors import InfraError

SECONDS = 120.0
BATCH_SECONDS = 1800.0
"""For a git that is given thousands of things to do at once, as all files of a kernel."""
ANSWERS = (0, 1, 128)
"""The exit statuses of a git that did what it was asked, or says why it cannot be done."""

# What a result depends on must not come from somebody's ~/.gitconfig, and commit ids must not depend on the clock.
_OURS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_NAME": "kseries" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "kseries@localhost" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "@0 +0000" for who in ("AUTHOR", "COMMITTER")},
}
# In a partial clone git fetches what it lacks, by the transport that the repository names.
_THEIRS = {"GIT_ALLOW_PROTOCOL": "", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
# Of the caller's own configuration, too: what is asked is read by a program. A file system's monitor is run by whoever
# reads the index, as a revision like :file does. What a command's own options can say, they say (patchids.py).
_CONFIG = {
    "core.fsmonitor": "false",
    # how commits are told
    "log.showSignature": "false",
    "log.abbrevCommit": "false",
    "log.decorate": "false",
    "i18n.logOutputEncoding": "UTF-8",
    # which commits and files are
    "log.follow": "false",
    "log.showRoot": "true",
    "diff.ignoreSubmodules": "none",
    "diff.relative": "false",
    # how differences are told: git patch-id looks at all of these, and git itself makes them so where nobody says
    # otherwise
    "core.quotePath": "true",
    "core.attributesFile": "/dev/null",
    "diff.indentHeuristic": "true",
    "diff.interHunkContext": "0",
    "diff.suppressBlankEmpty": "false",
    "diff.submodule": "short",
    "diff.orderFile": "/dev/null",
}
_ESCAPE = re.compile(rb"\\(?:([0-3][0-7]{2})|(.))")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_PRELOAD = re.compile(rb"^ERROR: ld\.so: .*\n", re.MULTILINE)
"""What the dynamic linker says before any program says a word, where LD_PRELOAD names what is not there (ld.so(8))."""


class FailedError(InfraError):
    """A git that gave no answer: ``reason`` is what it says itself, or what ended it."""

    def __init__(self, command: str, reason: str, where: str = "") -> None:
        super().__init__(f"git {command} failed{where}: {reason}")
        self.reason = reason


class How(TypedDict, total=False):
    """How a repository of ours is asked."""

    stdin: bytes
    index: Path | None
    """In the place of the repository's own."""
    work_tree: Path | None
    objects: Path | None
    """Where new objects go, in the place of the repository's own."""
    seconds: float
    statuses: Container[int]
    """The exit statuses that are an answer: 0 where none are named."""
    limits: Sequence[str]
    """The words of a program that starts git with less than it may have, prlimit(1)."""


def ours(path: Path, *words: str, **how: Unpack[How]) -> processes.Done:
    """Run git on a bare repository of ours, with nobody's configuration but that. Raises FailedError."""
    work_tree = how.get("work_tree")
    env = _on(path, how.get("objects"))
    if (index := how.get("index")) is not None:
        env["GIT_INDEX_FILE"] = str(index)
    if work_tree is not None:
        env["GIT_WORK_TREE"] = str(work_tree)
    # What is checked out is for whoever builds it, whom our umask may have shut out.
    umask = 0o022 if work_tree is not None else -1
    seconds, limits = how.get("seconds", SECONDS), how.get("limits", ())
    argv = ["git", *words]
    done = processes.run([*limits, *argv], seconds=seconds, stdin=how.get("stdin", b""), env=env, umask=umask)
    return _answered(done, words, how.get("statuses", (0,)), f" in {path}")


@contextlib.contextmanager
def feeding(path: Path, *words: str, objects: Path, thin: bool = False) -> Iterator[IO[bytes]]:
    """The open standard input of a git on such a repository, for a stream too large to hold. Raises FailedError.

    What it makes is whole: objects that the repository has are made once more. One that is fed what is ``thin`` finds
    the rest in the repository, and may end with 1 as well as with 0.
    """
    env = _on(path, objects if thin else None) | {"GIT_OBJECT_DIRECTORY": str(objects)}
    with _streamed(path, words), processes.feeding(["git", *words], env, statuses=(0, 1) if thin else (0,)) as stream:
        yield stream


@contextlib.contextmanager
def reading(path: Path, *words: str, stdin: bytes) -> Iterator[IO[bytes]]:
    """The open standard output of one, to be read to its end. Raises FailedError."""
    with _streamed(path, words), processes.reading(["git", *words], stdin, _on(path, None)) as stream:
        yield stream


@contextlib.contextmanager
def _streamed(path: Path, words: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except InfraError as error:
        raise FailedError(_command(words), _fatal(str(error).removeprefix("git failed: ")), f" in {path}") from error


def theirs(path: Path, *words: str, seconds: float | None = None, stdin: bytes = b"") -> processes.Done:
    """Ask git about revisions and commits of a repository whose configuration is not to be obeyed.

    Not for what looks at a work tree: that runs programs; and so does what shows differences, but with
    ``--no-ext-diff --no-textconv``. The answer may be that it cannot be done: any of ANSWERS. Raises FailedError.
    """
    config = [word for name, value in _CONFIG.items() for word in ("-c", f"{name}={value}")]
    done = processes.run(["git", "-C", path, *config, *words], seconds=seconds or SECONDS, stdin=stdin, env=_THEIRS)
    return _answered(done, words, ANSWERS, f" in {path}")


def alone(*words: str, stdin: bytes, statuses: Container[int] = (0,)) -> processes.Done:
    """Run a git that needs no repository. Raises FailedError.

    It starts in ``/``: in a work tree, git apply leaves out what is not below the current folder.
    """
    done = processes.run(["git", *words], seconds=SECONDS, stdin=stdin, env=_OURS)
    return _answered(done, words, statuses, "")


def _on(path: Path, objects: Path | None) -> dict[str, str]:
    """The environment of a git on a repository of ours."""
    env = {**_OURS, "GIT_DIR": str(path)}
    if objects is not None:
        env["GIT_OBJECT_DIRECTORY"] = str(objects)
        env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = quoted(bytes(path / "objects")).decode(errors="surrogateescape")
    return env


def _answered(done: processes.Done, words: Sequence[str], statuses: Container[int], where: str) -> processes.Done:
    if done.returncode not in statuses:
        raise FailedError(_command(words), reason(done), where)
    return done


def _command(words: Sequence[str]) -> str:
    """The command among the words of a git, behind what holds for all commands."""
    rest = iter(words)
    for word in rest:
        if word == "-c":
            next(rest)
        elif not word.startswith("-"):
            return word
    return ""


# --- what it says -------------------------------------------------------------------------------


def said(done: processes.Done) -> bytes:
    """What git itself says on standard error."""
    return _PRELOAD.sub(b"", done.stderr)


def reason(done: processes.Done) -> str:
    """What git gave up for, or what ended it."""
    if done.returncode < 0:
        return f"it was killed by signal {-done.returncode}"
    return _fatal(said(done).decode(errors="replace")) or f"exit status {done.returncode}"


def _fatal(said: str) -> str:
    """What git gave up for, which fast-import says before it tells of its crash report; else its last line."""
    lines = said.strip().splitlines()
    return next((line for line in lines if line.startswith("fatal: ")), lines[-1] if lines else "")


# --- how it writes paths ------------------------------------------------------------------------


def quoted(path: bytes) -> bytes:
    """A path for git's lists of paths, in which a colon would end it or a blank or a newline (quote.c)."""
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def unquoted(row: bytes) -> bytes:
    """The path that git has quoted (unquote_c_style()); one that begins without a quote is as it stands."""
    if not row.startswith(b'"'):
        return row
    return _ESCAPE.sub(_unescaped, row[1:].removesuffix(b'"'))


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8)]) if found[1] else _ESCAPES.get(found[2], found[2])


def contents(batch: bytes) -> Iterator[bytes]:
    """What ``cat-file --batch`` tells of objects that are all there, one by one."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        begins = end + 1
        at = begins + int(batch[at:end].rpartition(b" ")[2])
        yield batch[begins:at]
        at += 1
