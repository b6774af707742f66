# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of data on a disk that fails."""


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def bit(data: bytes) -> bytes:
    """One with which text is none any more."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :] if data else data
