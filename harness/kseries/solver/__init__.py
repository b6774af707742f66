# SPDX-License-Identifier: GPL-2.0-only
"""Within its box: which options a tree's own Kconfig has to have set so that something is compiled.

Kconfiglib reads the tree, whose macros run what they like ($(shell,...), scripts/kconfig/preprocess.c).
"""
