# SPDX-License-Identifier: GPL-2.0-only
"""The root of all records."""

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all records."""
