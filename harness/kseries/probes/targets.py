# SPDX-License-Identifier: GPL-2.0-only
"""What ``--selftest`` asks for of kselftest as it is installed: a whole target, or a script of one.

``timers`` is a target (a folder below tools/testing/selftests), ``net:rtnetlink.sh`` a script. They need a shell and
programs, so they run in the userland (runner.py says how). A test that is a C program runs without one: selftests.py.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kseries.model.errors import InputError
from kseries.model.probe import MOST_NAME
from kseries.model.sanitize import line, shortened
from kseries.sources import TreeStore

PLACE = "tools/testing/selftests"
_SCRIPT = re.compile(r"\.(?:sh|py|pl)$")
_COMMAND = re.compile(r"[\s=]")
"""What no name has: that is a program with words, or one with a name."""
_WORD = re.compile(r"(?P<target>\w[\w-]*(?:/\w[\w-]*)*)(?::(?P<test>\w[\w.+-]*))?", re.ASCII)
_NO_NAME = re.compile(r"[^\w+-]", re.ASCII)
_SHOWN = 100
"""Characters of what was asked for that an error repeats."""


@dataclass(frozen=True)
class Target:
    """A target of kselftest, or one script of it."""

    target: str
    test: str | None = None

    @property
    def word(self) -> str:
        """As --selftest names it, and run_kselftest.sh."""
        return self.target if self.test is None else f"{self.target}:{self.test}"

    @property
    def name(self) -> str:
        """What it is called as a probe; a dot ends such a name."""
        folders = self.target.replace("/", ".")
        return folders if self.test is None else f"{folders}.{_NO_NAME.sub('_', self.test)}"


def words(values: Iterable[str]) -> tuple[str, ...]:
    """The words of some --selftest, in each of which ``TARGET:`` holds for what follows: ``net:a.sh,b.sh`` is two."""
    return tuple(word for value in values for word in _words(value))


def _words(value: str) -> Iterator[str]:
    names = [name for name in map(str.strip, value.split(",")) if name]
    if any(map(_COMMAND.search, names)):
        yield value
        return
    target = ""
    for name in names:
        head, colon, _ = name.partition(":")
        target = head if colon else target
        yield name if colon or not target else f"{target}:{name}"


def is_one(word: str) -> bool:
    """Whether a word means what is installed, and not a C program: the one place where that is decided."""
    _, colon, test = word.partition(":")
    return not _COMMAND.search(word) and (not colon or _SCRIPT.search(test) is not None)


def programs(values: Iterable[str]) -> tuple[str, ...]:
    """What of some --selftest is not of these."""
    return tuple(word for word in words(values) if not is_one(word))


def parse(values: Iterable[str]) -> tuple[Target, ...]:
    """The targets and scripts that some --selftest ask for. Raises InputError."""
    return tuple(dict.fromkeys(_parse(word) for word in words(values) if is_one(word)))


def _parse(word: str) -> Target:
    shown = shortened(line(word), _SHOWN)
    match = _WORD.fullmatch(word)
    if match is None:
        raise InputError(
            f"--selftest {shown}: no target of kselftest\n  name one, as in --selftest timers, or a test of one, as in"
            " --selftest net:rtnetlink.sh"
        )
    found = Target(match["target"], match["test"])
    if len(found.name) > MOST_NAME:
        raise InputError(f"--selftest {shown}: a probe's name has at most {MOST_NAME} characters")
    return found


def check_userland(wanted: Iterable[Target], *, there: bool) -> None:
    """Raise InputError for a target where there is no shell to run it."""
    first = next(iter(wanted), None)
    if first is not None and not there:
        raise InputError(
            f"--selftest {shortened(first.word, _SHOWN)}: this runs in a userland, and there is none\n"
            "  add --userland debian:bookworm, and the packages that it needs with --package"
        )


def check(wanted: Iterable[Target], trees: TreeStore, base: str, tip: str) -> None:
    """Raise InputError for a target, or a script, that neither base nor the tip has."""
    _check(wanted, trees, (base, tip), "neither base nor the series has")


def check_tip(wanted: Iterable[Target], trees: TreeStore, tip: str) -> None:
    """The same for one that the tip does not have, where its tests are those of all states."""
    _check(wanted, trees, (tip,), "with --selftest-from tip, and the tip does not have")


def _check(wanted: Iterable[Target], trees: TreeStore, of: tuple[str, ...], said: str) -> None:
    for one in wanted:
        path = f"{PLACE}/{one.target}/{one.test or 'Makefile'}"
        if not any(trees.file(tree, path) is not None for tree in of):
            raise InputError(
                f"--selftest {one.word}: {said} {path}\n"
                f"  targets are folders below {PLACE}; of one, a script is named with its suffix"
            )
