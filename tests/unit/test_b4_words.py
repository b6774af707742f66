# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a patch, in the words and forms that b4 takes, whatever somebody has written into a series."""

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from kseries.host import paths
from kseries.model import AppliedPatch, Base, Outcome, RunResult, SeriesSummary, sanitize
from kseries.report import b4, questions
from kseries.report.knownpatch import Known, told
from kseries.report.questions import Question
from tests.support.realb4 import CHECKS, KSERIES
from tests.support.runs import hostile, run, state

HOW = "kseries run base..topic"
BROKEN = (
    state("base"),
    state("prefix-1", 1, outcome=Outcome.BUILD_FAILED, detail="ERROR: modpost"),
    state("prefix-2", 2),
)


def known(of: RunResult, *, before: bool = True, after: bool = True) -> Known:
    return Known(of, Path("/out"), of.series.patches[0], questions.answers(of), before=before, after=after)


def series(text: str) -> SeriesSummary:
    patches = tuple(AppliedPatch(number=one, subject=text, tree_before="", tree_after="") for one in (1, 2))
    return SeriesSummary(name=text, version=1, patches=patches)


@given(hostile)
def test_each_thing_told_is_one_line_and_an_error_only_where_something_fails(text: str) -> None:
    text += "ERROR: "
    states = (*BROKEN[:1], msgspec.structs.replace(BROKEN[1], detail=text), BROKEN[2])
    broken = run(*states, series=series(text), base=Base(name=text, version="6.12", tree=""), words=(text,))
    waiting = msgspec.structs.replace(broken, states=(states[0], state("prefix-1", 1, outcome=Outcome.NOT_TRIED)))
    for here in (True, False):
        for one, errors in ((broken, here), (waiting, False)):
            lines = b4.lines(told([known(one, before=here)]), HOW)
            assert lines and [*map(sanitize.line, lines)] == [*lines]
            assert sum("ERROR:" in line for line in lines) == errors
            assert sum(line.count("ERROR:") for line in lines) == errors


@pytest.mark.parametrize(("file", "silent"), [("Documentation/x.rst", True), ("lib/Kconfig", False), ("lib.c", False)])
def test_of_prose_nothing_is_to_be_known_and_of_all_else_it_is_said(file: str, silent: bool) -> None:
    one = known(run(state("base"), state("prefix-1", 1), state("without-1", 1)))
    one = replace(one, patch=msgspec.structs.replace(one.patch, files=(file, "MAINTAINERS")))
    assert (b4.lines(told([one]), HOW) == ()) is silent
    (contract,) = (entry.answer for entry in told([one]) if entry.answer.question is Question.CONTRACT)
    assert "not judged" in contract.said


@pytest.mark.parametrize("file", ["Documentation/Kconfig", "Documentation/Makefile", "Documentation/sphinx/Makefile"])
def test_what_a_build_reads_is_no_prose(file: str) -> None:
    one = known(run(state("base"), state("prefix-1", 1), state("without-1", 1)))
    one = replace(one, patch=msgspec.structs.replace(one.patch, files=(file,)))
    assert b4.lines(told([one]), HOW) != ()


@pytest.mark.parametrize("outcome", [Outcome.NOT_BOOTED, Outcome.BUILD_FAILED])
def test_of_prose_it_is_said_that_it_was_not_booted_or_that_it_does_not_build(outcome: Outcome) -> None:
    base = state("base", outcome=outcome)
    one = known(run(base, state("prefix-1", 1, outcome=outcome), state("without-1", 1)))
    one = replace(one, patch=msgspec.structs.replace(one.patch, files=("Documentation/x.rst",)))
    (line,) = b4.lines(told([one]), HOW)
    assert line.startswith("not known: ")


@given(hostile)
def test_a_row_is_text_all_through_with_entries_that_b4_can_show(text: str) -> None:
    broken = run(*BROKEN, series=series(text), base=Base(name=text, version="6.12", tree=""), words=(text,))
    row = b4.row(told([known(broken)]), HOW, "")
    whole = b4.series_row([told([known(broken).at(number)]) for number in (1, 2)], HOW, "", b4.TOOL)
    for one in (row, whole):
        plain = json.loads(msgspec.json.encode(one))
        assert all(isinstance(value, str) for value in plain.values())
        assert plain["status"] == "fail" and "\n" not in plain["summary"]
        entries = json.loads(plain["details"])
        assert {entry["context"] for entry in entries} >= {*Question}
        assert all("\n" not in value for entry in entries for value in entry.values())


def test_the_page_has_the_configuration_that_the_real_b4_is_tried_with() -> None:
    page = paths.project("docs", "b4.md").read_text()
    told = re.findall(r"^git config --global --add b4\.(\S+) '(kseries .*)'$", page, re.MULTILINE)
    assert {name: value.replace("kseries", KSERIES, 1) for name, value in told} == CHECKS
