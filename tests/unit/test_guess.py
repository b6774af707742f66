# SPDX-License-Identifier: GPL-2.0-only
"""The base of a series that names none: found by the blobs of its diffs, told, and never guessed where two are it."""

import re
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.inputs import preimages
from kseries.model.errors import InputError
from kseries.report import reproduce
from kseries.sources import TreeStore
from tests.support.bases import MAKEFILE, left_behind, plan, write
from tests.support.gitrepo import Repository, lines


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return left_behind(tmp_path)


@pytest.fixture(autouse=True)
def unnamed(repository: Repository, tmp_path: Path) -> None:
    """The series does not say what it is for; the tag that it is for is there, and the branch with it is not."""
    write(repository, tmp_path)
    repository.git("branch", "--quiet", "-D", "main")


def test_what_head_was_made_on_is_found_by_the_files(repository: Repository, tmp_path: Path) -> None:
    made, (said,) = plan(tmp_path, repository.path)
    base = repository.git("rev-parse", "base")
    assert made.base.tree == repository.tree("base")
    assert said == "base: base: 1 of 1 files match it; HEAD matches 0 (--base HEAD takes that)", (
        "the tag is called base, too"
    )
    assert made.base.guessed == base
    words = reproduce.lasting(("t.mbox",), None, inputs.load(str(tmp_path / "t.mbox")).series, made.base.guessed)
    assert words == ("t.mbox", "--base", base[:12])


def test_a_commit_without_a_tag_is_found_by_its_digits(repository: Repository, tmp_path: Path) -> None:
    base = repository.git("rev-parse", "base")
    repository.git("tag", "-d", "base")
    made, (said,) = plan(tmp_path, repository.path)
    assert said == f"base: {base[:12]}: 1 of 1 files match it; HEAD matches 0 (--base HEAD takes that)"
    assert made.base.name == f"{repository.path} {base[:12]}"


