# SPDX-License-Identifier: GPL-2.0-only
"""A run with a budget begins no state once that is used up, says what it has left out, and the next one goes on."""

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import tinyseries
from tests.support.commands import typed

PATCHES = 3
BUILDS = 2
"""Seconds that a build takes at least: more than the shortest budget."""
WORDS = ("run", "base..topic", "--tree", "linux", "--probe", "capabilities")
MOST_RUNS = 12
"""Each has twice the time of the one before it, so the last has more than an hour."""


@dataclass(frozen=True)
class Lab:
    """A folder with a repository that runs are made in, and a cache that they share."""

    place: Path
    cache: str = "cache"

    def kseries(self, *words: str | Path, cache: str | None = None) -> tuple[int, str, str]:
        """The exit status of a command, and what it printed."""
        done = typed(self.place, *words, XDG_CACHE_HOME=str(self.place / (cache or self.cache)))
        return done.returncode, done.stdout, done.stderr

    def result(self, out: str, *inside: str) -> dict[str, Any]:
        """What result.json has of the one variant of a run."""
        (found,) = json.loads(Path(self.place, out, *inside, "result.json").read_text())["variants"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    tinyseries.repository(tmp_path / "linux", PATCHES, broken=2, sleep=[BUILDS])
    return Lab(tmp_path)


def left_out(result: dict[str, Any]) -> list[str]:
    return [state["id"] for state in result["states"] if state["outcome"] == "not-tried"]


def built(result: dict[str, Any]) -> list[tuple[str, str]]:
    stages = [one for one in result.get("timeline", []) if one["stage"] == "build"]
    return [(one.get("series", ""), one["state"]) for one in stages]


def test_runs_with_a_budget_come_to_what_one_without_comes_to_and_build_nothing_twice(lab: Lab) -> None:
    status, printed, said = lab.kseries(*WORDS, "--budget", "1s", "--out", "out")
    first = lab.result("out")
    names = [state["id"] for state in first["states"]]
    assert status == 0, (printed, said)
    assert built(first) == [("", "base")], "it takes longer than the budget, and there is no result without it"
    assert first["partial"] and first["budget"] == {"seconds": 1, "left_out": left_out(first)}
    total, some = len(names), ", ".join(left_out(first)[:5])
    told = f"budget of 1s used up: {len(left_out(first))} of {total} states not tried: {some}"
    assert f"PARTIAL: {told}" in printed and "it did for base alone" in printed and "run it again to go on" in printed
    assert "kernels of base..topic not begun" in said
    (page, junit) = (lab.place / "out" / name for name in ("report.html", "junit.xml"))
    assert told in page.read_text() and "interrupted" not in page.read_text()
    assert {suite.get("errors") for suite in ET.parse(junit).getroot()} == {"0"}
    begun, seconds = built(first), 4
    for _ in range(MOST_RUNS):
        status, printed, said = lab.kseries(*WORDS, "--budget", f"{seconds}s", "--out", "out")
        result = lab.result("out")
        begun += built(result)
        assert status == (1 if result["findings"] else 0), (printed, said)
        if not result["partial"]:
            break
        assert "used up" in printed and "interrupted" not in printed + said
        seconds *= 2
    assert result["budget"] == {"seconds": seconds, "left_out": []} and not result["partial"]
    assert len({*begun}) == len(begun), "a state was built twice"
    whole = lab.kseries(*WORDS, "--out", "whole", cache="another")
    assert whole[0] == status == 1 and "SILENT-BREAK" in whole[1], whole
    assert sorted(begun) == sorted(built(lab.result("whole")))
    assert tinyseries.essence(lab.place / "out" / "result.json") == tinyseries.essence(
        lab.place / "whole" / "result.json"
    )


def test_a_run_that_its_budget_has_cut_short_is_listed_as_ended_and_compared_with_nothing(lab: Lab) -> None:
    whole = (*WORDS[:2], *WORDS[2:], "--scenario", "prefixes")
    assert lab.kseries(*WORDS, "--budget", "1s", "--out", "part")[0] == 0
    (run,) = json.loads(lab.kseries("runs", "--json")[1])["runs"]
    assert (run["stage"], run["exit_status"], run["states_done"]) == ("ended", 0, 1) and run["states"] > 1
    assert f"not judged, 1 of {run['states']}" in lab.kseries("runs")[1]
    assert lab.kseries(*whole, "--out", "whole")[0] == 1
    status, printed, said = lab.kseries("compare", "part", "whole")
    assert status == 2 and "is of a run whose budget was used up, and a part" in said
    status, printed, said = lab.kseries("compare", "whole")
    assert status == 2 and "there is no other run" in said, "the one that is there is a part"
    assert lab.kseries(*WORDS, "--budget", "1s", "--out", "strict", "--strict", "--make", "W=1")[0] == 1
    again = (*whole, "--make", "W=1", "--budget", "1", "--baseline", "whole", "--out", "again")
    status, printed, said = lab.kseries(*again)
    assert status == 0 and "not compared with whole: budget of 1s used up" in said, (printed, said)
    assert "WORSE" not in printed.upper() and not (lab.place / "again" / "compare.html").exists()


def test_each_variant_has_base_and_its_share(lab: Lab) -> None:
    asked = ("--variant", "one=make:W=1", "--variant", "two=make:C=0")
    status, printed, said = lab.kseries(*WORDS, *asked, "--budget", "1s", "--out", "out")
    assert status == 0, (printed, said)
    one, two = lab.result("out", "one"), lab.result("out", "two")
    assert (one["budget"]["seconds"], two["budget"]["seconds"]) == (1, 1)
    assert one["budget"]["share"] <= 0.5 and two["budget"]["share"] == 0
    assert [built(one), built(two)] == [[("", "base")]] * 2
    assert printed.count("PARTIAL: budget of 1s used up: ") == 2


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("0", "argument --budget: 0 is no time for anything"),
        ("-20m", "argument --budget"),
        ("twenty", "argument --budget: twenty is no time, as 20m"),
    ],
)
def test_a_budget_that_is_none_is_refused_before_anything_begins(tmp_path: Path, budget: str, said: str) -> None:
    status, printed, told = Lab(tmp_path).kseries(*WORDS, "--budget", budget)
    assert status == 2 and printed == "" and said in told and "Traceback" not in told
    assert not (tmp_path / "kseries-out").exists()
