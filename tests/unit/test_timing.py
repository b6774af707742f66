# SPDX-License-Identifier: GPL-2.0-only
"""How long a build may take, by those that were made before."""

from pathlib import Path

import pytest

from kseries.kbuild.timing import Timing
from kseries.model import Objects, Observation, Outcome


def build(seconds: float, *, ok: bool = True, compiled: int = 10, found: int = 0) -> Observation:
    objects = Objects(compiled=compiled, found=found)
    outcome = Outcome.OK if ok else Outcome.BUILD_FAILED
    return Observation(tree="t", outcome=outcome, objects=objects, seconds={"build": seconds})


@pytest.fixture
def pace(tmp_path: Path) -> Timing:
    return Timing(tmp_path)


def test_two_builds_of_different_size_make_a_measure(pace: Timing, tmp_path: Path) -> None:
    assert pace.seconds(5) is None
    pace.note(10, build(7.0))
    assert pace.seconds(10) is None
    pace.note(40, build(22.0))
    assert Timing(tmp_path).seconds(20) == pytest.approx(12.0)


def test_no_build_is_said_to_be_faster_than_the_fastest(pace: Timing) -> None:
    pace.note(10, build(5.0))
    pace.note(40, build(65.0))
    assert pace.seconds(0) == 5.0


@pytest.mark.parametrize("no_measure", [build(1.0, ok=False), build(1.0, found=9)])
def test_a_build_that_failed_or_that_ccache_had_is_no_measure(pace: Timing, no_measure: Observation) -> None:
    pace.note(10, build(7.0))
    pace.note(40, no_measure)
    assert pace.seconds(40) is None


def test_only_the_last_builds_count(pace: Timing) -> None:
    for _ in range(2):
        pace.note(1000, build(1000.0))
    for size in range(30):
        pace.note(size, build(float(size)))
    assert pace.seconds(100) == pytest.approx(100.0)


def test_a_file_that_is_not_ours_is_as_none(pace: Timing, tmp_path: Path) -> None:
    (tmp_path / "timing.json").write_bytes(b"\0half")
    assert pace.seconds(5) is None
    pace.note(1, build(1.0))
    pace.note(2, build(2.0))
    assert pace.seconds(3) == pytest.approx(3.0)
