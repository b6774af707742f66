# SPDX-License-Identifier: GPL-2.0-only
"""Source trees as git objects: imported, patched and merged without a check-out, one at a time or by the thousand."""

from kseries.sources.treestore import ApplyError, Change, Diff, Merge, ThreeWay, TreeStore

__all__ = ["ApplyError", "Change", "Diff", "Merge", "ThreeWay", "TreeStore"]
