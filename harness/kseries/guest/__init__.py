# SPDX-License-Identifier: GPL-2.0-only
"""A kernel and an initramfs -> what a booted machine did."""
