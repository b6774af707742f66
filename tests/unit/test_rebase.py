# SPDX-License-Identifier: GPL-2.0-only
"""kseries plan --apply: what becomes of every patch of a series on another base."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from kseries import cli
from kseries.cli import main, target
from kseries.model import Base, Patch, Series
from kseries.plan import rebase
from kseries.plan.rebase import Fate, Rebase, Same
from kseries.report import rebased
from kseries.sources import TreeStore, repository
from kseries.sources.history import History
from tests.support import mails
from tests.support.gitrepo import Repository, lines

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\n"
OLD = {"Makefile": MAKEFILE, "mm/a.c": lines(30), "mm/b.c": lines(30), "mm/c.c": lines(9)}


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A kernel with the tag ``old``."""
    repository = Repository(tmp_path / "linux")
    repository.commit("old", OLD)
    repository.git("tag", "old")
    return repository


def series(linux: Repository, *changes: tuple[str, dict[str, str]]) -> Series:
    """Patches made on the old kernel, one on top of the other; the branch ``topic`` has them."""
    linux.git("checkout", "--quiet", "-B", "topic", "old")
    patches: list[Patch] = []
    for number, (subject, files) in enumerate(changes, 1):
        commit = linux.commit(subject, files)
        diff = linux.run("diff-tree", "-p", "--root", commit).stdout
        author = "A U Thor <author@example.com>"
        patches.append(Patch(number=number, subject=subject, origin=f"{number}.patch", diff=diff, author=author))
    linux.git("checkout", "--quiet", "main")
    return Series(name="q", version=1, patches=tuple(patches))


def told(linux: Repository, some: Series, fuzz: int = 0) -> Rebase:
    """The report for HEAD of the kernel."""
    store = TreeStore(linux.path.parent / "trees.git")
    store.add_repository(linux.path)
    base = Base(name="linux HEAD", version="6.12", tree=linux.tree())
    return rebase.report(some, base, store, fuzz, History(linux.path, "HEAD", store, some.patches))


def fates(report: Rebase) -> list[tuple[Fate, bool]]:
    return [(patch.fate, patch.applied) for patch in report.patches]


A10 = ("mm: ten", {"mm/a.c": lines(30, line10="ten")})
A11 = ("mm: eleven", {"mm/a.c": lines(30, line10="ten", line11="eleven")})
B20 = ("mm: twenty", {"mm/b.c": lines(30, line20="twenty")})


def test_where_all_apply_the_tree_is_that_of_the_series(linux: Repository) -> None:
    some = series(linux, A10, A11, B20)
    linux.commit("elsewhere", {"new": "new\n"})
    report = told(linux, some)
    assert report.whole and fates(report) == [(Fate.APPLIES, True)] * 3
    linux.git("merge", "--quiet", "topic")
    assert report.tree == linux.tree()


def test_what_fails_is_left_out_and_the_next_is_tried(linux: Repository) -> None:
    some = series(linux, A10, A11, B20)
    linux.commit("in the way", {"mm/a.c": lines(30, line10="10")})
    report = told(linux, some)
    assert fates(report) == [(Fate.REJECTED, False), (Fate.REJECTED, False), (Fate.APPLIES, True)]
    assert not report.whole
    (hunk,) = report.patches[0].rejected
    assert (hunk.file, hunk.hunk, hunk.of, hunk.line, hunk.at) == ("mm/a.c", 1, 1, 7, 9)
    assert hunk.expects[:2] == ("line 9", "line 10") and hunk.stands[:2] == ("line 9", "10")
    assert report.patches[0].why == "patch failed: mm/a.c:7; mm/a.c: patch does not apply"


