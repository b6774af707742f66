# SPDX-License-Identifier: GPL-2.0-only
"""docs/faults.md tells of what is tried here, and of no more."""

from collections.abc import Iterator

from kseries.host import paths
from tests.faults import test_cache, test_faults, test_host, test_signals


def rows() -> Iterator[str]:
    for what, victim, stage, outcome, detail in test_faults.TABLE:
        yield f"| `{what}` | {victim} | {stage} | {outcome}{': ' + detail if detail else ''} |"
    for what, victim, stage, outcome in test_host.TABLE:
        yield f"| {f'`{what}`' if what.startswith('kill') else what} | {victim} | {stage} | {outcome} |"
    for how, stage, outcome in test_signals.TABLE:
        yield f"| {how} | kseries | {stage} | {outcome} |"
    for how, what, stage, outcome in test_cache.TABLE:
        yield f"| {test_cache.HOW[how]} | {what} | {stage} | {outcome} |"


def test_the_documented_table_is_what_is_tried() -> None:
    page = paths.project("docs", "faults.md").read_text()
    table = "\n".join(("| fault | of | at | comes to |", "|---|---|---|---|", *rows(), ""))
    assert f"\n{table}\n" in page, table
