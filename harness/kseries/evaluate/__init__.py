# SPDX-License-Identifier: GPL-2.0-only
"""A plan's states -> what was seen of them: built, booted and stored on this host."""
