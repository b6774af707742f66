# SPDX-License-Identifier: GPL-2.0-only
"""What is kept of a state, made of what its build and its boots were: pure functions."""

from collections.abc import Iterator, Mapping

import msgspec

from kseries.guest.repeat import Repeated
from kseries.model import Build, Objects, Outcome, State, StateResult

_NAMED = 3
"""Files that a note names."""
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


def booted(state: State, seen: Repeated) -> StateResult:
    """A state after its boots."""
    boot = seen.boot
    seconds = {"boot": round(seen.seconds, 2)}
    if boot.seconds_to_first_check is not None:
        seconds["first_check"] = round(boot.seconds_to_first_check, 2)
    return msgspec.structs.replace(
        bare(state, outcome=boot.outcome, detail=boot.detail),
        seconds=seconds,
        ending=boot.ending,
        caps=boot.caps,
        checks=boot.checks,
        flaky=seen.flaky,
        complaints=boot.complaints,
        log_tail=boot.log_tail,
        trace=boot.trace,
    )


def with_build(result: StateResult, built: Build, notes: tuple[str, ...] = ()) -> StateResult:
    """A result with what is known of the build that went before it."""
    why = f": {built.errors[0]}" if built.errors else ""
    unbuilt = tuple(f"the probe {name} does not build{why}" for name in built.unbuilt)
    return msgspec.structs.replace(
        result,
        seconds=built.stages | {"build": round(built.seconds, 2)} | result.seconds,
        objects=Objects(compiled=built.compiled, found=built.found),
        warnings=built.warnings,
        linked=built.linked,
        refused=built.refused,
        config_dropped=built.config_dropped,
        notes=unbuilt + notes,
    )


def as_state(result: StateResult, state: State) -> StateResult:
    """A result that was found for a tree, or for one of which the same is built, as that of this plan's state."""
    return msgspec.structs.replace(
        result,
        coverage=result.coverage if result.tree == state.tree else None,
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        same_as=state.same_as,
    )


def named(result: StateResult, states: Mapping[str, str], brought: Mapping[str, int]) -> StateResult:
    """A result as a plan tells of it, whose ``states`` are given by their trees; ``brought`` tells of an option that
    Kconfig has dropped which patch of the series brings it.

    Until then it names trees, as it is stored: the states of an earlier run are not those of this one.
    """

    def name(tree: str | None) -> str | None:
        return states.get(tree, f"tree {tree[:_TREE]} of an earlier run") if tree is not None else None

    told = msgspec.structs.replace(result, built_as=name(result.built_as), booted_as=name(result.booted_as))
    return msgspec.structs.replace(told, notes=(*_as_others(told), *_dropped(told, brought), *told.notes))


def _as_others(result: StateResult) -> Iterator[str]:
    """Whose build, and whose boot, a result is of."""
    if result.built_as is not None:
        more = " and others" if result.unread[_NAMED:] else ""
        paths = ", ".join(result.unread[:_NAMED]) + more
        yield f"not built: differs from {result.built_as} only in what no build reads ({paths})"
    if result.booted_as is not None:
        yield f"not booted: the same kernel, byte for byte, as that of {result.booted_as}"


def _dropped(result: StateResult, brought: Mapping[str, int]) -> Iterator[str]:
    """The options that were asked for and are not set: before the patch that brings one, nobody expects it."""
    for option in result.config_dropped:
        patch = brought.get(option)
        if patch is None or patch in result.applied:
            yield f"Kconfig dropped {option}"
        else:
            yield f"built without {option}, which patch {patch} brings"
