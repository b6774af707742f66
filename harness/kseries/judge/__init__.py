# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a series' states -> what is told of its patches: contracts, findings, advice. Pure functions."""

from kseries.judge.contracts import asked, contract_verdict
from kseries.judge.early import certain
from kseries.judge.judging import judge, known, with_proof

__all__ = ["asked", "certain", "contract_verdict", "judge", "known", "with_proof"]
