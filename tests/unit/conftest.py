# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all unit tests."""

from hypothesis import settings

# A machine that builds kernels at the same time is slow now and then, which is no defect of what is tested.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
