# SPDX-License-Identifier: GPL-2.0-only
"""Devices for who is in a box that root makes: they are somebody else there, and a mode may keep a device to root."""

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from kseries.host.box.bwrap import UID, Host

_BOTH = 0o6
"""To read and to write, of a mode's three bits."""


def for_box(devices: Iterable[Path], home: Path, host: Host) -> Mapping[Path, Path]:
    """For each device the node that a box is to show under its path.

    Its own, where who is in the box may open that: as anybody, or as one of its group, which a box gives them. Else
    another of the same device in ``home``, theirs alone, as far as there can be one: root may lack CAP_MKNOD, and what
    is mounted at ``home`` may have no devices.
    """
    return {device: _node(device, home) if host.drops else device for device in devices}


def _node(device: Path, home: Path) -> Path:
    seen = device.stat()
    if any(seen.st_mode >> shift & _BOTH == _BOTH for shift in (0, 3)) or os.statvfs(home).f_flag & os.ST_NODEV:
        return device
    with contextlib.suppress(PermissionError):
        node = home / device.name
        os.mknod(node, stat.S_IFCHR | 0o600, seen.st_rdev)
        os.chown(node, UID, UID)
        return node
    return device
