# SPDX-License-Identifier: GPL-2.0-only
"""TARGET -> series: test cases, directories of patches, ranges of commits; and what a user gets wrong."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kseries import inputs
from kseries.inputs import gitrange, patchdir
from kseries.model import Base, Series
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines
from tests.support.users import readable_to_nobody, unprivileged

DIFF = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A base and three commits on top of it."""
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"file": lines(30)})
    repository.git("tag", "base")
    repository.commit("KVM: one\n\nWhy one.", {"file": lines(30, line3="one")})
    repository.commit("KVM: two", {"file": lines(30, line3="one", line20="two")})
    repository.commit("KVM: three", {"new": "x\n"})
    return repository


def formatted(repository: Repository, into: Path, *options: str) -> Path:
    """The repository's commits as `git format-patch` writes them."""
    repository.git("format-patch", "--quiet", "-o", str(into), *options, "base..")
    return into


def mail(subject: str, body: str = DIFF, headers: str = "") -> bytes:
    return f"From: A <a@b>\nSubject: {subject}\n{headers}\n{body}".encode()


def written(path: Path, contents: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    return path.parent


def in_directory(directory: Path) -> Series:
    return patchdir.read(directory).series


# --- directories of patches ---------------------------------------------------------------------


def test_what_format_patch_writes_is_read_in_its_order(repository: Repository, tmp_path: Path) -> None:
    series = in_directory(formatted(repository, tmp_path / "my-series"))
    assert (series.name, series.version) == ("my-series", 1)
    assert [(patch.number, patch.subject, patch.origin) for patch in series.patches] == [
        (1, "KVM: one", "0001-KVM-one.patch"),
        (2, "KVM: two", "0002-KVM-two.patch"),
        (3, "KVM: three", "0003-KVM-three.patch"),
    ]
    assert series.patches[0].message == "Why one."


def test_its_patches_lead_to_the_trees_of_the_commits(repository: Repository, tmp_path: Path) -> None:
    series = in_directory(formatted(repository, tmp_path / "patches"))
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    base = Base(name="base", version="6", tree=repository.tree("base"))
    applied = scenarios.apply_all(series, base, store)
    assert [patch.tree_after for patch in applied] == [repository.tree(f"HEAD~{back}") for back in (2, 1, 0)]


def test_a_cover_letter_is_passed_over(repository: Repository, tmp_path: Path) -> None:
    series = in_directory(formatted(repository, tmp_path / "patches", "--cover-letter"))
    assert [patch.number for patch in series.patches] == [1, 2, 3]
    assert series.patches[0].subject == "KVM: one"


@pytest.mark.parametrize(
    ("prefix", "subject", "version"),
    [
        ("[PATCH] ", "KVM: a", 1),
        ("[PATCH 1/3] ", "KVM: a", 1),
        ("[PATCH v3 2/3] ", "KVM: a", 3),
        ("[RFC PATCH V12 02/13] ", "KVM: a", 12),
        ("[RESEND PATCH v2] ", "KVM: a [really]", 2),
        ("", "KVM: arm64: v2 of everything", 1),
    ],
)
def test_the_tags_of_a_subject_tell_the_version_and_are_no_part_of_it(
    prefix: str, subject: str, version: int, tmp_path: Path
) -> None:
    series = in_directory(written(tmp_path / "1.patch", mail(prefix + subject)))
    assert (series.patches[0].subject, series.version) == (subject, version)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?UTF-8?q?KVM:=20=C3=A4=20b?=", "KVM: ä b"),
        ("=?utf-8?b?S1ZNOiDDpA==?= plain", "KVM: ä plain"),
        ("[PATCH] KVM: a line\n that goes on", "KVM: a line that goes on"),
        ("KVM:   wide", "KVM: wide"),
    ],
)
def test_an_encoded_or_folded_subject_is_decoded(raw: str, subject: str, tmp_path: Path) -> None:
    assert in_directory(written(tmp_path / "1.patch", mail(raw))).patches[0].subject == subject


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("8bit", "ä\n---\n" + DIFF),
        ("quoted-printable", "=C3=A4\n---\n" + DIFF.replace("=", "=3D")),
        ("base64", "w6QKLS0tCi0tLSBhL2ZpbGUKKysrIGIvZmlsZQpAQCAtMSArMSBAQAotYQorYgo="),
    ],
)
def test_a_body_is_decoded_as_its_headers_say(encoding: str, body: str, tmp_path: Path) -> None:
    headers = f"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: {encoding}\n"
    (patch,) = in_directory(written(tmp_path / "1.patch", mail("a", body, headers))).patches
    assert patch.diff is not None
    assert DIFF.encode() in patch.diff
    assert patch.message == "ä"


