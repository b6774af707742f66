# SPDX-License-Identifier: GPL-2.0-only
"""STATE -> one source tree: an id as the scenarios give them, of any set of patches, or a commit."""

import re
from collections.abc import Callable, Sequence

import msgspec

from kseries.model import AppliedPatch, Base, Plan, SetKind, State
from kseries.model.errors import InputError
from kseries.model.sanitize import named, shortened
from kseries.plan.scenarios import Patches, mark_equal, squash
from kseries.sources import Merge, ThreeWay, TreeStore

_SOME = r"[0-9]+(?:\.\.[0-9]+)?"
_ID = re.compile(rf"(?P<how>prefix|without|only|squash)-(?P<numbers>{_SOME}(?:\+{_SOME})*)")
_SHOWN = 100
"""Characters of a name that an error repeats."""
FORMS = "base, prefix-K, without-K (or -J+K, or -J..K), prefix-K/without-J, only-K, squash-J+K/STATE, or a commit"


def find(
    name: str,
    patches: Patches,
    base: Base,
    trees: TreeStore,
    commit: Callable[[str], str],
    onto: str | None = None,
) -> State:
    """The state that a name means; ``commit`` tells the tree of a commit-ish. Raises InputError.

    ``onto`` is a tree that the series is part of, and from which patches are reverted in the place of its tip.
    """
    if name == "base":
        return State(id=name, scenario="base", applied=(), tree=base.tree)
    first, _, rest = name.partition("/")
    found = _ID.fullmatch(first)
    if found is None or (rest and found["how"] not in ("squash", "prefix")):
        return State(id=named(name), scenario="commit", applied=(), tree=commit(name))
    numbers = _numbers(name, found["numbers"], len(patches))
    if onto is not None and found["how"] != "without":
        raise InputError(f"{name}: only reverts (without-K) are made on another tree")
    if found["how"] == "squash":
        return _of_squash(name, numbers, rest, patches, base, trees)
    if rest:
        return _of_prefix(name, numbers, rest, patches, base, trees)
    return _of_patches(name, found["how"], numbers, patches, base, trees.merge, onto)


Merger = Callable[[ThreeWay], Merge]
"""What makes a merge: a store, or somebody who keeps what was made."""


def of_set(
    kind: SetKind, numbers: Sequence[int], patches: Patches, base: Base, merge: Merger, onto: str | None = None
) -> State:
    """The state of a set of patches: reverted from the tip, or from ``onto``, or picked onto base."""
    how = "without" if kind is SetKind.REVERT else "only"
    return _of_patches(f"{how}-{spelled(numbers)}", how, tuple(numbers), patches, base, merge, onto)


_RUN = 3
"""Patches in a row that are spelled as "2..4": "2..3" would be no shorter."""


