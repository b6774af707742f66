# SPDX-License-Identifier: GPL-2.0-only
"""What a contract means: what it asks of a kernel, and whether a booted state keeps it (docs/how-it-works.md)."""

from collections.abc import Mapping, Set

import msgspec
from msgspec import UNSET

from kseries.judge import announced, losses
from kseries.judge.losses import GOOD
from kseries.model import Check, Contract, ContractVerdict, StateResult, Status


def asked(contract: Contract, probes: tuple[str, ...]) -> Contract:
    """A contract as far as these probes can tell; what the others would is left out, not missing."""
    when = (contract.when,) if announced.is_check(contract.when) else ()
    wanted, others = (*contract.checks, *contract.optional), (*contract.otherwise, *when)
    left_out, unasked = (
        tuple(name for name in names if name.rpartition(".")[0] not in probes) for names in (wanted, others)
    )
    gone = {*left_out, *unasked}
    checks, optional, otherwise = (
        tuple(name for name in names if name not in gone)
        for names in (contract.checks, contract.optional, contract.otherwise)
    )
    return msgspec.structs.replace(
        contract, checks=checks, optional=optional, otherwise=otherwise, left_out=left_out, unasked=unasked
    )


def is_absent(name: str, result: StateResult) -> bool:
    """True of a check of a test that the tree of a state does not have, and the tip's has."""
    return result.absent is not UNSET and name.rpartition(".")[0] in result.absent


def contract_verdict(
    contract: Contract, result: StateResult, tip: Mapping[str, Check] | None, flaky: Set[str] = frozenset()
) -> ContractVerdict:
    """Whether a booted state keeps a contract.

    A check that never came does not hold. A skip is a violation where the tip passed and the state
    advertises; where the tip skipped too, nobody knows, unless the check is optional. Nor does one know of a
    flaky check, of this state or of base, whose ``flaky`` ones judge nobody; nor of one that was left out, or of a test
    that the state's tree does not have yet: it may be what a broken kernel breaks; nor of any skip where the tip is not
    known (None). Where the check is left out by which it advertises, nobody knows whether it does; where that is of a
    test that its tree does not have yet, it does not, and is asked nothing.
    """
    if contract.when not in result.caps:
        return ContractVerdict(id=contract.id, capability=contract.when, advertised=None, holds=None)
    advertised = result.caps[contract.when] != 0
    checks = {check.id: check for check in result.checks}
    failed: list[str] = []
    untested = [*(contract.left_out if advertised else contract.unasked)]
    unknown = bool(untested)
    needed = (*contract.checks, *contract.optional) if advertised else contract.otherwise
    if not advertised and is_absent(contract.when, result):  # it may have what the test is about
        needed = ()
    for name in needed:
        status = checks[name].status if name in checks else Status.MISSING
        if name in result.flaky or name in flaky or not losses.came(name, result):
            unknown = True
        elif is_absent(name, result):
            unknown = True
            untested += [name] if advertised else []
        elif status is Status.SKIP:
            lost = advertised and tip is not None and name in tip and tip[name].status in GOOD
            failed += [name] if lost else []
            untested += [name] if advertised and not lost else []
            unknown = unknown or not (lost or (name in contract.optional and (tip is not None or not advertised)))
        elif status not in GOOD:
            failed.append(name)
    holds = False if failed else None if unknown or not needed else True
    return ContractVerdict(
        id=contract.id,
        capability=contract.when,
        advertised=advertised,
        holds=holds,
        failed=tuple(failed),
        untested=tuple(untested),
    )
