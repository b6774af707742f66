# SPDX-License-Identifier: GPL-2.0-only
"""What no build and no QEMU needs of this host's kernel, and much of what it was ever attacked by: a box asks in vain.

A program of classic BPF for seccomp(2), which bwrap takes from a file.
"""

import errno
import os
import struct
from typing import IO

from kseries import arch as archs
from kseries.arch.syscalls import Syscalls

_CLONE_NEWUSER = 0x10000000
"""A user namespace, in which one has every capability (user_namespaces(7)); no other can be made without one."""
_X32 = 0x40000000
"""x86-64's own second set of numbers (__X32_SYSCALL_BIT in asm/unistd.h)."""

# include/uapi/linux/bpf_common.h, filter.h and seccomp.h; where struct seccomp_data has what.
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ERROR, _ALLOW = 0x00050000, 0x7FFF0000


def filter_file() -> IO[bytes] | None:
    """A file with the filter for this host, to be read from its start; None where we have none for it."""
    arch = archs.of_host()
    if arch is None:
        return None
    file = os.fdopen(os.memfd_create("filter"), "w+b")
    file.write(program(arch.syscalls))
    file.seek(0)
    return file


def program(numbers: Syscalls) -> bytes:
    """The filter, as an array of struct sock_filter."""
    missing = (_RETURN, 0, 0, _ERROR | errno.ENOSYS)
    forbidden = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    # The numbers below are of one architecture, and a process of another may be had from the same kernel.
    rows = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, numbers.audit), missing]
    rows += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), missing]
    for number in numbers.refused:
        rows += [(_EQUAL, 0, 1, number), missing]
    for number in (numbers.clone, numbers.unshare):
        rows += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
        rows += [(_ANY_OF, 0, 1, _CLONE_NEWUSER), forbidden, (_RETURN, 0, 0, _ALLOW)]
    rows += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)
