# SPDX-License-Identifier: GPL-2.0-only
"""A series -> the states to look at, in which order, and what they would cost."""
