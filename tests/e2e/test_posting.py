# SPDX-License-Identifier: GPL-2.0-only
"""A run published as a user types it, to servers on loopback: once, however often, and a token is seen by nobody."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.publish import tokens
from tests.support import fakegithub, fakekcidb, fakepatchwork, tinyseries
from tests.support.commands import TOP, Kseries
from tests.support.fakegithub import FakeGitHub
from tests.support.fakekcidb import FakeKcidb
from tests.support.fakepatchwork import FakePatch, FakePatchwork
from tests.support.fakeserver import Fault, Way, serving
from tests.support.published import patchwork_of, wanted, written
from tests.support.runs import mailed, split_run

SECONDS = 120.0
RUN = ("--scenario", "prefixes,reverts", "--probe", "capabilities")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("KSERIES_PATCHWORK_TOKEN", "KSERIES_GITHUB_TOKEN", "GITHUB_TOKEN", "KSERIES_KCIDB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def patchwork() -> Iterator[FakePatchwork]:
    with serving(patchwork_of(split_run())) as fake:
        yield fake
        assert fake.wrongs == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The stored run of the split series, as if its patches had come as mails."""
    return written(mailed(split_run()), tmp_path / "out")


def keep(host: str, secret: str) -> None:
    """Put a token into the user's file."""
    tokens.file().parent.mkdir(parents=True, exist_ok=True)
    tokens.file().write_text(f'"{host}" = "{secret}"\n')
    tokens.file().chmod(0o600)


def test_the_stored_run_is_told_to_a_patchwork_once(kseries: Kseries, patchwork: FakePatchwork, out: Path) -> None:
    keep(patchwork.url.removeprefix("http://"), fakepatchwork.TOKEN)
    to = ("--to", f"patchwork={patchwork.url}/project/kvm/list/", "--url", "https://ci.example.org/42")
    count = len(wanted(mailed(split_run())))
    for said in (f"{count} checks posted, 0 there before", f"0 checks posted, {count} there before"):
        done = kseries("publish", out, *to)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr.splitlines()[-1].endswith(said)
    assert sorted(patchwork.told()) == wanted(mailed(split_run()))
    (failed,) = [one for one in patchwork.checks if one.state == "fail"]
    assert failed.context == "kseries-revert-x86_64" and "KVM_CAP_EXIT_ON_MISSING" in failed.description
    assert failed.target_url == "https://ci.example.org/42/report.html#patch-3"


def test_a_run_is_told_to_all_at_once(kseries: Kseries, patchwork: FakePatchwork, out: Path) -> None:
    with serving(FakeGitHub()) as github, serving(FakeKcidb()) as kcidb:
        to = (
            *("--to", f"patchwork={patchwork.url}"),
            *("--to", "github"),
            *("--to", f"kcidb={kcidb.url}/submit"),
        )
        env = {
            "KSERIES_PATCHWORK_TOKEN": fakepatchwork.TOKEN,
            "KSERIES_KCIDB_TOKEN": fakekcidb.TOKEN,
            "GITHUB_TOKEN": fakegithub.TOKEN,
            "GITHUB_REPOSITORY": fakegithub.REPOSITORY,
            "GITHUB_SHA": fakegithub.COMMIT,
            "GITHUB_API_URL": github.url,
        }
        for _ in range(2):
            done = kseries("publish", out, *to, **env)
            assert done.returncode == 0, done.stderr
        assert len(done.stderr.splitlines()) == 3
        assert [one["conclusion"] for one in github.check_runs] == ["failure"]
        assert len(kcidb.asked("POST")) == 1 and kcidb.objects
    assert sorted(patchwork.told()) == wanted(mailed(split_run()))


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """Two patches for the tiny kernel, as an mbox."""
    linux = tinyseries.repository(tmp_path / "linux", 2)
    formatted = ["git", "-C", str(linux), "format-patch", "--stdout", "--thread", "--base=base", "base..topic"]
    (tmp_path / "t.mbox").write_bytes(subprocess.run(formatted, capture_output=True, check=True).stdout)
    return tmp_path / "t.mbox"


