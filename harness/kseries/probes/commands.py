# SPDX-License-Identifier: GPL-2.0-only
"""Commands of a shell as probes: what ``--run`` asks for, and ``[[run]]`` of a TARGET.

They run in the userland (guests/init/init.c). What one needs is looked for before it begins, by the same shell; options
of the kernel's configuration, which nothing in a guest tells, are looked for before its boot.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from kseries.host import untrusted
from kseries.model import Origin, Probe, Record
from kseries.model.errors import InputError, in_words
from kseries.model.probe import MOST_WORDS
from kseries.model.sanitize import line, shortened

FILE = "runs.toml"
"""Has the commands of a TARGET that is no test case."""
_SHOWN = 60
"""Characters of what was asked for that an error repeats."""
_OPTION = "CONFIG_"
_NEED = re.compile(r"(?:package:)?\w[\w.+-]{0,127}", re.ASCII)
_LOOK = f"""\
for need; do case $need in {_OPTION}*) false;; package:*) [ -e "/usr/share/doc/${{need#*:}}" ];;\
 *) command -v "$need" >/dev/null;; esac || {{ echo "it needs $need, which is not there"; exit 4; }}; done;\
 exec /bin/sh -c "$0"\
"""
"""Its $0 is the command, and its words are what that needs. Each package of Debian has such a folder (Debian Policy,
12.5); exit status 4 is kselftest's for a test that cannot be made.
"""
_NEEDS_AT = 4
"""Where they begin in the command line of a probe."""
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Run(Record, frozen=True, forbid_unknown_fields=True):
    """A command that is a check: ``[[run]]``."""

    name: str
    """What its checks are called by."""
    command: str
    """A line for /bin/sh."""
    timeout: int | None = None
    """Seconds; None for what every probe has."""
    needs: tuple[str, ...] = ()
    """Programs on its PATH, ``package:NAME``, options as ``CONFIG_NAME``: without one of them it is skipped."""


class _Runs(Record, frozen=True, forbid_unknown_fields=True):
    run: tuple[Run, ...] = ()


def parse(words: Iterable[str]) -> tuple[Run, ...]:
    """The commands that words such as ``boots=uname -r`` name. Raises InputError."""
    return tuple(map(_parse, words))


def _parse(word: str) -> Run:
    name, equals, command = word.partition("=")
    if not (name.strip() and equals and command.strip()):
        raise InputError(f"--run {_shown(word)}: expected NAME=COMMAND, as in --run 'version=uname -r'")
    return Run(name=name.strip(), command=command.strip())


def read(path: Path) -> tuple[Run, ...]:
    """Those of a runs.toml. Raises InputError."""
    try:
        return msgspec.convert(tomllib.loads(untrusted.text(path)), _Runs).run
    except OSError as error:
        raise InputError(f"cannot read {path}: {in_words(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: {error}\n  each [[run]] has name and command, and may have timeout and needs"
        ) from error


def check_userland(runs: Iterable[Run], *, there: bool) -> None:
    """Raise InputError for a command where there is no shell to run it."""
    first = next(iter(runs), None)
    if first is not None and not there:
        raise InputError(f"the command {_shown(first.name)} has no shell to run in\n  add --userland debian:bookworm")


def probes(runs: Iterable[Run], taken: Iterable[str]) -> tuple[Probe, ...]:
    """The probes of some commands, none of which may have a name that is ``taken``. Raises InputError."""
    return tuple(_probe(run, frozenset(taken)) for run in runs)


def _probe(run: Run, taken: frozenset[str]) -> Probe:
    what = f"the command {_shown(run.name)}"
    if run.name in taken:
        raise InputError(f"there is a probe {run.name} already\n  give the command another name")
    if "\n" in run.command.strip() or "\0" in run.command:
        raise InputError(f"{what} is more than a line\n  put it into a script, and have the script's folder in --add")
    if unknown := [need for need in run.needs if not _NEED.fullmatch(need)]:
        raise InputError(
            f"{what} needs {_shown(unknown[0])}, which nothing is called by\n"
            "  it may need programs, package:NAME and CONFIG_NAME"
        )
    if len(run.needs) > MOST_WORDS - _NEEDS_AT:
        raise InputError(f"{what} needs more than {MOST_WORDS - _NEEDS_AT} things")
    command = run.command.strip()
    words = (_LOOK, command, *run.needs) if run.needs else (command,)
    argv = ("/bin/sh", "-c", *words)
    try:
        return Probe(name=run.name, argv=argv, origin=Origin.COMMAND, seconds=run.timeout, environment=_ENVIRONMENT)
    except ValueError as error:
        raise InputError(f"{shortened(line(str(error)), 2 * _SHOWN)}\n  see [[run]] in docs/probes.md") from error


def for_kernel(asked: tuple[Probe, ...], configuration: Callable[[], str]) -> tuple[Probe, ...]:
    """The same for a kernel with some .config: of the options that a command needs, those are left that it lacks."""
    if not lacking(asked):
        return asked
    there = {text.partition("=")[0] for text in configuration().splitlines() if text.endswith(("=y", "=m"))}
    return tuple(_without(probe, there) if _options(probe) else probe for probe in asked)


def lacking(asked: Iterable[Probe]) -> tuple[str, ...]:
    """The options that are left."""
    return tuple(f"{probe.name} {option}" for probe in asked for option in _options(probe))


def _options(probe: Probe) -> list[str]:
    if probe.origin is not Origin.COMMAND:
        return []
    return [word for word in probe.argv[_NEEDS_AT:] if word.startswith(_OPTION)]


def _without(probe: Probe, there: set[str]) -> Probe:
    needs = (word for word in probe.argv[_NEEDS_AT:] if word not in there)
    return replace(probe, argv=(*probe.argv[:_NEEDS_AT], *needs))


def _shown(text: str) -> str:
    return line(shortened(text, _SHOWN))
