# SPDX-License-Identifier: GPL-2.0-only
"""One file of a directory or a queue: several mails in it, and one that is called 0000."""

import tracemalloc
from pathlib import Path

import pytest

from kseries import inputs
from kseries.inputs import files
from kseries.inputs.target import Target
from kseries.model.errors import InputError
from tests.support import mails
from tests.support.gitrepo import Repository, lines

DIFF = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"


def several(*subjects: str, diff: bytes = DIFF) -> bytes:
    return mails.mbox([mails.mail(subject, b"" if " 0/" in subject else diff) for subject in subjects])


def loaded(directory: Path, series: str = "", /, **patches: bytes) -> Target:
    for name, data in patches.items():
        (directory / f"{name.replace('_', '-').removeprefix('n')}.patch").write_bytes(data)
    if series:
        (directory / "series").write_text(series)
    return inputs.load(str(directory))


def subjects(target: Target) -> list[tuple[int, str]]:
    return [(patch.number, patch.subject) for patch in target.series.patches]


def test_several_mails_in_a_patch_are_as_many_patches(tmp_path: Path) -> None:
    """What `git format-patch --stdout` writes into one file of a queue; armbian has a dozen of them."""
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"file": lines(30)})
    repository.git("tag", "base")
    for number in (3, 9, 20):
        repository.commit(f"KVM: line {number}", {"file": lines(30, **{f"line{number}": "changed"})})
    queue = tmp_path / "queue"
    queue.mkdir()
    (queue / "0001-both.patch").write_bytes(repository.run("format-patch", "--stdout", "base..main~1").stdout)
    (queue / "0002-last.patch").write_bytes(repository.run("format-patch", "--stdout", "-1", "main").stdout)
    found = inputs.load(str(queue))
    assert subjects(found) == [(1, "KVM: line 3"), (2, "KVM: line 9"), (3, "KVM: line 20")]
    assert mails.trees(found, repository, tmp_path) == [repository.tree(f"main~{back}") for back in (2, 1, 0)]


def test_each_mail_of_a_patch_of_a_queue_is_stripped(tmp_path: Path) -> None:
    both = several("[PATCH] KVM: a", "[PATCH] KVM: b", diff=DIFF.replace(b"a/", b"").replace(b"b/", b""))
    found = loaded(tmp_path, "both.patch -p0\n", both=both)
    assert [patch.diff and patch.diff.strip() for patch in found.series.patches] == [DIFF.strip()] * 2


def test_the_numbers_in_a_file_are_those_of_one_series(tmp_path: Path) -> None:
    found = loaded(tmp_path, a=several("[PATCH 0/2] KVM", "[PATCH 2/2] KVM: b", "[PATCH 1/2] KVM: a"))
    assert subjects(found) == [(1, "KVM: a"), (2, "KVM: b")]


def test_a_mail_that_a_file_of_several_has_lost_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^a\.patch lacks 2/3\n"):
        loaded(tmp_path, a=several("[PATCH 1/3] KVM: a", "[PATCH 3/3] KVM: c"))


def test_patches_of_several_series_in_one_file_stay_as_they_stand(tmp_path: Path) -> None:
    found = loaded(tmp_path, a=several("[PATCH 2/3] KVM: x", "[PATCH] KVM: y", "[PATCH v2 1/9] KVM: z"))
    assert subjects(found) == [(1, "KVM: x"), (2, "KVM: y"), (3, "KVM: z")]
    assert found.notes == ("a.patch: 3 patches of several series, in the order in which they stand there",)


def test_patches_without_numbers_of_other_versions_are_no_versions_of_one_another(tmp_path: Path) -> None:
    found = loaded(tmp_path, a=several("[PATCH] KVM: x", "[PATCH v3] KVM: y"))
    assert subjects(found) == [(1, "KVM: x"), (2, "KVM: y")]
    again = loaded(tmp_path, a=several("[PATCH] KVM: x", "[PATCH v3] KVM: x"))
    assert subjects(again) == [(1, "KVM: x")]