def test_a_diff_without_mail_headers_is_named_after_its_file(tmp_path: Path) -> None:
    (patch,) = in_directory(written(tmp_path / "fix-it.diff", DIFF.encode())).patches
    assert (patch.subject, patch.diff) == ("fix-it", DIFF.encode())


def test_a_binary_or_foreign_byte_in_a_diff_survives(tmp_path: Path) -> None:
    raw = mail("a").replace(b"+b\n", b"+\xe9\xff\0\r\x0c\x85 b\r\n")
    (patch,) = in_directory(written(tmp_path / "1.patch", raw)).patches
    assert patch.diff is not None
    assert b"+\xe9\xff\0\r\x0c\x85 b\r\n" in patch.diff


def test_names_that_put_a_series_into_another_order_than_its_numbers_are_told(tmp_path: Path) -> None:
    for number in range(1, 12):
        written(tmp_path / "s" / f"{number}-x.patch", mail(f"[PATCH {number:02}/11] patch {number}"))
    found = patchdir.read(tmp_path / "s")
    assert [int(patch.subject.split()[1]) for patch in found.series.patches] == [1, 10, 11, *range(2, 10)]
    assert found.notes == (f"{tmp_path / 's'}: the names put 10/11 before 2/11: taken in the order of their names",)


@pytest.mark.parametrize(
    "tags",
    [
        ["[PATCH 0/2]", "[PATCH 1/2]", "[PATCH 2/2]"],
        ["[PATCH 1/2]", "[PATCH 1/2]", "[PATCH 2/2]"],  # none is before one of a smaller number
        ["[PATCH 2/2]", "[PATCH 1/3]"],
        ["[PATCH 1/2]", "[PATCH 2/2]", "[PATCH 1/2]", "[PATCH 2/2]"],
        ["[PATCH v2 2/2]", "[PATCH 1/2]"],
        ["[PATCH 2/2]", "[PATCH]", "[PATCH 1/2]"],
        ["[PATCH]"],
    ],
)
def test_of_what_is_in_its_order_or_of_several_series_no_order_is_told(tmp_path: Path, tags: list[str]) -> None:
    for number, tag in enumerate(tags):
        written(tmp_path / "s" / f"{number}.patch", mail(f"{tag} patch"))
    assert patchdir.read(tmp_path / "s").notes == ()


def test_other_files_are_passed_over(repository: Repository, tmp_path: Path) -> None:
    directory = formatted(repository, tmp_path / "patches")
    for name in ("README", "series", "0001-KVM-one.patch~", ".0001.patch.swp"):
        (directory / name).write_text("no patch")
    assert len(in_directory(directory).patches) == 3


def test_an_empty_directory_holds_no_patch(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*\.patch file\n.*git format-patch"):
        in_directory(tmp_path)


def test_a_directory_whose_patches_lie_below_says_where(tmp_path: Path) -> None:
    written(tmp_path / "debian" / "patches" / "a.patch", mail("a"))
    with pytest.raises(InputError, match=r"debian holds no \*\.patch file\n  name .*/debian/patches$"):
        inputs.load(str(tmp_path / "debian"))


def test_a_directory_with_nothing_but_a_cover_letter_holds_no_patch(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*\.patch file"):
        in_directory(written(tmp_path / "0000-cover-letter.patch", mail("[PATCH 0/2] cover", "words\n")))


def test_a_patch_without_a_diff_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"0001-a\.patch holds no diff"):
        in_directory(written(tmp_path / "0001-a.patch", mail("a", "Only words\n---\n file | 2 +-\n")))


def test_a_patch_that_is_cut_short_is_named(repository: Repository, tmp_path: Path) -> None:
    directory = formatted(repository, tmp_path / "patches")
    path = directory / "0002-KVM-two.patch"
    path.write_bytes(path.read_bytes().partition(b"+two")[0])
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    base = Base(name="base", version="6", tree=repository.tree("base"))
    with pytest.raises(
        InputError, match=r"^0002-KVM-two\.patch is cut short or mangled: corrupt patch at line \d+$"
    ) as error:
        scenarios.apply_all(in_directory(directory), base, store)
    assert len(str(error.value).splitlines()) <= 2


def test_a_directory_that_may_not_be_read_is_named() -> None:
    with readable_to_nobody() as directory:
        directory.chmod(0o700 if os.geteuid() == 0 else 0)
        with unprivileged(), pytest.raises(InputError, match=f"cannot read {directory}: Permission denied"):
            in_directory(directory)


def test_a_patch_that_may_not_be_read_is_named() -> None:
    with readable_to_nobody() as directory:
        (directory / "0001-a.patch").chmod(0o600 if os.geteuid() == 0 else 0)
        with unprivileged(), pytest.raises(InputError, match=r"cannot read .*0001-a\.patch: Permission denied"):
            in_directory(directory)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.one_of(st.binary(), st.binary().map(lambda data: data + DIFF.encode())))
