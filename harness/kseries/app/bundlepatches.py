# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a bundle: what makes a state of the kernel below it, in an order that a person can follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bisect.staterunner import StateRunner
from kseries.model import Base, State
from kseries.model.sanitize import line
from kseries.sources import TreeStore


@dataclass(frozen=True)
class Patch:
    """A patch of a bundle: what it is, its diff, and the tree that it leads to."""

    what: str
    diff: bytes
    tree: str

    @property
    def text(self) -> bytes:
        """As git apply takes it: what stands before a diff is a comment."""
        return f"Subject: {line(self.what)}\n\n---\n".encode() + self.diff


def of_state(state: State, runner: StateRunner) -> Iterator[Patch]:
    """The patches that make a state of base: those of the series, and one that reverts or picks."""
    trees, patches, base = runner.trees, runner.patches, runner.base.tree
    assert state.tree is not None
    if state.scenario == "base":
        return
    if state.id.startswith("only-"):
        yield Patch(_picked(state, runner), trees.patch(base, state.tree), state.tree)
        return
    upto = _upto(state, len(patches))
    yield from _series(runner, upto)
    made = patches[upto - 1].tree_after if upto else base
    if made != state.tree:
        yield Patch(_rest(state, runner, upto), trees.patch(made, state.tree), state.tree)


def _series(runner: StateRunner, upto: int) -> Iterator[Patch]:
    before = runner.base.tree
    for patch in runner.patches[:upto]:
        what = f"[PATCH {patch.number}/{len(runner.patches)}] {patch.subject}"
        yield Patch(what, runner.trees.patch(before, patch.tree_after), patch.tree_after)
        before = patch.tree_after


def _upto(state: State, count: int) -> int:
    """So many patches of the series are applied, before any is reverted."""
    first = state.id.partition("/")[0]
    if first.startswith("prefix-"):
        return int(first.removeprefix("prefix-"))
    return count


def _rest(state: State, runner: StateRunner, upto: int) -> str:
    reverted = [one for one in runner.patches[:upto] if one.number not in state.applied]
    named = ", ".join(f"{one.number}/{len(runner.patches)} '{one.subject}'" for one in reverted)
    return f"Revert {named}" if named else f"What leads to {state.id}"


def _picked(state: State, runner: StateRunner) -> str:
    named = [
        f"{one.number}/{len(runner.patches)} '{one.subject}'" for one in runner.patches if one.number in state.applied
    ]
    return f"{', '.join(named)} alone, as git cherry-pick makes it"


def prerequisites(base: Base, tree: str, trees: TreeStore) -> tuple[Patch, ...]:
    """What leads from a kernel's own ``tree`` to a base that has prerequisites; nothing where it has none."""
    if base.tree == tree:
        return ()
    named = ", ".join(f"'{one}'" for one in base.prerequisites)
    what = f"What the series is made on top of: {named}"
    return (Patch(what, trees.patch(tree, base.tree), base.tree),)


def check(patches: Sequence[Patch], base: str, trees: TreeStore) -> None:
    """Apply the patches, as who reproduces does: each has to lead to its tree, or the bundle would lie."""
    tree = base
    for patch in patches:
        tree = trees.apply(tree, patch.text)
        assert tree == patch.tree, f"a patch leads to {tree}, not {patch.tree}"
