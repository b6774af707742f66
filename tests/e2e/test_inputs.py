# SPDX-License-Identifier: GPL-2.0-only
"""One series in every form in which people have it: `kseries plan` makes the same states of each."""

import gzip
import json
import lzma
import os
import random
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support import mails
from tests.support.commands import TOP
from tests.support.gitrepo import ENVIRONMENT, Repository, lines

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n"
SUBJECTS = ["KVM: Ärger with one", "KVM: two", "KVM: three", "KVM: four"]
SECONDS = 60


@dataclass(frozen=True)
class Typed:
    """What a user types after `kseries plan`."""

    words: tuple[str | Path, ...]
    stdin: bytes = b""
    env: dict[str, str] = field(default_factory=dict)


Plan = Callable[[Typed], "subprocess.CompletedProcess[bytes]"]
Form = Callable[[Repository, Path], Typed]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A kernel, as far as a plan can tell, with a topic of four patches on the tag ``base``; HEAD is the topic."""
    repository = Repository(tmp_path_factory.mktemp("e2e") / "linux")
    blob = bytes(range(256)) * 20
    repository.commit("Linux", {"Makefile": MAKEFILE, "kvm.c": lines(40), "old.c": lines(40), "blob": blob})
    repository.git("tag", "base")
    repository.commit(f"{SUBJECTS[0]}\n\nFrom the guest's side.", {"kvm.c": lines(40, line3="one")})
    repository.git("mv", "old.c", "new.c")
    repository.commit(SUBJECTS[1], {"new.c": lines(40, line20="two"), "blob": blob[::-1]})
    repository.commit(SUBJECTS[2], {"kvm.c": lines(40, line3="one", line30="three"), "more.c": "x\n"})
    (repository.path / "more.c").chmod(0o755)
    repository.commit(SUBJECTS[3], {"kvm.c": lines(40, line3="four", line30="three")})
    return repository


@pytest.fixture(scope="module")
def plan(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Run `./kseries plan --json` on that kernel, with one cache for all the tests here."""
    cache = tmp_path_factory.mktemp("cache")

    def run(typed: Typed) -> "subprocess.CompletedProcess[bytes]":
        tree = () if "--tree" in typed.words else ("--tree", repository.path)
        return subprocess.run(
            [TOP / "kseries", "plan", "--json", *typed.words, *tree],
            env={**os.environ, "XDG_CACHE_HOME": str(cache), **typed.env},
            input=typed.stdin,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )

    return run


# --- the forms ----------------------------------------------------------------------------------
# Mails name their base in a base-commit trailer: on HEAD, which has the series, they do not apply.


def sent(repository: Repository, *options: str) -> list[bytes]:
    return mails.formatted(repository, "--binary", "--cover-letter", "--base=base", *options)


def written(place: Path, data: bytes) -> Path:
    place.write_bytes(data)
    return place


def format_patch(repository: Repository, top: Path) -> Typed:
    repository.git("format-patch", "--quiet", "--binary", "--cover-letter", "--base=base", "-o", str(top), "base..main")
    return Typed((top,))


def standard_input(repository: Repository, _top: Path) -> Typed:
    return Typed(("-",), repository.run("format-patch", "--stdout", "--binary", "--base=base", "base..main").stdout)


def archive(repository: Repository, top: Path) -> Typed:
    """An older version without its end, replies to every mail, all in the order in which a list got them."""
    old = [one.replace(b"+three", b"+something else") for one in sent(repository)][:-1]
    new = sent(repository, "-v2")
    posted = [*old, *new, *map(mails.reply, new), *map(mails.reply, old)]
    random.Random(1).shuffle(posted)
    return Typed((written(top / "t.mbox", mails.mbox(posted)),))


def quoted(repository: Repository, top: Path) -> Typed:
    return Typed((written(top / "t.mbox", mails.mbox([*map(mails.quoted_mboxrd, sent(repository))])),))


def in_base64(repository: Repository, top: Path) -> Typed:
    return Typed((written(top / "t.mbox", mails.mbox([*map(mails.in_base64, sent(repository))])),))


def attached(repository: Repository, top: Path) -> Typed:
    cover, *patches = sent(repository)
    return Typed((written(top / "t.mbox", mails.mbox([cover, *map(mails.as_an_attachment, patches)])),))


