# SPDX-License-Identifier: GPL-2.0-only
"""A quilt series: which patches it names, and the -pN of each."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries import inputs
from kseries.inputs.strip import to_p1
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.gitrepo import Repository, lines

DIFF = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"file": lines(30), "dir/old name": lines(30), "gone": "x\n"})
    repository.git("tag", "base")
    repository.git("mv", "dir/old name", "dir/quite another name")
    repository.commit("rename", {"dir/quite another name": lines(30, line9="nine"), "gone": None, "new": "n\n"})
    repository.commit("like headers", {"file": lines(30, line3="-- x/y", line4="++ x/y", line5="@@ -1 +1 @@")})
    repository.commit("and away", {"file": lines(30), "bytes": bytes(range(256))})
    return repository


def queue(directory: Path, series: str, **patches: bytes) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "series").write_text(series)
    for name, data in patches.items():
        (directory / f"{name}.patch").write_bytes(data)
    return directory


def test_comments_and_blank_lines_are_no_patches_and_folders_may_be_named(tmp_path: Path) -> None:
    directory = queue(tmp_path / "patches", "# first\n\nb.patch # why\n   \n#a.patch\nsub/c.patch -p1\n\ta.patch\n",
                      a=DIFF.encode(), b=DIFF.encode(), not_named=b"x")  # fmt: skip
    (directory / "sub").mkdir()
    (directory / "sub" / "c.patch").write_bytes(mails.mail("[PATCH 7/9] KVM: c", DIFF.encode()))
    for target in (directory, directory / "series"):
        found = inputs.load(str(target)).series
        assert (found.name, [patch.subject for patch in found.patches]) == ("patches", ["b", "KVM: c", "a"])


def test_an_mbox_may_be_called_series(tmp_path: Path) -> None:
    (tmp_path / "series.mbox").write_bytes(mails.mail("[PATCH] KVM: c", DIFF.encode()))
    (patch,) = inputs.load(str(tmp_path / "series.mbox")).series.patches
    assert patch.subject == "KVM: c"


def test_a_description_as_debian_writes_it_is_a_subject(tmp_path: Path) -> None:
    dep3 = b"Description: Fix the thing\n In several lines.\nOrigin: upstream\n\n" + DIFF.encode()
    (patch,) = inputs.load(str(queue(tmp_path / "q", "a.patch", a=dep3))).series.patches
    assert patch.subject == "Fix the thing In several lines."


@pytest.mark.parametrize("name", ["series-rt", "series.list", "order.txt"])
def test_a_series_file_is_known_by_what_it_holds(name: str, tmp_path: Path) -> None:
    directory = queue(tmp_path / "q", "a.patch\n", a=DIFF.encode(), b=DIFF.encode(), c=DIFF.encode())
    (directory / name).write_text("# the real-time part\nc.patch\nsub/d\n\nb.patch -p1\n")
    (directory / "sub").mkdir()
    (directory / "sub" / "d").write_text(DIFF)
    found = inputs.load(str(directory / name))
    assert [patch.subject for patch in found.series.patches] == ["c", "d", "b"]


def test_a_patch_that_such_a_file_names_and_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "series-rt").write_text("a.patch\nb.patch\n")
    (tmp_path / "b.patch").write_text(DIFF)
    with pytest.raises(InputError, match=r"series-rt:1: no such patch: .*a\.patch"):
        inputs.load(str(tmp_path / "series-rt"))


@pytest.mark.parametrize("name", ["series", "series.conf", "series-rt"])
@pytest.mark.parametrize(
    "mail",
    [
        mails.mail("[PATCH] KVM: c", DIFF.encode()),
        mails.mbox([mails.mail("[PATCH] KVM: c", DIFF.encode())]),
        b"a.patch\n" + DIFF.encode(),
    ],
    ids=["mail", "mbox", "diff"],
)
def test_a_mail_is_no_series_whatever_its_name(name: str, mail: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text("no diff")
    (tmp_path / name).write_bytes(mail)
    assert len(inputs.load(str(tmp_path / name)).series.patches) == 1


def test_a_directory_is_what_its_one_series_file_says(tmp_path: Path) -> None:
    directory = queue(tmp_path / "q", "", a=DIFF.encode(), b=DIFF.encode())
    (directory / "series").rename(directory / "series.armbian")
    (directory / "series.armbian").write_text("b.patch\n")
    found = inputs.load(str(directory))
    assert [patch.subject for patch in found.series.patches] == ["b"]
    assert found.notes == (f"{directory}: as series.armbian has it",)


@pytest.mark.parametrize("name", ["series.old", "series.orig", "series~", "series.save", ".series.swp"])
def test_what_an_editor_leaves_is_no_series_of_a_directory(name: str, tmp_path: Path) -> None:
    directory = queue(tmp_path / "q", "a.patch\n", a=DIFF.encode(), b=DIFF.encode())
    (directory / "series").rename(directory / name)
    found = inputs.load(str(directory))
    assert ([patch.subject for patch in found.series.patches], found.notes) == (["a", "b"], ())


def test_of_several_series_files_none_is_guessed(tmp_path: Path) -> None:
    directory = queue(tmp_path / "q", "a.patch\n", a=DIFF.encode(), b=DIFF.encode())
    (directory / "series-rt").write_text("b.patch\n")
    found = inputs.load(str(directory))
    assert [patch.subject for patch in found.series.patches] == ["a"]
    assert found.notes == (f"{directory}: as series has it, and not series-rt",)
    (directory / "series").rename(directory / "series-all")
    with pytest.raises(InputError, match=r"q has several series: series-all, series-rt\n  name the file"):
        inputs.load(str(directory))


# scripts/guards of SUSE's kernel-source prints those that are taken; none has a symbol here.
GUARDED = """# a queue
\ta.patch
-\tb.patch
+needs_update\tc.patch
-needs_update\td.patch # for now
+!x86\te.patch
-!x86\tf.patch
+x86 -arm\tg.patch
-x86 +arm\th.patch -p1
-x86 -\ti.patch
- +!x86\tj.patch
-\tis_not_there.patch
"""


@pytest.mark.parametrize("target", ["", "series.conf"])
def test_guards_leave_out_what_they_leave_out_without_a_symbol(target: str, tmp_path: Path) -> None:
    directory = queue(tmp_path / "q", "", **dict.fromkeys("abcdefghij", DIFF.encode()))
    (directory / "series").rename(directory / "series.conf")
    (directory / "series.conf").write_text(GUARDED)
    found = inputs.load(str(directory / target))
    assert [patch.subject for patch in found.series.patches] == ["a", "d", "e", "h", "j"]
    assert found.notes == (
        f"{directory}/series.conf: with no symbol defined, its guards leave out 6 of 11 patches:"
        " b.patch (-), c.patch (+needs_update), f.patch (-!x86), g.patch (+x86 -arm), i.patch (-x86 -) and 1 more",
    )


def test_a_series_whose_guards_leave_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "series.conf").write_text("-\ta.patch\n")
    with pytest.raises(InputError, match=r"series\.conf names no patch, but for those that its guards leave out"):
        inputs.load(str(tmp_path))


@pytest.mark.parametrize("strip", [0, 1, 2, 3])
@pytest.mark.parametrize("renames", ["--find-renames", "--no-renames"])
def test_every_pn_leads_to_the_trees_of_the_commits(
    strip: int, renames: str, repository: Repository, tmp_path: Path
) -> None:
    """-p2 and -p3: the kernel lies in a folder of the repository whose diffs these are."""
    folder = "linux/" * (strip - 1)
    prefixes = (f"--src-prefix=a/{folder}", f"--dst-prefix=b/{folder}") if strip else ("--no-prefix",)
    diffs = {
        f"p{back}": re.sub(
            rb"^(rename (?:from|to) )",
            rb"\1" + folder.encode(),
            repository.run("diff", "--binary", renames, *prefixes, f"main~{back}", f"main~{back - 1}").stdout,
            flags=re.MULTILINE,
        )
        for back in (3, 2, 1)
    }
    directory = queue(tmp_path / "q", "".join(f"p{back}.patch -p{strip}\n" for back in (3, 2, 1)), **diffs)
    wanted = [repository.tree(f"main~{back}") for back in (2, 1, 0)]
    assert mails.trees(inputs.load(str(directory)), repository, tmp_path) == wanted


def test_what_quilt_itself_writes_is_read(repository: Repository, tmp_path: Path) -> None:
    old, new = lines(30), lines(30, line3="three")
    hunk = "".join(f"{line}\n" for line in ("@@ -1,4 +1,4 @@", " line 1", " line 2", "-line 3", "+three", " line 4"))
    text = (
        f"Say three.\n\nIndex: linux/file\n{'=' * 67}\n--- linux.orig/file\t2024-01-01 00:00:00\n+++ linux/file\n{hunk}"
    )
    directory = queue(tmp_path / "q", "a.patch", a=text.encode())
    repository.git("checkout", "--quiet", "base")
    tree = repository.tree(repository.commit("x", {"file": new}))
    assert old != new
    found = inputs.load(str(directory))
    assert found.series.patches[0].message == "Say three."
    assert mails.trees(found, repository, tmp_path) == [tree]


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ("", "series names no patch"),
        ("# nothing\n\n", "series names no patch"),
        ("a.patch\nno.patch\n", r"series:2: no such patch: .*no\.patch"),
        ("../\n", r"series:1: \.\./ is not beside it"),
        ("/etc/passwd\n", r"series:1: /etc/passwd is not beside it"),
        ("a.patch -R\n", r"series:1: a\.patch has the option -R\n  only -pN"),
        ("a.patch --fuzz=3\n", "has the option --fuzz=3"),
        ("a.patch -p3\n", r"a\.patch, -p3: a/file has no 3 folders to strip"),
        ("words.patch\n", r"words\.patch holds no diff"),
    ],
)
def test_what_is_wrong_with_a_series_file_is_told_with_its_line(series: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        inputs.load(str(queue(tmp_path / "q", series, a=DIFF.encode(), words=b"Words.\n")))


def test_v_is_not_for_a_queue(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^-v 2: .* is v1 of q, and no other"):
        inputs.load(str(queue(tmp_path / "q", "a.patch", a=DIFF.encode())), reroll=2)


@settings(max_examples=100)
@given(st.binary(), st.integers(0, 3))
def test_stripping_never_fails_but_for_want_of_folders(data: bytes, strip: int) -> None:
    try:
        assert to_p1(data, 1) == data
        to_p1(b"--- a/b/c/d\n+++ a/b/c/d\n" + data, strip)
    except ValueError as error:
        assert "folders to strip" in str(error)


def test_gnu_patch_and_we_agree_on_p0(tmp_path: Path) -> None:
    """The one who defined -pN."""
    (tmp_path / "file").write_text("a\n")
    diff = DIFF.replace("a/file", "file").replace("b/file", "file").encode()
    subprocess.run(["git", "apply", "-p1"], cwd=tmp_path, input=to_p1(diff, 0), check=True)
    assert (tmp_path / "file").read_text() == "b\n"


@pytest.mark.parametrize("comment", ["#arm64: fixes", "#Subject: x", "# From: x"])
@pytest.mark.parametrize("name", ["series", "series.conf"])
def test_a_comment_makes_no_mail_of_a_series(name: str, comment: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(f"{comment}\nb.patch\na.patch\n")
    for one in "ab":
        (tmp_path / f"{one}.patch").write_text(DIFF)
    assert [patch.origin for patch in inputs.load(str(tmp_path)).series.patches] == ["b.patch", "a.patch"]


@pytest.mark.parametrize("contents", [b"a.patch\0b.patch\n", b"Subject: x\n\nb.patch\na.patch\n"])
def test_a_series_that_is_no_list_does_not_leave_the_order_to_the_names(contents: bytes, tmp_path: Path) -> None:
    (tmp_path / "series").write_bytes(contents)
    (tmp_path / "a.patch").write_text(DIFF)
    with pytest.raises(InputError, match=r"/series is no list of patches, so their order is not known\n"):
        inputs.load(str(tmp_path))


def test_a_word_may_be_too_long_for_a_name(tmp_path: Path) -> None:
    word = "x" * 5000
    (tmp_path / "text").write_text(word)
    with pytest.raises(InputError, match=r"^text is no mbox and no diff"):
        inputs.load(str(tmp_path / "text"))
    (tmp_path / "series").write_text(f"{word}\n")
    with pytest.raises(InputError, match=r"series:1: no such patch: \S{300}$"):
        inputs.load(str(tmp_path / "series"))