@example(b"")
def test_no_file_is_too_odd_for_an_error_or_a_series(tmp_path: Path, data: bytes) -> None:
    written(tmp_path / "1.patch", data)
    try:
        assert len(in_directory(tmp_path).patches) == 1
    except InputError as error:
        assert "1.patch" in str(error)


# --- ranges of commits --------------------------------------------------------------------------


def test_a_linear_range_is_a_series_on_its_fork(repository: Repository) -> None:
    series, fork = gitrange.read(repository.path, "base..main")
    assert fork == repository.git("rev-parse", "base")
    assert [(patch.number, patch.subject, patch.commit) for patch in series.patches] == [
        (number, f"KVM: {word}", repository.git("rev-parse", f"main~{3 - number}"))
        for number, word in enumerate(("one", "two", "three"), 1)
    ]
    assert [patch.message for patch in series.patches] == ["Why one.", "", ""]


def test_a_range_to_head_may_leave_it_out(repository: Repository) -> None:
    assert len(gitrange.read(repository.path, "base..")[0].patches) == 3


def test_a_branch_that_forked_earlier_stands_on_its_fork(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "topic/x", "base")
    commit = repository.commit("KVM: aside", {"aside": "x\n"})
    series, fork = gitrange.read(repository.path, "main..topic/x")
    assert fork == repository.git("rev-parse", "base")
    assert [patch.commit for patch in series.patches] == [commit]
    assert "/" not in series.name


def test_no_character_in_a_message_ends_it_or_reaches_the_terminal(repository: Repository) -> None:
    repository.git("tag", "--force", "base")
    repository.commit("one \1\x1b[2J subject\n\n\1why\1\n\x1e\n\nso", {"a": "x"})
    repository.commit("\1", {"a": "y"})
    # git commit takes no NUL; somebody else's may have one.
    raw = repository.run("cat-file", "commit", "HEAD").stdout.replace(b"\n\n\1", b"\n\nthree\n\nwhy\0 not")
    raw = re.sub(rb"parent \w+", b"parent " + repository.git("rev-parse", "HEAD").encode(), raw)
    commit = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    series, _ = gitrange.read(repository.path, f"base..{commit}")
    assert [patch.subject for patch in series.patches] == ["one \ufffd\ufffd[2J subject", "\ufffd", "three"]
    assert [patch.message for patch in series.patches] == ["\1why\1\n\x1e\n\nso", "", "why"]
    repository.git("checkout", "--quiet", "-B", "side", "base")
    repository.git("merge", "--quiet", "--no-ff", "-m", "\x1b[2Jmerge", "main")
    with pytest.raises(InputError, match=r"'\ufffd\[2Jmerge'"):
        gitrange.read(repository.path, "base..side")


