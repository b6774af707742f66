# SPDX-License-Identifier: GPL-2.0-only
"""Options that a config fragment asks for and that are not so in some states, in words: no report leaves that out."""

from collections.abc import Iterator, Sequence

from kseries.kbuild import fragment
from kseries.model import Outcome, RunResult, StateResult
from kseries.model.sanitize import few, line

_NO_KERNEL = (Outcome.CONFLICT, Outcome.BUILD_FAILED, Outcome.INFRA_ERROR, Outcome.NOT_TRIED)
"""Of which nobody can tell what it would have."""


def of_one(dropped: Sequence[str], wanted: Sequence[str] = ()) -> Iterator[str]:
    """Of one state alone, with what its Kconfig did not keep, and what of that is only wanted."""
    if needed := [option for option in dropped if option not in wanted]:
        yield f"without {few(needed)}, which the config fragment asks for"
    if wanted:
        yield f"without {few(wanted)}, which the config fragment wants: what needs it skips"


def lines(run: RunResult) -> Iterator[str]:
    """A line for each such option: whether the whole series has it, or else which states do not."""
    tip = f"prefix-{len(run.series.patches)}"
    suites = fragment.suites(run.variant.config or "")
    for option in dict.fromkeys(option for state in run.states for option in state.config_dropped):
        lacking = [state for state in run.states if option in state.config_dropped]
        if all(option in state.config_wanted for state in lacking):
            whose = suites.get(option.partition("=")[0].removeprefix("CONFIG_"), "")
            yield _of_wanted(option, lacking, run.states, whose)
            continue
        asked = f"{line(option)}, which the config fragment asks for, is not so"
        if any(state.id == tip for state in lacking):
            yield f"{asked} with the whole series: no verdict covers it"
        else:
            yield f"{asked} in {_ids(lacking)}"


def _of_wanted(option: str, lacking: Sequence[StateResult], states: Sequence[StateResult], suites: str) -> str:
    """Of all kernels, or of those alone that lack it: a patch may have taken it away, or bring it.

    ``suites`` are those of KUnit for whose sake it is wanted.
    """
    ids = {state.id for state in lacking}
    having = [state for state in states if state.id not in ids and state.outcome not in _NO_KERNEL]
    where = f" in {_ids(lacking)}" if having else ""
    why = next((f" ({line(state.config_unmet[option])})" for state in lacking if option in state.config_unmet), "")
    if suites:
        return f"{line(option)}, which KUnit's {line(suites)} needs, is not so{where}{why}: it may not run"
    return f"{line(option)}, which the config fragment wants, is not so{where}{why}: what needs it skips"


def _ids(states: Sequence[StateResult]) -> str:
    return few([state.id for state in states])
