# SPDX-License-Identifier: GPL-2.0-only
"""A series that means harm: what it tries comes to nothing, and the report says whose it was.

On the real kernel what it brings to its build; on the tiny one what it brings to who stands in its tree.
"""

import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.host.box import layout
from tests.support import tiny, traps
from tests.support.commands import TOP, Kseries
from tests.support.gitrepo import ENVIRONMENT, Repository
from tests.support.patches import adding
from tests.support.told import read_lines, read_one

SECRET = "the-secret-of-a-home-folder"


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder that any user may read and write to, with a secret in it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kseries-home-") as place:
        Path(place).chmod(0o777)
        (Path(place) / "token").write_text(f"{SECRET}\n")
        yield Path(place)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def hostile(home: Path, port: int, word: str) -> tuple[tuple[str, str, str], ...]:
    """File, line and subject of each patch; the last one's build is to be ended."""
    tool = f'system("echo x >{home}/stamp")'
    return (
        ("Makefile", f"X := $(shell cat {home}/token; echo x >{layout.TOP}/ccache/stamp)", "Read a token"),
        ("virt/kvm/Kconfig", f"X := $(shell,bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}')", "Ask a port"),
        (
            "scripts/basic/fixdep.c",  # its first line begins a comment
            f"*/ int system(const char *); static __attribute__((constructor)) void x(void) {{ (void)!{tool}; }} /*",
            "Write outside",
        ),
        (
            "arch/x86/kvm/Makefile",
            f"X := $(shell setsid bash -c 'exec -a {word} sleep 1000' >/dev/null 2>&1 </dev/null &)",
            "Outlive the build",
        ),
        (
            "virt/kvm/Makefile.kvm",
            f"X := $(shell bash -c ':() {{ : | : & }}; :; sleep 100' {word})",
            "Fork without end",
        ),
    )


@pytest.mark.full("e2e")
def test_what_a_hostile_series_tries_comes_to_nothing_and_is_named(
    kseries: Kseries, tmp_path: Path, home: Path, server: socket.socket
) -> None:
    word, port = f"kseries-{os.urandom(8).hex()}", server.getsockname()[1]
    patches = tmp_path / "patches"
    patches.mkdir()
    for number, (path, line, subject) in enumerate(hostile(home, port, word), 1):
        (patches / f"{number:04}.patch").write_text(adding(path, line, f"kbuild: {subject}"))
    done = kseries("run", patches, "--scenario", "prefixes", "--probe", "capabilities", "--out", "out")
    said = done.stdout + done.stderr
    assert done.returncode == 3, said

    result = read_one((tmp_path / "out" / "result.json").read_text())
    told = {
        finding["patch"]: read_lines(finding["evidence"])
        for finding in result["findings"]
        if finding["kind"] == "sandbox-denial"
    }
    assert set(told) == {1, 2, 3, 4}, told
    assert any(f"{home}/token" in line for line in told[1])
    assert any("ccache/stamp" in line and "Read-only file system" in line for line in told[1])
    assert any(f"127.0.0.1/{port}" in line for line in told[2]) and "reached for a network" in told[2]
    assert any(f"{home}/stamp" in line for line in told[3])
    assert told[4] == [f"left running: {word}"]
    tip = next(state for state in result["states"] if state["id"] == "prefix-5")
    assert tip["outcome"] == "infra-error" and "the build met its limit of processes" in tip["detail"]
    for evidence in (*(line for lines in told.values() for line in lines), "the build met its limit of processes"):
        assert evidence in said
    assert "The build of 3/5" in said

    assert [path.name for path in home.iterdir() if path.name != ".cache"] == ["token"]
    assert not paths.cache("ccache", "stamp").exists()
    assert select.select([server], [], [], 0)[0] == [], "nobody has come to the port"
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if word.encode() in _read(path)]
    everything = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not [path for path in everything if SECRET.encode() in path.read_bytes()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


# --- in its tree ----------------------------------------------------------------------------

SERIES = ("base..topic", "--probe", "capabilities")


@dataclass(frozen=True)
class Trapped:
    """A tiny kernel with a patch that brings code for whoever stands in its tree, and a patch above that one."""

    linux: Repository
    mark: Path
    """Where whatever of the tree has run says so."""
    cache: Path

    def run(self, *words: str | Path, env: dict[str, str]) -> str:
        """What a command prints that is run in the tree; nothing of the tree has run by then."""
        self.mark.unlink(missing_ok=True)
        done = subprocess.run(
            words,
            cwd=self.linux.path,
            env={**env, "GIT_CONFIG_GLOBAL": "/dev/null", "XDG_CACHE_HOME": str(self.cache)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not self.mark.exists(), (words, self.mark.read_text())
        return f"{done.stdout}\n--- and on standard error\n{done.stderr}"


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Trapped:
    home = tmp_path_factory.mktemp("trapped")
    linux, mark = Repository(home / "linux"), home / "ran"
    for name, brought in (("base", {}), ("trap", traps.modules(mark)), ("topic", {})):
        linux.commit(name, {**tiny.kernel(name), "arch/x86/kvm/Kconfig": "", **brought})
        linux.git("tag", name)
    return Trapped(linux, mark, home / "cache")


def test_a_patch_cannot_answer_for_itself_in_a_bisection(trapped: Trapped) -> None:
    trapped.linux.git("bisect", "start", "topic", "base")
    told = trapped.run("git", "bisect", "run", TOP / "kseries", "try", "HEAD", *SERIES, env=ENVIRONMENT)
    trapped.linux.git("bisect", "reset")
    assert told.count("HEAD: good") == 1, told
    assert f"{trapped.linux.git('rev-parse', 'topic')} is the first bad commit" in told


def test_no_code_of_a_tree_runs_outside_the_box_whoever_stands_in_it(trapped: Trapped, tmp_path: Path) -> None:
    traps.programs(trapped.linux.path, trapped.mark)
    for words, said in (
        (("doctor",), "possible"),
        (("plan", *SERIES), "prefix-2"),
        (("try", "trap", *SERIES), "trap: good"),
        (("run", *SERIES, "--scenario", "prefixes", "--checkpatch", "--out", tmp_path / "out"), "bisectable:"),
        (("report", tmp_path / "out"), "bisectable:"),
    ):
        assert said in trapped.run(TOP / "kseries", *words, env=traps.environment()), words
