# SPDX-License-Identifier: GPL-2.0-only
"""A reader of the "newc" format (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst)."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    mode: int
    data: bytes
    device: tuple[int, int]


def unpacked(archive: bytes) -> dict[str, Member]:
    """A reader of the "newc" format by the kernel's description of it, not by our writer."""
    members: dict[str, Member] = {}
    linked: dict[int, bytes] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * one : at + 14 + 8 * one], 16) for one in range(13)]
        inode, mode, uid, gid, links, _, size, _, _, major, minor, name_size, check = fields
        assert (uid, gid, check) == (0, 0, 0)
        raw = archive[at + 110 : at + 110 + name_size]
        assert raw.endswith(b"\0")
        name = os.fsdecode(raw[:-1])
        begin = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return members
        assert name not in members
        assert not name.startswith("/")
        data = archive[begin : begin + size]
        if links > 1:  # of several names, the first has the data
            assert inode and (inode not in linked or not data)
            data = linked.setdefault(inode, data)
        members[name] = Member(mode, data, (major, minor))
        at = (begin + size + 3) & ~3