def test_a_tag_is_found_that_is_not_in_the_history_of_head(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("other", {"file": lines(30, line3="else")})
    made, (said,) = plan(tmp_path, repository.path)
    assert said == "base: base: 1 of 1 files match it; HEAD matches 0 (--base HEAD takes that)"
    assert made.base.name == f"{repository.path} base"


def test_of_a_line_of_tags_the_newest_that_has_all_files_is_taken(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "base")
    for number in (1, 2):
        repository.commit("more", {"other": f"{number}\n"})
        repository.git("tag", "-a", "-m", "a tag", f"v{number}")
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("other", {"file": lines(30, line3="else")})
    made, (said,) = plan(tmp_path, repository.path)
    assert said == "base: v2: 1 of 1 files match it; HEAD matches 0 (--base HEAD takes that)"
    assert made.base.tree == repository.tree("v2")


def test_where_two_could_be_meant_neither_is_taken(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "--orphan", "vendor")
    repository.commit("another kernel", {"file": lines(30), "vendor": "x\n"})
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("other", {"file": lines(30, line3="else")})
    with pytest.raises(InputError, match="does not apply"):
        plan(tmp_path, repository.path)
    (said,) = told(tmp_path, repository.path)
    assert re.fullmatch(
        r"1 of 1 files match (base, vendor|vendor, base); HEAD matches 0: trying HEAD, name one with --base", said
    )


def told(tmp_path: Path, tree: Path) -> list[str]:
    """What is said of a plan that comes to nothing."""
    said: list[str] = []
    options = Options(out=tmp_path, tree=str(tree))
    with pytest.raises(InputError):
        planning.plan(
            inputs.load(str(tmp_path / "t.mbox")),
            options,
            TreeStore(tmp_path / "cache" / "trees.git"),
            lambda event: said.append(str(getattr(event, "what", event))),
        )
    return [line for line in said if not line.startswith("applying")]


def test_head_is_the_base_where_it_has_all_files_whatever_else_has_them(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "topic", "base")
    repository.commit("other", {"other": "x\n"})
    made, said = plan(tmp_path, repository.path)
    assert (made.base.tree, made.base.guessed, said) == (repository.tree("topic"), "", [])


def test_where_nothing_has_all_files_head_is_tried_and_the_best_is_told(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "work", "base")
    repository.commit("private", {"private": "1\n"})
    repository.git("tag", "work-base")
    repository.commit("both", {"private": "2\n", "file": lines(30, line3="one")})
    (tmp_path / "t.mbox").write_bytes(repository.run("format-patch", "--stdout", "work-base..work").stdout)
    repository.git("checkout", "--quiet", "next")
    repository.git("branch", "-D", "work")
    repository.git("tag", "-d", "work-base")
    assert told(tmp_path, repository.path) == [
        "1 of 2 files match base, and none has more; HEAD matches 0: trying HEAD"
    ]


def test_of_a_tree_without_history_the_files_that_differ_are_told_where_it_does_not_apply(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "Makefile").write_text(MAKEFILE)
    (tmp_path / "plain" / "file").write_text(lines(30, line3="else"))
    with pytest.raises(InputError, match=r"(?s)does not apply.*\n  0 of 1 files are as .* and not file;") as error:
        plan(tmp_path, tmp_path / "plain")
    assert str(error.value).count("\n") == 1


DIFF = b"""\
diff --git a/kvm.c b/kvm.c
index 1a1a1a1..2b2b2b2 100644
--- a/kvm.c
+++ b/kvm.c
@@ -1,3 +1,3 @@
-- a/b
+++ b/b
 diff --git a/no b/no
 index 9999999..8888888
diff --git a/new.c b/new.c
new file mode 100644
index 000000000000..3c3c3c3
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+x
diff --git a/old name.c b/moved.c
similarity index 90%
rename from old name.c
rename to moved.c
index 4d4d4d4..5e5e5e5 100644
--- a/old name.c\t
+++ b/moved.c
diff --git a/logo.gif b/logo.gif
index 6666666666666666666666666666666666666666..7777777777777777777777777777777777777777 100644
GIT binary patch
diff --git a/gone.h b/gone.h
deleted file mode 100644
index 7070707..0000000
--- a/gone.h
+++ /dev/null
diff --git a/mode b/mode
old mode 100644
new mode 100755
diff --git a/../../etc/passwd b/../../etc/passwd
index 1111111..2222222 100644
--- a/../../etc/passwd
+++ b/../../etc/passwd
"""
SECOND = b"""\
diff --git a/kvm.c b/kvm.c
index 2b2b2b2..8888888 100644
--- a/kvm.c
+++ b/kvm.c
diff --git a/new.c b/new.c
index 3c3c3c3..9999999 100644
--- a/new.c
+++ b/new.c
diff --git a/moved.c b/moved.c
index 5e5e5e5..9999999 100644
--- a/moved.c
+++ b/moved.c
diff --git a/more.c b/more.c
index abababa..9999999 100644
--- a/more.c
+++ b/more.c
"""


def test_of_each_path_the_first_blob_that_was_there_before_counts() -> None:
    assert preimages.of([DIFF, SECOND]) == {
        "kvm.c": "1a1a1a1",
        "old name.c": "4d4d4d4",
        "logo.gif": "6" * 40,
        "gone.h": "7070707",
        "more.c": "abababa",
    }


def test_a_diff_without_index_lines_names_no_file() -> None:
    assert preimages.of([b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n", b""]) == {}


def test_what_a_shallow_clone_lacks_is_not_its_base(repository: Repository, tmp_path: Path) -> None:
    """Even where the store knows it: of the whole repository, which it has read before."""
    repository.git("tag", "-d", "base")
    plan(tmp_path, repository.path)
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(shallow))
    assert told(tmp_path, shallow) == ["0 of 1 files match HEAD, and no tag or branch has more"]
