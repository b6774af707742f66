# SPDX-License-Identifier: GPL-2.0-only
"""What the documentation shows: commands that kseries takes, links that lead somewhere, options that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import resources
from harness.cli import _parser, main, manual
from tests.unit.runs import SPLIT

TOP = resources.project()
PAGES = sorted((TOP / "README.md", *(TOP / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VERBS = "demo|run|plan|try|bisect|shell|report|compare|runs|gc|doctor|test"
_COMMAND = re.compile(rf"^(?:.*\| )?(?:- run: |script: )?(?:\S*/)?kseries ((?:{_VERBS})\b.*)")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def commands() -> Iterator[tuple[str, str]]:
    """(page, words after "kseries") of each command in a block of code; comments left away."""
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if found := _COMMAND.match(line):
                    yield page.name, found[1]


def test_there_are_commands_to_look_at() -> None:
    assert len(list(commands())) > 20


@pytest.mark.parametrize(("page", "command"), list(commands()))
def test_every_command_shown_is_one_that_kseries_takes(page: str, command: str) -> None:
    _parser().parse_args(shlex.split(command, comments=True))


def test_the_command_line_is_documented_as_the_parser_has_it() -> None:
    told = (TOP / "docs" / "command-line.md").read_text()
    assert told == manual.text(_parser()), "renew it with: python -m harness.cli.manual > docs/command-line.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for file, heading in _LINK.findall(page.read_text()):
        if "://" in file:
            continue
        target = (page.parent / file) if file else page
        assert target.exists(), file
        if heading:
            assert heading in _anchors(target), f"{file}#{heading}"


def _anchors(page: Path) -> set[str]:
    """The ids that a forge gives to headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_what_the_how_to_does_with_a_finished_run_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("kseries-out", "v1-out", "v2-out"):
        (tmp_path / name).symlink_to(SPLIT)
    (tmp_path / "mails").mkdir()
    tried = 0
    for page, command in commands():
        words = shlex.split(command, comments=True)
        if page == "how-to.md" and words[0] in ("report", "compare"):
            assert main(words) == 0, command
            tried += 1
    assert tried >= 3
    assert list((tmp_path / "mails").glob("*.mail")) and (tmp_path / "compare.html").exists()
    capfdbinary.readouterr()


def test_each_shortcut_is_proved_by_a_test_that_is_there() -> None:
    rows = re.findall(r"^\| \*\*.*|^\| The same.*", (TOP / "docs" / "shortcuts.md").read_text(), re.MULTILINE)
    assert len(rows) > 4
    for row in rows:
        proofs = re.findall(r"`(tests/\S+\.py)`: ((?:`test_\w+`(?:, )?)+)", row)
        assert proofs, row
        for file, named in proofs:
            for test in re.findall(r"`(\w+)`", named):
                assert re.search(rf"^(async )?def {test}\(", (TOP / file).read_text(), re.MULTILINE), test