def test_what_fails_on_others_and_not_alone_is_told(linux: Repository) -> None:
    some = series(linux, A10, ("mm: the same place", {"mm/a.c": lines(30, line10="another")}))
    alone = linux.run("diff", "old", "topic").stdout
    first, second = some.patches
    some = msgspec.structs.replace(some, patches=(first, msgspec.structs.replace(second, diff=alone)))
    report = told(linux, some)
    assert [(one.fate, one.alone) for one in report.patches] == [(Fate.APPLIES, None), (Fate.REJECTED, True)]
    assert "alone on the base it applies" in rebased.render(report)


def test_with_nothing_under_it_there_is_no_alone(linux: Repository) -> None:
    some = series(linux, A10)
    linux.commit("in the way", {"mm/a.c": lines(30, line10="10")})
    assert [one.alone for one in told(linux, some).patches] == [None]


@pytest.mark.parametrize(("fuzz", "applied"), [(0, False), (1, True)])
def test_what_takes_fuzz_is_told_and_applied_only_where_that_is_allowed(
    fuzz: int, applied: bool, linux: Repository
) -> None:
    some = series(linux, A10, A11)
    linux.commit("beside it", {"mm/a.c": lines(30, line7="7")})
    report = told(linux, some, fuzz)
    first, second = report.patches
    assert (first.fate, first.applied, first.fuzz) == (Fate.FUZZ, applied, 1)
    assert [(hunk.file, hunk.line, hunk.fuzz) for hunk in first.fuzzed] == [("mm/a.c", 7, 1)]
    assert second.applied is applied and report.whole is applied
    assert ("--fuzz 1 applies those that need it" in rebased.render(report)) is not applied


def test_a_patch_that_is_there_is_known_by_its_commit_whatever_its_subject(linux: Repository) -> None:
    some = series(linux, A10, B20)
    commit = linux.commit("mm: Make it ten", A10[1])
    linux.commit("mm: and more beside it", {"mm/a.c": lines(30, line9="9", line10="ten")})
    report = told(linux, some)
    assert fates(report) == [(Fate.THERE, False), (Fate.APPLIES, True)]
    there = report.patches[0].there
    assert there is not None and (there.commit, there.same) == (commit, Same.CHANGE)


def test_the_same_change_to_another_file_is_another(linux: Repository) -> None:
    some = series(linux, A10, ("mm: ten in b", {"mm/b.c": lines(30, line10="ten")}))
    linux.commit("upstream", A10[1])
    linux.commit("in the way", {"mm/b.c": lines(30, line10="10")})
    assert fates(told(linux, some)) == [(Fate.THERE, False), (Fate.REJECTED, False)]


def test_a_commit_of_nothing_applies(linux: Repository) -> None:
    some = series(linux, A10, ("mm: nothing", {}), B20)
    linux.commit("beside it", {"mm/c.c": "c\n"})
    assert fates(told(linux, some)) == [(Fate.APPLIES, True)] * 3


def test_a_patch_is_known_by_its_subject_where_it_was_changed(linux: Repository) -> None:
    some = series(linux, A10)
    commit = linux.commit("mm: ten", {"mm/a.c": lines(30, line10="TEN")})
    there = told(linux, some).patches[0].there
    assert there is not None and (there.commit, there.same) == (commit, Same.SUBJECT)


def test_blanks_in_a_subject_are_as_many_as_a_mail_keeps(linux: Repository) -> None:
    some = series(linux, ("mm: look up shiny", {"mm/a.c": lines(30, line10="ten")}))
    linux.commit("mm:  look  up shiny", {"mm/a.c": lines(30, line10="TEN")})
    there = told(linux, some).patches[0].there
    assert there is not None and there.same is Same.SUBJECT
    (_, subject), *_ = repository.recent(linux.path, "HEAD", 1, 60)
    assert subject == some.patches[0].subject


def test_another_file_or_another_author_with_the_same_subject_is_no_such_commit(linux: Repository) -> None:
    some = series(linux, A10)
    linux.commit("in the way", {"mm/a.c": lines(30, line10="10")})
    linux.commit("mm: ten", {"mm/c.c": "x\n"})
    assert fates(told(linux, some)) == [(Fate.REJECTED, False)]
    linux.commit("mm: ten", {"mm/a.c": lines(30, line10="11")})
    assert fates(told(linux, some)) == [(Fate.THERE, False)]
    stranger = msgspec.structs.replace(some.patches[0], author="B <b@example.com>")
    assert fates(told(linux, msgspec.structs.replace(some, patches=(stranger,)))) == [(Fate.REJECTED, False)]


