# SPDX-License-Identifier: GPL-2.0-only
"""What the cache remembers of checks that fail by chance: bases are counted as they are seen, and findings say it.

Only boots of kernels with nobody's patches are counted, in the box, and of no TARGET that brings programs of its own:
what runs in a guest could fail the checks of others. No run fails for want of the memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Set

from msgspec.structs import replace

from kseries.app.options import Options
from kseries.cache import flakes
from kseries.cache.flakes import Family, Flakes
from kseries.host import paths
from kseries.host.database import DatabaseError
from kseries.model import Evidence, EvidenceKind, Finding, Plan, Tally, events
from kseries.model.errors import InfraError
from kseries.sources import TreeStore

FEWEST = 5
"""Boots that say something of a check."""
_TREES = 100
"""Other bases that are compared with the series: of more, the ones that were counted last."""
_KINDS = (EvidenceKind.CHECK, EvidenceKind.FLAKY)


def counting(tell: events.Listener, version: str, options: Options) -> events.Listener:
    """A listener that counts what is seen of a base with this version, and passes all on."""
    memory = _memory(tell)
    done: set[str] = set()  # a run has many plans, and base is in each
    well = True

    def heard(event: events.Event) -> None:
        nonlocal well
        tell(event)
        if not isinstance(event, events.BaseSeen) or not well or event.name in done:
            return
        done.add(event.name)
        try:
            _count(event, version, options, memory)
        except DatabaseError as error:
            well = False
            tell(events.Preparing(f"what fails by chance is not counted: {flakes.NAME}: {error}"))

    return heard


def _count(event: events.BaseSeen, version: str, options: Options, memory: Flakes) -> None:
    """Count what was seen, where it may be. Raises DatabaseError."""
    job, seen = event.job, event.seen
    is_nobodys = job.is_base and job.trusted and job.conditions.boxed and not options.brought
    if is_nobodys and seen.host is not None and flakes.tells(seen):
        memory.count(event.name, Family.of(version, seen.host.accel.name, job.conditions), seen)


def _memory(tell: events.Listener) -> Flakes:
    return Flakes(paths.cache(), lambda said: tell(events.Preparing(said)))


def rate(check: str, family: Family, tell: events.Listener, apart: Set[str] = frozenset()) -> Tally:
    """How often a check failed on kernels of a family with nobody's patches, but for the trees that are ``apart``; of
    none where that is not known.
    """
    try:
        failed, boots = _memory(tell).rate(check, family, apart)
    except DatabaseError as error:
        tell(events.Preparing(f"what fails by chance is not known: {flakes.NAME}: {error}"))
        failed = boots = 0
    return Tally(failed=failed, boots=boots)


def remembered(
    findings: tuple[Finding, ...], planned: Plan, family: Family, trees: TreeStore, tell: events.Listener
) -> tuple[Finding, ...]:
    """The findings, whose checks say how often they failed on kernels of a family without this series."""
    names = {one.name for finding in findings for one in finding.evidence if one.kind in _KINDS}
    try:
        tallies = _tallies(names, family, planned, trees, _memory(tell))
    except (DatabaseError, InfraError) as error:
        tell(events.Preparing(f"what fails by chance is not known: {flakes.NAME}: {error}"))
        return findings
    return tuple(_with(finding, tallies) for finding in findings)


def _tallies(
    names: Iterable[str], family: Family, planned: Plan, trees: TreeStore, memory: Flakes
) -> Mapping[str, Tally]:
    """Of each check that failed now and then. The bases that have the series are looked for where there is one."""
    found = _some(memory.rates(names, family))
    if not found:
        return {}
    return _some(memory.rates(found, family, frozenset(_with_series(memory.trees(family), planned, trees))))


def _some(rates: Mapping[str, tuple[int, int]]) -> dict[str, Tally]:
    return {
        name: Tally(failed=failed, boots=boots) for name, (failed, boots) in rates.items() if failed and boots >= FEWEST
    }


def _with_series(bases: tuple[str, ...], planned: Plan, trees: TreeStore) -> Iterator[str]:
    """The bases that have something of the series: a step of it, or a file as it leaves that. Of one that is not to
    be compared any more nobody knows.
    """
    base, tip = planned.base.tree, planned.patches[-1].tree_after
    steps = {patch.tree_after for patch in planned.patches} - {base}
    changed = frozenset(trees.changed_paths(base, tip))
    for number, one in enumerate(bases):
        if one in steps or (one != base and (number >= _TREES or not _is_without(one, changed, tip, trees))):
            yield one


def _is_without(tree: str, changed: frozenset[str], tip: str, trees: TreeStore) -> bool:
    return trees.has(tree) and changed <= {*trees.changed_paths(tree, tip)}


def _with(finding: Finding, tallies: Mapping[str, Tally]) -> Finding:
    told = tuple(_tallied(one, tallies) for one in finding.evidence)
    return replace(finding, evidence=told) if told != finding.evidence else finding


def _tallied(one: Evidence, tallies: Mapping[str, Tally]) -> Evidence:
    tally = tallies.get(one.name) if one.kind in _KINDS else None
    return replace(one, without_series=tally) if tally is not None else one
