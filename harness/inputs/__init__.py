# SPDX-License-Identifier: GPL-2.0-only
"""What a TARGET is: a test case, a directory of patches, or a range of commits."""

import tomllib
from pathlib import Path

import msgspec

from harness import bases
from harness.errors import InputError
from harness.inputs import gitrange, patchdir
from harness.model import FindingKind, Record, Series


class ExpectedFinding(Record, frozen=True, forbid_unknown_fields=True):
    """A finding that a test case must give."""

    kind: FindingKind
    state: str
    contract: str | None = None
    patch: int | None = None
    partner: int | None = None


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
    tree: str = bases.DEFAULT


class Target(Record, frozen=True):
    """A series, and what its source says about the tree it belongs on."""

    series: Series
    tree: str | None = None
    base: str | None = None
    testcase: TestCase | None = None


def load(target: str, tree: str | None = None) -> Target:
    """Read a TARGET; ``tree`` is --tree, which a range needs. Raises InputError."""
    path = Path(target)
    try:
        if path.is_dir():
            return _directory(path)
        found = path.exists()
    except OSError as error:
        raise InputError(f"cannot read {target[:200]}: {error.strerror}") from error
    if found:
        raise InputError(f"{target} is a file\n  a TARGET is a test case, a directory of patches, or REV..REV")
    if ".." in target:
        repository = Path(tree or ".")
        series, fork = gitrange.read(repository, target)
        return Target(series=series, tree=str(repository), base=fork)
    raise InputError(f"no such TARGET: {target}\n  it takes a test case, a directory of patches, or REV..REV")


def _directory(path: Path) -> Target:
    if not (path / "testcase.toml").exists():
        return Target(series=patchdir.read(path))
    testcase = _testcase(path / "testcase.toml")
    series = msgspec.structs.replace(patchdir.read(path / "patches"), name=path.resolve().name)
    return Target(series=series, tree=testcase.tree, testcase=testcase)


def _testcase(path: Path) -> TestCase:
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), TestCase)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{path}: {error}") from error
