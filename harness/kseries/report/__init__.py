# SPDX-License-Identifier: GPL-2.0-only
"""Results as people and programs read them. Knows what was seen, and nothing of how it came about."""
