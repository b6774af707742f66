# SPDX-License-Identifier: GPL-2.0-only
"""The keys of whoever called us: what we start possesses them with our session keyring (session-keyring(7))."""

import ctypes
import errno
import functools
import os

from kseries.model.errors import InfraError

# arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_NONE_TO_LEAVE = (errno.ENOSYS, errno.EPERM)
"""A kernel without keys, or a container that may not ask for them."""


@functools.cache
def leave() -> None:
    """Go on with a session keyring of our own, in which nothing is. For the calling thread, and what it starts.

    No namespace hides keys: a process in a box could read them, be it another user's. Raises InfraError.
    """
    number = _SYS_KEYCTL.get(os.uname().machine)
    if number is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, _JOIN_SESSION_KEYRING, None) == -1 and ctypes.get_errno() not in _NONE_TO_LEAVE:
        raise InfraError(f"cannot leave the session keyring: {os.strerror(ctypes.get_errno())}")
