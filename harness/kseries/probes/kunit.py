# SPDX-License-Identifier: GPL-2.0-only
"""KUnit's suites as probes: what ``--kunit`` names, and what suites and their cases are called here."""

import fnmatch
import re
from collections.abc import Iterable

from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened
from kseries.probes import tap

AUTO = "auto"
"""In the place of a glob: the suites that belong to what the series changes."""
ALL = "*"
PREFIX = "kunit."
"""What the names of a suite's checks begin with: ``kunit.SUITE.CASE``."""
BESIDE = "suite"
"""The check that tells, by failing, of what goes wrong between a suite's cases."""
_GLOB = re.compile(r"[\w*?\[\]!-]+(?:\.[\w*?\[\]!-]+)?", re.ASCII)
"""SUITE or SUITE.CASE, as lib/kunit/executor.c takes it apart at the first dot. On a command line it is one word."""
_LITERAL = re.compile(r"[^\w-]", re.ASCII)
_MOST = 50
"""Globs of a run: each is a boot of every state."""
_SHOWN = 60
"""Characters of what was asked for that an error repeats."""


def parse(words: Iterable[str]) -> tuple[str, ...]:
    """The globs that ``--kunit`` is given, each once. Raises InputError."""
    found = tuple(dict.fromkeys(words))
    for word in found:
        if not _GLOB.fullmatch(word):
            raise InputError(
                f"--kunit {line(shortened(word, _SHOWN))}: expected SUITE, SUITE.CASE or {AUTO}\n"
                "  both may have *, ? and [..] in them, as in --kunit 'list*.*del*'"
            )
    if len(found) > _MOST:
        raise InputError(f"--kunit: more than {_MOST} globs\n  * stands for any characters, and for all suites")
    return found


def suite_of(glob: str) -> str:
    """What the suites that a glob means are called."""
    return glob.partition(".")[0]


def matches(glob: str, suite: str) -> bool:
    """Whether a glob means a suite, or some of its cases (lib/glob.c)."""
    return fnmatch.fnmatchcase(suite, suite_of(glob))


def exactly(suite: str, glob: str) -> str:
    """A glob for one of the suites that ``glob`` means, and the same of its cases.

    What would be another word of a command line, or mean other suites, is any character.
    """
    _, dot, case = glob.partition(".")
    return f"{_LITERAL.sub('?', suite)}{dot}{case}"


def probe(suite: str) -> str:
    """What the checks of a suite begin with."""
    return f"{PREFIX}{tap.tidy(suite) or BESIDE}"


BOOT = f"{PREFIX}boot"
"""The check that tells, by failing, of a kernel that dies in no suite that is known; by being missing, that suites were
too slow, so that what has not come of any is not known.
"""


def is_check(name: str) -> bool:
    """Whether a check is of a suite."""
    return name.startswith(PREFIX) and name.count(".") > 1


def words(glob: str | None, action: str = "") -> tuple[str, ...]:
    """What a kernel is told that is to run the suites that a glob means while it boots, or none.

    ``action`` is "list" where they are only to be listed (lib/kunit/executor.c: enable, filter_glob, action).
    """
    if glob is None:
        return ("kunit.enable=0",)
    listing = (f"kunit.action={action}",) if action else ()
    return ("kunit.enable=1", f"kunit.filter_glob={glob}", *listing)
