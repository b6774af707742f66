# SPDX-License-Identifier: GPL-2.0-only
"""A kseries that is killed while it posts, or is not the only one: the server has each check once all the same."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.publish import ledger
from tests.support import faults
from tests.support.commands import TOP
from tests.support.fakepatchwork import TOKEN, FakePatchwork
from tests.support.fakeserver import Way, serving
from tests.support.published import judged, patchwork_of, wanted, written

SECONDS = 120.0
KILLED = tuple(row for row in faults.PUBLISHING if row[0] == "kill -9")
HELD = {
    "a question": ("GET", 1),
    "its first post": ("POST", 0),
    "its third post": ("POST", 2),
    "its last post": ("POST", len(wanted(judged())) - 1),
}
"""Which of its requests has arrived, and waits for its answer."""


@pytest.fixture
def patchwork() -> Iterator[FakePatchwork]:
    with serving(patchwork_of(judged())) as fake:
        yield fake
        assert fake.wrongs == []


class Publishing:
    """``kseries publish`` of one run, as often as it is started."""

    def __init__(self, place: Path, server: FakePatchwork) -> None:
        self._run = written(judged(), place / "out")
        self._to = f"patchwork={server.url}/project/kvm"
        self.started: list[subprocess.Popen[str]] = []

    def start(self) -> "subprocess.Popen[str]":
        words = [str(TOP / "kseries"), "publish", str(self._run), "--to", self._to]
        env = {**os.environ, "KSERIES_PATCHWORK_TOKEN": TOKEN}
        self.started.append(subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True))
        return self.started[-1]

    def ended(self, one: "subprocess.Popen[str]") -> tuple[int, str]:
        """The exit status, and what was said."""
        said = one.communicate(timeout=SECONDS)[1]
        return one.returncode, said

    def again(self) -> str:
        """One that nothing befalls; what it says."""
        status, said = self.ended(self.start())
        assert status == 0, said
        return said


@pytest.fixture
def publishing(tmp_path: Path, patchwork: FakePatchwork, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publishing]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Publishing(tmp_path, patchwork)
    yield made
    for one in made.started:
        one.kill()
        one.communicate()


@pytest.mark.parametrize(("what", "victim", "stage", "outcome"), KILLED)
def test_one_that_was_killed_goes_on_where_it_was(
    publishing: Publishing, patchwork: FakePatchwork, what: str, victim: str, stage: str, outcome: str
) -> None:
    assert (what, victim, outcome) == ("kill -9", "kseries publish", "each check is there once")
    method, number = HELD[stage]
    patchwork.misbehave(method, *([None] * number), Way.HELD)
    first = publishing.start()
    assert patchwork.held.wait(SECONDS)
    first.send_signal(signal.SIGKILL)
    publishing.ended(first)
    patchwork.release()
    before = len(patchwork.checks)
    assert before == {"GET": 0, "POST": number + 1}[method]
    said = publishing.again()
    assert sorted(patchwork.told()) == wanted(judged())
    assert f" posted, {before} there before" in said
    asked = len(patchwork.requests)
    publishing.again()
    assert len(patchwork.requests) == asked, "all is noted by now"


def test_two_at_the_same_time_say_all_of_it_once(publishing: Publishing, patchwork: FakePatchwork) -> None:
    patchwork.misbehave("POST", None, Way.HELD)
    first = publishing.start()
    assert patchwork.held.wait(SECONDS)
    second = publishing.start()
    assert second.stderr is not None
    assert "another kseries posts to " in second.stderr.readline()
    patchwork.release()
    assert [publishing.ended(one)[0] for one in (first, second)] == [0, 0]
    assert sorted(patchwork.told()) == wanted(judged())
    assert len(patchwork.asked("POST")) == len(wanted(judged()))


def test_without_the_list_of_what_was_posted_the_server_is_asked(
    publishing: Publishing, patchwork: FakePatchwork
) -> None:
    publishing.again()
    paths.cache(ledger.NAME).unlink()
    assert f"0 checks posted, {len(wanted(judged()))} there before" in publishing.again()
    assert sorted(patchwork.told()) == wanted(judged())


def test_where_nothing_can_be_noted_nothing_is_posted(
    publishing: Publishing, patchwork: FakePatchwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two could not keep out of each other's way. A file in the folder's place stops root, too."""
    (tmp_path / "none").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    status, said = publishing.ended(publishing.start())
    assert status == 3 and "cannot write to the cache" in said
    assert patchwork.checks == []
