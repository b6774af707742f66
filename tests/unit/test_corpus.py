# SPDX-License-Identifier: GPL-2.0-only
"""What fuzzing starts from, and what it has found: every input of the corpus is read without a fault."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: str(path.relative_to(CORPUS)))
def test_an_input_of_the_corpus_is_read_without_a_fault(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_each_parser_has_a_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
