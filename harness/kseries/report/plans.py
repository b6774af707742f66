# SPDX-License-Identifier: GPL-2.0-only
"""A plan on a terminal: each state, what it would cost, and the order in which they would be built."""

from kseries.model import Forecast, Plan, State, Way
from kseries.model.notewords import BASE_AGAIN, unbuilt
from kseries.model.sanitize import printable
from kseries.report import fuzzed

_NAMED = 3
"""Files, and states, that a line names."""
_FILL = 100


def render(plan: Plan, costs: tuple[Forecast, ...], why_not: str = "", offers: tuple[Way, ...] = ()) -> str:
    """The states in the order of the plan, and the sum; ``why_not`` says why there is no forecast, and ``offers`` what
    may exercise the series.
    """
    wide = max(len(state.id) for state in plan.states)
    cost = {one.state: _cost(one) for one in costs}
    rows = [f"  {state.id.ljust(wide)}  {_tree(state)}  {cost.get(state.id, '')}".rstrip() for state in plan.states]
    count = len(plan.patches)
    heading = f"{plan.series}: {count} patch{'es' * (count != 1)} on {plan.base.name} (Linux {plan.base.version})"
    # Names of files and of series are other people's text: each stays in its line, and moves no cursor.
    rows = [
        heading,
        *(f"  {note}" for note in fuzzed.notes(plan.patches)),
        *rows,
        *_sum(plan, costs, why_not),
        *_offered(offers),
    ]
    return "\n".join(printable(row).replace("\n", " ") for row in rows)


def _offered(offers: tuple[Way, ...]) -> list[str]:
    head = ["what may exercise it, and is not asked for:"] if offers else []
    return [*head, *(f"  {one.what} ({one.where})" for one in offers)]


def _tree(state: State) -> str:
    if state.tree is None:
        return f"conflict in {', '.join(state.conflicts)}"
    return f"{state.tree[:12]}" + (f"  = {state.same_as}" if state.same_as else "")


def _cost(one: Forecast) -> str:
    if one.known:
        return f"known; {BASE_AGAIN}" if one.again else "known"
    if one.built_as is not None:
        return unbuilt(one.unread, one.built_as)
    if one.targets is None:
        return "to build"
    targets = f"{one.targets} target" + ("s" if one.targets != 1 else "")
    return f"to build, {targets}" + (f", about {one.seconds:.0f} s" if one.seconds is not None else "")


def kernels(total: int, known: int, alike: int) -> str:
    """How many of the kernels of a plan have to be built: before a run, and as it begins."""
    others = [f"{known} known from before"] if known else []
    others += [f"{alike} that no build can tell from another"] if alike else []
    why = f" ({', '.join(others)})" if others else ""
    return f"{total - known - alike} of {total} kernels to build and boot{why}"


def _sum(plan: Plan, costs: tuple[Forecast, ...], why_not: str) -> list[str]:
    distinct = [state for state in plan.states if state.tree is not None and state.same_as is None]
    if why_not:
        return [f"{len(plan.states)} states, {len(distinct)} kernels", f"what they would cost is not known: {why_not}"]
    order = [one for one in costs if one.to_build]
    known = sum(one.known for one in costs)
    lines = [f"{len(plan.states)} states: {kernels(len(distinct), known, len(distinct) - known - len(order))}"]
    if order:
        lines += ["in this order: " + _names([one.state for one in order]), _time(order)]
    return lines


def _names(states: list[str]) -> str:
    """The names, as many as a line takes."""
    line = ""
    for number, name in enumerate(states):
        longer = f"{line}, {name}" if line else name
        if len(longer) > _FILL:
            return f"{line}, and {len(states) - number} more"
        line = longer
    return line


def _time(order: list[Forecast]) -> str:
    later = [one for one in order if one.state != "base"]
    if order[0].targets is None:
        return (
            "nothing has been built in this configuration: the first is a cold build, the others compile what changed"
        )
    if any(one.seconds is None for one in later):
        return "how long that takes is not known yet: too few builds to tell by"
    minutes = sum(one.seconds or 0.0 for one in later) / 60
    base = "the build of base, and then " if len(later) < len(order) else ""
    return (
        f"{base}about {minutes:.0f} min of building, by what builds took here"
        if minutes >= 1
        else f"{base}less than a minute of building"
    )
