# SPDX-License-Identifier: GPL-2.0-only
"""Contracts as TOML, to be edited and kept; inputs/contracts.py reads them again."""

import re
from collections.abc import Iterable, Iterator, Sequence

from kseries.judge.drafts import Draft, Drafts
from kseries.model import RunResult
from kseries.model.errors import InputError
from kseries.model.sanitize import line, printable, shortened

_NOTE = 1000
"""Characters of a comment: names of checks come from a guest."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def render(drafts: Drafts, run: RunResult) -> str:
    """The whole file."""
    return "\n".join(_lines(drafts, run)) + "\n"


def _lines(drafts: Drafts, run: RunResult) -> Iterator[str]:
    count = sum(state.same_as is None for state in run.states)
    yield _comment(
        f"What {run.series.name} promises, inferred from {count} states on {run.arch}: nobody has said so yet."
    )
    yield "# Read it, edit it, keep it. `kseries run TARGET --contract FILE` has kernels asked for it."
    yield from (_comment(f"Not written down: {why}") for why in drafts.left)
    for draft in drafts.contracts:
        yield ""
        yield from _contract(draft)


def _contract(draft: Draft) -> Iterator[str]:
    one = draft.contract
    yield from map(_comment, draft.notes)
    yield "[[contract]]"
    yield from (
        f"{name} = {_string(value)}" for name, value in {"id": one.id, "title": one.title, "when": one.when}.items()
    )
    yield ""
    yield "# What a kernel promises that shows it."
    yield from _list("checks", one.checks)
    if one.optional:
        yield "# The same, where there is what the check needs: here it was skipped."
        yield from _list("optional", one.optional)
    if one.otherwise:
        yield "# What a kernel promises that does not."
        yield from _list("otherwise", one.otherwise)


def _list(name: str, values: Sequence[str]) -> Iterable[str]:
    return (f"{name} = [", *(f"    {_string(value)}," for value in values), "]") if values else (f"{name} = []",)


def _string(value: str) -> str:
    """A basic string of TOML, with all that is not to be printed as escapes. Raises InputError."""
    if _SURROGATE.search(value):
        raise InputError(
            f"{line(value)!r}: no contract can have this name\n  half a character is in it, which TOML cannot say"
        )
    return f'"{"".join(map(_character, value))}"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isascii():
        return one if one.isprintable() else f"\\u{ord(one):04x}"
    return one if printable(one) == one else f"\\U{ord(one):08x}"


def _comment(said: str) -> str:
    return f"# {shortened(line(said), _NOTE)}"
