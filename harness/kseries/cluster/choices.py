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
    modules for no depmod. A tool that both name is the same, or not there ("no pahole").
    """
    differing = (_only(one, other), _only(other, one))
    ours, theirs = ({tool.removeprefix("no ").partition(" ")[0] for tool in tools} for tools in differing)
    emulators = {facts.emulator for facts in (one, other)} - {""}
    return one.accel == other.accel and len(emulators) <= 1 and ours.isdisjoint(theirs)


def apart(one: HostFacts, other: HostFacts) -> tuple[str, str]:
    """What each host has of a toolchain that the other has not, for somebody to read."""
    return _BETWEEN.join(_only(one, other)), _BETWEEN.join(_only(other, one))


def _only(one: HostFacts, other: HostFacts) -> list[str]:
    """The tools of a host that another does not have so."""
    others = other.toolchain.split(_BETWEEN)
    return [tool for tool in one.toolchain.split(_BETWEEN) if tool not in others]