def maildir(repository: Repository, top: Path) -> Typed:
    for folder in ("cur", "new", "tmp"):
        (top / folder).mkdir()
    for number, one in enumerate(reversed(sent(repository))):
        written(top / "new" / f"{1700000000 + number}.host", mails.with_crlf(mails.quoted_printable(one)))
    return Typed((top,))


def queue(repository: Repository, top: Path) -> Typed:
    for number, subject in enumerate(SUBJECTS, 1):
        prefix = ["--no-prefix"] if number % 2 else []
        diff = repository.run("diff", "--binary", *prefix, f"main~{5 - number}", f"main~{4 - number}").stdout
        written(top / f"{number}.diff", f"Subject: {subject}\nForwarded: no\n\nWhy.\n\n".encode() + diff)
    written(top / "series", b"# a queue\n\n1.diff -p0\n2.diff\n3.diff -p0 # why\n#4.diff\n4.diff -p1\n")
    return Typed((top, "--base", "base"))


def guarded(repository: Repository, top: Path) -> Typed:
    """Several mails in one patch, and packed ones, in the order of a series.conf with guards."""
    _, *patches = sent(repository)
    written(top / "z.patch", mails.mbox(patches[:2]))
    written(top / "b.patch.xz", lzma.compress(patches[2]))
    written(top / "a.patch.gz", gzip.compress(patches[3]))
    written(top / "no.patch", patches[0])
    written(top / "series.conf", b"\tz.patch\n-\tno.patch\n+rt\tno.patch\n-rt\tb.patch.xz # why\n\ta.patch.gz\n")
    return Typed((top, "--base", "base"))


def tarball(repository: Repository, top: Path) -> Typed:
    """As Debian packs its queue."""
    (top / "debian" / "patches").mkdir(parents=True)
    queue(repository, top / "debian" / "patches")
    with tarfile.open(top / "linux.debian.tar.xz", "w:xz") as made:
        made.add(top / "debian", "debian")
    return Typed((top / "linux.debian.tar.xz", "--base", "base"))


def bundle(repository: Repository, top: Path) -> Typed:
    repository.git("bundle", "create", "--quiet", str(top / "topic.bundle"), "base..main")
    return Typed((top / "topic.bundle",))


def series_file(repository: Repository, top: Path) -> Typed:
    queue(repository, top)
    return Typed((top / "series", "--base", "base"))


def commits(_repository: Repository, _top: Path) -> Typed:
    return Typed(("base..main",))


def message_id(repository: Repository, top: Path) -> Typed:
    """Through a script that writes what b4 writes."""
    written(top / "am.mbx", b"".join(mails.FROM + one for one in sent(repository, "-v2")))
    script = f'#!/bin/sh\n[ "$4" = "<1@x>" ] && cp {top}/am.mbx "$3/v2_20240101_a_kvm.mbx" && echo hi >"$3/v2.cover"\n'
    written(top / "b4", script.encode()).chmod(0o755)
    return Typed(("<1@x>",), env={"PATH": f"{top}:{os.environ['PATH']}"})


FORMS: tuple[Form, ...] = (
    format_patch, standard_input, archive, quoted, in_base64, attached, maildir, queue, series_file, message_id,
    guarded, tarball, bundle,
)  # fmt: skip


def states(done: "subprocess.CompletedProcess[bytes]") -> dict[str, Any]:
    """What a plan holds but for the name of the series."""
    assert done.returncode == 0, done.stderr.decode()
    plan = json.loads(done.stdout)
    patches = [(one["number"], one["subject"], one["tree_before"], one["tree_after"]) for one in plan["patches"]]
    return {"patches": patches, "base": plan["base"]["tree"], "states": plan["states"]}


@pytest.fixture(scope="module")
def wanted(repository: Repository, plan: Plan) -> dict[str, Any]:
    """The plan of the commits themselves."""
    found = states(plan(commits(repository, Path())))
    assert [subject for _, subject, _, _ in found["patches"]] == SUBJECTS
    assert [tree for _, _, _, tree in found["patches"]] == [repository.tree(f"main~{back}") for back in (3, 2, 1, 0)]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_form_ends_in_the_same_plan(
    form: Form, repository: Repository, plan: Plan, wanted: dict[str, Any], tmp_path: Path
) -> None:
    assert states(plan(form(repository, tmp_path))) == wanted