def test_the_base_of_a_patch_in_the_middle_of_a_queue_is_not_that_of_the_queue(tmp_path: Path) -> None:
    """It is a backport, whose author had another kernel."""
    other = DIFF.replace(b"a/", b"a/b").replace(b"b/", b"b/b")
    based = mails.mail("[PATCH] KVM: b", other + b"\nbase-commit: 1234567\n")
    first = mails.mail("[PATCH] KVM: a", DIFF)
    (tmp_path / "first").mkdir()
    assert loaded(tmp_path / "first", b=based, c=first).base_commit == "1234567"
    assert loaded(tmp_path, a=first, b=based).base_commit is None


def test_a_patch_without_a_number_beside_those_of_a_series_is_one_too(tmp_path: Path) -> None:
    found = loaded(tmp_path, a=several("[PATCH] KVM: x", "[PATCH 1/2] KVM: y", "[PATCH 2/2] KVM: z"))
    assert subjects(found) == [(1, "KVM: x"), (2, "KVM: y"), (3, "KVM: z")]
    assert found.notes == ("a.patch: 3 patches of several series, in the order in which they stand there",)


def test_a_series_may_lie_in_several_files_of_which_one_has_several_mails(tmp_path: Path) -> None:
    whole = {"a": several("[PATCH 1/4] KVM: a", "[PATCH 2/4] KVM: b"), "b": several("[PATCH 4/4] KVM: d")}
    with pytest.raises(InputError, match=r"^a\.patch lacks 3/4, 4/4\n"):
        loaded(tmp_path, **whole)
    found = loaded(tmp_path, **whole, aa=several("[PATCH 3/4] KVM: c"))
    assert subjects(found) == [(1, "KVM: a"), (2, "KVM: b"), (3, "KVM: c"), (4, "KVM: d")]
    assert found.notes == (
        "a.patch: 2 patches of a series whose others are in other files, in the order in which they stand there",
    )


@pytest.mark.parametrize("name", ["0000-first", "v2-0000-first"])
def test_a_first_patch_that_is_counted_from_0_is_one(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.patch").write_bytes(mails.mail("[PATCH] KVM: first", DIFF))
    (tmp_path / f"{name.replace('0000', '0001')}.patch").write_bytes(mails.mail("[PATCH] KVM: second", DIFF))
    assert subjects(inputs.load(str(tmp_path))) == [(1, "KVM: first"), (2, "KVM: second")]


def test_a_cover_letter_with_an_interdiff_is_no_patch(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        n0000_cover_letter=mails.mail("[PATCH] KVM", b"Interdiff against v1:\n" + DIFF, "Message-ID: <0@z>\n"),
        n0001_a=mails.mail("[PATCH 1/1] KVM: a", DIFF),
    )
    assert (subjects(found), found.series.cover_id) == ([(1, "KVM: a")], "<0@z>")


def test_a_cover_letter_may_have_any_name(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        a=mails.mail("[PATCH 0/1] KVM", b"Words.\n\nbase-commit: 1234567\n"),
        b=mails.mail("[PATCH 1/1] KVM: a", DIFF),
    )
    assert (subjects(found), found.base_commit) == ([(1, "KVM: a")], "1234567")


def test_a_part_of_a_version_is_not_taken_for_the_series_of_a_directory(tmp_path: Path) -> None:
    for name, subject in (("0001-a", "1/2] KVM: a"), ("0002-b", "2/2] KVM: b"), ("v2-0001-a", "v2 1/2] KVM: a2")):
        (tmp_path / f"{name}.patch").write_bytes(mails.mail(f"[PATCH {subject}", DIFF))
    with pytest.raises(InputError, match=r" lacks 2/2 of v2\n  say which version is meant, .*: -v 1, -v 2$"):
        inputs.load(str(tmp_path))
    assert subjects(inputs.load(str(tmp_path), reroll=1)) == [(1, "KVM: a"), (2, "KVM: b")]
    assert subjects(inputs.load(str(tmp_path), reroll=2)) == [(1, "KVM: a2")]


def test_what_many_series_say_of_their_lengths_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LIMIT", 1 << 20)  # a file is read into as much
    data = several(*(f"[PATCH 1/{total}] KVM" for total in range(7000, 7200)))
    (tmp_path / "a.patch").write_bytes(data)
    tracemalloc.start()
    try:
        assert len(inputs.load(str(tmp_path)).series.patches) == 200
        assert tracemalloc.get_traced_memory()[1] < 200 * len(data)
    finally:
        tracemalloc.stop()
