# SPDX-License-Identifier: GPL-2.0-only
"""A ``git bisect log``: the answers that it holds, as far as they are of the history at hand."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kseries.host import untrusted
from kseries.model.errors import InputError, in_words
from kseries.model.lineage import Range
from kseries.model.sanitize import named, shortened
from kseries.sources import repository

_LIMIT = 16 << 20
"""Bytes of a log: a line for each answer."""
_SHOWN = 100
_COMMAND = re.compile(r"git[- ]bisect (?P<words>.*)")
_NOTED = re.compile(r"# (?P<word>good|bad|new|old): \[(?P<commit>[0-9a-f]{40})\]")
"""What git writes above the line of a start, whose own revisions may mean other commits by now."""
_WORDS = {"good": "good", "old": "good", "bad": "bad", "new": "bad", "skip": "skip"}
_TERM = re.compile(r"--term-(?P<word>good|bad|new|old)(?:=(?P<name>.*))?")


class Given(NamedTuple):
    """An answer, and the line of the log that it stands in. ``commit`` is as it stands there."""

    line: int
    word: str
    commit: str


class Log(NamedTuple):
    """What a log holds."""

    path: Path
    answers: tuple[Given, ...]
    """The commits that it begins with, too."""
    first_parent: bool
    paths: tuple[str, ...]


def read(path: Path) -> Log:
    """Read a log; of several that one file holds, the last. Raises InputError."""
    try:
        text = untrusted.text(path, _LIMIT)
    except ValueError as error:
        raise InputError(f"--replay {path}: it is no text") from error
    except OSError as error:
        raise InputError(f"--replay {path}: {in_words(error)}") from error
    except InputError as error:
        raise InputError(f"--replay {error}") from error
    reading = _Reading(path)
    for number, row in enumerate(text.split("\n"), 1):  # a subject in it may have what Python takes for a line's end
        reading.row(number, row.strip())
    if not reading.begun:
        raise InputError(f"--replay {path}: it is no log of a bisection\n  git bisect log prints one")
    return Log(path, tuple(reading.answers), reading.first_parent, reading.paths)


class _Reading:
    """The lines so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun = False
        self._restart()

    def _restart(self) -> None:
        self.answers: list[Given] = []
        self.first_parent = False
        self.paths: tuple[str, ...] = ()
        self._terms = dict(_WORDS)
        self._noted: list[Given] = []

    def row(self, number: int, row: str) -> None:
        if noted := _NOTED.match(row):
            self._noted.append(Given(number, _WORDS[noted["word"]], noted["commit"]))
        if not row or row.startswith("#"):
            return
        command = _COMMAND.fullmatch(row)
        try:
            words = shlex.split(command["words"]) if command else []
        except ValueError as error:
            raise _wrong(self._path, number, f"it cannot be read: {error}") from error
        if words[:1] == ["start"]:
            self._start(number, words[1:])
        elif self.begun and words and words[0] in self._terms:
            self.answers += [Given(number, self._terms[words[0]], commit) for commit in words[1:]]
        elif words[:1] != ["terms"]:
            raise _wrong(self._path, number, f"git bisect has no such line: {shortened(named(row), _SHOWN)}")
        self._noted = []

    def _start(self, number: int, words: list[str]) -> None:
        noted = self._noted
        self._restart()
        self.begun = True
        at = words.index("--") if "--" in words else len(words)
        self.paths = tuple(words[at + 1 :])
        rest = iter(words[:at])
        commits = []
        for word in rest:
            if term := _TERM.fullmatch(word):
                name = term["name"] if term["name"] is not None else next(rest, "")
                self._terms[name] = _WORDS[term["word"]]
            elif word == "--first-parent":
                self.first_parent = True
            elif not word.startswith("-"):
                commits.append(word)
        given = [Given(number, "good" if place else "bad", commit) for place, commit in enumerate(commits)]
        self.answers += noted if len(noted) == len(given) else given


def _wrong(path: Path, number: int, why: str, cure: str = "") -> InputError:
    return InputError(f"--replay {path}, line {number}: {why}{cure}")


# --- held against a history ---------------------------------------------------------------------


def fitting(log: Log, place: Path, wanted: Range) -> tuple[tuple[str, str], ...]:
    """The answers of a log, each a word and a whole id, as git is to be told them; but for the ends of the range.

    Raises InputError that names the first line which does not fit: a commit that there is not, other ends than those of
    the range, or an answer that goes against another one.
    """
    answers = [one._replace(commit=_known(log, one, place)) for one in log.answers]
    _check_ends(log, answers, wanted)
    _check_words(log, answers)
    bads = [one for one in answers if one.word == "bad"]
    goods = [one for one in answers if one.word == "good"]
    for bad in bads:
        if not _is_below(place, bad.commit, [wanted.bad]):
            raise _wrong(log.path, bad.line, f"{bad.commit[:12]} is no part of {wanted.bad[:12]}, which is bad")
        if _is_below(place, bad.commit, [good.commit for good in goods]):
            good = next(one for one in goods if _is_below(place, bad.commit, [one.commit]))
            why = f"{bad.commit[:12]} is bad, and {good.commit[:12]}, which is made on it, is good"
            raise _wrong(log.path, max(bad.line, good.line), why)
    ends = {("bad", wanted.bad), ("good", wanted.good)}
    return tuple(dict.fromkeys((one.word, one.commit) for one in answers if (one.word, one.commit) not in ends))


def _known(log: Log, one: Given, place: Path) -> str:
    commit = repository.commit_of(place, one.commit)
    if commit is None:
        what = f"{place} has no commit {shortened(named(one.commit), _SHOWN)}"
        raise _wrong(log.path, one.line, what, "\n  was its history rewritten since?")
    return commit


def _check_ends(log: Log, answers: Sequence[Given], wanted: Range) -> None:
    """Raise InputError for a log of another range."""
    bad = next((one for one in answers if one.word == "bad"), None)
    good = next((one for one in answers if one.word == "good"), None)
    if bad is None or good is None:
        raise InputError(f"--replay {log.path}: it has no {'bad' if bad is None else 'good'} commit")
    cure = f"\n  was its history rewritten since? else name {good.commit[:12]}..{bad.commit[:12]}"
    if bad.commit != wanted.bad:
        raise _wrong(log.path, bad.line, f"it begins with {bad.commit[:12]}, and BAD is {wanted.bad[:12]}", cure)
    if wanted.good not in (one.commit for one in answers if one.word == "good"):
        raise _wrong(log.path, good.line, f"{good.commit[:12]} is good, and GOOD is {wanted.good[:12]}", cure)


def _check_words(log: Log, answers: Sequence[Given]) -> None:
    """Raise InputError for a commit that is both good and bad."""
    words: dict[str, str] = {}
    for one in answers:
        before = words.get(one.commit)
        if {before, one.word} == {"good", "bad"}:
            raise _wrong(log.path, one.line, f"{one.commit[:12]} is {one.word}, and was {before} above")
        words[one.commit] = one.word


def _is_below(place: Path, commit: str, tops: Sequence[str]) -> bool:
    """Whether a commit is one of some others, or what they are made on."""
    words = ("rev-list", "--max-count=1", commit, *(f"^{top}" for top in tops), "--")
    return not repository.ask(place, *words).text