def test_what_was_reverted_is_not_there_and_what_was_brought_back_is(linux: Repository) -> None:
    some = series(linux, A10)
    linux.commit("mm: ten", A10[1])
    linux.commit('Revert "mm: ten"', {"mm/a.c": lines(30)})
    linux.commit("in the way", {"mm/a.c": lines(30, line10="10")})
    assert fates(told(linux, some)) == [(Fate.REJECTED, False)]
    linux.commit('Reapply "mm: ten"', {"mm/a.c": lines(30, line10="tenth")})
    assert fates(told(linux, some)) == [(Fate.THERE, False)]


def test_without_history_a_patch_is_there_where_its_reverse_applies(linux: Repository) -> None:
    some = series(linux, A10)
    store = TreeStore(linux.path.parent / "trees.git")
    store.add_repository(linux.path)
    base = Base(name="linux.tar", version="6.12", tree=linux.tree("topic"))
    (patch,) = rebase.report(some, base, store).patches
    assert (patch.fate, patch.there) == (Fate.THERE, None)
    assert "its reverse applies" in rebased.render(rebase.report(some, base, store))


def test_where_history_ends_no_more_is_known_and_nothing_fails(linux: Repository, tmp_path: Path) -> None:
    some = series(linux, A10)
    linux.commit("mm: Make it ten", A10[1])
    linux.commit("beside it", {"mm/a.c": lines(30, line9="9", line10="ten")})
    Repository(tmp_path).git("clone", "--quiet", "--depth=1", "--no-local", str(linux.path), str(tmp_path / "shallow"))
    assert fates(told(Repository(tmp_path / "shallow"), some)) == [(Fate.REJECTED, False)]


def test_a_file_that_is_not_there_is_told_in_the_words_of_git(linux: Repository) -> None:
    some = series(linux, A10)
    linux.git("rm", "--quiet", "mm/a.c")
    linux.commit("gone")
    text = rebased.render(told(linux, some))
    assert "REJECTED" in text and "mm/a.c: does not exist in index" in text


