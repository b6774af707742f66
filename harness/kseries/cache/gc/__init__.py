# SPDX-License-Identifier: GPL-2.0-only
"""What kseries gc does: it bounds the room that the cache takes. All that it removes can be had again."""