# --- what a user gets wrong ---------------------------------------------------------------------


def fails(done: "subprocess.CompletedProcess[bytes]", status: int = 2) -> str:
    """What a plan that must fail said last."""
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b""), said
    assert "Traceback" not in said
    last = said[said.rindex("kseries: ") :]
    assert len(last.splitlines()) <= 2
    return last


def no_patch(_repository: Repository, top: Path) -> Typed:
    return Typed((written(top / "t.mbox", mails.mbox([mails.mail("Hello", b"How are you?\n")])),))


def gap(repository: Repository, top: Path) -> Typed:
    return Typed((written(top / "t.mbox", mails.mbox(sent(repository)[:3])),))


def two_for_one(repository: Repository, top: Path) -> Typed:
    other = sent(repository)[2].replace(b"+two", b"+too")
    return Typed((written(top / "t.mbox", mails.mbox([*sent(repository), other])),))


def old_version(repository: Repository, top: Path) -> Typed:
    return Typed((*archive(repository, top).words, "-v", "1"))


def cut(repository: Repository, top: Path) -> Typed:
    return Typed((written(top / "t.mbox", mails.mbox(sent(repository))[:-120]),))


def nothing(_repository: Repository, _top: Path) -> Typed:
    return Typed(("-",))


def on_the_tip(repository: Repository, top: Path) -> Typed:
    return Typed((*archive(repository, top).words, "--base", "main"))


def foreign(_repository: Repository, top: Path) -> Typed:
    diff = b"---\n--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1 +1 @@\n-a\n+b\n"
    return Typed((written(top / "t.mbox", mails.mbox([mails.mail("[PATCH] rust", diff)])),))


def empty_queue(_repository: Repository, top: Path) -> Typed:
    written(top / "series", b"# nothing yet\n")
    return Typed((top,))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (no_patch, "t.mbox holds no patch"),
        (gap, "t.mbox lacks 3/4, 4/4\n"),
        (two_for_one, "has two patches 2/4: 'KVM: two' and 'KVM: two'"),
        (old_version, "t.mbox lacks 4/4\n"),
        (cut, "is cut short"),
        (nothing, "standard input is empty"),
        (on_the_tip, "is already in "),
        (foreign, "there is no src/main.rs"),
        (empty_queue, "series names no patch"),
    ],
)
def test_a_wrong_input_is_named_with_status_2(
    wrong: Form, said: str, repository: Repository, plan: Plan, tmp_path: Path
) -> None:
    assert said in fails(plan(wrong(repository, tmp_path)))


def test_a_shallow_clone_without_the_base_commit_is_told_how_to_get_it(
    repository: Repository, plan: Plan, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    words = ["git", "clone", "--quiet", "--depth=1", f"file://{repository.path}", str(shallow)]
    subprocess.run(words, env=ENVIRONMENT, check=True)
    done = plan(Typed((*archive(repository, tmp_path).words, "--tree", shallow)))
    assert "is already in" in fails(done)
    assert "git fetch --unshallow" in done.stderr.decode()


def test_what_is_not_committed_is_no_part_of_the_base_and_is_left_alone(
    repository: Repository, plan: Plan, wanted: dict[str, Any], tmp_path: Path
) -> None:
    text = (repository.path / "kvm.c").read_text()
    (repository.path / "kvm.c").write_text("half a thought")
    try:
        done = plan(archive(repository, tmp_path))
        assert (repository.path / "kvm.c").read_text() == "half a thought"
    finally:
        (repository.path / "kvm.c").write_text(text)
    assert states(done) == wanted
    assert "nothing is taken from its work tree" in done.stderr.decode()


def test_a_patch_of_50_mb_is_a_patch(repository: Repository, plan: Plan, tmp_path: Path) -> None:
    row = b"+" + b"x" * 63 + b"\n"
    count = 50 * (1 << 20) // len(row)
    head = b"---\ndiff --git a/big b/big\nnew file mode 100644\n--- /dev/null\n+++ b/big\n@@ -0,0 +1,%d @@\n" % count
    mbox = written(tmp_path / "t.mbox", mails.mbox([mails.mail("[PATCH] big", head + row * count)]))
    assert len(states(plan(Typed((mbox,))))["patches"]) == 1
