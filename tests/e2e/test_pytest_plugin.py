# SPDX-License-Identifier: GPL-2.0-only
"""pytest --kseries-target, in a folder of somebody's own: on the tiny kernel, and from the wheel on a real one."""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kseries.host import paths
from tests.support.commands import SECONDS, TOP
from tests.support.processes import booting
from tests.support.site import until

CASE = TOP / "testcases" / "eventfd-saturate"
PIP = ("-I", "-m", "pip", "--quiet", "--disable-pip-version-check")


# --- the tiny kernel, in which nobody answers but QEMU -------------------------------------------

NO_INIT = "from kseries.hosttest import inside\ninside._MARK_SECONDS = 0.1\n"


class Pytest:
    """pytest in a folder, with the plugin of this clone."""

    def __init__(self, place: Path, linux: Path, cache: Path) -> None:
        self.place, self.cache = place, cache
        self._linux = linux
        (place / "conftest.py").write_text(NO_INIT)
        (place / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")

    def start(self, text: str, *words: str, target: str = "base..topic") -> "subprocess.Popen[str]":
        (self.place / "test_x.py").write_text(text)
        given = (f"--kseries-target={target}", f"--kseries-tree={self._linux}", "--kseries-arch=x86_64", *words)
        env = {
            **os.environ,
            "PYTHONPATH": str(TOP / "harness"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "XDG_CACHE_HOME": str(self.cache),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "kseries.hosttest.entry", *given],
            cwd=self.place,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, text: str, *words: str, target: str = "base..topic") -> "subprocess.CompletedProcess[str]":
        run = self.start(text, *words, target=target)
        out, err = run.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(words, run.returncode, out, err)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def outside(tmp_path: Path, linux: Path, cache: Path) -> Pytest:
    return Pytest(tmp_path, linux, cache)


RUNNING = "def test_a(qmp, state):\n assert qmp('query-status')['status'] == 'running' and state.caps == {}, state\n"


@pytest.mark.parametrize(
    ("words", "target", "said"),
    [
        (("--kseries-state=nowhere",), "base..topic", ("no such STATE: nowhere", "it is base, prefix-K")),
        (("--kseries-state=prefix-9",), "base..topic", ("prefix-9: there is no such patch; the series has 1",)),
        ((), "/nowhere", ("/nowhere",)),
        (("--kseries-args=--nonsense",), "base..topic", ("--nonsense",)),
        (("--kseries-args=--memory x",), "base..topic", ("--memory",)),
    ],
)
def test_what_is_asked_for_and_is_not_there_is_told_in_two_lines(
    words: tuple[str, ...], target: str, said: tuple[str, ...], outside: Pytest
) -> None:
    done = outside(RUNNING, *words, target=target)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    (told,) = done.stderr.split("ERROR: ")[1:]
    assert all(part in told for part in said) and len(told.strip().splitlines()) <= 3, told


def test_states_are_built_once_and_each_is_booted(outside: Pytest) -> None:
    done = outside(RUNNING, "--kseries-state=all", "-n2", "-p", "xdist", "--dist=loadgroup")
    # Nobody in this kernel answers after a test.
    assert "2 failed" in done.stdout and done.stdout.count("no answer after test_x.py::test_a") >= 2, done.stdout
    assert done.stdout.count(": building") == 2, "of all workers together"
    assert "kseries: base..topic on" in done.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_pytest_that_is_ended_leaves_no_machine(how: int, outside: Pytest) -> None:
    run = outside.start("import time\ndef test_a(qmp):\n qmp('query-status')\n time.sleep(1000)\n")
    qemu = until(lambda: booting(run.pid), "QEMU", run)
    time.sleep(0.5)
    run.send_signal(how)
    run.communicate(timeout=120)
    until(lambda: not Path(f"/proc/{qemu}").exists(), "QEMU to be gone")
    until(lambda: not list(outside.cache.glob("kseries/kseries-shell-*")), "what was built to be gone")


# --- the wheel, in a venv of its own, and a real kernel -------------------------------------------

TESTS = """
import pytest

def test_it_runs(guest, state, ours):
    done = guest.run(["/probes/capabilities"])
    assert done.status == 0 and "# cap " in done.output
    assert state.caps and ours == state.id

def test_time_stops(qmp):
    qmp("stop")
    assert qmp("query-status")["status"] == "paused"

def test_fails(guest):
    assert guest.run(["/nowhere"]).status == 0

def test_goes_on_behind_it(guest):
    assert guest.wait_for("Linux version 6.12")

def test_quits(qmp):
    qmp("quit")

def test_has_another(guest):
    assert guest.run(["/probes/capabilities"]).status == 0

@pytest.mark.fresh_boot
def test_fresh(guest):
    assert guest.log().count("enter") == 1

@pytest.mark.arch("arm64")
def test_elsewhere(guest):
    assert False

def test_of_no_machine():
    pass
"""
CONFTEST = "import pytest\n@pytest.fixture\ndef ours(state):\n    return state.id\n"
ENDS = {
    "it_runs": "",
    "time_stops": "",
    "fails": "failure",
    "goes_on_behind_it": "",
    "quits": "failure",
    "has_another": "",
    "fresh": "",
    "elsewhere": "skipped",
}


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv that has the wheel, and what the registry has for it."""
    home = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-I", "-m", "venv", home / "venv"], check=True, timeout=300)
    found = home / "venv" / "bin" / "python"
    subprocess.run([found, *PIP, "install", f"{wheel}[pytest]", "pytest-xdist"], check=True, timeout=600, cwd=home)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's own tests, with a configuration of their own."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -ra --strict-markers\njunit_family = xunit2\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST)
    (tmp_path / "tests" / "test_x.py").write_text(TESTS)
    return tmp_path


def outcome(python: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, "-m", "pytest", "tests", f"--kseries-target={CASE}", "--kseries-args=--probe capabilities", *words],
        cwd=folder,
        env={name: os.environ[name] for name in ("HOME", "PATH", "XDG_CACHE_HOME") if name in os.environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def ends(report: Path) -> dict[str, str]:
    """How each test ended, as JUnit has it."""
    cases = ET.parse(report).iter("testcase")
    return {case.attrib["name"]: ",".join(sorted({part.tag for part in case} - {"system-out"})) for case in cases}


@pytest.mark.full("host-tests")
def test_one_state_from_the_wheel(python: Path, folder: Path) -> None:
    before = {*paths.cache().glob("kseries-shell-*/*")}  # of a run that was killed
    done = outcome(python, folder, "--kseries-state=prefix-2", "--junitxml=junit.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    expected = {f"test_{name}[prefix-2]": end for name, end in ENDS.items()} | {"test_of_no_machine": ""}
    assert ends(folder / "junit.xml") == expected, done.stdout
    assert "where 127 = Done(status=127" in done.stdout
    assert "the machine ended in it" in done.stdout and "PytestUnknownMark" not in done.stdout
    assert {*paths.cache().glob("kseries-shell-*/*")} <= before


@pytest.mark.full("host-tests")
def test_all_states_on_two_workers(python: Path, folder: Path) -> None:
    args = "--kseries-args=--probe capabilities --scenario prefixes"
    words = ("--kseries-state=all", args, "-n2", "--dist=loadgroup", "--junitxml=junit.xml")
    done = outcome(python, folder, *words)
    states = ("base", *(f"prefix-{number}" for number, _ in enumerate(CASE.glob("patches/*.patch"), 1)))
    expected = {f"test_{name}[{state}]": end for name, end in ENDS.items() for state in states}
    found = {name.partition("@")[0]: end for name, end in ends(folder / "junit.xml").items()}
    assert found == expected | {"test_of_no_machine": ""}, done.stdout
    assert done.stdout.count(": building") == len(states)


@pytest.mark.full("host-tests")
def test_without_a_series_it_is_as_if_it_were_not_there(python: Path, folder: Path) -> None:
    words: list[str | Path] = [python, "-m", "pytest", "tests"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert "fixture 'guest' not found" in done.stdout and "1 passed" in done.stdout
