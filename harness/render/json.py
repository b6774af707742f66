# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as JSON, one field a line: what result.json holds (docs/result.schema.json)."""

from collections.abc import Sequence

import msgspec

from harness.model import RunResult


def render_all(runs: Sequence[RunResult]) -> str:
    """Several results, one for each architecture, as one list."""
    return msgspec.json.format(msgspec.json.encode(runs), indent=2).decode()


def render(run: RunResult) -> str:
    """The whole document, without a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(run), indent=2).decode()
