# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as JSON, one field a line: what result.json holds (docs/result.schema.json)."""

from collections.abc import Sequence

import msgspec

from kseries.model import Document, RunResult
from kseries.model.sanitize import escaped


def document(value: object) -> str:
    """Any value as JSON, fit for a terminal: what could steer it is escaped, which JSON readers undo."""
    return escaped(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def render_all(runs: Sequence[RunResult]) -> str:
    """Several results, one for each architecture, as one list."""
    return document(tuple(map(Document.of, runs)))


def render(run: RunResult) -> str:
    """The whole document, without a newline at its end."""
    return document(Document.of(run))