def spelled(numbers: Sequence[int]) -> str:
    """The one way in which a set is spelled in an id: its patches in their order, three in a row as "2..4"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "+".join(f"{run[0]}..{run[-1]}" if len(run) >= _RUN else "+".join(map(str, run)) for run in runs)


_TYPED = re.compile(rf"{_SOME}(?:,{_SOME})*")


def typed(numbers: str, count: int) -> tuple[int, ...]:
    """The patches that somebody types: "2,4..6" is 2, 4, 5 and 6, of so many. Raises InputError."""
    if _TYPED.fullmatch(numbers) is None:
        raise InputError(f"{shortened(numbers, _SHOWN)}: expected numbers of patches, as 2,3 or 2..4")
    return _numbers(numbers, numbers.replace(",", "+"), count)


def _numbers(name: str, said: str, count: int) -> tuple[int, ...]:
    """The patches of "2+4..6", each once and in their order."""
    numbers: set[int] = set()
    for part in said.split("+"):
        first, _, last = part.partition("..")
        begin, end = _number(name, first, count), _number(name, last or first, count)
        if begin > end:
            told = f"{shortened(name, _SHOWN)}: a range begins with the smaller number"
            raise InputError(f"{told}\n  name it {end}..{begin}")
        numbers |= {*range(begin, end + 1)}
    if not numbers:
        raise _no_such(name, count)
    return tuple(sorted(numbers))


def _number(name: str, digits: str, count: int) -> int:
    """One that a patch has: before anything is made of it, for it may have thousands of digits."""
    number = digits.lstrip("0")
    if not number or len(number) > len(str(count)) or int(number) > count:
        raise _no_such(name, count)
    return int(number)


def _no_such(name: str, count: int) -> InputError:
    return InputError(f"{shortened(name, _SHOWN)}: there is no such patch; the series has {count}")


def _of_squash(name: str, numbers: tuple[int, ...], rest: str, patches: Patches, base: Base, trees: TreeStore) -> State:
    if len(numbers) == 1:
        raise InputError(f"{name}: one patch is no squash\n  name two or more, as in squash-2+3")
    squashed = squash(patches, numbers, trees)
    if squashed is None:
        raise InputError(f"{name}: those patches cannot be made one without a conflict")

    def no_commit(other: str) -> str:
        raise InputError(f"{name}: {other} is no state\n  there are: {FORMS}")

    state = find(rest or f"prefix-{len(squashed)}", squashed, base, trees, no_commit)
    return State(id=name, scenario=state.scenario, applied=state.applied, tree=state.tree, conflicts=state.conflicts)


def _of_prefix(name: str, numbers: tuple[int, ...], rest: str, patches: Patches, base: Base, trees: TreeStore) -> State:
    """prefix-K/without-J: what the series is up to a patch, if another is reverted there."""
    found = _ID.fullmatch(rest)
    if found is None or found["how"] != "without" or len(numbers) > 1:
        raise InputError(f"{shortened(name, _SHOWN)}: of a prefix there is prefix-K/without-J, and nothing else")
    upto = patches[: numbers[0]]
    return _of_patches(name, "without", _numbers(name, found["numbers"], len(upto)), upto, base, trees.merge, None)


def _of_patches(
    name: str,
    how: str,
    numbers: tuple[int, ...],
    patches: Patches,
    base: Base,
    merge: Merger,
    onto: str | None,
) -> State:
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
        made = _in_turn(picks(taken), base.tree, merge)[0]
        scenario, applied = "alone", numbers
    else:
        made = _in_turn(reverts(taken), onto or patches[-1].tree_after, merge)[0]
        scenario = "reverts" if patch is not None else "pairs"
        applied = tuple(one.number for one in patches if one.number not in numbers)
    return State(id=name, scenario=scenario, applied=applied, patch=patch, tree=made.tree, conflicts=made.conflicts)


Changes = list[tuple[str, str]]
"""What is to be done to a tree, one after the other: what leads from one tree to another."""


def picks(patches: Sequence[AppliedPatch]) -> Changes:
    """What applies patches, the first one first."""
    return [(one.tree_before, one.tree_after) for one in patches]


def reverts(patches: Sequence[AppliedPatch]) -> Changes:
    """What takes patches back, the last one first, as ``git revert`` does it."""
    return [(one.tree_after, one.tree_before) for one in reversed(patches)]


def _in_turn(changes: Changes, tree: str, merge: Merger) -> tuple[Merge, ThreeWay | None]:
    """A tree with changes made to it; where one of them conflicts, that is the end, and this merge is told too."""
    made = Merge(tree)
    for before, after in changes:
        assert made.tree is not None
        step = ThreeWay(base=before, ours=made.tree, theirs=after)
        made = merge(step)
        if made.tree is None:
            return made, step
    return made, None


def conflicting(
    state: State, patches: Patches, base: Base, trees: TreeStore, onto: str | None = None
) -> ThreeWay | None:
    """The merge by which a state of patches could not be made, for whoever wants to see it."""
    patches = _counted(state.id, patches, trees)
    if state.scenario == "alone":
        changes, tree = picks([one for one in patches if one.number in state.applied]), base.tree
    else:
        upto = _upto(state.id, patches)
        changes = reverts([one for one in upto if one.number not in state.applied])
        tree = onto or upto[-1].tree_after
    return _in_turn(changes, tree, trees.merge)[1]


def _counted(name: str, patches: Patches, trees: TreeStore) -> Patches:
    """The patches that the numbers of a state count: those of squash-J+K/without-L have two or more that are one."""
    found = _ID.fullmatch(name.partition("/")[0])
    if found is None or found["how"] != "squash":
        return patches
    return squash(patches, _numbers(name, found["numbers"], len(patches)), trees) or patches


def _upto(name: str, patches: Patches) -> Patches:
    """The patches of which a state is made by reverting some: all, or of prefix-K/without-J the first K."""
    first, _, rest = name.partition("/")
    return patches[: int(first.removeprefix("prefix-"))] if rest and first.startswith("prefix-") else patches


def with_reverts(plan: Plan, together: Sequence[str], trees: TreeStore) -> Plan:
    """The plan with states in which some patches are reverted together. Raises InputError."""

    def no_commit(name: str) -> str:
        typed = name.removeprefix("without-").replace("+", ",")
        raise InputError(f"--revert {typed}: expected numbers of patches, as 2,3 or 2..4")

    known = {state.id: state for state in plan.states}
    for name in (f"without-{numbers}" for numbers in together):
        known.setdefault(name, find(name, plan.patches, plan.base, trees, no_commit))
    return msgspec.structs.replace(plan, states=tuple(mark_equal(known.values())))
