# SPDX-License-Identifier: GPL-2.0-only
"""Measurements: ratios within one run, never part of the tests.

``.venv/bin/python -m benchmarks.NAME`` starts one in a clone: no package of ours is installed there.
"""

import sys
from pathlib import Path

_HARNESS = str(Path(__file__).resolve().parents[1] / "harness")
if _HARNESS not in sys.path:  # the tests bring it
    sys.path.insert(0, _HARNESS)
