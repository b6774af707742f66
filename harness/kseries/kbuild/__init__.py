# SPDX-License-Identifier: GPL-2.0-only
"""A source tree -> a kernel and an initramfs, in build folders that persist, and what is told of the build."""

from kseries.kbuild.compilers import toolchain
from kseries.kbuild.worker import Worker

__all__ = ["Worker", "toolchain"]
