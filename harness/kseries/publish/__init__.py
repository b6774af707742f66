# SPDX-License-Identifier: GPL-2.0-only
"""Results brought to where maintainers look. Knows servers and what they were told, and judges nothing."""
