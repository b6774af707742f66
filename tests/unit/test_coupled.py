# SPDX-License-Identifier: GPL-2.0-only
"""Couplings and orders as the terminal shows them."""

from pathlib import Path

import msgspec

from kseries.judge.changelog import documented
from kseries.model import Advice, Bond, Coupling, FindingKind, Squash, Verdict
from kseries.report import html, text
from tests.support.runs import finding, run, state


def coupling(kind: Bond, patch: int, needs: int | None, contract: str | None = None) -> Coupling:
    return Coupling(kind=kind, patch=patch, needs=needs, state="base", contract=contract)


def test_each_patch_has_a_line_with_what_it_needs_and_for_what() -> None:
    couplings = (
        coupling(Bond.TEXTUAL, 2, 1),
        coupling(Bond.BEHAVIOUR, 2, 1, "feature"),
        coupling(Bond.BUILD, 2, None),
        coupling(Bond.BOOT, 1, 2),
    )
    said = text.render(run(state("base"), couplings=couplings))
    assert (
        "What depends on what:\n"
        "  2 needs 1 to apply; 1 to keep feature; more than the base to build\n"
        "  1 needs 2 to boot\n\n"
    ) in said


def test_a_run_without_couplings_says_nothing_of_them() -> None:
    assert "depends" not in text.render(run(state("base")))


def test_an_order_is_told_with_what_came_of_trying_it() -> None:
    hole = finding(FindingKind.BISECT_HOLE, "prefix-1", "x: fail", patch=1, advice=Advice(order=(2, 1), verified=True))
    said = text.render(run(state("base"), state("prefix-1", 1), findings=(hole,)))
    assert "Proved: reorder: 2 1. Built and judged: " in said


def test_three_patches_are_named_in_one_squash() -> None:
    given = Advice(squash=(1, 2, 3), verified=True)
    assert text.advice(run(state("base")), given).startswith("Proved: squash 1/2, 2/2 and 3/2, ")


def test_the_page_has_the_proof_of_an_order_beside_it(tmp_path: Path) -> None:
    given = Advice(order=(2, 1), verified=True)
    hole = finding(FindingKind.BISECT_HOLE, "prefix-1", "x: fail", patch=1, advice=given)
    verdict = Verdict(bisectable=True, revert_safe=True)
    tried = Squash(id=given.series, patches=(), states=(state("base"),), findings=(), verdict=verdict)
    page = html.render(run(state("base"), state("prefix-1", 1), findings=(hole,), squashes=(tried,)), tmp_path)
    assert "Proved: reorder: 2 1." in page
    assert "order-2+1: 0 patches, 1 states" in page


def test_what_would_help_a_changelog_is_told_and_would_help() -> None:
    found = finding(FindingKind.UNDOCUMENTED_DEPENDENCY, "base", "x: fail", patch=2, partner=1, contract="feature")
    said = text.render(run(state("base"), findings=(found,)))
    (line,) = (one for one in said.splitlines() if "What would help" in one)
    help_ = line.partition("changelog: ")[2]
    assert help_ == 'Depends-on: ("KVM: Patch 1")'
    promise, needed = (one for one in reversed(run().series.patches))
    assert not documented(promise, needed, "KVM_CAP_FEATURE")
    assert documented(msgspec.structs.replace(promise, message=help_), needed, "KVM_CAP_FEATURE")
