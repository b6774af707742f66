# SPDX-License-Identifier: GPL-2.0-only
"""The box in which whatever comes from a series runs: what it sees and may use is in bwrap.py."""

from kseries.host.box.bwrap import HOME, UID, Box, Host, Limits, build_limits

__all__ = ["HOME", "UID", "Box", "Host", "Limits", "build_limits"]
