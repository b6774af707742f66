# SPDX-License-Identifier: GPL-2.0-only
"""What the documentation shows: commands that kseries takes, links that lead somewhere, options that there are."""

import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kseries.cli import _parser, completion, main, manpage, manual, parser, shells
from kseries.host import paths
from kseries.publish import registry
from tests.support import packages
from tests.support.gitrepo import Repository
from tests.support.runs import SPLIT

TOP = paths.project()
PAGES = sorted((TOP / "README.md", *(TOP / "docs").glob("*.md")))
_FLAGS = re.MULTILINE | re.DOTALL
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", _FLAGS)
_VERBS = "|".join(parser.commands(_parser()))
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
    assert told == manual.text(_parser()), "renew it with: python -m kseries.cli.manual > docs/command-line.md"


def test_the_man_page_is_what_the_parser_gives() -> None:
    told = (TOP / "docs" / "kseries.1").read_text()
    assert told == manpage.text(_parser()), "renew it with: python -m kseries.cli.manpage > docs/kseries.1"


@pytest.mark.parametrize(("shell", "name"), completion.FILES.items())
def test_what_a_shell_completes_with_is_what_the_parser_gives(
    shell: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = shells.text(_parser(), shell)
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == made, f"python -m kseries.cli.shells {shell} > docs/completion/{name}"


# --- jobs of CI systems ---------------------------------------------------------------------------

_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def read_yaml(text: str) -> dict[str, Any]:
    """A document of YAML, its scalars as text. Raises YAMLError for what is none."""
    read: dict[str, Any] = yaml.load(text, yaml.BaseLoader)
    return read


def jobs() -> tuple[dict[str, Any], dict[str, Any]]:
    """The workflow for GitHub, and the job for GitLab."""
    github, gitlab = map(read_yaml, _YAML.findall((TOP / "docs" / "how-to.md").read_text()))
    return github, gitlab


def test_what_is_no_yaml_is_not_read() -> None:
    for text in ("a: b: c\n", "jobs:\n  x:\n - y\n", "a: {b: 1\n"):
        with pytest.raises(yaml.YAMLError):
            read_yaml(text)


def test_the_workflow_for_github_takes_the_branch_and_not_a_merge() -> None:
    github, _ = jobs()
    assert list(github["on"]) == ["pull_request"] and github["permissions"] == {"contents": "read"}
    steps = {step.get("uses", "").partition("@")[0]: step for step in github["jobs"]["kseries"]["steps"]}
    head = "${{ github.event.pull_request.head.sha }}"
    checkout = steps["actions/checkout"]["with"]
    assert (checkout["ref"], checkout["fetch-depth"], checkout["persist-credentials"]) == (head, "0", "false")
    assert steps[""]["env"] == {"BASE": head.replace("head", "base"), "HEAD": head}
    paths = {one: steps[f"actions/{one}"]["with"]["path"] for one in ("cache/restore", "cache/save", "upload-artifact")}
    assert paths == {
        "cache/restore": "~/.cache/kseries",
        "cache/save": "~/.cache/kseries",
        "upload-artifact": "kseries-out/",
    }
    assert all(steps[f"actions/{one}"]["if"] == "always()" for one in ("cache/save", "upload-artifact"))


def test_the_jobs_validate_the_commits_of_the_branch_in_a_repository_of_anothers(tmp_path: Path) -> None:
    """Their scripts, with a kseries that says what it was asked for: base has gone on since the branch was made."""
    github, gitlab = jobs()
    repository = Repository(tmp_path / "linux")
    shas: dict[str, str] = {}
    for name, start in (("fork", None), ("head", None), ("base", "fork")):
        if start is not None:
            repository.git("checkout", "--quiet", "--detach", shas[start])
        repository.commit(name, {f"{name}.c": ""})
        shas[name] = repository.git("rev-parse", "HEAD")
    asked = tmp_path / "kseries"
    asked.write_text('#!/bin/sh\necho "$@"\n')
    asked.chmod(0o755)
    (script,) = (step["run"] for step in github["jobs"]["kseries"]["steps"] if "run" in step)
    of_github = {"BASE": shas["base"], "HEAD": shas["head"]}
    of_gitlab = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": shas["fork"], "CI_COMMIT_SHA": shas["head"]}
    merged = {**of_gitlab, "CI_COMMIT_SHA": "a merge", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": shas["head"]}
    by_line = "\n".join(gitlab["kseries"]["script"])
    for lines, given in ((script, of_github), (by_line, of_gitlab), (by_line, merged)):
        # As git sees a checkout of another user's (ensure_valid_ownership() in its setup.c).
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
        words = ["sh", "-e", "-c", lines.replace("/opt/kseries/kseries", str(asked))]
        done = subprocess.run(words, cwd=repository.path, env={**home, **given}, capture_output=True, text=True)
        assert done.stdout == f"run {shas['fork']}..{shas['head']}\n", done.stderr
        assert f"directory = {repository.path}" in (tmp_path / ".gitconfig").read_text()
        (tmp_path / ".gitconfig").unlink()


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


def _install_what_the_how_to_writes(site: Path) -> None:
    text = (TOP / "docs" / "how-to.md").read_text()
    ((code,), (project,)) = (re.findall(rf"^```{what}\n(.*?)^```", text, _FLAGS) for what in ("python", "toml"))
    ((name, value),) = tomllib.loads(project)["project"]["entry-points"][registry.GROUP].items()
    packages.install(site, value.partition(":")[0], code, name, value)


def test_what_the_how_to_does_with_a_finished_run_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("kseries-out", "v1-out", "v2-out"):
        (tmp_path / name).symlink_to(SPLIT)
    (tmp_path / "mails").mkdir()
    _install_what_the_how_to_writes(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    tried = 0
    for page, command in commands():
        words = shlex.split(command, comments=True)
        if page == "how-to.md" and words[0] in ("report", "compare"):
            assert main(words) == 0, command
            tried += 1
    assert tried >= 4
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
