# SPDX-License-Identifier: GPL-2.0-only
"""docs/glossary.md has each word of a result, and each of them once."""

import re
from collections import Counter
from enum import StrEnum

import pytest

from kseries.host import paths
from kseries.model import End, Ending, Exercise, FindingKind, Outcome, Status
from kseries.plan.scenarios import SCENARIOS

PAGE = paths.project("docs", "glossary.md").read_text()


def section(title: str) -> str:
    """What stands below a heading, up to the next one."""
    _, found, rest = PAGE.partition(f"# {title}\n")
    assert found, title
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[str]:
    """The first cell of each row of the tables in a text, without their heads."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    heads = re.findall(r"^\| ([^|]+) \|.*\n\|---", text, re.MULTILINE)
    return [cell for cell in cells if cell not in heads]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Kinds of findings", FindingKind),
        ("Outcomes", Outcome),
        ("Endings", Ending),
        ("Results of a check", Status),
        ("Exercise", Exercise),
        ("Ends of a journey", End),
        ("Scenarios", SCENARIOS),
    ],
)
def test_each_word_of_a_result_is_explained_and_no_other(title: str, words: type[StrEnum] | dict[str, object]) -> None:
    explained = [re.findall(r"`([^`]+)`", cell) for cell in rows(section(title))]
    assert all(set(names) & {*words} for names in explained), "a word that no result has"
    assert {*words} <= {name for names in explained for name in names}


def test_each_word_is_defined_once() -> None:
    words = rows(PAGE)
    assert len(words) > 70
    assert [word for word, count in Counter(words).items() if count > 1] == []


def test_every_meaning_is_a_sentence() -> None:
    for line in re.findall(r"^\| .* \|$", PAGE, re.MULTILINE):
        meaning = line.strip("| ").rpartition(" | ")[2]
        assert meaning in {"meaning", "state", "question"} or meaning[-1] in ".?", line
