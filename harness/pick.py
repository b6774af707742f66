# SPDX-License-Identifier: GPL-2.0-only
"""STATE -> one source tree: an id as the scenarios give them, of any set of patches, or a commit."""

import re
from collections.abc import Callable

from harness.errors import InputError
from harness.model import Base, State
from harness.scenarios import Patches, squash
from harness.trees import Merge, ThreeWay, TreeStore

_ID = re.compile(r"(?P<how>prefix|without|only|squash)-(?P<numbers>\d+(?:\+\d+)*)")
FORMS = "base, prefix-K, without-K (or -J+K), only-K, squash-J+K/STATE, or a commit"


def find(name: str, patches: Patches, base: Base, trees: TreeStore, commit: Callable[[str], str]) -> State:
    """The state that a name means; ``commit`` tells the tree of a commit-ish. Raises InputError."""
    if name == "base":
        return State(id=name, scenario="base", applied=(), tree=base.tree)
    first, _, rest = name.partition("/")
    found = _ID.fullmatch(first)
    if found is None or (rest and found["how"] != "squash"):
        return State(id=name, scenario="commit", applied=(), tree=commit(name))
    numbers = tuple(sorted({int(number) for number in found["numbers"].split("+")}))
    for number in numbers:
        if not 1 <= number <= len(patches):
            raise InputError(f"{name}: there is no patch {number}; the series has {len(patches)}")
    if found["how"] == "squash":
        return _of_squash(name, numbers, rest, patches, base, trees)
    return _of_patches(name, found["how"], numbers, patches, base, trees)


def _of_squash(name: str, numbers: tuple[int, ...], rest: str, patches: Patches, base: Base, trees: TreeStore) -> State:
    squashed = squash(patches, numbers, trees) if len(numbers) > 1 else None
    if squashed is None:
        raise InputError(f"{name}: those patches cannot be made one without a conflict")

    def no_commit(other: str) -> str:
        raise InputError(f"{name}: {other} is no state\n  there are: {FORMS}")

    state = find(rest or f"prefix-{len(squashed)}", squashed, base, trees, no_commit)
    return State(id=name, scenario=state.scenario, applied=state.applied, tree=state.tree, conflicts=state.conflicts)


def _of_patches(name: str, how: str, numbers: tuple[int, ...], patches: Patches, base: Base, trees: TreeStore) -> State:
    if how == "prefix":
        if len(numbers) > 1:
            raise InputError(f"{name}: a prefix has one number, that of its last patch")
        applied = tuple(range(1, numbers[0] + 1))
        return State(
            id=name, scenario="prefixes", applied=applied, patch=numbers[0], tree=patches[numbers[0] - 1].tree_after
        )
    patch = numbers[0] if len(numbers) == 1 else None
    taken = [one for one in patches if one.number in numbers]
    if how == "only":
        made = _in_turn([(one.tree_before, one.tree_after) for one in taken], base.tree, trees)
        scenario, applied = "alone", numbers
    else:
        made = without(numbers, patches, patches[-1].tree_after, trees)
        scenario = "reverts" if patch is not None else "pairs"
        applied = tuple(one.number for one in patches if one.number not in numbers)
    return State(id=name, scenario=scenario, applied=applied, patch=patch, tree=made.tree, conflicts=made.conflicts)


def without(numbers: tuple[int, ...], patches: Patches, tip: str, trees: TreeStore) -> Merge:
    """A tree with patches reverted, the last one first, as ``git revert`` makes it; the first conflict ends it."""
    taken = sorted((one for one in patches if one.number in numbers), key=lambda one: -one.number)
    return _in_turn([(one.tree_after, one.tree_before) for one in taken], tip, trees)


def _in_turn(changes: list[tuple[str, str]], tree: str, trees: TreeStore) -> Merge:
    """A tree with changes made to it, one after the other, each from one tree to another."""
    made = Merge(tree)
    for before, after in changes:
        if made.tree is None:
            break
        made = trees.merge(ThreeWay(base=before, ours=made.tree, theirs=after))
    return made
