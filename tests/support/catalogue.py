# SPDX-License-Identifier: GPL-2.0-only
"""The ways to get exit-on-missing wrong (mutants/ARCH/catalogue.toml), and the check that has to tell of each."""

import tomllib

import msgspec

from kseries import arch as archs
from kseries.model import Finding, StateResult, Status
from tests.support.lab import MUTANTS

SAMPLE = (*(("x86_64", name) for name in ("gpa", "exit-reason", "warn")), ("arm64", "writes-only"))
"""Mutants that every run of the tests kills: a wrong word, a wrong exit, a warning, what is missing."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """``killed_by`` is the check that must fail, ``words`` what it must say, ``wrong`` what the patch does."""

    wrong: str
    killed_by: str
    words: str


def read() -> dict[tuple[str, str], Mutant]:
    """All mutants, by architecture and the name of their patch."""
    tables = {arch: tomllib.loads((MUTANTS / arch / "catalogue.toml").read_text()) for arch in archs.known()}
    return {
        (arch, name): msgspec.convert(mutant, Mutant)
        for arch, table in tables.items()
        for name, mutant in table.items()
    }


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
    rows = "".join(f"| {arch} | `{name}` | {one.wrong} | `{one.killed_by}` |\n" for (arch, name), one in read().items())
    return f"""# Mutants

Is a kernel that keeps its promise wrongly told from one that keeps it? Each patch in
[tests/guest/mutants](../tests/guest/mutants) goes on top of the tip of
[exit-on-missing-split](../testcases/exit-on-missing-split), and makes one mistake that a real
implementation could make. The check in its row has to fail, in the words that `catalogue.toml` has
for it, and a finding has to name it. The tip without such a patch and the plain base raise nothing.

`./kseries test --full mutants-x86_64 mutants-arm64` tries them all, and boots tip and base 20 times each. A few of
them are part of `./kseries test`. This table is made from the catalogue, and a test compares the two.

| | mutant | what is wrong | the check that tells |
|---|---|---|---|
{rows}"""
