# SPDX-License-Identifier: GPL-2.0-only
"""Checks of patches in a Patchwork (https://patchwork.readthedocs.io)."""
