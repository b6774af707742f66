# SPDX-License-Identifier: GPL-2.0-only
"""A test case: a directory with patches and a testcase.toml that says what must come out."""

import tomllib
from pathlib import Path

import msgspec

from kseries.host import untrusted
from kseries.inputs.variants import Asked
from kseries.model import FindingKind, Record
from kseries.model.errors import InputError
from kseries.probes.commands import Run
from kseries.sources import kernels

FILE = "testcase.toml"


class ExpectedFinding(Record, frozen=True, forbid_unknown_fields=True):
    """A finding that a test case must give: on every architecture, or on one."""

    kind: FindingKind
    state: str
    contract: str | None = None
    patch: int | None = None
    partner: int | None = None
    arch: str | None = None


class Expected(Record, frozen=True, forbid_unknown_fields=True):
    """The verdict and the findings that a test case must give: these and no others."""

    bisectable: bool
    revert_safe: bool
    findings: tuple[ExpectedFinding, ...] = ()


class TestCase(Record, frozen=True, forbid_unknown_fields=True):
    """testcase.toml: a series to validate, and what must come out."""

    __test__ = False  # pytest: not a class of tests

    title: str
    expect: Expected
    tree: str = kernels.DEFAULT
    probes: tuple[str, ...] | None = None
    """Those of ours that are run beside its own; all of them where it does not say."""
    run: tuple[Run, ...] = ()
    """Commands that are checks."""
    kunit: tuple[str, ...] = ()
    """Globs of KUnit's suites, as --kunit has them."""
    selftests: tuple[str, ...] = ()
    """Tests of the kernel's own, each as a word of --selftest."""
    userland: str | None = None
    """The userland that those need, where the user names no other."""
    variant: dict[str, Asked] = msgspec.field(default_factory=dict)
    """Variants by their names, of whose configurations a path is seen from the folder."""
    demo: bool = False
    """Whether ``kseries demo`` runs it, where that is asked for the kernel of ``tree``."""


def read(path: Path) -> TestCase:
    """A testcase.toml. Raises InputError."""
    try:
        return msgspec.convert(tomllib.loads(untrusted.text(path)), TestCase)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error
