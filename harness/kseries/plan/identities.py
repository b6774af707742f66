# SPDX-License-Identifier: GPL-2.0-only
"""By which patch-ids others know the patches of a plan: who has a mail or a commit finds what a run has seen of it."""

import msgspec

from kseries.model import Plan, Series
from kseries.sources import TreeStore, patchids


def with_ids(plan: Plan, series: Series, trees: TreeStore) -> Plan:
    """The plan with the patch-ids of each of its patches, which are those of the series. Raises InfraError.

    That of the diff it came with is the first; a commit came with none. Fuzz, and options of whoever made it, make the
    others differ from it.
    """
    came = patchids.stable([patch.diff or b"" for patch in series.patches])
    shown = patchids.shown(trees, [(patch.tree_before, patch.tree_after) for patch in plan.patches])
    patches = (
        msgspec.structs.replace(patch, patch_ids=tuple(dict.fromkeys((*filter(None, [first]), *others))))
        for patch, first, others in zip(plan.patches, came, shown, strict=True)
    )
    return msgspec.structs.replace(plan, patches=tuple(patches))
