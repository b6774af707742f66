# SPDX-License-Identifier: GPL-2.0-only
"""What a dask worker does for a run elsewhere, without a cluster: errors are results, logs come by pieces."""

import asyncio
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributed.protocol import pickle

from kseries import arch as archs
from kseries.cluster import following, pieces, preload, security, tasks
from kseries.cluster.address import PIECE, Access
from kseries.cluster.following import UnwantedError
from kseries.host import interpreter, processes
from kseries.model import Conditions, Machine
from kseries.model.attached import Line
from kseries.model.errors import InfraError, InputError
from kseries.sources import TreeStore, corruption, packs
from tests.support import namespaces
from tests.support.corruption import cut

PROGRAM = f"program/{'0' * 64}/x"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kseries"


async def test_what_this_host_lacks_is_an_error_in_words() -> None:
    told = await tasks.facts(msgspec.json.encode(Conditions(arch="x86_64", make=("CC=gcc-none",))))
    assert told["kind"] == "infra" and "gcc-none" in told["error"]
    told = await tasks.facts(msgspec.json.encode(Conditions(arch="x86_64", make=("--eval=x",))))
    assert told["kind"] == "input"
    told = await tasks.facts(msgspec.json.encode(Conditions(arch="x86_64", boots=False)))
    assert {"host", "program", "version"} == told.keys()


async def test_a_machine_that_qemu_does_not_take_here_is_the_users_mistake() -> None:
    machine = Machine(devices=("no-such-thing",))
    told = await tasks.facts(msgspec.json.encode(Conditions(arch="x86_64", machine=machine)))
    assert told["kind"] == "input" and told["error"].startswith("QEMU does not take this machine: -device no-such")
    for possible in (
        Conditions(arch="x86_64", machine=Machine(memory=256, devices=("qemu-xhci",))),
        Conditions(arch="x86_64", machine=machine, boots=False),
    ):
        assert "host" in await tasks.facts(msgspec.json.encode(possible))


async def test_a_host_without_the_kvm_that_is_asked_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> int:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(archs, "_open_kvm", none)
    for name in ("x86_64", "arm64"):
        told = await tasks.facts(msgspec.json.encode(Conditions(arch=name, machine=Machine(accel="kvm"))))
        assert told["kind"] == "input" and told["error"].startswith("--accel kvm: ")


async def test_a_base_that_cannot_be_had_here_is_none(tmp_path: Path) -> None:
    assert await tasks.import_base(str(tmp_path / "none"), None) == ""
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "Makefile").write_text("VERSION = 6\n")
    tree = await tasks.import_base(str(tmp_path / "linux"), None)
    assert len(tree) == 40 and await tasks.missing([tree, "0" * 40], [PROGRAM]) == {
        "trees": ["0" * 40],
        "files": [PROGRAM],
    }
    assert (await tasks.missing(["0" * 40, tree], []))["trees"] == ["0" * 40, tree], "what is beside it has no use"


async def _store_with_a_tree(place: Path) -> str:
    place.mkdir()
    (place / "Makefile").write_text("VERSION = 6\n" * 1000)
    return await tasks.import_base(str(place), None)


async def _sent(trees: TreeStore, tree: str) -> None:
    for piece in pieces.cut(packs.whole(trees, tree)):
        await tasks.receive("pack", "a", piece.number, piece.of, piece.data)


@pytest.mark.parametrize("kind", ["objects/pack/*.pack", "objects/pack/*.idx", "config"])
async def test_a_store_that_turns_out_to_be_damaged_is_filled_again(tmp_path: Path, cache: Path, kind: str) -> None:
    """At once where that is noticed when it is looked at, and else when it was sent what it seems to lack."""
    tree = await _store_with_a_tree(tmp_path / "linux")
    home = TreeStore(tmp_path / "home.git")
    assert home.add_directory(tmp_path / "linux") == tree
    (file,) = (cache / "trees.git").glob(kind)
    file.chmod(0o644)
    file.write_bytes(cut(file.read_bytes()))
    for _ in range(2):
        assert (await tasks.missing([tree], []))["trees"] == [tree]
        try:
            await _sent(home, tree)
            break
        except InfraError as error:
            assert "the next run makes it again" in str(error)
    assert (await tasks.missing([tree], []))["trees"] == []


@pytest.mark.parametrize("what", ["missing", "import_base", "receive"])
async def test_a_store_that_is_known_to_be_damaged_is_not_used(tmp_path: Path, cache: Path, what: str) -> None:
    tree = await _store_with_a_tree(tmp_path / "linux")
    old = cache / "trees.git" / "of-the-old-one"
    old.touch()
    corruption.mark(cache / "trees.git")
    if what == "missing":
        assert (await tasks.missing([tree], []))["trees"] == [tree]
    elif what == "import_base":
        assert await tasks.import_base(str(tmp_path / "linux"), None) == tree
    else:
        await tasks.receive("files", "a", 0, pieces.UNKNOWN, bytes(PIECE))
    assert not old.exists()


async def test_a_store_that_fails_and_is_not_damaged_stays(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = await _store_with_a_tree(tmp_path / "linux")
    (tmp_path / "git").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(InfraError):
        await tasks.missing([tree], [])
    assert (cache / "trees.git").exists()


async def test_a_log_is_read_by_pieces_and_nothing_else_is(cache: Path) -> None:
    place = cache / "results" / "key"
    place.mkdir(parents=True)
    (place / "build.log").write_bytes(b"a" * PIECE + b"b")
    assert [await tasks.log_piece(str(place), "build.log", at) for at in (PIECE, PIECE + 1)] == [b"b", b""]
    assert len(await tasks.log_piece(str(place), "build.log", 0)) == PIECE
    for folder, name in ((place, "observation.json"), (cache, "build.log"), (place / ".." / "..", "build.log")):
        with pytest.raises(InfraError):
            await tasks.log_piece(str(folder), name, 0)


def test_what_goes_through_a_scheduler_needs_no_kseries_there(tmp_path: Path) -> None:
    sent = pickle.dumps(tasks.SUBMITTED)  # type: ignore[no-untyped-call]
    known = "import pickle, sys; f = pickle.load(sys.stdin.buffer); print(f.__name__, 'kseries' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", known], input=sent, capture_output=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == [b"_sent", b"False"]


