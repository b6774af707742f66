# SPDX-License-Identifier: GPL-2.0-only
"""docs/kseries.1 as man shows it: it has what kseries has, and no word is lost on the way."""

import argparse
import ast
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from kseries.cli import _parser, manpage
from kseries.cli.parser import commands
from kseries.cli.parser import shown as listed
from kseries.host import paths

PAGE = paths.project("docs", "kseries.1")
_OURS = {"KSERIES_PYTHON", "KSERIES_DEPENDENCIES", "KSERIES_WORKER_JOBS"}
"""What kseries sets for what it starts."""
_WARNING = re.compile(r"(?:WARNING|ERROR|UNSUPP): (.*)")


def shown(*words: str) -> str:
    """The page on a terminal that is wide enough for each line."""
    done = subprocess.run(["mandoc", *words, PAGE], capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    return re.sub(".\b", "", done.stdout)


@pytest.fixture(scope="module")
def page() -> str:
    return shown("-T", "utf8", "-O", "width=1000")


def test_it_has_the_sections_that_a_reader_looks_for(page: str) -> None:
    assert re.findall(r"^[A-Z][A-Z ]+$", page, re.MULTILINE) == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"),
        *("EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"),
    ]


def test_nothing_in_it_is_wrong_but_that_it_has_no_date() -> None:
    """A date would make another page each day."""
    found = _WARNING.findall(shown("-T", "lint", "-W", "warning"))
    assert [one for one in found if not one.startswith("missing date")] == []
    assert len(found) == 1


def test_each_command_that_help_lists_is_in_it_and_no_other(page: str) -> None:
    assert re.findall(r"^   kseries ([\w-]+)$", page, re.MULTILINE) == [*commands(_parser())]


def words_of(command: argparse.ArgumentParser) -> Iterator[str]:
    """What a reader may look for: each option in full, each operand by its name."""
    for action in listed(command):
        yield from (action.option_strings[-1:] or [str(action.metavar)]) if action.dest != "help" else ()


def test_each_argument_of_a_command_is_in_its_part(page: str) -> None:
    _, *parts = re.split(r"^   kseries [\w-]+\n", page.partition("\nEXIT STATUS\n")[0], flags=re.MULTILINE)
    for (name, command), part in zip(commands(_parser()).items(), parts, strict=True):
        missing = [word for word in words_of(command) if word not in part]
        assert missing == [], name


def test_an_option_is_described_as_the_parser_has_it(page: str) -> None:
    """Among others one whose text begins a line with an apostrophe, which roff would take for a request."""
    assert "as in timers:posix_timers,rtcpie, or one with words, as in 'kvm:demand_paging_test -b 16M'" in page
    parser = argparse.ArgumentParser(prog="kseries", description="What?")
    run = parser.add_subparsers(title="commands").add_parser("run", help="x", description="Run.")
    run.add_argument("--odd", help=r"a \ and a - and (default: %(default)s)", default=3)
    assert "\n" + r"a \\ and a \- and (default: 3)" + "\n" in manpage.text(parser)


def test_each_variable_that_the_code_looks_at_is_in_it(page: str) -> None:
    named = {
        str(node.value)
        for module in paths.project("harness").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and re.fullmatch(r"KSERIES_[A-Z_]+", str(node.value))
    }
    assert named > _OURS
    assert {name for name in named - _OURS if name not in page} == set()


def test_each_example_is_a_command_that_kseries_takes(page: str) -> None:
    examples = re.findall(r"^ +(?:git bisect run )?kseries (.*)$", page.partition("\nEXAMPLES\n")[2], re.MULTILINE)
    assert len(examples) > 6
    for example in examples:
        _parser().parse_args(shlex.split(example))
