# SPDX-License-Identifier: GPL-2.0-only
"""A merge that conflicts, as git shows it: its messages, and the places with their markers."""

from collections.abc import Iterator

from kseries.sources import ThreeWay, TreeStore

_OURS, _THEIRS = "HEAD", "the change that is made to it"
"""What stands behind the markers in the place of our commits' ids."""
_MOST_LINES = 60


def shown(merge: ThreeWay, trees: TreeStore) -> str:
    """What ``git revert`` and ``git cherry-pick`` would say and leave in the files; a long story is cut."""
    root = trees.commit(merge.base)
    ours, theirs = (trees.commit(tree, root) for tree in (merge.ours, merge.theirs))
    done = trees.git("merge-tree", "--write-tree", "--name-only", ours, theirs, statuses=(0, 1))
    said = done.stdout.decode(errors="replace")
    head, _, messages = said.partition("\n\n")
    tree, *paths = head.splitlines()
    lines = [line for line in messages.splitlines() if line.startswith("CONFLICT")]
    for path in dict.fromkeys(paths):
        text = (trees.file(tree, path) or b"").decode(errors="replace")
        lines += _marked(path, text.replace(ours, _OURS).replace(theirs, _THEIRS))
    more = [f"and {len(lines) - _MOST_LINES} lines more"] if len(lines) > _MOST_LINES else []
    return "\n".join([*lines[:_MOST_LINES], *more])


def _marked(path: str, text: str) -> Iterator[str]:
    """The places of a file that are left to a person, with their lines."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<<<<<<< "):
            inside = True
            yield f"{path}:{number}:"
        if inside:
            yield line
        if line.startswith(">>>>>>> "):
            inside = False
