# SPDX-License-Identifier: GPL-2.0-only
"""python -m harness: the same as kseries."""

import sys

from harness.cli import main

sys.exit(main())
