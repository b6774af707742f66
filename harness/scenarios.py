# SPDX-License-Identifier: GPL-2.0-only
"""Series -> plan: the states of each scenario, those with equal trees marked, in the order of the visit."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from harness.errors import InputError
from harness.model import AppliedPatch, Base, Plan, Series, State
from harness.trees import ApplyError, Merge, TreeStore


def apply_all(series: Series, base: Base, store: TreeStore) -> tuple[AppliedPatch, ...]:
    """Each patch with its trees. Raises InputError that names the first patch that does not apply."""
    applied: list[AppliedPatch] = []
    tree = base.tree
    for patch in series.patches:
        before = tree
        try:
            tree = store.tree_of(patch.commit) if patch.commit else store.apply(before, patch.diff or b"")
        except ApplyError as error:
            under = f"{base.name}" + (f" + patches 1..{patch.number - 1}" if patch.number > 1 else "")
            raise InputError(f"{patch.origin} does not apply to {under}: {error}") from error
        applied.append(AppliedPatch(number=patch.number, subject=patch.subject, tree_before=before, tree_after=tree))
    return tuple(applied)


def make_plan(series: Series, base: Base, scenarios: Iterable[str], store: TreeStore) -> Plan:
    """The states of the scenarios named, base first, each tree to be done once."""
    patches = apply_all(series, base, store)
    tip = list(_prefixes(patches, store))[-1]
    states = {state.id: state for state in (State(id="base", scenario="base", applied=(), tree=base.tree), tip)}
    for name in dict.fromkeys(scenarios):
        if name not in SCENARIOS:
            raise InputError(f"no such scenario: {name}\n  there are: {', '.join(SCENARIOS)}")
        states |= {state.id: state for state in SCENARIOS[name](patches, store)}
    return Plan(
        series=series.name,
        version=series.version,
        patches=patches,
        base=base,
        states=tuple(_mark_equal(_visiting_order(states.values()))),
    )


def _prefixes(patches: tuple[AppliedPatch, ...], _store: TreeStore) -> Iterator[State]:
    for patch in patches:
        numbers = tuple(range(1, patch.number + 1))
        yield State(
            id=f"prefix-{patch.number}", scenario="prefixes", applied=numbers, patch=patch.number, tree=patch.tree_after
        )


def _reverts(patches: tuple[AppliedPatch, ...], store: TreeStore) -> Iterator[State]:
    tip = patches[-1].tree_after
    for patch in patches:
        merge = store.revert(tip, patch.tree_before, patch.tree_after)
        others = tuple(other.number for other in patches if other is not patch)
        yield _merged(f"without-{patch.number}", "reverts", others, patch.number, merge)


def _merged(state: str, scenario: str, applied: tuple[int, ...], patch: int, merge: Merge) -> State:
    return State(id=state, scenario=scenario, applied=applied, patch=patch, tree=merge.tree, conflicts=merge.conflicts)


SCENARIOS: dict[str, Callable[[tuple[AppliedPatch, ...], TreeStore], Iterator[State]]] = {
    "prefixes": _prefixes,
    "reverts": _reverts,
}
DEFAULT = ("prefixes", "reverts")


def _visiting_order(states: Iterable[State]) -> list[State]:
    """Base, the prefixes as they grow, then the rest: each differs from the one before it by about one patch."""
    return sorted(
        states, key=lambda state: (state.scenario != "base", state.scenario != "prefixes", len(state.applied))
    )


def _mark_equal(states: Iterable[State]) -> Iterator[State]:
    """Point each state at the first one with the same tree."""
    first: dict[str, State] = {}
    for state in states:
        same = first.setdefault(state.tree, state) if state.tree else state
        yield state if same is state else msgspec.structs.replace(state, same_as=same.id)
