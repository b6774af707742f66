# SPDX-License-Identifier: GPL-2.0-only
"""The numbers by which a host of an architecture is asked for what kseries' box refuses, or asks itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Syscalls:
    """How an architecture is named to a filter of system calls (seccomp(2)), and its numbers of them."""

    audit: int
    """AUDIT_ARCH_* in include/uapi/linux/audit.h."""
    clone: int
    unshare: int
    keyctl: int
    refused: tuple[int, ...]
    """add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring_setup; shmget, since of such memory
    nobody can tell whose it is; and clone3, whose flags no filter can see: the C library then takes clone."""
