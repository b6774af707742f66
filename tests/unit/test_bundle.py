# SPDX-License-Identifier: GPL-2.0-only
"""A git bundle as TARGET: the commits in it, on those of --tree; and one that means harm."""

import hashlib
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.bisect.gitbisect import GitBisect
from kseries.inputs import bundle, files
from kseries.inputs.target import Target
from kseries.kbuild import checkpatch
from kseries.model import Plan
from kseries.model.errors import InputError
from kseries.report import reproduce
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines


@pytest.fixture
def theirs(tmp_path: Path) -> Repository:
    """Three commits on ``base``: a rename, a binary file, a mode; and one beside them."""
    theirs = Repository(tmp_path / "theirs")
    theirs.commit("base", {"Makefile": "VERSION = 6\n", "file": lines(30), "old": lines(9)})
    theirs.git("tag", "base")
    theirs.git("checkout", "--quiet", "-b", "side")
    theirs.commit("KVM: aside", {"aside": "x\n"})
    theirs.git("checkout", "--quiet", "-b", "topic", "base")
    theirs.commit("KVM: one\n\nWhy one.", {"file": lines(30, line3="one"), "blob": bytes(range(256)) * 9})
    theirs.git("mv", "old", "new")
    theirs.commit("KVM: two", {"new": lines(9, line4="two"), "blob": bytes(range(256)) * 8})
    (theirs.path / "file").chmod(0o755)
    theirs.commit("KVM: three")
    theirs.git("tag", "mid", "topic~1")
    return theirs


@pytest.fixture
def ours(theirs: Repository, tmp_path: Path) -> Repository:
    """A clone that has the base, and nothing of the topic."""
    theirs.git(
        "clone",
        "--quiet",
        "--single-branch",
        "--branch=base",
        "--no-tags",
        f"file://{theirs.path}",
        str(tmp_path / "ours"),
    )
    return Repository(tmp_path / "ours")


def made(theirs: Repository, *words: str, version: str = "2") -> Path:
    theirs.git("bundle", "create", "--quiet", f"--version={version}", "../t.bundle", *words)
    return theirs.path.parent / "t.bundle"


def loaded(path: Path | str, ours: Repository) -> Target:
    return inputs.load(str(path), str(ours.path))


def planned(target: Target, ours: Repository) -> Plan:
    options = Options(out=ours.path.parent / "out", tree=str(ours.path)).of(target)
    return planning.plan(target, options, TreeStore(ours.path.parent / "trees.git"), lambda _: None)


SUBJECTS = ["KVM: one", "KVM: two", "KVM: three"]


def test_a_bundle_can_be_tried_on_a_base(theirs: Repository, ours: Repository) -> None:
    target = loaded(made(theirs, "base..topic"), ours)
    options = Options(out=ours.path.parent / "out", tree=str(ours.path), base="HEAD")
    for one in (options, replace(options, base=None)):
        told = planning.rebased(target, one, TreeStore(ours.path.parent / "trees.git"), lambda _: None)
        assert (told.whole, told.tree) == (True, theirs.tree("topic"))


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_bundle_makes_the_trees_of_its_commits(version: str, theirs: Repository, ours: Repository) -> None:
    target = loaded(made(theirs, "base..topic", version=version), ours)
    assert (target.series.name, target.base) == ("t", theirs.git("rev-parse", "base"))
    assert [(patch.subject, patch.message) for patch in target.series.patches] == [
        ("KVM: one", "Why one."), ("KVM: two", ""), ("KVM: three", ""),
    ]  # fmt: skip
    trees = [patch.tree_after for patch in planned(target, ours).patches]
    assert trees == [theirs.tree(f"topic~{back}") for back in (2, 1, 0)]


def test_the_commits_of_a_bundle_are_known_and_nobody_is_asked_for_them(
    theirs: Repository, ours: Repository, tmp_path: Path
) -> None:
    """No repository here has them: what is run again is the bundle, and what bisects or checks takes the diffs."""
    path = made(theirs, "base..topic")
    target = loaded(path, ours)
    commits = [theirs.git("rev-parse", f"topic~{back}") for back in (2, 1, 0)]
    plan = planned(target, ours)
    assert [patch.commit for patch in plan.patches] == commits
    assert reproduce.lasting((str(path), "--quick"), target.base, target.series) == (str(path), "--quick")
    store = TreeStore(ours.path.parent / "trees.git")
    assert b"Why one." in checkpatch.as_mail(target.series.patches[0], store)
    own = GitBisect(tmp_path / "bisect.git", store).commits(plan.base.tree, plan.patches, target.series.patches)
    assert len(own) == 4 and not {*own} & {*commits}


@pytest.mark.parametrize(
    ("inside", "part", "subjects"),
    [
        (("base..topic", "base..side"), "topic", SUBJECTS),
        (("base..topic", "base..side"), "refs/heads/side", ["KVM: aside"]),
        (("topic", "side"), "base..topic", SUBJECTS),
        (("topic", "base"), "base..topic", SUBJECTS),
    ],
)
def test_a_part_of_a_bundle_may_be_named(
    inside: tuple[str, ...], part: str, subjects: list[str], theirs: Repository, ours: Repository
) -> None:
    target = loaded(f"{made(theirs, *inside)}:{part}", ours)
    assert [patch.subject for patch in target.series.patches] == subjects
    assert target.series.name == f"t:{part.replace('/', '-')}"


