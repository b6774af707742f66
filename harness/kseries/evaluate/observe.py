# SPDX-License-Identifier: GPL-2.0-only
"""What a build and its boots were -> an observation: pure functions."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from kseries.coverage.tracepoints import MadeOf
from kseries.guest.repeat import Repeated
from kseries.model import Baseline, Build, Coverage, Dependencies, HostFacts, Objects, Observation, Outcome
from kseries.probes.baseline import unanswered

_NOT_BOOTED = "it was built, and not booted"
_SILENT = "make failed and said nothing"


def unbuilt(tree: str, built: Build, host: HostFacts) -> Observation:
    """Of a tree of which there is no kernel, or none that can be asked."""
    said = built.errors[0] if built.errors else _SILENT
    return with_build(Observation(tree=tree, outcome=Outcome.BUILD_FAILED, detail=said, host=host), built, None)


def built(tree: str, told: Build, read: Dependencies | None, host: HostFacts, made_of: MadeOf | None) -> Observation:
    """Of a tree whose kernel was not to be booted."""
    coverage = made_of.noted(Coverage(unknown=_NOT_BOOTED)) if made_of is not None else None
    return with_build(Observation(tree=tree, outcome=Outcome.NOT_BOOTED, host=host, coverage=coverage), told, read)


def booted(tree: str, seen: Repeated, host: HostFacts) -> Observation:
    """Of a tree whose kernel was booted."""
    boot = seen.boot
    seconds = {"boot": round(seen.seconds, 2)}
    if boot.seconds_to_first_check is not None:
        seconds["first_check"] = round(boot.seconds_to_first_check, 2)
    return Observation(
        tree=tree,
        outcome=boot.outcome,
        detail=boot.detail,
        host=host,
        seconds=seconds,
        ending=boot.ending,
        ended_in=boot.ended_in,
        caps=boot.caps,
        checks=boot.checks,
        flaky=seen.flaky,
        complaints=boot.complaints,
        log_tail=boot.log_tail,
        trace=boot.trace,
        surface=boot.surface or UNSET,
        unstable=boot.unstable or UNSET,
        boots=seen.boots if seen.boots > 1 else UNSET,
        ended=seen.ended if seen.ended < seen.boots else UNSET,
        failures=seen.failures or UNSET,
    )


def suffices(seen: Observation, baseline: Baseline | UnsetType) -> bool:
    """Whether a kernel was booted often enough to be judged beside a base: twice, where it has no answer to what that
    passed (guest/repeat.py).
    """
    once = seen.outcome is Outcome.OK and not seen.boots
    return not (once and baseline and unanswered(seen.checks, seen.caps, baseline))


def with_build(seen: Observation, built: Build, read: Dependencies | None) -> Observation:
    """With what is known of the build that went before it."""
    return replace(
        seen,
        seconds=built.stages | {"build": round(built.seconds, 2)} | seen.seconds,
        objects=Objects(compiled=built.compiled, found=built.found),
        errors=built.errors,
        too_old=built.too_old,
        unbuilt=built.unbuilt,
        warnings=built.warnings,
        linked=built.linked,
        refused=built.refused,
        config_dropped=built.config_dropped,
        config_unmet=built.config_unmet,
        irreproducible=built.irreproducible,
        dependencies=read,
    )


def of_image(seen: Observation, tree: str) -> Observation:
    """Of a tree that was built into the same bytes as another, which was booted."""
    if seen.tree == tree:
        return seen
    return replace(seen, tree=tree, booted_as=seen.tree, seconds={}, coverage=None)


def of_build(seen: Observation, tree: str, unread: tuple[str, ...]) -> Observation:
    """Of a tree that was not built, as another's build would be its own, file for file."""
    return replace(seen, tree=tree, built_as=seen.tree, unread=unread, seconds={}, coverage=None)
