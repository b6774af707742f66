# SPDX-License-Identifier: GPL-2.0-only
"""TARGET -> base and plan, or what becomes of it on another base."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from kseries import inputs
from kseries.app import selftests
from kseries.app.options import Options
from kseries.bisect import pick
from kseries.host import paths
from kseries.inputs import preimages
from kseries.model import AppliedPatch, Base, Plan, Series, events
from kseries.model.errors import InputError
from kseries.model.sanitize import few
from kseries.plan import prerequisites, rebase, scenarios
from kseries.report import fuzzed
from kseries.sources import TreeStore, guess, kernels, repository
from kseries.sources.history import History


def plan(target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> Plan:
    """The states of a run; fetches and imports the base when it is not in the cache. Raises InputError."""
    scenarios.check(options.scenarios)
    base = base_of(target, options, trees, tell)
    with explained(target, base, trees):
        made = scenarios.make_plan(target.series, base, options.scenarios, trees, tell, options.fuzz)
    tell_fuzz(made.patches, tell)
    for note in (*selftests.proposed(made, options, trees), *selftests.brought(made, options, trees)):
        tell(events.Preparing(note))
    return pick.with_reverts(made, options.reverts, trees)


def tell_fuzz(patches: Iterable[AppliedPatch], tell: events.Listener) -> None:
    for note in fuzzed.notes(patches):
        tell(events.Preparing(note))


def base_of(
    target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener, *, new: bool = False
) -> Base:
    """The kernel under the series; fetches and imports it when it is not in the cache. Raises InputError.

    ``new`` is another than it was made for: what its files match is not looked for.
    """
    if options.base is not None and target.base is not None:
        raise InputError(f"--base {options.base}: a range of commits brings its own base")

    others = prerequisites.given(options.prerequisites, options.tree)
    for note in (note for one in (target, *others) for note in one.notes):
        tell(events.Preparing(note))
    if others and target.base is not None:
        raise InputError("--prerequisite: a range of commits brings its own base\n  rebase it onto its prerequisites")
    tree = kernels.called(options.tree or target.tree or kernels.DEFAULT)
    kernels.check_readable(tree)
    revision = options.base or target.base
    if revision is None and target.base_commit is not None:
        revision = kernels.base_commit(tree, target.base_commit, tell)
    found = kernels.guess(tree, _made_from(target, others), trees, tell) if revision is None and not new else None
    revision = found.name if found is not None else revision
    base = kernels.get(tree, revision, trees, paths.cache(), tell)
    if found is not None:
        base = msgspec.structs.replace(base, guessed=found.commit or "")
    history = kernels.history(tree, revision or "HEAD") if target.prerequisites else None
    return prerequisites.applied(base, target, others, trees, history, tell)


def onto_base(onto: str, target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> Base:
    """The kernel that --onto names: as --tree does, or a revision of --tree. Raises InputError."""
    if kernels.is_debians(onto) or Path(onto).exists():
        return kernels.get(kernels.called(onto), None, trees, paths.cache(), tell)
    tree = kernels.called(options.tree or target.tree or kernels.DEFAULT)
    if kernels.commit_tree(tree, onto, trees) is None:
        has = f"{tree} has no such revision" if Path(tree).is_dir() else f"{tree} has no revisions"
        raise InputError(
            f"--onto {onto}: no such kernel tree\n  it is named as --tree is, or a revision of that: {has}"
        )
    return kernels.get(tree, onto, trees, paths.cache(), tell)


def _made_from(target: inputs.Target, others: Sequence[inputs.Target]) -> dict[str, str]:
    """The blobs that a series, on top of its prerequisites, was made from."""
    patches = (*prerequisites.patches(target, others), *target.series.patches)
    return preimages.of(patch.diff for patch in patches if patch.diff is not None)


@contextlib.contextmanager
def explained(target: inputs.Target, base: Base, trees: TreeStore) -> Iterator[None]:
    """Tell, of a series that does not apply, what it lacks: a prerequisite, or files as it was made from them."""
    try:
        yield
    except InputError as error:
        what, _, cure = str(error).partition("\n  ")
        diffs = [patch.diff for patch in target.series.patches if patch.diff is not None]
        why = ""
        if base.lacking:
            why = f"its prerequisites are not here, give them with --prerequisite: {few(base.lacking)}"
        elif not trees.holds(base.tree, diffs[:1]):
            why = guess.differing(trees, base.tree, preimages.of(diffs))
        cures = "; ".join(filter(None, (why, cure)))
        raise InputError(f"{what}\n  {cures}" if cures else what) from error


def rebased(target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> rebase.Rebase:
    """What becomes of each patch on the base that ``options`` name, a range's, too. Raises InputError."""
    moved = target if options.base is None else msgspec.structs.replace(target, base=None)
    base = base_of(moved, options, trees, tell, new=True)
    series, place = target.series, Path(options.tree or target.tree or "")
    if target.tree is not None and target.base is not None and any(patch.diff is None for patch in series.patches):
        before = trees.tree_of(repository.tree_of(Path(target.tree), target.base) or target.base)
        series = rebase.as_diffs(series, before, trees)
    history = _history(base, place, options.base, target.base or target.base_commit, series, trees)
    return rebase.report(series, base, trees, options.fuzz, history, tell)


def _history(
    base: Base, place: Path, named: str | None, fork: str | None, series: Series, trees: TreeStore
) -> History | None:
    """What is below a base that is a commit of a repository, down to where the series left it, if that is known."""

    def tree_of(revision: str | None) -> str | None:
        return repository.tree_of(place, revision) if revision and place.is_dir() else None

    revision = next((one for one in (named, fork, "HEAD") if one and tree_of(one) == base.tree), None)
    since = fork if tree_of(fork) not in (None, base.tree) else None
    return History(place, revision, trees, series.patches, since) if revision is not None else None