def merged(repository: Repository, files: dict[str, str]) -> str:
    """On ``topic``: main, a merge of a branch with a commit for each file, and a commit; the merge's id."""
    repository.git("checkout", "--quiet", "-b", "side", "base")
    for name, contents in files.items():
        repository.commit(f"KVM: {name}", {name: contents})
    repository.git("checkout", "--quiet", "-b", "topic", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge branch 'side'", "side")
    merge = repository.git("rev-parse", "HEAD")
    repository.commit("KVM: four", {"four": "4\n"})
    return merge


def test_a_range_of_what_is_no_repository_says_so_in_words(tmp_path: Path) -> None:
    (tmp_path / "linux.tar").write_text("")
    for name, what in {"linux": "no such folder", "linux.tar": "not a git repository"}.items():
        with pytest.raises(InputError) as error:
            gitrange.read(tmp_path / name, "a..b")
        told = f"{tmp_path / name}: {what}, and so it has no a..b\n  name the repository with --tree"
        assert str(error.value) == told


@pytest.mark.parametrize("tip", ["topic", ""])
@pytest.mark.parametrize(
    ("upstream", "subjects"),
    [(False, {"one", "two", "three", "aside", "more", "four"}), (True, {"one", "two", "three", "four"})],
    ids=["of a branch", "of upstream"],
)
def test_a_merge_in_a_range_is_named_and_what_is_advised_cures(
    tip: str, upstream: bool, subjects: set[str], repository: Repository
) -> None:
    merge = merged(repository, {"aside": "x\n", "more": "y\n"})[:12]
    with pytest.raises(InputError) as error:
        gitrange.read(repository.path, f"base..{tip}")
    first, second = str(error.value).splitlines()
    assert first == f"base..{tip} has a merge, which is no patch: {merge} ('Merge branch 'side'')"
    found = re.fullmatch(
        r"  (git rebase \S+.*) leaves it out; where it brought upstream in: (git rebase .*), and name (.*)", second
    )
    assert found is not None
    repository.git("tag", "before", "topic")
    repository.git(*found[2 if upstream else 1].split()[1:])
    revisions = found[3].replace("^2..", f"^2..{'' if tip else 'HEAD'}") if upstream else f"base..{tip}"
    patches = gitrange.read(repository.path, revisions)[0].patches
    assert {patch.subject.removeprefix("KVM: ") for patch in patches} == subjects
    assert repository.tree("HEAD") == repository.tree("before")


def test_a_merge_as_the_first_commit_of_a_range_is_refused(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "side", "base")
    repository.git("merge", "--quiet", "--no-ff", "-m", "a merge", "main~1")
    with pytest.raises(InputError, match=r"main~1\.\.side has a merge, .* \('a merge'\)"):
        gitrange.read(repository.path, "main~1..side")


def test_three_dots_are_no_range(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "side", "base")
    repository.commit("KVM: aside", {"aside": "x\n"})
    with pytest.raises(InputError, match=r"main\.\.\.side is both sides of a fork\n.*A\.\.B"):
        inputs.load("main...side", str(repository.path))


@pytest.mark.parametrize("revisions", ["main..base", "main..main", ".."])
def test_a_range_without_commits_is_named(revisions: str, repository: Repository) -> None:
    with pytest.raises(InputError, match="holds no commit"):
        gitrange.read(repository.path, revisions)


@pytest.mark.parametrize("revisions", ["base..v7.0", "nowhere..main"])
def test_a_range_of_unknown_revisions_is_named(revisions: str, repository: Repository) -> None:
    unknown = "v7.0" if "v7.0" in revisions else "nowhere"
    with pytest.raises(InputError, match=f"{repository.path}: no such revision: {unknown}, of {revisions}$"):
        gitrange.read(repository.path, revisions)


def test_a_range_outside_of_a_repository_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a git repository"):
        gitrange.read(tmp_path, "a..b")


# --- TARGET -------------------------------------------------------------------------------------

TESTCASE = """
title = "a title"
tree = "debian:linux-source-6.12"

[expect]
bisectable = true
revert_safe = false

[[expect.findings]]
kind = "silent-break"
state = "without-1"
patch = 1
partner = 2
contract = "a"
"""


def case_dir(tmp_path: Path, text: str) -> str:
    written(tmp_path / "my-case" / "patches" / "0001-a.patch", mail("a"))
    (tmp_path / "my-case" / "testcase.toml").write_text(text)
    return str(tmp_path / "my-case")


def test_a_test_case_brings_its_tree_its_patches_and_what_to_expect(tmp_path: Path) -> None:
    target = inputs.load(case_dir(tmp_path, TESTCASE))
    assert (target.series.name, len(target.series.patches)) == ("my-case", 1)
    assert (target.tree, target.base) == ("debian:linux-source-6.12", None)
    assert target.testcase is not None
    assert target.testcase.expect.bisectable and not target.testcase.expect.revert_safe
    assert [(one.kind, one.state, one.patch, one.partner) for one in target.testcase.expect.findings] == [
        ("silent-break", "without-1", 1, 2)
    ]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (TESTCASE.replace("bisectable", "bisectible"), "bisectible"),
        (TESTCASE.replace('state = "without-1"', 'sate = "without-1"'), "sate"),
        (TESTCASE.replace('"silent-break"', '"silent-brake"'), "silent-brake"),
        (TESTCASE.replace('title = "a title"', ""), "title"),
        (TESTCASE.replace("revert_safe = false", 'revert_safe = "no"'), "revert_safe"),
        (TESTCASE.replace("[expect]", "[expect"), "line 5"),
        ("title = 'x'\nextra = 1\n" + TESTCASE.replace('title = "a title"', ""), "extra"),
    ],
)
def test_a_typo_in_a_test_case_is_named_with_its_file(wrong: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"testcase\.toml: .*{named}"):
        inputs.load(case_dir(tmp_path, wrong))


