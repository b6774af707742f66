# SPDX-License-Identifier: GPL-2.0-only
"""The surface of a kernel: what it shows to user space and can be listed, as names of a few kinds."""

from enum import StrEnum

PROBE = "surface"
"""Which of our probes lists it (guests/probes/surface.c)."""


class SurfaceKind(StrEnum):
    """What the names of a list are. A name may have a value behind it: NAME=VALUE."""

    UAPI = "uapi"
    """KVM_CAP_*, KVM_MEM_* and __NR_* of the state's headers, as NAME=NUMBER: no kernel was asked."""
    KVM_CAP = "kvm-cap"
    """What /dev/kvm answers more than 0 to (KVM_CHECK_EXTENSION)."""
    KVM_VM_CAP = "kvm-vm-cap"
    """Likewise, a VM."""
    KVM_CAP_VALUE = "kvm-cap-value"
    """What a VM, or else /dev/kvm, answers to it, where that is more than 1: NAME=VALUE."""
    KVM_FLAG = "kvm-flag"
    """Flags that KVM takes without any other, as IOCTL:bit-N."""
    FLAG = "flag"
    """Flags that a few system calls take without any other, as CALL:bit-N."""
    SYSCALL = "syscall"
    """The numbers of system calls that are there."""
    SYSCTL = "sysctl"
    """Files below /proc/sys."""
    PROC = "proc"
    """Entries of /proc that are no process."""
    FILESYSTEM = "filesystem"
    """Those of /proc/filesystems."""
    PARAMETER = "module-parameter"
    """MODULE/PARAMETER of /sys/module."""
    SYS_KERNEL = "sys-kernel"
    """What is in /sys/kernel, without debugfs, tracefs and what has numbers for names."""
    DEVICE = "device"
    """Device nodes in /dev."""
