# SPDX-License-Identifier: GPL-2.0-only
"""Which options targets of kselftest have brought into the configuration of a run, in words."""

from collections.abc import Iterator

from kseries.kbuild import selftestconfig
from kseries.model import RunResult
from kseries.model.sanitize import line


def lines(run: RunResult) -> Iterator[str]:
    """A line for each target that has brought some, with all of them: nobody else has asked for them."""
    for path, options in selftestconfig.told(run.variant.config or "").items():
        yield f"{line(path)} adds to every kernel: {line(', '.join(options))}"
