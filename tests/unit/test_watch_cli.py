# SPDX-License-Identifier: GPL-2.0-only
"""What kseries watch answers to what a user gets wrong: exit 2, and one or two lines, before anything is begun."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.cli import main
from kseries.host.database import Database
from tests.support.bases import MAKEFILE
from tests.support.gitrepo import Repository
from tests.support.inbox import Maildir


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with mails, a kernel and an empty folder; main's signal handlers are taken back."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Maildir(tmp_path / "mails")
    Repository(tmp_path / "linux").commit("base", {"Makefile": MAKEFILE})
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which SOURCE?"),
        (("mails",), "on which trees?"),
        (("nowhere", "--tree", "linux"), "no such SOURCE: nowhere"),
        (("mails", "--tree", "linux", "--subject", "["), "--subject [: no regular expression"),
        (("mails", "--tree", "linux", "--every", "soon"), "soon is no time such as 60s"),
        (("mails", "--tree", "linux", "--url", "https://x/"), "--url: of nothing that is published"),
        (("mails", "--tree", "linux", "--publish", "kcidb", "--url", "not a url"), "not a url is no URL"),
        (("mails", "--tree", "linux", "--publish", "nonsense=x"), "there is no report nonsense"),
        (("mails", "--tree", "linux", "--publish", "patchwork="), "--publish patchwork= names no place"),
        (("mails", "--tree", "linux", "--publish", "patchwork=foo"), "no token for foo"),
        (("mails", "--tree", "linux", "--publish", "nipa=nowhere"), "no such directory: nowhere"),
        (("mails", "--tree", "linux", "--publish", "sarif=x.sarif"), "--publish sarif=x.sarif is one file"),
        (("mails", "--tree", "linux", "--", "--out", "x"), "-- --out: the watch says that itself"),
        (("mails", "--tree", "linux", "--", "--base", "x"), "-- --base: the watch says that itself"),
        (
            ("mails", "--tree", "linux", "--once", "--", "--known-issues", "none.toml"),
            "--known-issues none.toml: No such file",
        ),
        (("mails", "--tree", "linux", "--", "--probe", "nonsense"), "no such probe: nonsense"),
        (("mails", "--tree", "linux", "--", "other"), "unrecognized arguments: other"),
        (("mails", "--tree", "linux", "--once", "--queue", "file"), "--queue file: File exists\n  name a directory"),
        (("mails", "--tree", "linux", "--once", "--queue", "file/x"), "--queue file/x: Not a directory\n  name a dir"),
        (("mails", "--tree", "linux", "--once", "--out", "file"), "--out file: File exists\n  name a directory"),
        (("mails", "--json"), "--json: print the queue with it"),
        (("--list-queue", "--queue", "mails"), "no queue: mails/queue.sqlite"),
        (("mails", "--tree", "nothing", "--once"), "no such kernel tree: nothing"),
        (("mails", "--tree", "empty", "--once"), "is not a kernel tree: it has no Makefile"),
    ],
)
def test_what_is_wrong_is_told_in_two_lines(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    try:
        status = main(["watch", *words])
    except SystemExit as usage:
        status = int(usage.code or 0)
    told = capsys.readouterr()
    assert (status, told.out) == (2, ""), told.err
    assert said in told.err and len(told.err.splitlines()) <= 2


def test_an_empty_maildir_is_watched_and_its_queue_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "mails", "--tree", "linux", "--once", "--", "--build-only"]) == 0
    assert main(["watch", "--list-queue"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("the queue is empty\n", "")
    assert "None." in (tmp_path / "kseries-watch" / "page" / "index.html").read_text()


def test_a_queue_that_is_no_database_is_put_aside_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kseries-watch").mkdir()
    (tmp_path / "kseries-watch" / "queue.sqlite").write_text("no database, but long enough to be looked at\n" * 99)
    assert main(["watch", "mails", "--tree", "linux", "--once", "--", "--build-only"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be used" in line and "begun anew, what was there is now queue.sqlite.old" in line


def test_a_queue_of_another_kseries_is_told_and_left_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kseries-watch").mkdir()
    file = tmp_path / "kseries-watch" / "queue.sqlite"
    Database(file, "CREATE TABLE IF NOT EXISTS items (number INTEGER)", 999).do(lambda _: None)
    before = file.read_bytes()
    assert main(["watch", "--list-queue"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "not a queue of this kseries: kseries-watch/queue.sqlite" in told.err
    assert len(told.err.splitlines()) == 2
    assert [*file.parent.iterdir()] == [file] and file.read_bytes() == before
