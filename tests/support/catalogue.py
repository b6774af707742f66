# SPDX-License-Identifier: GPL-2.0-only
"""The ways to get a feature wrong (mutants/CASE/ARCH/catalogue.toml), and the check that has to tell of each."""

import itertools
import tomllib
from typing import NamedTuple

import msgspec

from kseries import arch as archs
from kseries.host import paths
from kseries.inputs import testcase
from kseries.model import Finding, StateResult, Status
from kseries.sources import kernels
from tests.support.lab import MUTANTS, SPLIT

_FILE = "catalogue.toml"


class Named(NamedTuple):
    """A mutant: on what test case's tip, on what architecture, and the name of its patch."""

    case: str
    arch: str
    name: str

    @property
    def part(self) -> str:
        """The part of ``./kseries test --full`` that tries it."""
        return part(self.case, self.arch)


SAMPLE = (
    *(Named(SPLIT, "x86_64", name) for name in ("gpa", "exit-reason", "warn")),
    Named(SPLIT, "arm64", "writes-only"),
)
"""Mutants that every run of the tests kills: a wrong word, a wrong exit, a warning, what is missing."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """``killed_by`` is the check that must fail, ``words`` what it must say, ``wrong`` what the patch does."""

    wrong: str
    killed_by: str
    words: str


def sets() -> tuple[tuple[str, str], ...]:
    """The test cases that have mutants, each with every architecture that it has them on."""
    cases = sorted({file.parts[-3] for file in MUTANTS.glob(f"*/*/{_FILE}")})
    return tuple((case, arch) for case in cases for arch in archs.known() if (MUTANTS / case / arch / _FILE).exists())


def read() -> dict[Named, Mutant]:
    """All mutants of all sets."""
    return {
        Named(case, arch, name): msgspec.convert(mutant, Mutant)
        for case, arch in sets()
        for name, mutant in tomllib.loads((MUTANTS / case / arch / _FILE).read_text()).items()
    }


def part(case: str, arch: str) -> str:
    """The part of --full that tries a set: one for each architecture of the usual kernel, one for each other kernel."""
    tree = _tree(case)
    return f"mutants-{arch if tree == kernels.DEFAULT else tree.rpartition('-')[2]}"


def survival(mutant: Mutant, tip: StateResult, findings: tuple[Finding, ...]) -> str | None:
    """Why this mutant was not killed by the check that is about it; None where it was."""
    failed = {check.id: check.words for check in tip.checks if check.status is Status.FAIL}
    if mutant.killed_by not in failed:
        return f"{mutant.killed_by} has not failed; failed are {', '.join(failed) or 'none'}; {tip.detail}"
    if mutant.words not in failed[mutant.killed_by]:
        return f"{mutant.killed_by} does not say {mutant.words!r} but {failed[mutant.killed_by]!r}"
    told = {one.name for finding in findings for one in finding.evidence}
    return None if mutant.killed_by in told else f"no finding names {mutant.killed_by}"


def page() -> str:
    """docs/mutants.md."""
    parts = " ".join(dict.fromkeys(part(*one) for one in sets()))
    tables = (_table(case, tuple(group)) for case, group in itertools.groupby(read().items(), lambda one: one[0].case))
    return f"""# Mutants

Is a kernel that keeps its promise wrongly told from one that keeps it? Each patch in
[tests/guest/mutants](../tests/guest/mutants) goes on top of the tip of the test case that its folder is
named after, and makes one mistake that a real implementation could make. The check in its row has to fail,
in the words that `catalogue.toml` has for it, and a finding has to name it. The tip without such a patch and
the plain base raise nothing.

`./kseries test --full {parts}` tries them all, and boots tip and base 20 times
each. A few of them are part of `./kseries test`. These tables are made from the catalogues, and a test
compares them.
{"".join(tables)}"""


def _table(case: str, mutants: tuple[tuple[Named, Mutant], ...]) -> str:
    rows = "".join(f"| {key.arch} | `{key.name}` | {one.wrong} | `{one.killed_by}` |\n" for key, one in mutants)
    return f"""
## On [{case}](../testcases/{case}), {_tree(case)}

| | mutant | what is wrong | the check that tells |
|---|---|---|---|
{rows}"""


def _tree(case: str) -> str:
    return testcase.read(paths.project("testcases", case, testcase.FILE)).tree
