# SPDX-License-Identifier: GPL-2.0-only
"""Contracts as files: ours, and those that come with a series. What one means is in judge/contracts.py."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from kseries.host import paths, untrusted
from kseries.model import Contract
from kseries.model.errors import InputError, in_words
from kseries.probes import kunit

_FIELDS = frozenset({"id", "title", "when", "checks", "otherwise", "optional"})


def ours() -> tuple[Contract, ...]:
    """Every contract that we have (guests/contracts)."""
    return read(sorted(paths.project("guests", "contracts").glob("*.toml")))


def read(files: Iterable[Path]) -> tuple[Contract, ...]:
    """The contracts in some files: one each, or one in each of its ``[[contract]]``. Raises InputError."""
    return tuple(contract for file in files for contract in _read(file))


def _read(file: Path) -> Iterator[Contract]:
    try:
        held = tomllib.loads(untrusted.text(file))
    except OSError as error:
        raise InputError(f"cannot read the contract {file}: {in_words(error)}") from error
    except (ValueError, RecursionError) as error:  # tomllib on numbers too long, and on brackets in brackets
        raise InputError(f"cannot read the contract {file}: {error}") from error
    many = held.get("contract")
    for one in many if isinstance(many, list) else [held]:
        yield _contract(file, one)


def _contract(file: Path, held: Any) -> Contract:
    extra = sorted(held.keys() - _FIELDS) if isinstance(held, dict) else ["no table"]
    what = "a contract has id, title, when and checks, and may have otherwise and optional"
    if extra:
        raise InputError(f"{file}: {', '.join(extra)}: what is that?\n  {what}")
    try:
        return msgspec.convert(held, Contract)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {error}\n  {what}") from error


def check(contracts: Iterable[Contract], probes: frozenset[str]) -> None:
    """Raise InputError where two contracts have one id, or a check is of no probe that there is."""
    seen: set[str] = set()
    for contract in contracts:
        if contract.id in seen:
            raise InputError(f"two contracts are called {contract.id}\n  give one of them another id")
        seen.add(contract.id)
        when = (contract.when,) if "." in contract.when else ()
        for name in (*when, *contract.checks, *contract.otherwise, *contract.optional):
            probe = name.rpartition(".")[0]
            if probe not in probes and not kunit.is_check(name):
                raise InputError(
                    f"contract {contract.id}: {name} is of no probe that there is\n"
                    "  a check is called PROBE.CHECK; PROBE is one of ours, or what this run asks for beside them"
                )
