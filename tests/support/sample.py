# SPDX-License-Identifier: GPL-2.0-only
"""Of a table of cases some for every run of the tests, and the others for a part of ``./kseries test --full``."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def sampled(part: str, rows: Iterable[Any], always: Callable[[Any], bool]) -> list[Any]:
    """What to parametrize a test with. Raises ValueError where no case would run always."""
    table = list(rows)
    if not any(map(always, table)):
        raise ValueError(f"of {table} none runs always")
    later = pytest.mark.full(part)
    return [
        row if always(row) else pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=later) for row in table
    ]