def test_nothing_of_it_is_left_in_the_users_repository(theirs: Repository, ours: Repository) -> None:
    planned(loaded(made(theirs, "base..topic"), ours), ours)
    assert ours.run("cat-file", "-e", theirs.git("rev-parse", "topic")).returncode != 0


@pytest.mark.parametrize(
    ("inside", "part", "said"),
    [
        (
            ("base..topic", "base..side"),
            "",
            r"t\.bundle has several tips: refs/heads/topic, refs/heads/side\n  name one",
        ),
        (
            ("base..topic",),
            ":x",
            r"t\.bundle has no one tip x: refs/heads/topic\n  name one: .*t\.bundle:refs/heads/topic$",
        ),
        (("topic",), "", r"t\.bundle has a whole history\n  say which part is the series: t\.bundle:BASE\.\.TIP"),
        (
            ("topic~1..topic",),
            "",
            r"t\.bundle stands on [0-9a-f]{12}, which .*ours lacks\n  name a repository that has",
        ),
        (
            ("topic", "mid"),
            ":mid..topic",
            r"t\.bundle: the series stands on [0-9a-f]{12}, which .* lacks\n  take the bundle",
        ),
    ],
)
def test_what_cannot_be_taken_is_told_with_what_to_do(
    inside: tuple[str, ...], part: str, said: str, theirs: Repository, ours: Repository
) -> None:
    path = made(theirs, *inside)
    with pytest.raises(InputError, match=said) as error:
        loaded(f"{path}{part}", ours)
    assert len(str(error.value).splitlines()) <= 2


def test_a_bundle_needs_the_repository_that_it_was_made_for(
    theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(theirs, "base..topic")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match=r"empty is no git repository\n  name with --tree the one that t\.bundle was"):
        inputs.load(str(path))


@pytest.mark.parametrize("keep", [20, 120, -30])
def test_one_that_is_cut_short_is_told(keep: int, theirs: Repository, ours: Repository) -> None:
    path = made(theirs, "base..topic")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        InputError, match=r"^t\.bundle is (a git bundle that is cut short|no git bundle that can be read)"
    ):
        loaded(path, ours)


def test_a_bundle_without_files_is_told(theirs: Repository, ours: Repository) -> None:
    path = made(theirs, "--filter=blob:none", "base..topic", version="3")
    with pytest.raises(InputError, match=r"^t\.bundle is a git bundle with filter=blob:none\n  make one without"):
        loaded(path, ours)


@pytest.mark.parametrize(
    ("module", "limit", "said"),
    [(bundle, "_OBJECTS_BYTES", "has objects of more than"), (files, "LIMIT", "changes files of more than")],
)
def test_what_unpacks_to_too_much_is_not_read(
    module: object, limit: str, said: str, theirs: Repository, ours: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.commit("KVM: large", {"large": bytes(1 << 22)})
    path = made(theirs, "base..topic")
    assert path.stat().st_size < 1 << 16
    monkeypatch.setattr(module, limit, 1 << 20)
    with pytest.raises(InputError, match=rf"^t\.bundle {said} 1 MiB"):
        loaded(path, ours)


def test_a_delta_that_makes_gigabytes_is_not_carried_out(theirs: Repository, ours: Repository) -> None:
    """512 times the 16 MiB of its base (gitformat-pack(5)): git would ask for 8 GiB."""
    base = bytes((1 << 24) - 1)
    entries = _entry(3, len(base)) + zlib.compress(base)
    delta = _number(len(base)) + _number(512 * len(base)) + 512 * b"\xf0\xff\xff\xff"
    back = len(entries)
    offset = bytes([back & 0x7F])
    while back := (back >> 7):
        back -= 1
        offset = bytes([0x80 | (back & 0x7F)]) + offset
    entries += _entry(6, len(delta)) + offset + zlib.compress(delta)
    pack = b"PACK" + (2).to_bytes(4) + (2).to_bytes(4) + entries
    oid = theirs.git("rev-parse", "base")
    head = f"# v2 git bundle\n-{oid} base\n{oid} refs/heads/topic\n\n"
    path = theirs.path.parent / "t.bundle"
    path.write_bytes(head.encode() + pack + hashlib.sha1(pack).digest())
    with pytest.raises(InputError, match=r"^t\.bundle is no git bundle that can be read: .*[Oo]ut of memory"):
        loaded(path, ours)


def _entry(kind: int, size: int) -> bytes:
    first, size = (kind << 4) | (size & 15), size >> 4
    return bytes([first | (0x80 if size else 0)]) + (_number(size) if size else b"")


def _number(value: int) -> bytes:
    low, value = value & 0x7F, value >> 7
    return bytes([low | (0x80 if value else 0)]) + (_number(value) if value else b"")


def test_a_merge_in_a_bundle_is_named(theirs: Repository, ours: Repository) -> None:
    theirs.git("merge", "--quiet", "--no-ff", "-m", "a merge", "side")
    with pytest.raises(InputError, match=r"^t\.bundle: \S+ has a merge, which is no patch: [0-9a-f]{12} \('a merge'\)"):
        loaded(made(theirs, "base..topic"), ours)
