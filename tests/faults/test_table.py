# SPDX-License-Identifier: GPL-2.0-only
"""docs/faults.md tells of what is tried here, and of no more."""

from collections.abc import Iterator

from kseries.host import paths
from tests.support import faults


def rows() -> Iterator[str]:
    for what, victim, stage, outcome, detail in faults.PROCESSES:
        yield f"| `{what}` | {victim} | {stage} | {outcome}{': ' + detail if detail else ''} |"
    for what, victim, stage, outcome in faults.HOST:
        yield f"| {f'`{what}`' if what.startswith('kill') else what} | {victim} | {stage} | {outcome} |"
    for how, stage, outcome in faults.SIGNALS:
        yield f"| {how} | kseries | {stage} | {outcome} |"
    for what, victim, stage, outcome in faults.CLUSTER:
        yield f"| {f'`{what}`' if what.startswith('kill') else what} | {victim} | {stage} | {outcome} |"
    for what, victim, stage, outcome in (*faults.PUBLISHING, *faults.WATCH):
        yield f"| {f'`{what}`' if what.startswith('kill') else what} | {victim} | {stage} | {outcome} |"
    for how, what, stage, outcome in faults.CACHE:
        yield f"| {faults.CORRUPTIONS[how]} | {what} | {stage} | {outcome} |"


def test_the_documented_table_is_what_is_tried() -> None:
    page = paths.project("docs", "faults.md").read_text()
    table = "\n".join(("| fault | of | at | comes to |", "|---|---|---|---|", *rows(), ""))
    assert f"\n{table}\n" in page, table
