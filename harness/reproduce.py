# SPDX-License-Identifier: GPL-2.0-only
"""Commands that bring anybody who has kseries and the series to what a result tells of."""

import posixpath
import re
import shlex
from collections.abc import Sequence

import msgspec

from harness.model import Finding, FindingKind, RunResult, Series
from harness.plain import word

_TARGET = "TARGET"
"""Stands for the series where a result does not say what it was read from: one of an older kseries, or of a pipe."""


_HOST_PATH = re.compile(r"(?:(?<=[=,:])(?!//)|^)(?:~[\w-]*|\.{1,2})?/[^,:]*")
_DIGITS = 12
"""Those of a commit's id that name it, as the kernel writes them."""


def command(run: RunResult, finding: Finding) -> str:
    """A line for a shell that comes to the state of a finding, and exits 0 no more once that is seen.

    What is new in a build is seen by comparing builds, and what is flaky by more than one boot: that takes a run, or
    more boots.
    """
    if finding.kind is FindingKind.NEW_WARNING:
        return whole(run, ["prefixes"])
    if finding.kind is FindingKind.REACHES_OUT:
        return whole(run, [next(state.scenario for state in run.states if state.id == finding.state)])
    more = ("--repeat", "5") if finding.kind is FindingKind.FLAKY else ()
    return _pasted("kseries", "try", finding.state, *_words(run), *more)


def elsewhere(run: RunResult, finding: Finding) -> str:
    """The same line for somebody else: of a path of this host, which says nothing to them, the name alone."""
    return shlex.join(_without_folders(word) for word in shlex.split(command(run, finding)))


def _without_folders(word: str) -> str:
    """A word of a command line, with the name of what each path in it leads to.

    A path is what begins as one, behind what may come before it in a word (``NAME=/x``, ``a,./b``); a name such as
    origin/master is none.
    """
    return _HOST_PATH.sub(lambda path: posixpath.basename(path[0].rstrip("/")) or "DIRECTORY", word)


def lasting(words: tuple[str, ...], base: str | None, series: Series) -> tuple[str, ...]:
    """The words of a run, with a range of branches, which move, named by its commits; ``base`` is the one under it."""
    tip = series.patches[-1].commit
    if not words or base is None or tip is None:
        return words
    return (f"{base[:_DIGITS]}..{tip[:_DIGITS]}", *words[1:])


def with_commands(run: RunResult) -> RunResult:
    """The result with the command of each finding, for those who read result.json."""
    findings = tuple(msgspec.structs.replace(one, reproduce=command(run, one)) for one in run.findings)
    return msgspec.structs.replace(run, findings=findings)


def whole(run: RunResult, scenarios: Sequence[str]) -> str:
    """The line that does a run again."""
    more = ("--scenario", ",".join(scenarios)) if scenarios else ()
    return _pasted("kseries", "run", *_words(run), *more)


def _pasted(*words: str) -> str:
    """A line to paste into a shell.

    The words may be somebody else's: they are made fit to show before they are quoted, since what is taken out of a
    quoted line may take a quote with it.
    """
    return shlex.join(map(word, words))


def _words(run: RunResult) -> tuple[str, ...]:
    return run.words if run.words and run.words[0] != "-" else (_TARGET, *run.words[1:])
