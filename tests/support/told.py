# SPDX-License-Identifier: GPL-2.0-only
"""Evidence as the line that a person reads, for the tests: there and back."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from kseries.app import version1
from kseries.judge import evidence
from kseries.model import Evidence, FindingKind


def lines(seen: Iterable[Evidence]) -> tuple[str, ...]:
    """What is printed of each."""
    return tuple(map(evidence.line, seen))


def read_one(text: str) -> Any:
    """A result.json of one variant, as JSON: what that has, and what stands above it, side by side."""
    document = json.loads(text)
    (variant,) = document.pop("variants")
    return document | variant | {"arch": variant["variant"]["arch"]}


def read_lines(seen: Any) -> list[str]:
    """What is printed of each, as a result.json has them."""
    return list(lines(msgspec.convert(seen, tuple[Evidence, ...])))


def of_lines(kind: FindingKind, *words: str | Evidence) -> tuple[Evidence, ...]:
    """What is printed so in a finding of a kind; what is evidence already, as it is."""
    return tuple(version1.of_words(kind, one) if isinstance(one, str) else one for one in words)
