# SPDX-License-Identifier: GPL-2.0-only
"""Within pytest, in a box: host-side tests, which drive a booted guest from outside."""
