# SPDX-License-Identifier: GPL-2.0-only
"""By which names the answers of a run go where each patch has a list of checks: Patchwork's contexts, NIPA's tests."""

import re

from kseries.host import checksums
from kseries.model import RunResult
from kseries.report.questions import Question

_LABEL = 60
"""Characters of a label that a context has room for. Patchwork takes 255, and shows it in a narrow column."""


def context(run: RunResult, question: Question) -> str:
    """By which a check goes. That a patch applies is so of each variant; all else is of one, and has its label."""
    if question is Question.APPLY:
        return f"kseries-{question}"
    return f"kseries-{question}-{slug(run.variant.label or run.arch)}"


def slug(label: str) -> str:
    """A label of letters, digits, ``_`` and ``-`` alone, as a context has to be. No two labels have the same."""
    if re.fullmatch(rf"[A-Za-z0-9_-]{{1,{_LABEL}}}", label) and not re.search("-[0-9a-f]{8}$", label):
        return label
    digest = checksums.of_bytes(label.encode(errors="surrogatepass"))[:8]
    return f"{re.sub('[^A-Za-z0-9_]+', '-', label)[:_LABEL].strip('-') or 'label'}-{digest}"
