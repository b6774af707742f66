# SPDX-License-Identifier: GPL-2.0-only
"""Names and texts as KCIDB's schema takes them: origins, ids, paths of tests, words of somebody else's.

An id is a digest of what is told: who tells the same again means the same object, which KCIDB then has once.
"""

import json
import os
import re
from collections.abc import Mapping

from kseries.host import checksums
from kseries.model.errors import InputError
from kseries.model.sanitize import line, printable, shortened
from kseries.report import logpaths

VARIABLE = "KSERIES_KCIDB_ORIGIN"
ORIGIN = "kseries"
EXCERPT = 16384
"""Characters of a part of a log: maxLength in the schema."""
COMMENT = 1000
_ORIGIN = re.compile("[a-z0-9_]{1,64}")
_DIGITS = 40
_SHOWN = 60
_TREE = "kseries"
"""The root of our tests in KCIDB's tree of tests."""
_WORDS = re.compile(r"[./:]+")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_MARKED = re.compile(r".*-[0-9a-f]{12}", re.DOTALL)
"""A name that looks as if it had been made fit, and so is marked, too: else it could stand for another."""
_PATH = 200


def origin(environment: Mapping[str, str] = os.environ) -> str:
    """By whose name results go into the database. Raises InputError where KCIDB would not take it."""
    named = environment.get(VARIABLE) or ORIGIN
    if not _ORIGIN.fullmatch(named):
        raise InputError(
            f"{VARIABLE}={shortened(line(named), _SHOWN)} is no name of an origin for KCIDB\n"
            "  it has small letters, digits and _, as in my_ci"
        )
    return named


def identity(origin: str, *told: object) -> str:
    """The id of what is told: a checkout, a build, a test, an issue, an incident."""
    words = json.dumps(told, default=str, sort_keys=True)
    return f"{origin}:{checksums.of_bytes(words.encode())[:_DIGITS]}"


def path(check: str) -> str:
    """The path of a check, which no other has: where characters had to go, a digest of the name stands for them."""
    words = [_UNFIT.sub("_", word) for word in _WORDS.split(check) if word]
    fit = ".".join(words)
    if not fit or fit != check or len(fit) > _PATH or _MARKED.fullmatch(fit):
        digest = checksums.of_bytes(check.encode(errors="surrogatepass"))[:12]
        fit = f"{fit[:_PATH].rstrip('.')}-{digest}"
    return f"{_TREE}.{fit}"


def comment(words: str) -> str:
    """In one line of bounded length, with no path of this host."""
    return shortened(line(logpaths.elsewhere(words)), COMMENT)


def excerpt(text: str) -> str:
    """The end of a text, where the reason most often is, with no path of this host."""
    return printable(logpaths.elsewhere(text))[-EXCERPT:]