def test_a_run_publishes_what_it_finds(kseries: Kseries, mails: Path, tmp_path: Path) -> None:
    ids = re.findall(r"^Message-Id: (<.*>)$", mails.read_text(), re.MULTILINE | re.IGNORECASE)
    with serving(FakePatchwork(*(FakePatch(number, one, "kvm") for number, one in enumerate(ids, 1)))) as patchwork:
        words = ("run", mails, "--tree", tmp_path / "linux", *RUN, "--out", "out")
        to = ("--publish", f"patchwork={patchwork.url}/project/kvm")
        for _ in range(2):
            done = kseries(*words, *to, KSERIES_PATCHWORK_TOKEN=fakepatchwork.TOKEN)
            assert done.returncode == 0, done.stdout + done.stderr
        told = patchwork.told()
    assert len(told) == len({*told}) == len({(patch, context) for patch, context, _ in told})
    assert {(1, "kseries-boot-x86_64", "success"), (2, "kseries-apply", "success")} <= {*told}
    assert (tmp_path / "out" / "report.html").exists()


def test_a_run_that_could_not_be_published_is_not_begun(kseries: Kseries, mails: Path, tmp_path: Path) -> None:
    words = ("run", mails, "--tree", tmp_path / "linux", *RUN, "--out", "out")
    done = kseries(*words, "--publish", "patchwork=https://patchwork.kernel.org/project/kvm")
    assert done.returncode == 2 and done.stderr.startswith("kseries: no token for patchwork.kernel.org\n  set KSERIES_")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("patchwork", "which Patchwork?"),
        ("patchwork=http://patchwork.kernel.org", "is not https://"),
        ("patchwork=https://token@patchwork.kernel.org", "has a user or a token in it"),
        ("github=torvalds/linux", "is no commit"),
        ("kcidb=https://me:token@db.kernelci.org", "has a user or a token in it"),
        ("kcidb=https://", "is no URL of a server"),
        ("patchwork=", "names no place"),
    ],
)
def test_a_place_that_is_none_is_told_in_two_lines(kseries: Kseries, out: Path, to: str, said: str) -> None:
    done = kseries("publish", out, "--to", to, KSERIES_PATCHWORK_TOKEN="x", KSERIES_KCIDB_TOKEN="x")
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 2


def test_a_file_of_tokens_that_others_can_read_is_refused(kseries: Kseries, out: Path) -> None:
    keep("patchwork.kernel.org", fakepatchwork.TOKEN)
    tokens.file().chmod(0o644)
    done = kseries("publish", out, "--to", "patchwork=https://patchwork.kernel.org/project/kvm")
    assert done.returncode == 2
    assert done.stderr == f"kseries: {tokens.file()} can be read by others than you\n  chmod 600 {tokens.file()}\n"


def test_of_several_runs_each_has_its_own_folder_below_the_url(
    kseries: Kseries, patchwork: FakePatchwork, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        written(mailed(split_run()), tmp_path / name)
    to = ("--to", f"patchwork={patchwork.url}", "--url", "https://ci.example.org")
    done = kseries("publish", "one", "two", *to, KSERIES_PATCHWORK_TOKEN=fakepatchwork.TOKEN)
    assert done.returncode == 0, done.stderr
    assert {one.target_url.split("#")[0] for one in patchwork.checks} == {"https://ci.example.org/one/report.html"}
    assert sorted(patchwork.told()) == wanted(mailed(split_run())), "the second says the same"


# --- the token ----------------------------------------------------------------------------------


def processes() -> str:
    """The command lines of all processes."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_bytes().decode(errors="replace"))
        except OSError:  # it has just ended
            continue
    return "\n".join(found)


def test_a_token_is_seen_by_nobody(patchwork: FakePatchwork, out: Path, tmp_path: Path) -> None:
    """Not in a command line while it posts, and nowhere in what it says or leaves, whatever goes wrong."""
    secret = fakepatchwork.TOKEN
    wrong: list[list[int | Way | Fault]] = [
        [401],
        [400],
        [Way.HTML],
        [Fault(302, {"Location": "http://127.0.0.1:9/"})],
        [Way.CUT_AFTER, Way.HELD],
    ]
    said = []
    for faults in wrong:
        patchwork.misbehave("POST", *faults)
        words = [str(TOP / "kseries"), "publish", str(out), "--to", f"patchwork={patchwork.url}"]
        env = {**os.environ, "KSERIES_PATCHWORK_TOKEN": secret, "KSERIES_TRACEBACK": "1"}
        with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as publish:
            if Way.HELD in faults:
                assert patchwork.held.wait(SECONDS)
                lines = processes()
                patchwork.release()
            said.append(publish.communicate(timeout=SECONDS)[0])
    assert str(out) in lines and secret not in lines
    assert all(said) and secret not in "".join(said)
    files = [place for place in tmp_path.rglob("*") if place.is_file()]
    assert any(place.name == "published.sqlite" for place in files)
    assert [place for place in files if secret.encode() in place.read_bytes()] == []
    assert json.loads((out / "result.json").read_text())
