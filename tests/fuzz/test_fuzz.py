# SPDX-License-Identifier: GPL-2.0-only
"""Ten minutes of every parser, each in a process of its own, for a fault ends it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SECONDS = 600
FEW = 10_000
"""Fewer runs than the slowest parser makes in that time on a slow host."""


@pytest.mark.full("fuzz")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str) -> None:
    words = [sys.executable, "-m", "tests.fuzz", target, str(SECONDS)]
    top = Path(__file__).resolve().parents[2]
    done = subprocess.run(words, cwd=top, capture_output=True, text=True, check=False, timeout=2 * SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    runs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    assert runs is not None and int(runs[1]) > FEW, done.stderr[-4000:]
