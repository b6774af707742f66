# SPDX-License-Identifier: GPL-2.0-only
"""A message-id through b4: a script of that name writes what b4 writes; without it, the user is told what to do."""

import shutil
from pathlib import Path

import pytest

from kseries import inputs
from kseries.inputs import lore
from kseries.model.errors import InfraError, InputError
from tests.support import mails

DIFF = b"---\ndiff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"
ID = "20240101.1-2-author@example.com"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with git and a shell's tools, and without b4 until a test puts it there."""
    for tool in ("git", "sh", "cat", "cp", "mkdir"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "/nowhere")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def b4(path: Path, script: str) -> None:
    """Called as ``b4 am -o DIR [-v N] MSGID``."""
    (path / "b4").write_text(f'#!/bin/sh\nset -eu\n[ "$1 $2" = "am -o" ]\n{script}\n')
    (path / "b4").chmod(0o755)


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (f"<{ID}>", True),
        (ID, True),
        (f"https://lore.kernel.org/kvm/{ID}/", True),
        (f"https://lore.kernel.org/r/{ID}", True),
        ("<2024..1@x>", True),
        ("v6.12..topic", False),
        ("HEAD@{1}..HEAD", False),
        ("v6.12..@", False),
        ("origin/a@b", False),
        ("nowhere", False),
    ],
)
def test_what_is_a_message_id(target: str, wanted: bool) -> None:
    assert lore.is_one(target) == wanted


@pytest.mark.parametrize(
    "target",
    [
        "https://github.com/torvalds/linux.git",
        "https://github.com/torvalds/linux",
        "https://github.com/torvalds/linux/pull/17",
        "https://gitlab.com/a/b/",
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/",
        "https://git.example.org:8080/x",
        "https://example.org/linux.git",
        "http://example.org/linux.git#topic",
        "git://example.org/linux",
        "ssh://git@example.org/linux",
        "git@github.com:torvalds/linux.git",
    ],
)
def test_a_repository_elsewhere_is_not_for_b4(target: str, path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^.* is a git repository, and no series\n  clone it, and name a range"
    ) as told:
        inputs.load(target)
    assert "--tree" in str(told.value) and target in str(told.value)


@pytest.mark.parametrize(
    "target",
    [
        f"https://lore.kernel.org/git/{ID}/",
        f"https://patch.msgid.link/{ID}",
        f"https://inbox.sourceware.org/gdb/{ID}/",
        "https://patchwork.kernel.org/project/kvm/patch/x@y/",
        "<20240101.git@github.com>",
        "1.git@github.com",
        "a@x.git",
    ],
)
def test_mails_elsewhere_are_for_b4(target: str, path: Path) -> None:
    with pytest.raises(InfraError, match=r"^b4 is not installed, "):
        inputs.load(target)


def test_without_b4_the_user_is_told_what_to_do(path: Path) -> None:
    with pytest.raises(InfraError, match=r"^b4 is not installed, .*\n  .*apt-get install b4; or save .* mbox"):
        inputs.load(ID)


def test_what_b4_writes_is_the_series(path: Path, tmp_path: Path) -> None:
    sent = [mails.mail(f"[PATCH v2 {n}/2] KVM: {n}", DIFF + b"%d\n" % n) for n in (1, 2)]
    (tmp_path / "all.mbx").write_bytes(b"".join(mails.FROM + one for one in sent))
    b4(path, f'[ "$4" = "<{ID}>" ]\ncp {tmp_path}/all.mbx "$3/v2_20240101_author_kvm.mbx"\n'
             'echo cover >"$3/v2_20240101_author_kvm.cover"\necho noise; echo more noise >&2')  # fmt: skip
    found = inputs.load(f"<{ID}>")
    assert [patch.subject for patch in found.series.patches] == ["KVM: 1", "KVM: 2"]
    assert (found.series.name, found.series.version) == ("v2_20240101_author_kvm", 2)


def test_b4_may_be_set_to_write_maildirs(path: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(mails.mail("[PATCH] KVM: a", DIFF))
    b4(path, f'mkdir -p "$3/x.maildir/new" "$3/x.maildir/cur" "$3/x.maildir/tmp"\n'
             f'cp {tmp_path}/one "$3/x.maildir/new/0001_a.eml"')  # fmt: skip
    assert inputs.load(ID).series.patches[0].subject == "KVM: a"


def test_v_is_handed_to_b4(path: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(mails.FROM + mails.mail("[PATCH v3] KVM: a", DIFF))
    b4(path, f'[ "$4 $5" = "-v 3" ]\ncp {tmp_path}/one "$3/x.mbx"')
    assert inputs.load(ID, reroll=3).series.version == 3


def test_what_b4_says_of_its_failure_is_told(path: Path) -> None:
    b4(path, "echo Grabbing thread >&2; echo 'Server returned an error: 404' >&2; exit 1")
    with pytest.raises(InfraError, match=rf"^b4 could not fetch {ID}: Server returned an error: 404$"):
        inputs.load(ID)


def test_a_thread_without_patches_is_the_users_mistake(path: Path) -> None:
    b4(path, "echo 'No patches found.' >&2")
    with pytest.raises(InputError, match=r"^b4 found no series for .*\n  No patches found\."):
        inputs.load(ID)
