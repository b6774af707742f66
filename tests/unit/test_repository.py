# SPDX-License-Identifier: GPL-2.0-only
"""A repository of somebody's: one that means harm, of whose programs none runs; and one that git or we cannot read."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.model import Plan
from kseries.model.errors import InputError
from kseries.sources import TreeStore, git, repository
from tests.support.gitrepo import ENVIRONMENT, Repository
from tests.support.users import readable_to_nobody, unprivileged


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
        options = Options(out=tmp_path / "out", tree=str(theirs.path)).of(target)
        planning.plan(target, options, TreeStore(tmp_path / "trees.git"), lambda _: None)
    except InputError:
        assert arm is partial, "of which a commit is missing"
    repository.ask(theirs.path, "rev-parse", ":file")
    assert not (tmp_path / "ran").exists()


# --- repositories that cannot be read as they are -----------------------------------------------


def planned(target: str, tree: Path, tmp_path: Path) -> Plan:
    """As `kseries plan TARGET --tree TREE` with a cache of its own."""
    found = inputs.load(target, str(tree))
    options = Options(out=tmp_path / "out", tree=str(tree)).of(found)
    return planning.plan(found, options, TreeStore(tmp_path / "trees.git"), lambda _: None)


def cures(error: pytest.ExceptionInfo[InputError], command: str) -> list[str]:
    """The commands that the second and last line of an error tells."""
    _, second = str(error.value).splitlines()
    return re.findall(rf"(git {command}.*?)(?:;|$)", second)


def shell(command: str, folder: Path) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_anothers_repository_is_named_with_the_whole_of_gits_cure(
    theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(git._THEIRS, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # ensure_valid_ownership()
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "p.patch").write_bytes(theirs.run("format-patch", "--stdout", "-1").stdout)
    for target in ("base..main", str(tmp_path / "p.patch")):
        with pytest.raises(InputError, match=f"^{theirs.path} belongs to another user, and so git does not") as error:
            planned(target, theirs.path, tmp_path)
        (cure,) = cures(error, "config")
        assert cure == f"git config --global --add safe.directory {theirs.path}"
    subprocess.run(cure.split(), check=True, env={**os.environ, "HOME": str(tmp_path)})
    assert len(planned("base..main", theirs.path, tmp_path).patches) == 1


def test_a_repository_of_sha256_is_named_and_an_export_of_it_is_read(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    subprocess.run(["git", "init", "-q", "-b", "main", "--object-format=sha256", theirs], check=True, env=ENVIRONMENT)
    made = Repository(theirs)
    made.commit("base", {"Makefile": "VERSION = 6\n", "file": "a\n"})
    made.git("tag", "base")
    made.commit("change it", {"file": "b\n"})
    with pytest.raises(InputError, match=f"^{theirs} has the object format sha256, and kseries reads sha1") as error:
        planned("base..main", theirs, tmp_path)
    for cure in (*cures(error, "archive"), *cures(error, "format-patch")):
        shell(cure.replace("REV", "base").replace("BASE.tar", "../base.tar").replace("DIR", "../dir"), theirs)
    assert len(planned(str(tmp_path / "dir"), tmp_path / "base.tar", tmp_path).patches) == 1


@pytest.mark.parametrize("kept", ["blob:none", "tree:0"])
def test_a_partial_clone_is_told_what_it_lacks_and_how_to_get_it(kept: str, theirs: Repository, tmp_path: Path) -> None:
    theirs.git("config", "uploadpack.allowFilter", "true")
    theirs.git("clone", "--quiet", "--no-checkout", f"--filter={kept}", f"file://{theirs.path}", str(tmp_path / "p q"))
    changed = {"blob:none": r"\d objects?, such as file", "tree:0": r"\d objects?"}[kept]
    for lacking in (
        f"base..main it lacks {changed}",
        rf"{theirs.git('rev-parse', 'base')[:12]} it lacks 1 object, such as Makefile",
    ):
        with pytest.raises(
            InputError, match=f"p q is a partial clone, and of {lacking}\n  have git fetch them: "
        ) as error:
            planned("base..main", tmp_path / "p q", tmp_path)
        (cure,) = cures(error, "-C")
        shell(cure, tmp_path)
    plan = planned("base..main", tmp_path / "p q", tmp_path)
    assert plan.patches[0].tree_after == theirs.tree("main")


def test_a_shallow_clone_is_told_how_to_get_what_lies_below(theirs: Repository, tmp_path: Path) -> None:
    theirs.git("clone", "--quiet", "--depth=1", "--no-tags", f"file://{theirs.path}", str(tmp_path / "shallow"))
    with pytest.raises(InputError, match=r"no such revision: base, of base\.\.main\n  it is a shallow clone") as error:
        planned("base..main", tmp_path / "shallow", tmp_path)
    (cure,) = cures(error, "-C")
    shell(cure, tmp_path)
    assert len(planned("base..main", tmp_path / "shallow", tmp_path).patches) == 1


@pytest.mark.parametrize("inside", ["", "lib"])
def test_no_base_is_called_by_where_we_are(
    inside: str, theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.commit("more", {"lib/more": "x\n"})
    monkeypatch.chdir(theirs.path / inside)
    base = theirs.git("rev-parse", "main~1")
    assert planned("main~1..main", Path(), tmp_path).base.name == f"{theirs.path / inside} {base}"
    target = inputs.load("main~1..main")
    plan = planning.plan(target, Options(out=tmp_path).of(target), TreeStore(tmp_path / "trees.git"), lambda _: None)
    assert plan.base.name == f"{theirs.path / inside} {base}"


def test_a_folder_of_a_repository_that_is_no_kernel_is_told_where_it_lies(
    theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.commit("more", {"lib/more": "x\n"})
    (tmp_path / "p.patch").write_bytes(theirs.run("format-patch", "--stdout", "-1").stdout)
    monkeypatch.chdir(theirs.path / "lib")
    said = (
        f"^{theirs.path}/lib is not a kernel tree: it has no Makefile\n  it lies in a repository: --tree {theirs.path}$"
    )
    with pytest.raises(InputError, match=said):
        planned(str(tmp_path / "p.patch"), Path(), tmp_path)


def test_a_linked_worktree_is_read_as_its_repository(theirs: Repository, tmp_path: Path) -> None:
    theirs.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "base")
    assert planned("base..main", tmp_path / "linked", tmp_path).patches[0].tree_after == theirs.tree("main")


def test_a_tree_that_may_not_be_entered_is_the_users_mistake(theirs: Repository, tmp_path: Path) -> None:
    (tmp_path / "p.patch").write_bytes(theirs.run("format-patch", "--stdout", "-1").stdout)
    with readable_to_nobody() as directory:
        directory.chmod(0o700 if os.geteuid() == 0 else 0)
        store, target = TreeStore(tmp_path / "trees.git"), inputs.load(str(tmp_path / "p.patch"))
        options = Options(out=tmp_path / "out", tree=str(directory))
        with unprivileged(), pytest.raises(InputError, match=f"^cannot read {directory}: Permission denied$"):
            planning.base_of(target, options, store, lambda _: None)
