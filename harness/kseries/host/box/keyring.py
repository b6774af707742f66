# SPDX-License-Identifier: GPL-2.0-only
"""The keys of whoever called us: what we start possesses them with our session keyring (session-keyring(7))."""

import ctypes
import errno
import functools
import os

from kseries import arch as archs
from kseries.model.errors import InfraError

_JOIN_SESSION_KEYRING = 1
_NONE_TO_LEAVE = (errno.ENOSYS, errno.EPERM)
"""A kernel without keys, or a container that may not ask for them."""


@functools.cache
def leave() -> None:
    """Go on with a session keyring of our own, in which nothing is. For the calling thread, and what it starts.

    No namespace hides keys: a process in a box could read them, be it another user's. Raises InfraError.
    """
    arch = archs.of_host()
    if arch is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(arch.syscalls.keyctl, _JOIN_SESSION_KEYRING, None)
    if done == -1 and ctypes.get_errno() not in _NONE_TO_LEAVE:
        raise InfraError(f"cannot leave the session keyring: {os.strerror(ctypes.get_errno())}")
