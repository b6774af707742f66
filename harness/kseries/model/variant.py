# SPDX-License-Identifier: GPL-2.0-only
"""What all kernels of a verdict have in common beside their source: a run is a plan times its variants."""

from kseries.model.record import Record
from kseries.model.userland import Userland


class Variant(Record, frozen=True):
    """For which kernels a verdict is. Two runs whose variants are the same build alike."""

    label: str
    """By which it goes in a run that has several; the architecture, where nobody has named it."""
    arch: str
    toolchain: str
    """The compiler and the linker, as they call themselves."""
    config: str | None = None
    """The fragments of its configuration, joined; None in a result from before they were kept."""
    config_hash: str = ""
    """Of those and of ``make``: which configuration it is, in short."""
    make: tuple[str, ...] | None = None
    """The words that make is given (--make); None as above."""
    userland: Userland | None = None
    """What programs its kernels were booted with (--userland); None without one."""
