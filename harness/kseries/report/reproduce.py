# SPDX-License-Identifier: GPL-2.0-only
"""Commands that bring anybody who has kseries and the series to what a result tells of."""

import itertools
import posixpath
import re
import shlex
from collections.abc import Sequence

import msgspec

from kseries.inputs import Target
from kseries.model import Base, Finding, FindingKind, RunResult, Series
from kseries.model.sanitize import named, word

_TARGET = "TARGET"
"""Stands for the series where a result does not say what it was read from: one of an older kseries, or of a pipe."""


_BEGINNING = r"(?:[\w+]*file:|~[\w-]*|\.{1,2})?/"
_HOST_PATH = re.compile(rf"(?:^|(?<=[=,:\s])(?!//)){_BEGINNING}.*", re.DOTALL)
_IN_MAKE = re.compile(rf"((?<![\w.+~/-])-[\w-]+|(?<![\w.+~/:-])|(?<=:)(?!//))({_BEGINNING}[^\s=,:;'\"()]*)")
"""A path in a word for make, which has what a shell and a compiler make of it: ``CC=ccache /x/gcc``, ``-I/x``."""
_LISTS = ("--probe", "--scenario", "--arch")
_GUESTS = ("--append", "--device", "--run", "--selftest", "--timeout")
"""Their values are for the guest: a path in one, as in root=/dev/vda, is its own."""
_DIGITS = 12
"""Those of a commit's id that name it, as the kernel writes them."""


def command(run: RunResult, finding: Finding) -> str:
    """A line for a shell that comes to the state of a finding, and exits 0 no more once that is seen."""
    return _command(finding, run.words, next(state.scenario for state in run.states if state.id == finding.state))


def with_command(finding: Finding, words: tuple[str, ...], scenario: str) -> Finding:
    """A finding with that line, for those who read result.json: the words are the run's, the scenario its state's."""
    return msgspec.structs.replace(finding, reproduce=_command(finding, words, scenario))


def _command(finding: Finding, words: tuple[str, ...], scenario: str) -> str:
    """What is new in a build is seen by comparing builds, and what is flaky by more than one boot: that takes a run, or
    more boots.
    """
    if finding.kind is FindingKind.NEW_WARNING:
        return _whole(words, ["prefixes"])
    if finding.kind is FindingKind.SANDBOX_DENIAL:
        return _whole(words, [scenario])
    more = ("--repeat", "5") if finding.kind is FindingKind.FLAKY else ()
    if finding.kind is FindingKind.SUSPECTED_BREAK:  # no contract asks for the check
        more = ("--check", finding.evidence[0].name)
    return _pasted("kseries", "try", finding.state, *_with_target(words), *more)


def elsewhere(run: RunResult, finding: Finding) -> str:
    """The same line for somebody else: of a path of this host, which says nothing to them, the name alone."""
    words = shlex.split(command(run, finding))
    return shlex.join(_fit_for(option, word) for option, word in zip(("", *words), words, strict=False))


def make_line_elsewhere(run: RunResult) -> str | None:
    """The line that makes its kernels, for somebody else; None where a result does not say with which words."""
    if run.variant.make is None:
        return None
    return shlex.join(["make", *(_fit_for("--make", one) for one in run.variant.make)])


def base_elsewhere(run: RunResult) -> str:
    """What the base is called, for somebody else: of a tree of this host its name alone, and the revision as given."""
    name = run.base.name
    given = (tree for option, tree in itertools.pairwise(run.words) if option == "--tree")
    tree = next((tree for tree in given if name == tree or name.startswith(f"{tree} ")), None)
    if tree is None:
        tree = name.rpartition(" ")[0] or name
    return f"{_without_folder(tree)}{name[len(tree) :]}"


def _fit_for(option: str, word: str) -> str:
    """A word of a command line, which an option may be before, with no folder of this host in it."""
    if option in _GUESTS:
        return word
    if option == "--make":
        return make_elsewhere(word)
    if option in _LISTS:
        return ",".join(map(_without_folder, word.split(",")))
    return _without_folder(word)


def make_elsewhere(word: str) -> str:
    """A word for make, for somebody else: of what lies in folders of this host the names alone."""
    return _IN_MAKE.sub(lambda path: path[1] + _name(path[2]), word)


def _without_folder(word: str) -> str:
    """The name of what a path leads to, which may have any character in it, behind ``NAME=`` or by itself; what begins
    as none, such as origin/master, as it is.
    """
    return _HOST_PATH.sub(lambda path: _name(path[0]), word, count=1)


def _name(path: str) -> str:
    return posixpath.basename(path.rstrip("/")) or "DIRECTORY"


def lasting(words: tuple[str, ...], base: str | None, series: Series, guessed: str = "") -> tuple[str, ...]:
    """The words of a run, with a range of branches, which move, named by its commits; ``base`` is the one under it.

    ``guessed`` is a base that was found by the tags and branches at hand (guess.py): others may have others.
    """
    if words and guessed:
        return (*words, "--base", guessed[:_DIGITS])
    tip = series.patches[-1]
    if not words or base is None or tip.commit is None or tip.diff is not None:
        return words
    return (f"{base[:_DIGITS]}..{tip.commit[:_DIGITS]}", *words[1:])


def contracts(run: RunResult, file: str) -> str:
    """The line that writes what a series promises into a file."""
    return _pasted("kseries", "promise", *_with_target(run.words), "-o", file)


def pick(run: RunResult, number: int, *, elsewhere: bool = False) -> str:
    """The line that tells what has to come along with a patch; for somebody else without paths of this host."""
    words = shlex.split(_pasted("kseries", "pick", str(number), *_with_target(run.words)))
    fit = (_fit_for(option, word) for option, word in zip(("", *words), words, strict=False))
    return shlex.join(fit if elsewhere else words)


def merge(words: tuple[str, ...], other: str, pair: tuple[Target, Target], base: Base) -> str:
    """The line that merges two topics again: ``words`` are those of one, ``other`` names the other one."""
    targets = ((words[0],), (named(other),))
    lasts = (lasting(words, one.base, one.series) for words, one in zip(targets, pair, strict=True))
    names = [name for words in lasts for name in _with_target(words)]
    guessed = ("--base", base.guessed[:_DIGITS]) if base.guessed else ()
    return _pasted("kseries", "merge", *names, *words[1:], *guessed)


def whole(run: RunResult, scenarios: Sequence[str]) -> str:
    """The line that does a run again."""
    return _whole(run.words, scenarios)


def _whole(words: tuple[str, ...], scenarios: Sequence[str]) -> str:
    more = ("--scenario", ",".join(scenarios)) if scenarios else ()
    return _pasted("kseries", "run", *_with_target(words), *more)


def _pasted(*words: str) -> str:
    """A line to paste into a shell.

    The words may be somebody else's: they are made fit to show before they are quoted, since what is taken out of a
    quoted line may take a quote with it.
    """
    return shlex.join(map(word, words))


def _with_target(words: tuple[str, ...]) -> tuple[str, ...]:
    return words if words and words[0] != "-" else (_TARGET, *words[1:])
