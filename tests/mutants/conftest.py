# SPDX-License-Identifier: GPL-2.0-only
"""The laboratory of tests/guest, for the run that is too long for it."""

from tests.guest.conftest import lab

__all__ = ["lab"]
