# SPDX-License-Identifier: GPL-2.0-only
"""Guards of a ``series.conf``: which of its patches are taken. They are those of guards(1) in SUSE's kernel-source
(scripts/guards there); armbian has the first two.

They stand before the name of a patch: ``-`` leaves it out, ``+sym`` takes it where sym is defined, ``-sym`` leaves it
out there, ``+!sym`` and ``-!sym`` do so where sym is not defined. The last one that holds decides. Where none holds,
the first does: a patch that is to be taken for a symbol is not taken without it.
"""

from collections.abc import Sequence


def is_one(word: str) -> bool:
    return word.startswith(("+", "-"))


def take(guards: Sequence[str]) -> bool:
    """True where a patch with these guards is taken while no symbol is defined."""
    taken = not guards or guards[0].startswith("-")
    for guard in guards:
        if guard[1:2] in ("", "!"):
            taken = guard.startswith("+")
    return taken
