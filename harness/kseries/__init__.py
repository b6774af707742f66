# SPDX-License-Identifier: GPL-2.0-only
"""kseries: is every patch of a kernel series safe to land, to bisect through and to revert?"""

__version__ = "0.1.0"
