# SPDX-License-Identifier: GPL-2.0-only
"""What no build and no QEMU needs of this host's kernel, and much of what it was ever attacked by: a box asks in vain.

A program of classic BPF for seccomp(2), which bwrap takes from a file.
"""

import errno
import os
import struct
from dataclasses import dataclass
from typing import IO

_CLONE_NEWUSER = 0x10000000
"""A user namespace, in which one has every capability (user_namespaces(7)); no other can be made without one."""
_X32 = 0x40000000
"""x86-64's own second set of numbers (__X32_SYSCALL_BIT in asm/unistd.h)."""

# include/uapi/linux/bpf_common.h, filter.h and seccomp.h; where struct seccomp_data has what.
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ERROR, _ALLOW = 0x00050000, 0x7FFF0000


@dataclass(frozen=True)
class Numbers:
    """How an architecture is named to a filter, and its numbers of system calls."""

    arch: int
    """include/uapi/linux/audit.h."""
    clone: int
    unshare: int
    refused: tuple[int, ...]
    """add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring_setup; shmget, since of such memory
    nobody can tell whose it is; and clone3, whose flags no filter can see: the C library then takes clone."""


# arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
_NUMBERS = {
    "x86_64": Numbers(0xC000003E, clone=56, unshare=272, refused=(248, 249, 250, 298, 321, 323, 425, 29, 435)),
    "aarch64": Numbers(0xC00000B7, clone=220, unshare=97, refused=(217, 218, 219, 241, 280, 282, 425, 194, 435)),
}


def filter_file() -> IO[bytes] | None:
    """A file with the filter for this host, to be read from its start; None where we have none for it."""
    numbers = _NUMBERS.get(os.uname().machine)
    if numbers is None:
        return None
    file = os.fdopen(os.memfd_create("filter"), "w+b")
    file.write(program(numbers))
    file.seek(0)
    return file


def program(numbers: Numbers) -> bytes:
    """The filter, as an array of struct sock_filter."""
    missing = (_RETURN, 0, 0, _ERROR | errno.ENOSYS)
    forbidden = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    # The numbers below are of one architecture, and a process of another may be had from the same kernel.
    rows = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, numbers.arch), missing]
    rows += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), missing]
    for number in numbers.refused:
        rows += [(_EQUAL, 0, 1, number), missing]
    for number in (numbers.clone, numbers.unshare):
        rows += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
        rows += [(_ANY_OF, 0, 1, _CLONE_NEWUSER), forbidden, (_RETURN, 0, 0, _ALLOW)]
    rows += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)
