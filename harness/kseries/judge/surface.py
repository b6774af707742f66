# SPDX-License-Identifier: GPL-2.0-only
"""What a series adds to what its kernels show to user space, and what it takes away: pure functions of listed states.

A kind of names that either base or the tip has not listed whole is not compared. Nor is a name that any state showed in
one boot and not in another.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec import UNSET

from kseries.model import StateResult
from kseries.model.surface import SurfaceKind

_VALUED = (SurfaceKind.UAPI, SurfaceKind.KVM_CAP_VALUE)
"""Kinds whose names have a value: NAME=VALUE."""
_SLOT_FLAG = re.compile(r"KVM_SET_USER_MEMORY_REGION2?:bit-(?P<bit>[0-9]{1,2})")
_SLOT_FLAGS, _CALLS = "KVM_MEM_", "__NR_"

Names = Mapping[str, str]
"""What is shown of a kind, each with its value; that is empty where it has none."""


class How(StrEnum):
    """What has become of a name from base to the tip."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    """It is in both, with another value."""


@dataclass(frozen=True)
class Change:
    """A name that base and the tip do not show alike."""

    kind: str
    name: str
    how: How
    since: int
    """The first prefix that shows it as the tip does."""
    known: int
    """The last one before that of which it is known that it does not: 0 is base. Others lie between where those did not
    list the kind.
    """
    otherwise: tuple[int, ...] = ()
    """Later prefixes that do not show it as the tip does."""
    before: str = ""
    after: str = ""
    """Its values, where it has one."""
    called: str = ""
    """What the headers call a flag or a number, where they do."""


@dataclass(frozen=True)
class Surface:
    """What became of a surface from base to the tip."""

    count: int
    """Names that the tip shows."""
    changes: tuple[Change, ...]
    unlisted: tuple[str, ...]
    """Kinds that one of the two has listed, and the other has not."""
    unstable: tuple[tuple[str, str], ...]
    """The names that are left out, each behind its kind."""


def of(states: Sequence[StateResult]) -> Surface | None:
    """The changes from base to the tip of all states of a run; None where either has listed nothing."""
    prefixes = _prefixes(states)
    (_, base), (_, tip) = prefixes[0], prefixes[-1]
    if not base or not tip or len(prefixes) == 1:
        return None
    unstable = frozenset(_unstable(states))
    kinds = sorted(base.keys() & tip.keys())
    changes = (one for kind in kinds for one in _changes(kind, prefixes))
    return Surface(
        count=sum(map(len, tip.values())),
        changes=tuple(one for one in changes if (one.kind, one.name) not in unstable),
        unlisted=tuple(sorted(base.keys() ^ tip.keys())),
        unstable=tuple(sorted(unstable)),
    )


def _prefixes(states: Sequence[StateResult]) -> list[tuple[int, dict[str, Names]]]:
    """What base (0) and each prefix show, in the order of the series."""
    by_id = {state.id: state for state in states}
    found = [(0, by_id["base"])]
    found += [(state.patch, state) for state in states if state.scenario == "prefixes" and state.patch is not None]
    shown = ((number, by_id.get(state.same_as or "", state)) for number, state in found)
    return sorted(((number, _listed(state)) for number, state in shown), key=lambda pair: pair[0])


def _listed(state: StateResult) -> dict[str, Names]:
    surface = {} if state.surface is UNSET else state.surface
    return {kind: dict(_valued(kind, names)) for kind, names in surface.items()}


def _valued(kind: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        head, _, value = name.partition("=") if kind in _VALUED else (name, "", "")
        yield head, value


def _unstable(states: Iterable[StateResult]) -> Iterator[tuple[str, str]]:
    for state in states:
        for kind, names in ({} if state.unstable is UNSET else state.unstable).items():
            yield from ((kind, name) for name, _ in _valued(kind, names))


def _changes(kind: str, prefixes: Sequence[tuple[int, Mapping[str, Names]]]) -> Iterator[Change]:
    """Those of a kind that base and the tip have listed."""
    known = [(number, shown[kind]) for number, shown in prefixes if kind in shown]
    (_, base), (_, tip) = known[0], known[-1]
    for name in sorted(base.keys() | tip.keys()):
        if base.get(name) == tip.get(name):
            continue
        as_tip = [number for number, names in known if names.get(name) == tip.get(name)]
        since = as_tip[0]
        how = How.NEW if name not in base else How.GONE if name not in tip else How.CHANGED
        yield Change(
            kind=kind,
            name=name,
            how=how,
            since=since,
            known=max(number for number, _ in known if number < since),
            otherwise=tuple(number for number, _ in known if number > since and number not in as_tip),
            before=base.get(name, ""),
            after=tip.get(name, ""),
            called=_called(kind, name, prefixes[0 if how is How.GONE else -1][1].get(SurfaceKind.UAPI, {})),
        )


def _called(kind: str, name: str, uapi: Names) -> str:
    """What the headers of a state call what has but a number; where they have several names, the first."""
    if kind == SurfaceKind.SYSCALL:
        prefix, number = _CALLS, name
    elif kind == SurfaceKind.KVM_FLAG and (flag := _SLOT_FLAG.fullmatch(name)):
        prefix, number = _SLOT_FLAGS, str(1 << int(flag["bit"]))
    else:
        return ""
    return min((one for one, value in uapi.items() if one.startswith(prefix) and value == number), default="")


def skeleton(name: str) -> str:
    """A contract on a part of a surface, as a file to be filled in; what a probe has to tell of it is its ``when``."""
    when = name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else re.sub(r"\W+", "_", f"SURFACE {name}", flags=re.A)
    words = {
        "id": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        "title": f"FIXME: what user space may rely on where there is {name}.",
        "when": when,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in words.items()]
    lines[-1] += f'  # your probe tells it: ktap_cap("{when}", …)'
    return "\n".join([*lines, 'checks = ["FIXME_probe.FIXME_check"]', ""])
