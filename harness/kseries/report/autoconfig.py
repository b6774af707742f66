# SPDX-License-Identifier: GPL-2.0-only
"""What --config auto has brought into the configuration of a run, in words."""

import itertools
from collections.abc import Iterator

from kseries.kbuild import autofragment, fragment
from kseries.model import RunResult
from kseries.model.sanitize import line


def was_asked(run: RunResult) -> bool:
    """Whether a run was to find options by itself."""
    return ("--config", "auto") in itertools.pairwise(run.words)


def lines(run: RunResult) -> Iterator[str]:
    """All options that it has brought, in one line."""
    found = autofragment.told(run.variant.config or "")
    if found:
        told = ", ".join(fragment.assignment(name, value) for name, value in found.items())
        yield line(f"--config auto adds to every kernel: {told}")
