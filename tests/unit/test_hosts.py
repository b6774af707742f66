# SPDX-License-Identifier: GPL-2.0-only
"""Where the states of a run were made: what each report says of it, and the chart of who was busy when."""

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.judge.compare import compare
from kseries.model import Outcome, RunResult, Stage, StateResult, TimedStage
from kseries.model.validate import fault
from kseries.report import busy, comparisons, hosts, html, junit, text
from kseries.sources.versions import match
from tests.support.clustered import clustered
from tests.support.runs import NASTY, hostile, run, split_run, state

NOWHERE = Path("/nonexistent")


def _stage(name: str, stage: str, began: float, ended: float, where: str = "alpha") -> TimedStage:
    return TimedStage(state=name, stage=Stage(stage), began=began, ended=ended, where=where)


# --- in words -------------------------------------------------------------------------------------


def test_a_run_of_one_host_says_nothing_of_it() -> None:
    assert list(hosts.lines(split_run())) == []
    assert "made on" not in text.render(split_run()).lower() and "Made on" not in html.render(split_run(), NOWHERE)


def test_the_hosts_are_counted_those_that_made_most_first() -> None:
    assert list(hosts.lines(clustered("beta", "alpha", states=4))) == [
        "made on 2 hosts: beta 3 states, alpha 2 states",
    ]
    assert "made on 2 hosts: beta 3 states, alpha 2 states" in text.render(clustered("beta", "alpha", states=4))
    assert "Made on 2 hosts: beta 3 states, alpha 2 states." in html.render(
        clustered("beta", "alpha", states=4), NOWHERE
    )


def test_this_host_is_one_of_them_and_what_was_not_made_is_not_counted() -> None:
    told = run(
        state("base"),
        state("prefix-1", 1, made_on="alpha"),
        state("prefix-2", 2, made_on="alpha", same_as="prefix-1"),
        state("without-1", 1, made_on="alpha", built_as="base"),
        state("without-2", 2, outcome=Outcome.CONFLICT),
    )
    assert list(hosts.lines(told)) == ["made on 2 hosts: this host 1 state, alpha 1 state"]


def test_of_many_hosts_the_first_are_named() -> None:
    (line,) = hosts.lines(clustered(*(f"host{number:02}" for number in range(32)), states=100))
    assert line.startswith("made on 32 hosts: host00 4 states, ") and line.endswith(" and 24 more")


def _failed(name: str, where: str) -> StateResult:
    return state(name, 1, outcome=Outcome.INFRA_ERROR, detail="QEMU did not come up", made_on=where)


def test_a_state_that_did_not_come_through_says_where_if_hosts_differ() -> None:
    two = run(_failed("prefix-1", "alpha"), _failed("without-1", "beta"), state("base", made_on="beta"))
    assert "prefix-1, without-1: infra-error on alpha, beta: QEMU did not come up" in text.render(two)
    one = run(_failed("prefix-1", "alpha"), state("base", made_on="alpha"))
    assert "prefix-1: infra-error: QEMU did not come up" in text.render(one)


def test_a_state_that_was_lost_with_its_hosts_was_made_on_none() -> None:
    lost = state("without-1", 1, outcome=Outcome.INFRA_ERROR, detail="lost with three hosts: alpha, beta, gamma")
    told = run(state("base", made_on="alpha"), state("prefix-1", 1, made_on="beta"), lost)
    assert list(hosts.lines(told)) == ["made on 2 hosts: alpha 1 state, beta 1 state"]
    assert "without-1: infra-error: lost with three hosts" in text.render(told)


def test_the_section_of_a_state_says_on_which_host_it_was_made() -> None:
    shown = html.render(clustered("alpha", "beta", states=2), NOWHERE)
    made = re.findall(r'<details id="state-(\S+?)".*?<dt>Made on</dt> <dd>(\w+)</dd>', shown, re.DOTALL)
    assert made == [("base", "alpha"), ("prefix-1", "beta"), ("without-1", "alpha")]


def test_a_suite_has_its_host_as_a_property() -> None:
    document = ElementTree.fromstring(junit.render(clustered("alpha", "beta", states=2), NOWHERE))
    told = [
        (suite.get("name"), one.get("value"))
        for suite in document.iter("testsuite")
        for one in suite.iter("property")
        if one.get("name") == "host"
    ]
    assert told == [("base", "alpha"), ("prefix-1", "beta"), ("without-1", "alpha")]
    assert 'name="host"' not in junit.render(split_run(), NOWHERE)


