# SPDX-License-Identifier: GPL-2.0-only
"""The bundled series with hidden couplings, and the one with none: what is found, and what is proposed cures it."""

from pathlib import Path
from typing import Any

import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.judge import expectation
from tests.support import kcidbs
from tests.support.commands import TOP, Kseries
from tests.support.told import read_one

pytestmark = pytest.mark.full("series")


def ran(kseries: Kseries, name: str, tmp_path: Path, *more: str) -> dict[str, Any]:
    case = TOP / "testcases" / name
    done = kseries("run", case, "--out", "out", *more)
    assert done.returncode in (0, 1), done.stderr
    result, _ = rundir.read(tmp_path / "out")
    testcase = inputs.load(str(case)).testcase
    assert testcase is not None
    assert expectation.differences(testcase.expect, result) == ()
    kcidbs.assert_taken(tmp_path / "out")
    whole: dict[str, Any] = read_one((tmp_path / "out" / "result.json").read_text())
    return whole


def by_behaviour(result: dict[str, Any]) -> set[tuple[int, int]]:
    return {(one["patch"], one["needs"]) for one in result["couplings"] if one["kind"] == "behaviour"}


def advised(result: dict[str, Any]) -> list[tuple[list[int], list[int], bool]]:
    given = [finding["advice"] for finding in result["findings"] if finding["advice"]]
    return [(one["squash"], one["order"], one["verified"]) for one in given]


def test_a_partner_two_patches_away_is_found_and_squashed(kseries: Kseries, tmp_path: Path) -> None:
    result = ran(kseries, "timerfd-semaphore", tmp_path, "--scenario", "prefixes,reverts,alone,journey")
    assert by_behaviour(result) == {(4, 2)}
    assert advised(result) == [([2, 4], [], True)]
    assert [one["id"] for one in result["squashes"]] == ["squash-2+4"]
    assert [one["blamed"] for one in result["journeys"]] == [1, 2, 3, 4, 5]
    assert {one["patch"]: one["end"] for one in result["journeys"]} == {
        1: "loud",
        2: "silently broken",
        3: "safe",
        4: "safe",
        5: "safe",
    }


def test_three_patches_are_one_squash_and_an_order_closes_the_hole(kseries: Kseries, tmp_path: Path) -> None:
    result = ran(kseries, "timerfd-sticky", tmp_path)
    assert by_behaviour(result) == {(2, 3), (2, 4)}
    squash, order = [2, 3, 4], [1, 3, 4, 2, 5]
    assert sorted(advised(result)) == sorted(
        [([], order, True), ([], order, True), (squash, [], True), (squash, [], True)]
    )
    assert {one["id"] for one in result["squashes"]} == {"squash-2+3+4", "order-1+3+4+2+5"}


@pytest.mark.parametrize("scenario", ["prefixes,reverts,alone,pairs"])
def test_of_a_clean_series_nothing_is_told(kseries: Kseries, tmp_path: Path, scenario: str) -> None:
    result = ran(kseries, "timerfd-clean", tmp_path, "--scenario", scenario)
    assert result["findings"] == [] and result["squashes"] == []
    assert by_behaviour(result) == set()


def test_the_split_series_has_one_squash_and_one_journey_that_ends_in_silence(kseries: Kseries, tmp_path: Path) -> None:
    result = ran(kseries, "exit-on-missing-split", tmp_path, "--scenario", "prefixes,reverts,alone,journey")
    assert by_behaviour(result) == {(4, 3)}
    assert advised(result) == [([3, 4], [], True)]
    journeys = {one["patch"]: one for one in result["journeys"]}
    ends = ["safe", "loud", "silently broken", "safe", "safe", "safe", "safe", "safe"]
    assert {number: one["end"] for number, one in journeys.items()} == dict(enumerate(ends, 1))
    # The fifth is documentation, the last two are of another architecture: no build here would notice.
    blamed = [1, 2, 3, 4, None, 6, None, None]
    assert {number: one["blamed"] for number, one in journeys.items()} == dict(enumerate(blamed, 1))
    told = kseries("report", "out").stdout
    assert "the kernel still advertises KVM_CAP_EXIT_ON_MISSING (by patch 4), and does not keep it: " in told
