# SPDX-License-Identifier: GPL-2.0-only
"""Have a key in the session keyring, and try to read it in a box; exit status 77 where there are no keys."""

import asyncio
import ctypes
import os
import sys

from kseries.host import processes

_ADD_KEY, _KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
_JOIN_SESSION_KEYRING, _READ, _SESSION = 1, 11, -3
_LIBC = ctypes.CDLL(None, use_errno=True)
_PERL = "my $b = chr(0) x 99; my $n = syscall({}, {}, {}, $b, 99); print $n > 0 ? substr($b, 0, $n) : q(), qq(\\n)"


async def read_in_a_box(key: int) -> str:
    script = _PERL.format(_KEYCTL, _READ, key)
    async with processes.start(["perl", "-e", script], processes.Box(writable=())) as reader:
        return b"".join([line async for line in reader.lines(processes.Deadline.after(20))]).decode()


def main() -> None:
    """Tell what the owner reads, and what is read in a box."""
    if _LIBC.syscall(_KEYCTL, _JOIN_SESSION_KEYRING, None) == -1:
        print(f"there are no keys here: {os.strerror(ctypes.get_errno())}")
        sys.exit(77)
    key = _LIBC.syscall(_ADD_KEY, b"user", b"kseries-test", b"the-secret", 10, _SESSION)
    seen = ctypes.create_string_buffer(99)
    _LIBC.syscall(_KEYCTL, _READ, key, seen, 99)
    print("read by its owner:", seen.value.decode())
    print("read in a box:", asyncio.run(read_in_a_box(key)))


if __name__ == "__main__":
    main()