def test_a_base_commit_that_the_repository_lacks_is_no_end_of_its_history(
    linux: Repository, queue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = queue / "2.patch"
    patch.write_bytes(patch.read_bytes() + b"\nbase-commit: " + b"1" * 40 + b"\n")
    assert plan(queue, "--json") == 1
    report = msgspec.json.decode(capsys.readouterr().out, type=Rebase)
    assert report.patches[1].there is not None


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def queue(linux: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queue of which one patch applies, one takes fuzz, one is there and one is rejected."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    evil = ("mm: \x1b]0;c", {"mm/c.c": lines(9, line5="<script>alert(1)</script>")})
    some = series(linux, A10, ("mm: b", {"mm/b.c": lines(30, line3="b")}), B20, evil)
    (tmp_path / "q").mkdir()
    for patch in some.patches:
        mail = mails.mail(f"[PATCH] {patch.subject}", patch.diff or b"")
        (tmp_path / "q" / f"{patch.number}.patch").write_bytes(mail)
    names = "".join(f"{patch.number}.patch\n" for patch in some.patches)
    (tmp_path / "q" / "series").write_text(names)
    linux.commit("beside it", {"mm/a.c": lines(30, line7="7")})
    linux.commit("mm: b", {"mm/b.c": lines(30, line3="b")})
    linux.commit("in the way", {"mm/c.c": lines(9, line5="<b>")})
    return tmp_path / "q"


def plan(queue: Path, *words: str | Path) -> int:
    return main(("plan", str(queue), "--tree", str(queue.parent / "linux"), "--apply", *map(str, words)))


def test_every_patch_is_told_in_text(queue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(queue) == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("q: 4 patches on ") and rows[0].endswith("linux HEAD (Linux 6.12)")
    states = [row[2:].split("  ")[:2] for row in rows if row.startswith("  ") and row[2] in "1234"]
    assert states == [
        ["1/4", "needs fuzz 1"],
        ["2/4", "is there already"],
        ["3/4", "applies"],
        ["4/4", "REJECTED"],
    ]
    assert rows[-2] == "4 patches: 1 applied, 1 in need of fuzz, 1 there already, 1 rejected."
    assert not any("\x1b" in row for row in rows)
    assert "4/4 REJECTED: mm: \N{REPLACEMENT CHARACTER}]0;c" in rows
    assert "    expects 4| line 4" in rows and "            5| <b>" in rows


def test_every_patch_is_told_in_json_that_the_schema_has(queue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(queue, "--json", "--fuzz", "1") == 1
    report = msgspec.json.decode(capsys.readouterr().out, type=Rebase, strict=True)
    assert fates(report) == [(Fate.FUZZ, True), (Fate.THERE, False), (Fate.APPLIES, True), (Fate.REJECTED, False)]


def test_every_patch_is_told_on_a_page(queue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(queue, "--html", tmp_path / "r.html") == 1
    page = (tmp_path / "r.html").read_text()
    for said in ("needs fuzz 1", "is there already", "REJECTED", "mm/c.c", "&lt;b&gt;", "mm: twenty"):
        assert said in page
    assert "<script>" not in page and "\x1b" not in page


def test_the_status_is_0_where_all_apply_and_2_where_the_input_is_wrong(
    queue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (queue / "series").write_text("1.patch\n3.patch\n")
    assert plan(queue, "--fuzz", "1") == 0
    assert capsys.readouterr().out.endswith("Every patch applies. 1 of them with fuzz.\n")
    assert plan(queue, "--base", "none") == 2
    assert main(("plan", str(queue), "--tree", str(queue.parent / "linux"), "--html", "x")) == 2
    assert "--html goes with --apply" in capsys.readouterr().err


def test_a_range_is_put_on_the_base_that_is_named(
    queue: Path, linux: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--tree", str(linux.path), "--apply", "--json")
    assert main(("plan", "old..topic", *words)) == 0
    capsys.readouterr()
    assert main(("plan", "old..topic", *words, "--base", "main", "--fuzz", "1")) == 1
    report = msgspec.json.decode(capsys.readouterr().out, type=Rebase)
    assert [fate for fate, _ in fates(report)] == [Fate.FUZZ, Fate.THERE, Fate.APPLIES, Fate.REJECTED]


def test_with_fuzz_a_plan_tells_each_hunk_and_its_words_have_the_option(
    queue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (queue / "series").write_text("1.patch\n3.patch\n")
    words = ("plan", str(queue), "--tree", str(queue.parent / "linux"))
    assert main(words) == 2
    assert "--fuzz 1;" in capsys.readouterr().err
    assert main((*words, "--fuzz", "1", "--json")) == 0
    done = capsys.readouterr()
    assert "1/2 mm: ten: mm/a.c, hunk 1 of 1: at line 7, with fuzz 1" in done.err
    assert [len(patch["fuzzed"]) for patch in json.loads(done.out)["patches"]] == [1, 0]
    asked = target.options(cli._parser().parse_args((*words, "--fuzz", "1"))).words
    assert ("--fuzz", "1") in itertools.pairwise(asked)
    assert "--fuzz" not in target.options(cli._parser().parse_args(words)).words


@pytest.mark.parametrize("words", [("--fuzz", "-1"), ("--fuzz", "100"), ("--fuzz", "1.5")])
def test_fuzz_is_a_number_of_lines(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(("plan", "q", *words))
    assert ended.value.code == 2 and "0 to 99" in capsys.readouterr().err
