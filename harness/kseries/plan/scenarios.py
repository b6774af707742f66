# SPDX-License-Identifier: GPL-2.0-only
"""Series -> plan: the states of each scenario, those with equal trees marked, in the order of the schedule."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, groupby, pairwise
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from kseries.model import AppliedPatch, Base, Patch, Plan, Series, State, events
from kseries.model.errors import InputError
from kseries.plan.renamed import Renamed
from kseries.sources import ApplyError, Merge, ThreeWay, TreeStore
from kseries.sources.applying import Applying, Step
from kseries.sources.manytrees import ManyTrees

Patches = tuple[AppliedPatch, ...]

_ABSENT = ": does not exist in index"
_TOLD = 3
"""How many of the places where a patch does not apply an error names."""


def apply_all(
    series: Series, base: Base, store: TreeStore, tell: events.Listener = events.unheard, fuzz: int = 0
) -> Patches:
    """Each patch with its trees, with so much fuzz. Raises InputError that names the first that does not apply."""
    steps = [Step(base.tree)]
    for is_commit, group in groupby(series.patches, lambda patch: patch.diff is None):
        patches = list(group)
        if is_commit:
            commits = [patch.tree or patch.commit for patch in patches if patch.commit is not None]
            steps += map(Step, store.trees_of(commits))
            continue
        applying = Applying(store, ManyTrees(store, tell), fuzz)
        made, error = applying.in_turn(steps[-1].tree, patches)
        steps += made
        if error is not None:
            patch = patches[len(made)]
            under = f"{base.name}" + (f" + patches 1..{patch.number - 1}" if patch.number > 1 else "")
            raise InputError(_why_not(patch, series, steps[-1].tree, under, error, applying)) from error
    return tuple(
        AppliedPatch(
            number=patch.number,
            subject=patch.subject,
            message=patch.message,
            tree_before=before.tree,
            tree_after=after.tree,
            author=patch.author,
            message_id=patch.message_id,
            fuzzed=after.fuzzed,
            commit=patch.commit,
            patchwork=UNSET if patch.patchwork is None else patch.patchwork,
        )
        for patch, (before, after) in zip(series.patches, pairwise(steps), strict=True)
    )


def _why_not(patch: Patch, series: Series, tree: str, under: str, error: ApplyError, applying: Applying) -> str:
    """What to tell of a patch that does not apply: git says where, and that is not always why."""
    said = str(error).split("; ")
    if any(what.startswith("corrupt patch") for what in said):
        return f"{patch.origin} is cut short or mangled: {said[0]}"
    rest = [one.diff or b"" for one in series.patches[series.patches.index(patch) :]]
    store = applying.store
    if store.holds(tree, rest[:1]):
        return f"{patch.origin} is already in {under}: it does not apply, and its reverse does"
    if store.holds(tree, rest):  # a later one changed the same lines
        return f"{patch.origin} is already in {under}, and so are those after it: their reverses apply"
    if all(what.endswith(_ABSENT) for what in said):
        more = ", nor any other file that it changes" if len(said) > 1 else ""
        return f"{patch.origin} is not for {under}: there is no {said[0].removesuffix(_ABSENT)}{more}"
    more = f"; and {len(said) - _TOLD} more" if len(said) > _TOLD else ""
    return (
        f"{patch.origin} does not apply to {under}: {'; '.join(said[:_TOLD])}{more}\n  {_cure(patch, tree, applying)}"
    )


def _cure(patch: Patch, tree: str, applying: Applying) -> str:
    """Whether fuzz would help a patch that does not apply, and what tells more of it."""
    found, step = applying.fit(tree, patch.diff or b"")
    all_told = "kseries plan --apply tells of every patch"
    if step is None:
        return f"patch(1) rejects it, too, with fuzz {applying.most}; {all_told}, and of what stands there"
    return f"patch(1) takes it with fuzz {found.fuzz}, and so does --fuzz {max(found.fuzz, 1)}; {all_told}"


def make_plan(
    series: Series,
    base: Base,
    scenarios: Iterable[str],
    store: TreeStore,
    tell: events.Listener = events.unheard,
    fuzz: int = 0,
) -> Plan:
    """The states of the scenarios named, base and tip always among them. Raises InputError."""
    patches = apply_all(series, base, store, tell, fuzz)
    return plan_of(series.name, series.version, patches, base, scenarios, store, tell)


def plan_of(
    name: str,
    version: int,
    patches: Patches,
    base: Base,
    scenarios: Iterable[str],
    store: TreeStore,
    tell: events.Listener = events.unheard,
) -> Plan:
    """As ``make_plan``, of patches whose trees are known."""
    trees = ManyTrees(store, tell)
    patches = with_files(patches, trees)
    tip = list(_prefixes(patches, base, trees))[-1]
    states = {state.id: state for state in (State(id="base", scenario="base", applied=(), tree=base.tree), tip)}
    names = tuple(dict.fromkeys(scenarios))
    check(names)
    for scenario in names:
        states |= {state.id: state for state in SCENARIOS[scenario](patches, base, trees)}
    ordered = tuple(mark_equal(_visiting_order(states.values())))
    return Plan(series=name, version=version, patches=patches, base=base, states=ordered)


def with_files(patches: Patches, trees: ManyTrees) -> Patches:
    """The patches with the paths that each touches, and the files that it renames."""
    touched = trees.touched([(patch.tree_before, patch.tree_after) for patch in patches])
    return tuple(
        msgspec.structs.replace(
            patch,
            files=tuple(sorted(map(_name, its.paths))),
            renames=tuple((_name(before), _name(after)) for before, after in its.renames) or UNSET,
        )
        for patch, its in zip(patches, touched, strict=True)
    )


def _name(path: bytes) -> str:
    return path.decode(errors="replace")


def check(names: Iterable[str]) -> None:
    """Raise InputError for a scenario that there is not."""
    for name in names:
        if name not in SCENARIOS:
            raise InputError(f"no such scenario: {name}\n  there are: {', '.join(SCENARIOS)}")


def squash(patches: Patches, numbers: tuple[int, ...], store: TreeStore) -> Patches | None:
    """The series with some patches made one, in the place of the last of them, or else of an earlier one.

    None when what lies between cannot be moved past them without a conflict. The tip keeps its tree.
    """
    *others, last = sorted(numbers)
    for other in reversed(others):
        made = _squash_two(patches, other, last, store)
        if made is None:
            return None
        last = next(place for place, patch in enumerate(made, 1) if patch.number == 0)
        patches = _numbered(made)
    return patches


def reorder(patches: Patches, order: tuple[int, ...], store: TreeStore) -> Patches | None:
    """The patches in another order; None when they do not apply so, or to another end."""
    by_number = {patch.number: patch for patch in patches}
    moved = _stack([by_number[number] for number in order], patches[0].tree_before, store)
    return _numbered(moved) if moved and moved[-1].tree_after == patches[-1].tree_after else None


class Stacked(NamedTuple):
    """Patches that were picked onto another tree in their order, those that git cannot put there left out."""

    patches: Patches = ()
    conflicts: Mapping[int, tuple[str, ...]] = MappingProxyType({})
    """By those that were left out, the files in which they conflict."""
    empty: tuple[int, ...] = ()
    """Those that change nothing there."""


def stacked(patches: Patches, onto: str, store: TreeStore) -> Stacked:
    """The patches picked onto a tree one after the other, as far as they can be."""
    moved: list[AppliedPatch] = []
    conflicts: dict[int, tuple[str, ...]] = {}
    for patch in patches:
        merge = store.cherry_pick(onto, patch.tree_before, patch.tree_after)
        if merge.tree is None:
            conflicts[patch.number] = merge.conflicts
            continue
        moved.append(msgspec.structs.replace(patch, tree_before=onto, tree_after=merge.tree))
        onto = merge.tree
    empty = tuple(one.number for one in moved if one.tree_before == one.tree_after)
    return Stacked(tuple(moved), conflicts, empty)


_SQUASH = "squash of "


def _squash_two(patches: Patches, first: int, second: int, store: TreeStore) -> list[AppliedPatch] | None:
    """The series with two patches made one, which has the number 0."""
    order = [patch for patch in patches if patch.number not in (first, second)]
    pair = [patch for patch in patches if patch.number in (first, second)]
    one = AppliedPatch(
        number=0,
        subject=_SQUASH + " / ".join(patch.subject.removeprefix(_SQUASH) for patch in pair),
        message=f"{pair[0].message}\n\n{pair[1].message}",
        tree_before=pair[0].tree_before,
        tree_after=pair[1].tree_after,
    )
    before = [patch for patch in order if patch.number < first]
    between = [patch for patch in order if first < patch.number < second]
    after = [patch for patch in order if patch.number > second]
    return _late(before, between, one, after, store) or _early(before, between, pair, one, after, store)


def _late(
    before: list[AppliedPatch],
    between: list[AppliedPatch],
    one: AppliedPatch,
    after: list[AppliedPatch],
    store: TreeStore,
) -> list[AppliedPatch] | None:
    """The patches between move below the squash."""
    moved = _stack(between, one.tree_before, store)
    if moved is None:
        return None
    top = moved[-1].tree_after if moved else one.tree_before
    return [*before, *moved, msgspec.structs.replace(one, tree_before=top), *after]


def _early(
    before: list[AppliedPatch],
    between: list[AppliedPatch],
    pair: list[AppliedPatch],
    one: AppliedPatch,
    after: list[AppliedPatch],
    store: TreeStore,
) -> list[AppliedPatch] | None:
    """The second patch moves down to the first."""
    picked = store.cherry_pick(pair[0].tree_after, pair[1].tree_before, pair[1].tree_after)
    if picked.tree is None:
        return None
    moved = _stack(between, picked.tree, store)
    if moved is None or moved[-1].tree_after != one.tree_after:
        return None
    return [*before, msgspec.structs.replace(one, tree_after=picked.tree), *moved, *after]


def _stack(patches: list[AppliedPatch], onto: str, store: TreeStore) -> list[AppliedPatch] | None:
    """Patches cherry-picked one after the other, or None at the first conflict."""
    moved: list[AppliedPatch] = []
    for patch in patches:
        merge = store.cherry_pick(onto, patch.tree_before, patch.tree_after)
        if merge.tree is None:
            return None
        moved.append(msgspec.structs.replace(patch, tree_before=onto, tree_after=merge.tree))
        onto = merge.tree
    return moved


def _numbered(patches: list[AppliedPatch]) -> Patches:
    return tuple(msgspec.structs.replace(patch, number=number) for number, patch in enumerate(patches, 1))


# --- the scenarios ------------------------------------------------------------------------------


def _prefixes(patches: Patches, _base: Base, _trees: ManyTrees) -> Iterator[State]:
    for patch in patches:
        numbers = tuple(range(1, patch.number + 1))
        yield State(
            id=f"prefix-{patch.number}", scenario="prefixes", applied=numbers, patch=patch.number, tree=patch.tree_after
        )


def _reverts(patches: Patches, _base: Base, trees: ManyTrees) -> Iterator[State]:
    for patch, merge in zip(patches, _without(patches, trees), strict=True):
        yield _merged(f"without-{patch.number}", "reverts", _others(patches, patch), patch, merge)


def _alone(patches: Patches, base: Base, trees: ManyTrees) -> Iterator[State]:
    picks = [ThreeWay.cherry_pick(base.tree, patch.tree_before, patch.tree_after) for patch in patches]
    for patch, merge in zip(patches, trees.merge_all(picks), strict=True):
        yield _merged(f"only-{patch.number}", "alone", (patch.number,), patch, merge)


def _pairs(patches: Patches, _base: Base, trees: ManyTrees) -> Iterator[State]:
    """Two reverts, the later patch's first, of patches that interact; of no single patch, so ``patch`` is None."""
    later = dict(zip(patches, _without(patches, trees), strict=True))
    pairs = list(_interacting(patches))
    possible = [(early, late, tree) for early, late in pairs if (tree := later[late].tree) is not None]
    reverts = [ThreeWay.revert(tree, early.tree_before, early.tree_after) for early, _, tree in possible]
    both = {(early, late): merge for (early, late, _), merge in zip(possible, trees.merge_all(reverts), strict=True)}
    for early, late in pairs:
        name = f"without-{early.number}+{late.number}"
        yield _merged(name, "pairs", _others(patches, early, late), None, both.get((early, late), later[late]))


