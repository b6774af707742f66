# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a tree -> what a result tells of a state: pure functions."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET

from kseries.model import Observation, Outcome, State, StateResult
from kseries.model.notewords import unbooted, unbuilt

_TREE = 12
"""Digits of a tree's id that say which it is."""


def bare(state: State, *, outcome: Outcome, detail: str) -> StateResult:
    """A state of which no more is known than how far it came."""
    return StateResult(
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        same_as=state.same_as,
        outcome=outcome,
        detail=detail,
    )


def in_folder(result: StateResult, folder: str) -> StateResult:
    """A state of a folder in a run's, with its logs told from the run's: from where result.json is."""
    return msgspec.structs.replace(result, logs={name: f"{folder}/{path}" for name, path in result.logs.items()})


def of(
    seen: Observation,
    state: State,
    states: Mapping[str, str],
    brought: Mapping[str, int],
    wanted: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
) -> StateResult:
    """What was seen of a tree, as a plan tells of its state. It has others, too, whose ids are given by their trees;
    ``brought`` tells of an option that Kconfig has dropped which patch of the series brings it, and ``wanted`` are
    those that are not needed. ``absent`` are probes that the tree does not have yet (probes/absent.py).
    """

    def name(tree: str | None) -> str | None:
        return states.get(tree, f"tree {tree[:_TREE]} of an earlier run") if tree is not None else None

    result = StateResult(
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        same_as=state.same_as,
        outcome=seen.outcome,
        built_as=name(seen.built_as),
        unread=seen.unread,
        booted_as=name(seen.booted_as),
        objects=seen.objects,
        ending=seen.ending,
        detail=seen.detail,
        seconds=seen.seconds,
        caps=seen.caps,
        checks=seen.checks,
        flaky=seen.flaky,
        complaints=seen.complaints,
        warnings=seen.warnings,
        linked=seen.linked,
        refused=seen.refused,
        config_dropped=seen.config_dropped,
        config_unmet=seen.config_unmet,
        config_wanted=wanted,
        log_tail=seen.log_tail,
        trace=seen.trace,
        coverage=seen.coverage,
        surface=seen.surface,
        unstable=seen.unstable,
        boots=seen.boots,
        ended=seen.ended,
        failures=seen.failures,
        made_on=seen.made_on,
        absent=absent or UNSET,
    )
    return msgspec.structs.replace(result, notes=(*_as_others(result), *_dropped(result, brought), *_of_build(seen)))


def _of_build(seen: Observation) -> Iterator[str]:
    """What more its build said."""
    if seen.outcome is Outcome.BUILD_FAILED and not seen.unbuilt:
        yield from seen.errors[1:]
        return
    why = f": {seen.errors[0]}" if seen.errors else ""
    yield from (f"the probe {name} does not build{why}" for name in seen.unbuilt)
    if seen.irreproducible:
        yield f"taken for no other's kernel, nor another's for its: {', '.join(seen.irreproducible)} is set"


def _as_others(result: StateResult) -> Iterator[str]:
    """Whose build, and whose boot, a result is of."""
    if result.built_as is not None:
        yield unbuilt(result.unread, result.built_as)
    if result.booted_as is not None:
        yield unbooted(result.booted_as)


def _dropped(result: StateResult, brought: Mapping[str, int]) -> Iterator[str]:
    """The options that are needed and not set: before the patch that brings one, nobody expects it. Of those that are
    only wanted, a report tells once, and not of each state.
    """
    for option in (one for one in result.config_dropped if one not in result.config_wanted):
        patch = brought.get(option)
        if patch is None or patch in result.applied:
            yield f"Kconfig dropped {option}"
        else:
            yield f"built without {option}, which patch {patch} brings"
