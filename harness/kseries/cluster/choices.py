# SPDX-License-Identifier: GPL-2.0-only
"""What a command has chosen to build and boot with: each of its runs that needs the same tools has the same again.

Hosts come and go, and what most of them have may be another compiler an hour later. What a kernel did under that one
must not be compared with what another did under the first.
"""

from collections import defaultdict

from kseries.model import Conditions, HostFacts

_BETWEEN = " / "
"""The tools of a toolchain (kbuild.toolchain)."""


class Choices:
    """The facts that were chosen, by the architecture and by the words for make, which name a compiler."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, tuple[str, ...]], list[HostFacts]] = defaultdict(list)

    def of(self, conditions: Conditions) -> tuple[HostFacts, ...]:
        """What was chosen for conditions that need the same tools."""
        return tuple(self._of[conditions.arch, conditions.make])

    def note(self, conditions: Conditions, facts: HostFacts) -> None:
        """Have this chosen from now on."""
        if facts not in self.of(conditions):
            self._of[conditions.arch, conditions.make].append(facts)


def alike(one: HostFacts, other: HostFacts) -> bool:
    """Whether a host may have both, each for other conditions: who boots nothing asks for no QEMU, and who has no
    modules for no depmod.
    """
    tools, others = (frozenset(_tools(facts)) for facts in (one, other))
    emulators = {facts.emulator for facts in (one, other)} - {""}
    return one.accel == other.accel and len(emulators) <= 1 and (tools <= others or others <= tools)


def apart(one: HostFacts, other: HostFacts) -> tuple[str, str]:
    """What each host has of a toolchain that the other has not, for somebody to read."""
    tools, others = map(_tools, (one, other))
    ours, theirs = ([tool for tool in has if tool not in lacks] for has, lacks in ((tools, others), (others, tools)))
    return _BETWEEN.join(ours), _BETWEEN.join(theirs)


def _tools(facts: HostFacts) -> list[str]:
    return facts.toolchain.split(_BETWEEN)
