# SPDX-License-Identifier: GPL-2.0-only
"""Two TARGETs -> two topics on one base, and what builds and judges their merge."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from kseries import inputs
from kseries.app import rundir, suiting
from kseries.app.options import Options
from kseries.app.planning import base_of, explained, tell_fuzz
from kseries.app.premises import at_work, freedom, room
from kseries.app.setup import setup_of
from kseries.app.single import runner_for
from kseries.bisect import merging
from kseries.bisect.merging import Merged, Merger
from kseries.host import paths
from kseries.model import AppliedPatch, Base, Plan, Series, events
from kseries.model.errors import InputError
from kseries.model.sanitize import few, line
from kseries.plan import rebase, scenarios
from kseries.plan.topics import Topic, Topics
from kseries.sources import TreeStore, repository

Pair = tuple[inputs.Target, inputs.Target]
_DIGITS = 12
_One = TypeVar("_One")
_SAME = "both are the same patches: there is nothing to merge\n  name another topic"


def merged(pair: Pair, options: Options, most: int, tell: events.Listener, heard: merging.Tell) -> Merged:
    """What the merge of two topics loses; logs go to ``out``/states/ID. Raises InputError or InfraError."""
    options = of_both(options, pair)
    with contextlib.ExitStack() as stack:
        stack.enter_context(freedom(unboxed=options.unboxed))
        stack.enter_context(room(options.out))
        stack.enter_context(rundir.own(options.out))
        stack.enter_context(at_work(tell))
        trees = TreeStore(paths.cache("trees.git"))
        made = topics(pair, options, trees, tell)
        return merging.clash(made) or _merger(made, options, most, tell).run(heard)


def _merger(made: Topics, options: Options, most: int, tell: events.Listener) -> Merger:
    planned = plan_of(made)
    setup = suiting.suited(setup_of(options, tell), options, planned, made.trees, tell)
    as_one = inputs.Target(series=Series(name=planned.series, version=1, patches=()))
    runner = runner_for(as_one, options, setup, planned, made.trees, tell)
    return Merger(made, runner, most, frozenset(path for patch in planned.patches for path in patch.files))


def plan_of(made: Topics) -> Plan:
    """The merge as a series: the first topic is a patch, and so is what git adds to it of the second."""
    name = f"{made.first.name} and {made.second.name}"
    trees = [made.base.tree, *(made.state(made.ends[0], second).tree or "" for second in (0, made.ends[1]))]
    patches = tuple(
        AppliedPatch(number=number, subject=topic.name, tree_before=trees[number - 1], tree_after=trees[number])
        for number, topic in enumerate((made.first, made.second), 1)
    )
    return scenarios.plan_of(name, 1, patches, made.base, (), made.trees)


# --- what both bring ----------------------------------------------------------------------------


def of_both(options: Options, pair: Pair) -> Options:
    """The options with what either TARGET brings: probes and contracts of its own, and which of ours it is about."""
    first, second = (options.of(target) for target in pair)
    if first.userland and second.userland and first.userland != second.userland:
        raise InputError(
            f"one TARGET is for {first.userland}, the other for {second.userland}\n  name one of them with --userland"
        )
    asked = None if first.probes is None or second.probes is None else _union(first.probes, second.probes)
    return replace(
        first,
        probes=asked,
        programs=_union(first.programs, second.programs),
        host_tests=_union(first.host_tests, second.host_tests),
        contracts=_union(first.contracts, second.contracts),
        unasked=_union(first.unasked, second.unasked),
        runs=_union(first.runs, second.runs),
        kunit=_union(first.kunit, second.kunit),
        selftests=_union(first.selftests, second.selftests),
        userland=first.userland or second.userland,
    )


def _union(first: Sequence[_One], second: Sequence[_One]) -> tuple[_One, ...]:
    return tuple(dict.fromkeys((*first, *second)))


# --- on which base ------------------------------------------------------------------------------


def topics(pair: Pair, options: Options, trees: TreeStore, tell: events.Listener) -> Topics:
    """Both on the base that they are merged on: of two ranges what git merge-base says, else that of a range, or of
    the first. Raises InputError.
    """
    pair = _on_one_tree(pair, options)
    made = _of_ranges(pair, options, trees, tell) if all(map(_is_range, pair)) else _of_any(pair, options, trees, tell)
    first, second = made.ends
    if made.state(first, 0).tree == made.state(0, second).tree:
        raise InputError(_SAME)
    return made


def _is_range(target: inputs.Target) -> bool:
    """True of commits of a repository, which has their history."""
    return target.base is not None and all(patch.diff is None for patch in target.series.patches)


def _on_one_tree(pair: Pair, options: Options) -> Pair:
    """The same, on the tree that --tree or one of them names."""
    if options.tree is not None:
        return pair
    named = list(dict.fromkeys(target.tree for target in pair if target.tree is not None))
    if len(named) > 1:
        raise InputError(f"one TARGET is for {named[0]}, the other for {named[1]}\n  name one of them with --tree")
    first, second = (msgspec.structs.replace(target, tree=named[0] if named else None) for target in pair)
    return first, second


def _of_ranges(pair: Pair, options: Options, trees: TreeStore, tell: events.Listener) -> Topics:
    """Of commits: from the commit on in which their histories part, which git merge-base tells."""
    place = Path(options.tree or pair[0].tree or ".")
    fork = _merge_base(place, *((target.series.patches[-1].commit or "") for target in pair))
    base = base_of(msgspec.structs.replace(pair[0], base=fork), options, trees, tell)
    first, second = (_since(target, fork, place, trees) for target in pair)
    for target, topic in zip(pair, (first, second), strict=True):
        if target.base != fork and len(topic.patches) == len(target.series.patches):
            told = f"{target.series.name} comes with what is below it: git merges from {fork[:_DIGITS]} on"
            tell(events.Preparing(told))
    return Topics(base, first, second, trees)


def _merge_base(place: Path, first: str, second: str) -> str:
    done = repository.ask(place, "merge-base", "--all", first, second)
    found = done.text.split() if done.returncode == 0 else []
    if first == second:
        raise InputError(_SAME)
    if not found:
        cure = repository.shallow_cure(place) or "\n  name two ranges of one history"
        raise InputError(f"{first[:_DIGITS]} and {second[:_DIGITS]} have no commit in common{cure}")
    if len(found) > 1:
        names = few([commit[:_DIGITS] for commit in found])
        raise InputError(
            f"{first[:_DIGITS]} and {second[:_DIGITS]} part at more than one commit: {names}\n  rebase one"
        )
    if found[0] in (first, second):
        inner, outer = (first, second) if found[0] == first else (second, first)
        raise InputError(f"{outer[:_DIGITS]} has all of {inner[:_DIGITS]} already\n  there is nothing to merge")
    return found[0]


def _since(target: inputs.Target, fork: str, place: Path, trees: TreeStore) -> Topic:
    """The patches of a range that come after a commit."""
    below = Base(name="", version="", tree=_tree(place, target.base or fork, trees))
    patches = scenarios.apply_all(target.series, below, trees)
    shared = next((patch.number for patch in patches if patch.commit == fork), 0)
    own = patches[shared:]
    return Topic(line(target.series.name), own, own[0].tree_before)


def _tree(place: Path, commit: str, trees: TreeStore) -> str:
    return trees.tree_of(repository.tree_of(place, commit) or commit)


def _of_any(pair: Pair, options: Options, trees: TreeStore, tell: events.Listener) -> Topics:
    """Both put on the base of one of them: of a range, else of what names its base, else of the first."""
    ranged = [target for target in pair if target.base is not None]
    owner = next(iter((*ranged, *(target for target in pair if target.base_commit is not None), *pair)))
    base = base_of(_with_all(owner, pair), options, trees, tell)
    for target in pair:
        if target is not owner:
            tell(events.Preparing(f"{line(target.series.name)} is put on the base of the other: {base.name}"))
    first, second = (_put(target, base, options, trees, tell) for target in pair)
    return Topics(base, first, second, trees)


def _with_all(owner: inputs.Target, pair: Pair) -> inputs.Target:
    """The one whose base it is, with what either names as to be there first, and the files that a base is known by."""
    first, second = pair
    patches = owner.series.patches if owner.base is not None else (*first.series.patches, *second.series.patches)
    return msgspec.structs.replace(
        owner,
        series=msgspec.structs.replace(owner.series, patches=patches),
        prerequisites=_union(first.prerequisites, second.prerequisites),
        before=_union(first.before, second.before),
        ids=_union(first.ids, second.ids),
        notes=_union(first.notes, second.notes),
    )


def _put(target: inputs.Target, base: Base, options: Options, trees: TreeStore, tell: events.Listener) -> Topic:
    """A topic on a base that need not be its own."""
    series = target.series
    if target.base is not None and any(patch.diff is None for patch in series.patches):
        under = _tree(Path(options.tree or target.tree or "."), target.base, trees)
        series = rebase.as_diffs(series, under, trees) if under != base.tree else series
    with explained(msgspec.structs.replace(target, series=series), base, trees):
        patches = scenarios.apply_all(series, base, trees, tell, options.fuzz)
    tell_fuzz(patches, tell)
    return Topic(line(series.name), patches, base.tree)