def _journey(patches: Patches, base: Base, trees: ManyTrees) -> Iterator[State]:
    """Where the users of bisect/journeys.py come through and end up; the faults that they meet are made there."""
    yield from _prefixes(patches, base, trees)
    yield from _reverts(patches, base, trees)


def _interacting(patches: Patches) -> Iterator[tuple[AppliedPatch, AppliedPatch]]:
    """The pairs of patches that touch a file in common, whatever it is called at each of them."""
    renamed = Renamed(patches)
    touched = [renamed.files(patch.files) for patch in patches]
    for (early, its), (late, others) in combinations(zip(patches, touched, strict=True), 2):
        if not its.isdisjoint(others):
            yield early, late


def _without(patches: Patches, trees: ManyTrees) -> list[Merge]:
    """The tip with one patch reverted, for each patch."""
    tip = patches[-1].tree_after
    return trees.merge_all([ThreeWay.revert(tip, patch.tree_before, patch.tree_after) for patch in patches])


def _others(patches: Patches, *taken: AppliedPatch) -> tuple[int, ...]:
    numbers = {patch.number for patch in taken}
    return tuple(patch.number for patch in patches if patch.number not in numbers)


def _merged(state: str, scenario: str, applied: tuple[int, ...], patch: AppliedPatch | None, merge: Merge) -> State:
    number = patch.number if patch is not None else None
    return State(id=state, scenario=scenario, applied=applied, patch=number, tree=merge.tree, conflicts=merge.conflicts)


SCENARIOS: dict[str, Callable[[Patches, Base, ManyTrees], Iterator[State]]] = {
    "prefixes": _prefixes,
    "reverts": _reverts,
    "alone": _alone,
    "pairs": _pairs,
    "journey": _journey,
}
DEFAULT = ("prefixes", "reverts", "alone")


# --- what is done, and in which order -----------------------------------------------------------

_FIRST = ("base", "prefixes", "reverts", "alone", "pairs")


def _visiting_order(states: Iterable[State]) -> list[State]:
    """Base, the prefixes as they grow, then the rest: each differs from the one before it by about one patch."""
    return sorted(states, key=lambda state: (_FIRST.index(state.scenario), state.patch or 0))


def mark_equal(states: Iterable[State]) -> Iterator[State]:
    """Point each state at the first one with the same tree."""
    first: dict[str, State] = {}
    for state in states:
        same = first.setdefault(state.tree, state) if state.tree else state
        yield state if same is state else msgspec.structs.replace(state, same_as=same.id)
