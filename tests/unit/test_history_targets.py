# SPDX-License-Identifier: GPL-2.0-only
"""A range with merges as a TARGET: for which commands, what becomes of it, and what a user gets wrong."""

from pathlib import Path
from typing import Any

import pytest

from kseries import cli, inputs
from kseries.bisect.commits import Commits, not_a_kernel
from kseries.host import processes
from kseries.inputs import Walk, gitrange
from kseries.model import Base, State
from kseries.model.errors import InputError
from kseries.model.lineage import Range
from kseries.sources import TreeStore, git
from tests.support.gitrepo import Repository, lines


@pytest.fixture
def theirs(tmp_path: Path) -> Repository:
    """base ── one ── two ── merge ── last, of which ``side`` was merged; ``linear`` is the tag of two."""
    theirs = Repository(tmp_path / "linux")
    theirs.commit("base", {"Makefile": "VERSION = 6\n", "Kconfig": "", "file": lines()})
    theirs.git("tag", "base")
    theirs.git("checkout", "--quiet", "-b", "side")
    theirs.commit("a\x1b[31m side", {"aside/file": "x\n"})
    theirs.git("checkout", "--quiet", "main")
    theirs.commit("one", {"file": lines(line2="one")})
    theirs.commit("two", {"file": lines(line2="one", line18="two")})
    theirs.git("tag", "linear")
    theirs.git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side")
    theirs.commit("last", {"last": "x\n"})
    return theirs


def load(theirs: Repository, revisions: str, walk: Walk | None) -> inputs.Target:
    return inputs.load(revisions, str(theirs.path), walk=walk)


def test_a_range_with_merges_is_a_series_of_one_patch_that_leads_from_good_to_bad(theirs: Repository) -> None:
    found = load(theirs, "base..main", Walk())
    good, bad = theirs.git("rev-parse", "base"), theirs.git("rev-parse", "main")
    assert found.history == Range(good=good, bad=bad)
    assert (found.tree, found.base) == (str(theirs.path), good)
    (patch,) = found.series.patches
    assert (patch.commit, patch.tree, patch.message, patch.diff) == (bad, theirs.tree("main"), "", None)
    assert load(theirs, "base..", Walk()).history == found.history


def test_a_linear_range_is_one_only_where_something_is_asked_that_a_history_has(theirs: Repository) -> None:
    assert load(theirs, "base..linear", Walk()) == load(theirs, "base..linear", None)
    assert len(load(theirs, "base..linear", Walk()).series.patches) == 2
    for walk in (Walk(first_parent=True), Walk(paths=("file",)), Walk(replayed=True)):
        found = load(theirs, "base..linear", walk)
        assert found.history is not None and len(found.series.patches) == 1
        assert (found.history.first_parent, found.history.paths) == (walk.first_parent, walk.paths)


def test_a_command_that_says_nothing_of_histories_has_none(theirs: Repository) -> None:
    with pytest.raises(InputError, match=r"base\.\.main has a merge, which is no patch"):
        load(theirs, "base..main", None)


