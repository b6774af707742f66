# SPDX-License-Identifier: GPL-2.0-only
"""A repository that means harm: its configuration names programs, and none of them runs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import inputs, session
from harness.errors import InputError
from harness.trees import TreeStore, repository
from tests.unit.gitrepo import ENVIRONMENT, Repository


@pytest.fixture
def theirs(tmp_path: Path) -> Repository:
    theirs = Repository(tmp_path / "theirs")
    theirs.commit("base", {"Makefile": "VERSION = 6\n", "file": "a\n"})
    theirs.git("tag", "base")
    theirs.commit("change it", {"file": "b\n"})
    os.utime(theirs.path / "file", (1, 1))  # so that whoever compares it has to read it
    return theirs


def program(theirs: Repository) -> str:
    """One that leaves a trace wherever it is run."""
    (theirs.path.parent / "evil").write_text(f"#!/bin/sh\ntouch {theirs.path.parent}/ran\nexit 1\n")
    (theirs.path.parent / "evil").chmod(0o755)
    return str(theirs.path.parent / "evil")


def watched(theirs: Repository, evil: str) -> None:
    theirs.git("config", "core.fsmonitor", evil)


def watched_by_its_index(theirs: Repository, evil: str) -> None:
    """Whoever reads this index asks the monitor, and not only who compares files."""
    watched(theirs, evil)
    theirs.git("update-index", "--fsmonitor")


def filtered(theirs: Repository, evil: str) -> None:
    (theirs.path / ".git" / "info").mkdir(exist_ok=True)
    (theirs.path / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    for name in ("filter.x.clean", "filter.x.process", "diff.x.textconv", "diff.x.command", "diff.external"):
        theirs.git("config", name, evil)


def signed(theirs: Repository, evil: str) -> None:
    theirs.git("config", "log.showSignature", "true")
    theirs.git("config", "gpg.program", evil)
    commit = theirs.git("cat-file", "commit", "HEAD")
    head, _, message = commit.partition("\n\n")
    text = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{message}\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=theirs.path,
        env=ENVIRONMENT,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs.git("update-ref", "HEAD", made.stdout.strip())


def partial(theirs: Repository, evil: str) -> None:
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "evil",
        "remote.evil.url": str(theirs.path),
        "remote.evil.promisor": "true",
        "remote.evil.uploadpack": evil,
    }.items():
        theirs.git("config", name, value)
    base = theirs.git("rev-parse", "base")
    (theirs.path / ".git" / "objects" / base[:2] / base[2:]).unlink()


@pytest.mark.parametrize(
    ("arm", "fires"),
    [
        (watched, ("status",)),
        (watched_by_its_index, ("rev-parse", ":file")),
        (filtered, ("status",)),
        (signed, ("log", "-1")),
        (partial, ("log", "base")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_program_that_a_repository_names_is_run(
    theirs: Repository, arm: Callable[[Repository, str], None], fires: tuple[str, ...], tmp_path: Path
) -> None:
    arm(theirs, program(theirs))
    subprocess.run(["git", *fires], cwd=theirs.path, env=ENVIRONMENT, capture_output=True, check=False)
    assert (tmp_path / "ran").exists(), "it is armed"
    (tmp_path / "ran").unlink()
    try:
        target = inputs.load("HEAD~1..HEAD", str(theirs.path))
        options = session.Options(out=tmp_path / "out", tree=str(theirs.path)).of(target)
        session.plan(target, options, TreeStore(tmp_path / "trees.git"), lambda _: None)
    except InputError:
        assert arm is partial, "of which a commit is missing"
    repository.ask(theirs.path, "rev-parse", ":file")
    assert not (tmp_path / "ran").exists()
