# SPDX-License-Identifier: GPL-2.0-only
"""A source tree -> a kernel and an initramfs, in build folders that persist, and what is told of the build."""

from kseries.kbuild.worker import Worker, toolchain

__all__ = ["Worker", "toolchain"]
