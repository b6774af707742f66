# SPDX-License-Identifier: GPL-2.0-only
"""Results as people and programs read them. Knows the model and nothing else of ours."""
