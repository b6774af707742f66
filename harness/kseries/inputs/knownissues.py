# SPDX-License-Identifier: GPL-2.0-only
"""Lists of known issues as files: what a user knows to fail, and masks nothing by. What one covers is judge's."""

import datetime
import re
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kseries.host import untrusted
from kseries.model import KnownIssue
from kseries.model.errors import InputError, in_words
from kseries.model.knownissue import LINK
from kseries.model.sanitize import line, shortened

_KEYS = ("check", "link", "said", "until", "missing")
_LONGEST = 1000
"""Characters of a check, and of a pattern."""
_SHOWN = 100
_NOBODY_SAYS = "~"
"""A pattern that is found in it is found wherever something is said: the next oops would be covered."""
_EXAMPLE = 'an issue is [[issue]], check = "timers.mqueue.*", link = "https://…"; it may have said, until, missing'


def read(files: Iterable[Path]) -> tuple[KnownIssue, ...]:
    """The issues of some files. Raises InputError."""
    return tuple(issue for file in files for issue in _read(file))


def _read(file: Path) -> Iterator[KnownIssue]:
    where = f"--known-issues {line(str(file))}"
    try:
        held = tomllib.loads(untrusted.text(file))
    except OSError as error:
        raise InputError(f"{where}: {in_words(error)}\n  name a file with a list of known issues") from error
    except InputError as error:  # a folder, a pipe, one that is too long
        raise InputError(f"--known-issues: {error}\n  name a file with a list of known issues") from error
    except (ValueError, RecursionError) as error:  # of TOML with the line
        raise InputError(f"{where}: {line(str(error))}\n  {_EXAMPLE}") from error
    issues = held.pop("issue", None)
    if held or not isinstance(issues, list) or not issues:
        told = f"{_told(next(iter(held)))}: what is that?" if held else "it has no [[issue]]"
        raise InputError(f"{where}: {told}\n  {_EXAMPLE}")
    for number, one in enumerate(issues, 1):
        yield _issue(f"{where}: issue {number}", one)


def _issue(where: str, held: Any) -> KnownIssue:
    if not isinstance(held, dict):
        raise InputError(f"{where} is no table\n  {_EXAMPLE}")
    if unknown := [key for key in held if key not in _KEYS]:
        raise InputError(f"{where}: {_told(unknown[0])}: what is that?\n  an issue has {', '.join(_KEYS)}")
    check = _text(where, held, "check")
    where = f"{where} ({_told(check)})"
    if not check.strip():
        raise InputError(f'{where} has no check\n  name one, or a glob of some: check = "timers.*"')
    if not check.strip("*?.") and "said" not in held:
        raise InputError(f'{where} covers every check\n  name some: check = "timers.*"; or say what they said')
    link = _text(where, held, "link")
    if not LINK.fullmatch(link):
        told = f"{_told(link)} is no link" if link else "has no link"
        raise InputError(f'{where}: {told}\n  say where it is told of: link = "https://bugs.example.org/1"')
    missing = held.get("missing", False)
    if not isinstance(missing, bool):
        raise InputError(f"{where}: missing = {_told(missing)}\n  it is true or false")
    return KnownIssue(check=check, link=link, said=_said(where, held), until=_until(where, held), missing=missing)


def _text(where: str, held: Mapping[str, Any], key: str) -> str:
    text = held.get(key, "")
    if not isinstance(text, str):
        raise InputError(f'{where}: {key} = {_told(text)} is no text\n  write it in quotes: {key} = "…"')
    if len(text) > _LONGEST and key != "link":
        raise InputError(f"{where}: {key} has {len(text)} characters\n  write it in up to {_LONGEST}")
    return text


def _said(where: str, held: Mapping[str, Any]) -> str:
    pattern = _text(where, held, "said")
    if "said" in held and not pattern:
        raise InputError(f"{where}: said is empty\n  leave it out where the check's name is enough")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # of what another Python will read in another way
            compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        told = f"said = {_told(pattern)} is no regular expression: {error}"
        raise InputError(f"{where}: {told}\n  put a backslash before what is meant as it stands") from error
    if pattern and compiled.search(_NOBODY_SAYS) is not None:
        raise InputError(f"{where}: said = {_told(pattern)} is found in anything\n  write down what it says")
    return pattern


def _until(where: str, held: Mapping[str, Any]) -> datetime.date | None:
    day = held.get("until")
    if day is None or (isinstance(day, datetime.date) and not isinstance(day, datetime.datetime)):
        return day
    raise InputError(f"{where}: until = {_told(day)} is no day\n  write it without quotes: until = 2027-03-01")


def _told(value: object) -> str:
    return shortened(line(str(value)), _SHOWN)
