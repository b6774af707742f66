# SPDX-License-Identifier: GPL-2.0-only
"""Measurements: ratios within one run, never part of the tests."""
