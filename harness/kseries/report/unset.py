# SPDX-License-Identifier: GPL-2.0-only
"""Options that a config fragment asks for and that are not so in some states, in words: no report leaves that out."""

from collections.abc import Iterator, Sequence

from kseries.model import RunResult
from kseries.model.sanitize import few, line


def of_one(dropped: Sequence[str]) -> Iterator[str]:
    """Of one state alone, with what its Kconfig did not keep."""
    if dropped:
        yield f"without {few(dropped)}, which the config fragment asks for"


def lines(run: RunResult) -> Iterator[str]:
    """A line for each such option: whether the whole series has it, or else which states do not."""
    tip = f"prefix-{len(run.series.patches)}"
    for option in dict.fromkeys(option for state in run.states for option in state.config_dropped):
        lacking = [state.id for state in run.states if option in state.config_dropped]
        asked = f"{line(option)}, which the config fragment asks for, is not so"
        if tip in lacking:
            yield f"{asked} with the whole series: no verdict covers it"
        else:
            yield f"{asked} in {few(lacking)}"
