# SPDX-License-Identifier: GPL-2.0-only
"""A run from end to end, and what else a command does: each front that the command line calls."""