def follow(
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    wanted: bool = True,
    take: Callable[[Line], Any] = lambda line: line,
    heard: list[Line] | None = None,
) -> Any:
    """What is taken of the last line of a process in the place of kseries evaluate."""
    heard = [] if heard is None else heard
    monkeypatch.setattr(interpreter, "command", lambda *_: [sys.executable, "-c", script])
    return asyncio.run(following.follow(b"{}", (), heard.append, lambda: wanted, take))


def test_lines_are_told_and_the_last_one_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    large = "x" * (1 << 20)
    script = """
print('{"stage":"build"}')
print('{"error":"' + "x" * (1 << 20) + '"}')
input(), input()  # its second line never comes
"""
    heard: list[Line] = []
    last = follow(monkeypatch, script, heard=heard)
    assert last.error == large and heard == [Line(stage="build")]


def test_logs_that_are_not_stored_are_in_the_result_and_gone_with_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of one that is too large for that, the end."""
    folder = tmp_path / "scratch"
    script = f"""
import json, os, shutil, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.mkdir({str(folder)!r})
open({str(folder / "build.log")!r}, "wb").write(b"make failed")
open({str(folder / "console.log")!r}, "wb").write(os.urandom({PIECE} + 4711) + b"the end")
input()
print(json.dumps({{"observation": {{}}, "logs": {str(folder)!r}}}), flush=True)
sys.stdin.read()
shutil.rmtree({str(folder)!r})
"""
    told = follow(monkeypatch, script, take=tasks._result)
    assert not folder.exists() and told["large"] == []
    logs = {name: zlib.decompress(data) for name, data in told["logs"].items()}
    assert logs["build.log"] == b"make failed"
    assert len(logs["console.log"]) == PIECE and logs["console.log"].endswith(b"the end")


def test_one_that_ends_early_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InfraError, match="ended before it was done: exit status 7: at last"):
        follow(monkeypatch, "import sys; print('first\\nat last', file=sys.stderr); sys.exit(7)")


def test_one_that_nobody_wants_is_ended_though_it_does_not_listen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes.ours, "_GENTLE_SECONDS", 0.2)
    note = tmp_path / "pid"
    script = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(note)!r}, "w").write(str(os.getpid()))
time.sleep(4711)
"""
    with pytest.raises(UnwantedError):
        follow(monkeypatch, script, wanted=False)
    assert not Path("/proc", note.read_text()).exists()


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("tcp://127.0.0.1:1", True),
        ("tcp://127.9.9.9:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://localhost:1", True),
        ("tcp://10.0.0.1:1", False),
        ("tcp://localhost.example:1", False),
        ("tcp://128.0.0.1:1", False),
    ],
)
def test_without_tls_only_this_host_is_spoken_to(address: str, loopback: bool) -> None:
    assert Access(address).is_loopback == loopback
    Access(address, insecure=True).check()
    Access(address.replace("tcp:", "tls:")).check()
    with nullcontext() if loopback else pytest.raises(InputError, match=r"can run code on its hosts\n  use tls://"):
        Access(address).check()


@pytest.mark.parametrize(
    "address", ["8786", "h:1", "http://h:1", "tcp://h", "tcp://h:70000", "tcp://h:1/x", "tcp://:1"]
)
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(InputError, match="is no scheduler's address\n  it is tls://HOST:8786"):
        Access(address, insecure=True).check()


def test_certificates_are_for_both_sides_and_all_three_are_needed(tmp_path: Path) -> None:
    pem = tmp_path / "a.pem"
    with pytest.raises(InputError, match="no such file"):
        Access("tls://h:1", pem, pem, pem).check()
    pem.touch()
    Access("tls://h:1", pem, pem, pem).check()
    with pytest.raises(InputError, match=r"cannot use the files of TLS: .*\n  each is in PEM format"):
        security.of(Access("tls://h:1", pem, pem, pem))
    _, ca, _, cert, _, key = namespaces.certificates(tmp_path)
    made = security.of(Access("tls://h:1", Path(ca), Path(cert), Path(key)))
    assert made.require_encryption and (made.tls_ca_file, made.tls_worker_cert, made.tls_client_key) == (ca, cert, key)
    with pytest.raises(InputError, match="cannot use the files of TLS"):
        security.of(Access("tls://h:1", Path(ca), Path(key), Path(cert)))
    assert not security.of(Access("tcp://h:1")).require_encryption
    with pytest.raises(InputError, match="all three files"):
        Access("tls://h:1", pem, pem).check()
    with pytest.raises(InputError, match="goes with tls://"):
        Access("tcp://127.0.0.1:1", pem, pem, pem).check()
    with pytest.raises(InputError, match="no certificates are named"):
        security.of(Access("tls://h:1"))


@pytest.mark.parametrize(
    ("told", "jobs"), [("3", 3), ("", os.cpu_count()), ("0", os.cpu_count()), ("x", os.cpu_count())]
)
def test_make_has_as_many_jobs_as_the_environment_says(monkeypatch: pytest.MonkeyPatch, told: str, jobs: int) -> None:
    monkeypatch.setenv(preload.JOBS, told)
    assert preload.jobs() == jobs
