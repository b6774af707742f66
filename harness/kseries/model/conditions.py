# SPDX-License-Identifier: GPL-2.0-only
"""Under which options of a kernel's configuration something is so: an expression that travels."""

from collections.abc import Iterable, Set

from kseries.model.record import Record


class AllOf(Record, frozen=True, tag="all"):
    """Each of these holds; of none, always."""

    of: tuple["Condition", ...] = ()


class AnyOf(Record, frozen=True, tag="any"):
    """At least one of these holds; of none, never."""

    of: tuple["Condition", ...] = ()


Condition = str | AllOf | AnyOf
"""``X`` asks for CONFIG_X=y, ``!X`` for its contrary, as Makefiles and ``#if`` lines mean it."""

ALWAYS = AllOf()
NEVER = AnyOf()


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Each of some conditions, without what always holds and without one that stands twice."""
    parts: dict[Condition, None] = {}
    for one in conditions:
        parts |= dict.fromkeys(one.of if isinstance(one, AllOf) else (one,))
    return NEVER if NEVER in parts else next(iter(parts)) if len(parts) == 1 else AllOf(of=tuple(parts))


def any_of(conditions: Iterable[Condition]) -> Condition:
    """At least one of some conditions."""
    parts: dict[Condition, None] = {}
    for one in conditions:
        parts |= dict.fromkeys(one.of if isinstance(one, AnyOf) else (one,))
    return ALWAYS if ALWAYS in parts else next(iter(parts)) if len(parts) == 1 else AnyOf(of=tuple(parts))


def contrary(condition: Condition) -> Condition:
    """What fails where a condition holds."""
    if isinstance(condition, AllOf):
        return any_of(map(contrary, condition.of))
    if isinstance(condition, AnyOf):
        return all_of(map(contrary, condition.of))
    return condition[1:] if condition.startswith("!") else f"!{condition}"


def holds(condition: Condition, enabled: Set[str]) -> bool:
    """Whether a condition is met where these options are set, and no others."""
    if isinstance(condition, AllOf):
        return all(holds(one, enabled) for one in condition.of)
    if isinstance(condition, AnyOf):
        return any(holds(one, enabled) for one in condition.of)
    return condition[1:] not in enabled if condition.startswith("!") else condition in enabled


def literals(condition: Condition) -> tuple[str, ...]:
    """What a condition is made of: options, with ``!`` where they are to be unset."""
    if isinstance(condition, str):
        return (condition,)
    return tuple(dict.fromkeys(name for one in condition.of for name in literals(one)))


def options(condition: Condition) -> tuple[str, ...]:
    """The options that a condition names, without ``!``."""
    return tuple(dict.fromkeys(one.removeprefix("!") for one in literals(condition)))


def unmet(condition: Condition, enabled: Set[str]) -> tuple[str, ...]:
    """Of those, the ones that are not so where these options are set."""
    return tuple(one for one in literals(condition) if not holds(one, enabled))