def test_the_same_run_elsewhere_and_at_another_time_is_the_same() -> None:
    here, there = clustered("", states=6), clustered("alpha", "beta", "gamma", states=6)
    patches = match(here.series.patches, there.series.patches, None)
    told = comparisons.render(compare(here, there, patches), here, there)
    assert told == comparisons.render(compare(here, here, patches), here, here)


# --- the chart ------------------------------------------------------------------------------------


def _chart(*stages: TimedStage) -> busy.Chart:
    made = busy.chart(run(state("base"), timeline=stages))
    assert made is not None
    return made


def test_where_nothing_was_built_there_is_no_chart() -> None:
    assert busy.chart(split_run()) is None
    assert 'class="times by-host"' not in html.render(split_run(), NOWHERE)


def test_a_host_is_a_row_with_its_builds_above_its_boots() -> None:
    chart = _chart(
        _stage("base", "build", 0.0, 10.0),
        _stage("prefix-1", "build", 10.0, 20.0),
        _stage("base", "boot", 10.0, 40.0),
        _stage("prefix-1", "boot", 20.0, 30.0),
        _stage("prefix-2", "build", 5.0, 15.0, where=""),
    )
    here, alpha = chart.rows
    assert (here.host, here.states, here.lanes, here.busy) == ("this host", 1, 1, 25.0)
    assert (alpha.host, alpha.states, alpha.lanes, alpha.busy) == ("alpha", 2, 3, 100.0)
    assert [(bar.name, bar.stage.stage, bar.lane, bar.left, bar.width) for bar in alpha.bars] == [
        ("base", "build", 0, 0.0, 25.0),
        ("prefix-1", "build", 0, 25.0, 25.0),
        ("base", "boot", 1, 25.0, 75.0),
        ("prefix-1", "boot", 2, 50.0, 25.0),
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from(("build", "boot"))), max_size=busy._LANES
    )
)
def test_no_bar_covers_another(spans: list[tuple[int, int, str]]) -> None:
    stages = [_stage(f"prefix-{n}", kind, began, began + took) for n, (began, took, kind) in enumerate(spans)]
    chart = busy.chart(run(state("base"), timeline=tuple(stages)))
    bars = [bar for row in chart.rows for bar in row.bars] if chart is not None else []
    assert len(bars) == len(spans)
    for one in bars:
        for other in bars:
            apart = one.left + one.width <= other.left + 0.01 or other.left + other.width <= one.left + 0.01
            assert one is other or one.lane != other.lane or apart


def test_a_chart_has_no_more_bars_and_lanes_than_a_page_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "_MOST", 7)
    chart = _chart(*(_stage(f"prefix-{number}", "build", 0.0, 9.0) for number in range(10)))
    assert (len(chart.rows[0].bars), chart.rows[0].lanes, chart.left_out) == (7, busy._LANES, 3)


def test_each_bar_says_what_it_is() -> None:
    shown = html.render(clustered("alpha", "beta", states=2), NOWHERE)
    assert 'aria-label="prefix-1: build, 1.0 s to 21.0 s"' in shown and 'title="base: boot, 21.0 s to 33.5 s"' in shown


def test_a_state_of_a_changed_series_is_told_by_that() -> None:
    of_squash = msgspec.structs.replace(_stage("prefix-1", "build", 0.0, 1.0), series="squash-1+2")
    assert _chart(of_squash).rows[0].bars[0].name == "prefix-1 of squash-1+2"


def test_a_stage_that_took_no_time_divides_nothing() -> None:
    assert _chart(_stage("base", "build", 0.0, 0.0)).rows[0].busy == 0.0


@given(bad=hostile)
def test_nobodys_name_of_a_host_becomes_markup(bad: str) -> None:
    _is_text(clustered(f"x{bad}", states=2), bad)


@pytest.mark.parametrize("bad", NASTY)
def test_no_name_that_means_something_in_markup_does_there(bad: str) -> None:
    _is_text(clustered(f"x{bad}", states=2), bad)


def _is_text(told: RunResult, bad: str) -> None:
    assert fault(told) is None
    shown = html.render(told, NOWHERE)
    assert shown.count("<td") == html.render(clustered("x", states=2), NOWHERE).count("<td")
    ElementTree.fromstring(junit.render(told, NOWHERE))
    assert "\x1b" not in text.render(told)
