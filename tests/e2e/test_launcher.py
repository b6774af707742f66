# SPDX-License-Identifier: GPL-2.0-only
"""./kseries on a machine that lacks something: it asks, or says exactly what to type."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pexpect
import pytest

from tests.support.commands import TOP

ABSENT = "kseries-no-such-package"


@pytest.fixture
def clone() -> Iterator[Path]:
    """The launcher in a clone that needs a package which no machine has; anybody may look into it."""
    place = Path(tempfile.mkdtemp(prefix="kseries-clone-"))
    for pattern in ("kseries", "requirements*.lock", "debian-packages*.txt"):
        for file in TOP.glob(pattern):
            shutil.copy(file, place)
    shutil.copytree(TOP / "harness" / "kseries" / "start", place / "harness" / "kseries" / "start")
    with (place / "debian-packages.txt").open("a") as packages:
        packages.write(f"{ABSENT}\n")
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "CI"}


def test_on_a_terminal_it_asks_and_takes_no_for_an_answer(clone: Path) -> None:
    child = pexpect.spawn(str(clone / "kseries"), ["demo"], env=_environment(), encoding="utf-8", timeout=60)
    child.expect_exact(f"install from Debian: {ABSENT}? [Y/n] ")
    child.sendline("n")
    child.expect_exact(f"apt-get install --no-install-recommends {ABSENT}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def _launch(*argv: str | Path, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**_environment(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_without_a_terminal_it_prints_the_apt_line_and_exits_3(clone: Path) -> None:
    done = _launch("./kseries", "demo", cwd=clone)
    assert done.returncode == 3
    assert f"apt-get install --no-install-recommends {ABSENT}" in done.stderr
    assert done.stdout == ""


ARM64, TESTS = "kseries-no-such-emulator", "kseries-no-such-browser"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("demo",), ()),
        (("demo", "--arch", "x86_64,arm64"), (ARM64,)),
        (("demo", "--arch=arm64"), (ARM64,)),
        (("demo", "--arch=arm64,x86_64"), (ARM64,)),
        (("demo", "--arch", "arm64", "--arch", "x86_64"), ()),
        (("demo", "--arch", "test"), ()),
        (("demo", "--arch", ""), ()),
        (("demo", "--out", "arm64-x"), ()),
        (("demo", "--out", "arm64"), ()),
        (("demo", "--out", "/tmp/latest-demo"), ()),
        (("demo", "--out", "test"), ()),
        (("test",), (ARM64, TESTS)),
        (("test", "--", "-k", "demo"), (ARM64, TESTS)),
    ],
)  # fmt: skip
def test_the_packages_are_asked_for_that_the_words_name_and_no_others(
    clone: Path, words: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    (clone / "debian-packages-arm64.txt").write_text(f"{ARM64}\n")
    (clone / "debian-packages-test.txt").write_text(f"{TESTS}\n")
    done = _launch("./kseries", *words, cwd=clone)
    assert done.returncode == 3
    assert ABSENT in done.stderr
    assert tuple(name for name in (ARM64, TESTS) if name in done.stderr) == asked


def test_an_unprivileged_user_is_not_asked_for_what_only_root_can_do(clone: Path) -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = _launch(*nobody, "sh", "./kseries", "demo", "--yes", cwd=clone)
    assert done.returncode == 3, done.stderr
    assert f"apt-get install --no-install-recommends {ABSENT}" in done.stderr


def test_ci_installs_without_asking_and_says_what_apt_said(clone: Path) -> None:
    done = _launch("./kseries", "test", cwd=clone, CI="true")
    assert done.returncode == 3
    assert f"installing {ABSENT}" in done.stderr
    assert f"Unable to locate package {ABSENT}" in done.stderr


# --- extras -------------------------------------------------------------------------------------


PYTHON = """#!/bin/sh
case $* in *"pip install"*) ;; *) exit 0 ;; esac
[ ! -e "$0.fails" ] || exit 1
for lock; do :; done
echo "${{lock##*/}}" >>{clone}/installed
"""


@pytest.fixture
def made(clone: Path) -> Path:
    """The clone with a venv that has what every run needs, and whose python notes what pip is to install."""
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(clone=clone))
    python.chmod(0o755)
    stamp(clone, "requirements.lock")
    return clone


def stamp(clone: Path, lock: str) -> None:
    digest = hashlib.sha256((clone / "requirements.lock").read_bytes() + (clone / lock).read_bytes()).hexdigest()
    (clone / ".venv" / f"{lock}.done").write_text(f"{digest}  -\n")


def installed(clone: Path, *words: str) -> list[str]:
    """The lock files that the launcher has pip install for these words."""
    (clone / "installed").write_text("")
    done = _launch("./kseries", *words, cwd=clone)
    assert done.returncode == 0, done.stderr
    locks = (clone / "installed").read_text().split()
    return [lock.removeprefix("requirements-").removesuffix(".lock") for lock in locks]


@pytest.mark.parametrize(
    ("words", "extras"),
    [
        (("extra", "cluster"), ["cluster"]),
        (("extra", "publish", "pytest"), ["pytest", "publish"]),
        (("worker", "tls://host:1"), ["cluster"]),
        (("publish", "12", "--to", "patchwork"), []),
        (("publish", "12", "--to", "nipa", "--to", "kcidb"), ["publish"]),
        (("publish", "12", "--to=kcidb=https://kcidb.example.org"), ["publish"]),
        (("run", "a..b", "--publish", "kcidb", "--cluster=tls://host:1"), ["cluster", "publish"]),
        (("run", "a..b", "--report=kcidb=-"), ["publish"]),
        (("report", "12", "--format", "kcidb"), ["publish"]),
        (("report", "kcidb", "--format", "html", "-o", "kcidb.json"), []),
        (("run", "a..b", "--cluster", "tls://host:1"), ["cluster"]),
        (("run", "a..b", "--cluster=tls://host:1", "--host-test", "x.py"), ["cluster", "pytest"]),
        (("run", "--host-test=x.py", "--host-test", "y.py"), ["pytest"]),
        (("extra",), []),
        (("extra", "dev", "../x"), []),
        (("run", "cluster", "--out", "publish"), []),
        (("test", "--", "--cluster"), ["dev", "cluster", "publish"]),
    ],
)  # fmt: skip
def test_an_extra_is_fetched_when_it_is_first_asked_for(made: Path, words: tuple[str, ...], extras: list[str]) -> None:
    (made / "debian-packages.txt").write_text("")
    assert installed(made, *words) == extras
    assert installed(made, *words) == []


def test_an_extra_whose_lock_file_has_changed_is_fetched_again(made: Path) -> None:
    stamp(made, "requirements-cluster.lock")
    assert installed(made, "extra", "cluster", "pytest") == ["pytest"]
    with (made / "requirements-cluster.lock").open("a") as lock:
        lock.write("# changed\n")
    assert installed(made, "extra", "cluster", "pytest") == ["cluster"]


def test_an_extra_that_cannot_be_fetched_is_named_and_is_not_there(made: Path) -> None:
    fails = made / ".venv" / "bin" / "python.fails"
    fails.touch()
    done = _launch("./kseries", "extra", "cluster", cwd=made)
    assert done.returncode == 3
    assert done.stderr.endswith("kseries: pip could not install requirements-cluster.lock; is there a network?\n")
    assert installed(made, "runs") == [], "what needs no extra goes on"
    fails.unlink()
    assert installed(made, "extra", "cluster") == ["cluster"]


@pytest.mark.parametrize("words", [(), ("--json",), ("--series",)])
def test_for_b4_nothing_is_fetched_and_it_is_told_no_fault_of_a_patch(made: Path, words: tuple[str, ...]) -> None:
    with (made / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    done = _launch("./kseries", "b4-check", *words, cwd=made, XDG_CACHE_HOME=str(made / "cache"))
    assert (done.returncode, done.stderr) == (3, "") and not (made / "installed").exists()
    said = json.loads(done.stdout)[0]["summary"] if words else done.stdout.strip()
    assert said == "kseries cannot tell: run kseries doctor"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
@pytest.mark.parametrize("damage", ["gone", "empty", "of another python"])
def test_a_venv_without_what_is_compiled_for_its_python_is_made_again(clone: Path, damage: str) -> None:
    (clone / "harness" / "kseries" / "start" / "__main__.py").write_text("import sys; print(sys.prefix)\n")
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    stamp(clone, "requirements.lock")
    package = next(clone.glob(".venv/lib/python*/site-packages")) / "msgspec"
    package.mkdir()
    (package / "__init__.py").write_text("from ._core import Struct\n")
    compiled = package / f"_core{EXTENSION_SUFFIXES[0]}"
    compiled.write_bytes(b"\x7fELF")
    tools = clone / "tools"
    tools.mkdir()
    (tools / "python3").write_text("#!/bin/sh\ncase $* in *venv*) exit 1 ;; esac\n")  # that it begins is enough
    (tools / "python3").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    well = _launch("./kseries", "extra", cwd=clone, PATH=path)
    assert well.returncode == 0 and "making" not in well.stderr
    match damage:
        case "gone":
            compiled.unlink()
        case "empty":
            compiled.write_bytes(b"")
        case _:
            compiled.rename(package / "_core.cpython-31-x86_64-linux-gnu.so")
    again = _launch("./kseries", "extra", cwd=clone, PATH=path)
    assert "kseries: making" in again.stderr and not package.exists()


def test_in_a_clone_of_somebody_elses_the_venv_is_made_in_the_users_cache(clone: Path, tmp_path: Path) -> None:
    """As a user runs /opt/kseries/kseries: with nothing installed there yet, and not to be written to."""
    (clone / "harness" / "kseries" / "start" / "__main__.py").write_text("import msgspec, sys; print(sys.prefix)\n")
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    cache = Path(tempfile.mkdtemp(prefix="kseries-nobody-"))
    os.chown(cache, 65534, 65534)
    try:
        closed = _launch(*nobody, clone / "kseries", "plan", cwd=Path("/"), XDG_CACHE_HOME="/proc")
        made = _launch(*nobody, clone / "kseries", "plan", cwd=Path("/"), XDG_CACHE_HOME=str(cache))
        again = _launch(*nobody, clone / "kseries", "plan", cwd=Path("/"), XDG_CACHE_HOME=str(cache))
    finally:
        shutil.rmtree(cache)
    assert closed.returncode == 3
    assert f"neither {clone} nor /proc/kseries is writable" in closed.stderr
    assert [done.stdout.strip() for done in (made, again)] == [str(cache / "kseries" / "venv")] * 2, made.stderr
    assert "making" in made.stderr and "making" not in again.stderr
    assert not (clone / ".venv").exists()
