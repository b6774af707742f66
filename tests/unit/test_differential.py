# SPDX-License-Identifier: GPL-2.0-only
"""Mails and threads are read as git mailinfo, git am and b4 read them: to the same trees, or to a listed difference."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from kseries.inputs import mail, mbox, thread
from kseries.model import Base
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore
from tests.support import mails, threads
from tests.support.gitrepo import ENVIRONMENT, Repository
from tests.support.threads import Thread

Trees = list[str] | None
"""The tree after each patch; None where somebody refuses."""
FEW = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])

DIFFERENCES = threads.differences()
DOCS = Path(__file__).parents[2] / "docs" / "reference.md"


class Peers:
    """kseries, git am and b4 on one repository."""

    def __init__(self, scratch: Path) -> None:
        self.repository = Repository(scratch / "linux")
        self.repository.commit("base", {"file": threads.FILE})
        self.repository.git("tag", "base")
        self.store = TreeStore(scratch / "trees.git")
        self.store.add_repository(self.repository.path)
        self.base = Base(name="base", version="6", tree=self.repository.tree("base"))
        self.scratch = scratch
        self.b4 = subprocess.Popen(
            [sys.executable, Path(__file__).parents[1] / "support" / "b4am.py"],
            env={**ENVIRONMENT, "HOME": str(scratch), "XDG_CACHE_HOME": str(scratch), "XDG_DATA_HOME": str(scratch)},
            cwd=scratch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def by_kseries(self, data: bytes) -> Trees:
        try:
            series = thread.series(mbox.read(data, "t.mbox"), "t.mbox").series
            return [patch.tree_after for patch in scenarios.apply_all(series, self.base, self.store)]
        except InputError:
            return None

    def by_am(self, data: bytes) -> Trees:
        self.repository.git("checkout", "--quiet", "--force", "-B", "am", "base")
        if self.repository.run("am", "--quiet", stdin=data).returncode != 0:
            self.repository.git("am", "--abort")
            return None
        return self.repository.git("log", "--reverse", "--format=%T", "base..am").split()

    def by_b4(self, data: bytes) -> Trees:
        """What b4 am makes of an mbox, through git am. One that lacks a patch, b4 writes, and says so."""
        out, said = self.scratch / "out", self.scratch / "said"
        (self.scratch / "t.mbox").write_bytes(data)
        for old in out.glob("*"):
            old.unlink()
        words = ["--offline-mode", "-c", "b4.attestation-policy=off", "am", "-o", str(out)]
        words += ["-m", str(self.scratch / "t.mbox")]
        assert self.b4.stdin is not None and self.b4.stdout is not None
        self.b4.stdin.write(json.dumps([str(said), *words]).encode() + b"\n")
        self.b4.stdin.flush()
        assert self.b4.stdout.readline() == b"0\n", said.read_text()
        written = list(out.glob("*.mbx"))
        if not written or "Thread incomplete!" in said.read_text():
            return None
        return self.by_am(written[0].read_bytes())


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    peers = Peers(tmp_path_factory.mktemp("peers"))
    yield peers
    peers.b4.communicate()


def same_as_mailinfo(one: bytes, peers: Peers) -> None:
    message, patch = peers.scratch / "message", peers.scratch / "patch"
    split = one.replace(b"\r\n", b"\n")  # as git mailsplit leaves it
    said = peers.repository.git("mailinfo", str(message), str(patch), stdin=split)
    told = dict(line.split(": ", 1) for line in said.splitlines() if line)
    read = mail.read(one, "x")
    assert read.diff.rstrip(b"\n") == patch.read_bytes().rstrip(b"\n")  # git ends each multipart with an empty line
    assert read.message == message.read_text().strip()
    assert re.sub(r"^(\[[^]]*\]\s*)+", "", read.subject.text) == told["Subject"]  # which has no [media] either
    assert read.author == f"{told['Author']} <{told['Email']}>"


def same_as_am_and_b4(one: Thread, peers: Peers) -> None:
    data = mails.mbox(one.sent)
    trees = peers.by_kseries(data)
    assert trees == (peers.by_am(mails.mbox(one.meant)) if one.meant else None)
    event("whole" if trees else "refused")
    if not one.marks:
        assert trees == peers.by_b4(data)
        event("by b4, too")


@FEW
@given(one=threads.SINGLE)
def test_a_mail_is_read_as_git_mailinfo_reads_it(one: bytes, peers: Peers) -> None:
    same_as_mailinfo(one, peers)


@FEW
@given(one=threads.threads())
def test_a_thread_leads_to_the_trees_of_git_am_and_of_b4(one: Thread, peers: Peers) -> None:
    same_as_am_and_b4(one, peers)


@pytest.mark.parametrize("mark", DIFFERENCES)
def test_each_difference_is_one_and_in_the_docs(mark: str, peers: Peers) -> None:
    one = DIFFERENCES[mark]
    trees = peers.by_kseries(mails.mbox(one.sent))
    assert trees == (peers.by_am(mails.mbox(one.meant)) if one.meant else None)
    assert trees != peers.by_b4(mails.mbox(one.sent))
    assert f"\n| {mark} | " in DOCS.read_text()


@pytest.mark.full("series")
@MANY
@given(one=threads.SINGLE)
def test_many_mails(one: bytes, peers: Peers) -> None:
    same_as_mailinfo(one, peers)


@pytest.mark.full("series")
@MANY
@given(one=threads.threads())
def test_many_threads(one: Thread, peers: Peers) -> None:
    same_as_am_and_b4(one, peers)
