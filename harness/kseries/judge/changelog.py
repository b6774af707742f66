# SPDX-License-Identifier: GPL-2.0-only
"""Do two patches that depend on each other say so? docs/how-it-works.md tells what is looked for: no guess at prose."""

import re

import msgspec

from kseries.model import AppliedPatch, Plan
from kseries.plan.names import symbols
from kseries.sources import TreeStore

_NOTE = re.compile(
    r"^(?:Depends-on|Requires|Prerequisite|Prerequisite-patch-id|prerequisite-patch-id):\s*\S", re.MULTILINE
)


def with_symbols(plan: Plan, trees: TreeStore) -> Plan:
    """The plan with the names that each patch introduces."""
    return msgspec.structs.replace(
        plan,
        patches=tuple(
            msgspec.structs.replace(patch, symbols=symbols(trees.diff(patch.tree_before, patch.tree_after)))
            for patch in plan.patches
        ),
    )


def documented(promise: AppliedPatch, needed: AppliedPatch, capability: str | None) -> bool:
    """True where either of the patch that makes a promise and the one that it needs tells that they belong together."""
    return (
        _names(promise.message, needed)
        or _names(needed.message, promise)
        or (capability is not None and _says(needed.message, capability))
        or any(has_note(patch.message) for patch in (promise, needed))
    )


def has_note(message: str) -> bool:
    """True for a trailer that says that there is something which a patch depends on."""
    return _NOTE.search(message) is not None


def _names(message: str, other: AppliedPatch) -> bool:
    """True where a changelog has another patch's subject (in a Fixes: too), or a name that it introduces."""
    subject = _folded(other.subject)
    named = bool(subject) and subject in _folded(message)
    return named or any(_says(message, name) for name in other.symbols)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _says(message: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", message) is not None
