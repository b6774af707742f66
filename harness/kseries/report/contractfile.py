# SPDX-License-Identifier: GPL-2.0-only
"""Contracts as TOML, to be edited and kept; inputs/contracts.py reads them again."""

import json
from collections.abc import Iterable, Iterator, Sequence

from kseries.judge.drafts import Draft, Drafts
from kseries.model import RunResult
from kseries.model.sanitize import escaped, line, shortened

_NOTE = 1000
"""Characters of a comment: names of checks come from a guest."""


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
    """A basic string of TOML, which JSON's is but for DEL."""
    return escaped(json.dumps(value, ensure_ascii=False)).replace("\x7f", "\\u007f")


def _comment(said: str) -> str:
    return f"# {shortened(line(said), _NOTE)}"
