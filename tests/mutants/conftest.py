# SPDX-License-Identifier: GPL-2.0-only
"""The laboratories of tests/guest, for the run that is too long for it."""

from tests.guest.conftest import labs

__all__ = ["labs"]
