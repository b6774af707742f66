# SPDX-License-Identifier: GPL-2.0-only
"""What programs a guest has that are neither ours nor the series': a read-only root file system."""

from kseries.model.record import Record


class Userland(Record, frozen=True):
    """An image of a userland; ``digest`` is the SHA-256 of its bytes, by which a cache has it."""

    name: str
    """As --userland names it."""
    digest: str
    size: int
    """Bytes."""
    packages: dict[str, str] = {}
    """The version of each Debian package in it; none of an image of the user's own."""