def test_a_test_case_that_is_no_utf8_is_the_users_mistake(tmp_path: Path) -> None:
    target = case_dir(tmp_path, "")
    (Path(target) / "testcase.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(InputError, match=r"testcase\.toml"):
        inputs.load(target)


def test_the_bundled_test_cases_are_well_formed() -> None:
    cases = sorted((Path(__file__).parents[2] / "testcases").glob("*/testcase.toml"))
    assert cases
    for case in cases:
        assert inputs.load(str(case.parent)).testcase is not None


def test_a_directory_without_a_testcase_is_a_directory_of_patches(repository: Repository, tmp_path: Path) -> None:
    target = inputs.load(str(formatted(repository, tmp_path / "patches")))
    assert (target.series.name, target.tree, target.base, target.testcase) == ("patches", None, None, None)


def test_a_range_brings_its_repository_and_its_fork(repository: Repository) -> None:
    target = inputs.load("base..main", str(repository.path))
    assert (target.tree, target.base) == (str(repository.path), repository.git("rev-parse", "base"))


def test_a_range_is_looked_up_in_the_current_repository(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path)
    assert len(inputs.load("base..main").series.patches) == 3


def test_what_is_no_target_is_named_with_what_is_one() -> None:
    with pytest.raises(InputError, match=r"no such TARGET: nowhere\n.*test case"):
        inputs.load("nowhere")


@pytest.mark.parametrize("target", ["../typo", "../typo/0001-a.patch", "x/../typo", "../../typo.mbox"])
def test_a_path_with_dots_in_it_is_no_range(
    target: str, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path)
    with pytest.raises(InputError, match=f"^no such TARGET: {target}\n"):
        inputs.load(target)


def test_the_cover_letter_of_a_later_version_is_passed_over(repository: Repository, tmp_path: Path) -> None:
    series = in_directory(formatted(repository, tmp_path / "patches", "-v2", "--cover-letter"))
    assert (series.version, len(series.patches)) == (2, 3)


def test_a_target_that_may_not_be_entered_is_the_users_mistake() -> None:
    with readable_to_nobody() as directory:
        directory.chmod(0o700 if os.geteuid() == 0 else 0)
        with unprivileged(), pytest.raises(InputError, match="cannot read"):
            inputs.load(str(directory))


def test_a_target_with_too_long_a_name_is_the_users_mistake() -> None:
    with pytest.raises(InputError):
        inputs.load("x" * 5000)


@pytest.mark.parametrize("subject", ["=?foo-8?q?x?=", "=?utf-8?b?x?="])
def test_a_subject_that_cannot_be_decoded_is_taken_as_it_is(subject: str, tmp_path: Path) -> None:
    assert in_directory(written(tmp_path / "1.patch", mail(subject))).patches[0].subject


def test_a_subject_in_plain_utf8_is_read(tmp_path: Path) -> None:
    assert in_directory(written(tmp_path / "1.patch", mail("KVM: é"))).patches[0].subject == "KVM: é"


# --- what is no series at all -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"\x00\x9f\x01" * 99, b"<!DOCTYPE html>\n<p>no</p>\n", b'{\n  "schema": 2\n}\n', b"only words: three\n"]
)
def test_what_is_neither_mails_nor_a_diff_is_told_with_what_a_target_may_be(data: bytes, tmp_path: Path) -> None:
    written(tmp_path / "x", data)
    with pytest.raises(InputError, match=r"^x is no mbox and no diff\n  TARGET may be a test case, an mbox, ") as told:
        inputs.load(str(tmp_path / "x"))
    assert len(str(told.value).splitlines()) == 2


@pytest.mark.parametrize("data", [b"", b" \n\n"])
def test_an_empty_file_is_told_so(data: bytes, tmp_path: Path) -> None:
    written(tmp_path / "x", data)
    with pytest.raises(InputError, match=r"^x is empty$"):
        inputs.load(str(tmp_path / "x"))


def test_mails_without_a_patch_are_told_as_such(tmp_path: Path) -> None:
    written(tmp_path / "x", mail("Hello", "only words\n"))
    with pytest.raises(InputError, match=r"^x holds no patch: mails 1, replies 0\n"):
        inputs.load(str(tmp_path / "x"))


def test_of_one_revision_the_range_is_offered(repository: Repository) -> None:
    repository.git("branch", "topic")
    with pytest.raises(InputError, match=r"^topic is one revision, .*\n  name a range: BASE\.\.topic --tree .*linux$"):
        inputs.load("topic", str(repository.path))
    with pytest.raises(InputError, match=r"^no such TARGET: other\n"):
        inputs.load("other", str(repository.path))


def test_of_a_repository_its_commits_are_offered(repository: Repository) -> None:
    said = r"linux is a git repository, and no series\n  name a range of it: BASE\.\.TOPIC --tree .*linux$"
    with pytest.raises(InputError, match=said):
        inputs.load(str(repository.path), str(repository.path))
