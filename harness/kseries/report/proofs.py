# SPDX-License-Identifier: GPL-2.0-only
"""A proof of blame as text: whether it is one, what each kernel has answered, and how to revert the culprit."""

from collections.abc import Iterator

from kseries.bisect.blame import Leg, Proof

_NAME = 28
"""Characters that most names of a state have room in."""


def lines(proof: Proof) -> Iterator[str]:
    """What there is to tell of a proof; it is for ``printable``."""
    yield (
        "Proved: it fails, what it is made on passes, and so does the bad end without it."
        if proof.proved
        else f"Not proved: {'; '.join(proof.why)}."
    )
    yield from (f"  {one.role:<8} {one.name:<{_NAME}} {_answer(one)}".rstrip() for one in proof.legs)
    if proof.also and proof.commands:
        yield f"To revert it, revert {_and(proof.also)} with it:"
        yield from (f"  {command}" for command in proof.commands)


def _answer(leg: Leg) -> str:
    if leg.same is not None:
        return f"is {leg.same}, byte for byte"
    if not leg.boots:
        return leg.reason
    counts = [f"{word} {count}" for word, count in (("passed", leg.passed), ("failed", leg.failed)) if count]
    why = f": {leg.reason}" if leg.failed else ""
    return f"{' and '.join(counts)} of {leg.boots}{why}"


def _and(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