@pytest.mark.parametrize(
    ("revisions", "walk", "said"),
    [
        ("base...main", Walk(), "is both sides of a fork"),
        ("base..nowhere", Walk(), "no such revision: nowhere, of base..nowhere"),
        ("nowhere..main", Walk(first_parent=True), "no such revision: nowhere"),
        (
            "main..base",
            Walk(),
            r"holds no commit in .*\n  main is made on base; the other way round it is base\.\.main",
        ),
        ("main..base", Walk(paths=("x",)), r"holds no commit in .*\n  main is made on base"),
        ("main..main", Walk(first_parent=True), r"holds no commit in .*\n  both ends are \w{12}"),
        (
            "base..main",
            Walk(paths=("virt/kvm", "x")),
            r"no commit of base\.\.main touches virt/kvm, x\n  paths are told",
        ),
        ("base..main", Walk(first_parent=True, paths=("nothing",)), "no commit of .* touches nothing"),
    ],
)
def test_what_is_no_history_is_told(theirs: Repository, revisions: str, walk: Walk, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(theirs, revisions, walk)


def test_of_a_clone_without_trees_nobody_knows_what_its_commits_touch(theirs: Repository, tmp_path: Path) -> None:
    theirs.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    theirs.git("clone", "--quiet", "--bare", "--filter=tree:0", f"file://{theirs.path}", str(clone))
    theirs.git("-C", str(clone), "archive", "--output", str(tmp_path / "main.tar"), "main")  # which fetches it
    assert inputs.load("base..main", str(clone), walk=Walk()).history is not None
    with pytest.raises(InputError, match=r"is a partial clone, and of base\.\.main it lacks \d+ objects"):
        inputs.load("base..main", str(clone), walk=Walk(paths=("nothing",)))


def test_paths_are_those_of_the_whole_repository_from_wherever_it_is_named(theirs: Repository) -> None:
    found = inputs.load("base..main", str(theirs.path / "aside"), walk=Walk(paths=("aside/file",)))
    assert found.history is not None
    with pytest.raises(InputError, match="touches aside/file/no"):
        inputs.load("base..main", str(theirs.path / "aside"), walk=Walk(paths=("aside/file/no",)))


def test_of_a_long_history_as_little_is_asked_as_of_a_short_one(
    theirs: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    whole = git.theirs

    def counted(path: Path, *words: str, **how: Any) -> processes.Done:
        done = whole(path, *words, **how)
        rows.append(done.stdout.count(b"\n"))
        return done

    monkeypatch.setattr(git, "theirs", counted)
    load(theirs, "base..main", Walk())
    before = [*rows]
    rows.clear()
    tree = theirs.tree("main")
    commit = theirs.git("rev-parse", "main")
    for number in range(30):
        commit = theirs.git("commit-tree", tree, "-p", commit, "-m", f"{number}\n\n{'x' * 1000}\n" * 3)
    theirs.git("update-ref", "refs/heads/long", commit)
    load(theirs, "base..long", Walk())
    assert rows == before


# --- its states ---------------------------------------------------------------------------------


@pytest.fixture
def commits(theirs: Repository, tmp_path: Path) -> Commits:
    trees = TreeStore(tmp_path / "trees.git")
    trees.add_repository(theirs.path)
    history = load(theirs, "base..main", Walk()).history
    assert history is not None
    return Commits(theirs.path, history, Base(name="base", version="6", tree=theirs.tree("base")), trees)


def test_states_are_commits_as_they_are(theirs: Repository, commits: Commits) -> None:
    two = theirs.git("rev-parse", "linear")
    assert commits.state(two) == State(id=two[:12], scenario="commit", applied=(), tree=theirs.tree("linear"))
    assert commits.find("linear") == State(id="linear", scenario="commit", applied=(), tree=theirs.tree("linear"))
    assert commits.find("base").tree == theirs.tree("base")
    assert commits.tip.tree == theirs.tree("main")
    for name in ("prefix-1", "nowhere", "without-nowhere", "without-"):
        with pytest.raises(InputError, match=rf"no such STATE: {name}\n  over history it is base, without-COMMIT"):
            commits.find(name)


@pytest.mark.parametrize("name", ["linear~1", "main", "main~1"])
def test_a_revert_is_what_git_revert_makes_of_it(theirs: Repository, commits: Commits, name: str) -> None:
    commit = theirs.git("rev-parse", name)
    merge = ("-m", "1") if name == "main~1" else ()
    theirs.git("checkout", "--quiet", "--detach", "main")
    theirs.git("revert", "--no-edit", *merge, commit)
    made = commits.without(commit)
    assert (made.id, made.tree, made.conflicts) == (f"without-{commit[:12]}", theirs.tree(), ())
    assert commits.find(f"without-{name}") == made


def test_a_revert_that_conflicts_says_where_and_one_of_the_first_commit_is_none(
    theirs: Repository, commits: Commits
) -> None:
    theirs.git("checkout", "--quiet", "main")
    theirs.commit("again", {"file": lines(line2="again", line18="two")})
    tip = theirs.tree()
    made = commits.without(theirs.git("rev-parse", "linear~1"), tip)
    assert (made.tree, made.conflicts) == (None, ("file",))
    assert commits.reverted(made, tip) is not None
    with pytest.raises(InputError, match=r"\w{12} is made on no commit, and so it cannot be reverted"):
        commits.without(theirs.git("rev-parse", "base"))


def test_what_is_told_of_commits_is_asked_in_one_go_and_fit_to_show(theirs: Repository, commits: Commits) -> None:
    ids = theirs.git("rev-list", "main").split()
    found = commits.each(ids)
    assert [one.id for one in found] == ids
    assert [one.merge for one in found] == [len(theirs.git("rev-parse", f"{one}^@").split()) > 1 for one in ids]
    assert "a side" in {one.subject for one in found}


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (("Makefile",), "no kernel tree: it has no Makefile at its top"),
        (("Makefile", "Kconfig"), "no kernel tree: it has no Makefile and no Kconfig at its top"),
        ((), None),
    ],
)
def test_a_tree_without_what_a_kernel_has_at_its_top_is_none(
    theirs: Repository, commits: Commits, tmp_path: Path, gone: tuple[str, ...], said: str | None
) -> None:
    theirs.git("checkout", "--quiet", "main")
    commit = theirs.commit("gone", dict.fromkeys(gone))
    why = not_a_kernel(commits.state(commit), TreeStore(tmp_path / "trees.git"))
    assert (why.said if why is not None else None) == said


# --- the command line ---------------------------------------------------------------------------


def test_paths_follow_two_dashes_wherever_options_stand() -> None:
    parser = cli._parser("bisect")
    args = parser.parse_args(["bisect", "a..b", "--tree", "linux", "--first-parent", "--", "virt/kvm", "--check"])
    assert (args.target, args.tree, args.paths, args.first_parent) == ("a..b", "linux", ["virt/kvm", "--check"], True)
    assert parser.parse_args(["bisect", "a..b"]).paths == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{patch}", "--first-parent"), "--first-parent: {patch} is no history\n  it goes with GOOD..BAD"),
        (("{patch}", "--", "virt"), "-- PATH: {patch} is no history"),
        (("base..main", "--replay", "{patch}"), "--replay {patch}, line 1: git bisect has no such line"),
        (("base..main", "--replay", "nowhere"), "--replay nowhere: "),
    ],
)
def test_options_of_histories_with_what_is_none_are_told(
    theirs: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    patch = tmp_path / "one.patch"
    patch.write_text("Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# one\n")
    given = [word.format(patch=patch) for word in words]
    assert cli.main(["bisect", given[0], "--tree", str(theirs.path), *given[1:]]) == 2
    assert said.format(patch=patch) in capsys.readouterr().err


def test_the_ends_of_a_range_are_told_by_their_whole_ids(theirs: Repository) -> None:
    ids = tuple(theirs.git("rev-parse", name) for name in ("base", "main"))
    assert gitrange.ends(theirs.path, "base..main") == gitrange.ends(theirs.path, "base..") == ids
