# SPDX-License-Identifier: GPL-2.0-only
"""kseries run --record-console on the tiny kernel, which echoes what a host-side test types."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny
from tests.support.commands import Kseries, typed
from tests.support.gitrepo import Repository
from tests.support.split import result_of

ECHO = """\
2:	mov $0x3fd, %edx
	inb %dx, %al
	test $1, %al
	jz 2b
	mov $0x3f8, %edx
	inb %dx, %al
	outb %al, %dx
	jmp 2b
"""
HALT = "2:\thlt\n\tjmp 2b\n"
SAYS = "tiny: \\342\\202\\254 \\377 \\033[31mred\n"
"""A character of three bytes, one that is none, and an escape sequence."""
NO_INIT = "from kseries.hosttest.inside import Inside\nInside.mark = lambda self, text: None\n"
"""Nobody in this kernel answers a test."""
TESTS = """\
def test_types(guest):
    guest.console.send("ping\\u20ac\\r")
    guest.console.expect_exact("ping\\u20ac\\r", timeout=30)

def test_fails(guest):
    guest.console.send("pong\\r")
    guest.console.expect_exact("pong\\r", timeout=30)
    assert 0
"""
KERNEL = ("--probe", "capabilities", "--host-test", "tests/test_t.py")
STATES = ("base..topic", "--scenario", "prefixes", *KERNEL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the echoing kernel and one patch, tests for it, and a cache of their own."""
    place = tmp_path_factory.mktemp("place")
    repository = Repository(place / "linux")
    for name in ("base", "topic"):
        files = tiny.kernel(name, log=SAYS)
        assert HALT in files["main.S"]
        echoing = {**files, "main.S": files["main.S"].replace(HALT, ECHO), "arch/x86/kvm/Kconfig": ""}
        repository.commit(name, echoing)
        subprocess.run(["git", "-C", repository.path, "tag", name], check=True)
    (place / "tests").mkdir()
    (place / "tests" / "test_t.py").write_text(TESTS)
    (place / "tests" / "conftest.py").write_text(NO_INIT)
    return place


@pytest.fixture(scope="module")
def kseries(place: Path) -> Kseries:
    """kseries in there, on that repository."""

    def run(command: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        return typed(place, command, *words, "--tree", place / "linux", XDG_CACHE_HOME=str(place / "cache"))

    return run


@pytest.fixture(scope="module")
def out(place: Path, kseries: Kseries) -> Path:
    """Where a run with recordings has left its results, of states that were known without."""
    plain = kseries("run", *STATES, "--out", "plain")
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert not casts(place / "plain")
    done = kseries("run", *STATES, "--out", "out", "--record-console")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 kernels to build and boot" in done.stderr
    assert "\x1b[31m" not in done.stdout + done.stderr
    return place / "out"


def casts(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*.cast*"))


def of_boots(cast: str) -> list[list[list[Any]]]:
    """The events of each boot, behind its marker."""
    header, *lines = cast.splitlines()
    assert json.loads(header)["version"] == 2 and re.fullmatch("x86_64, tree [0-9a-f]{12}", json.loads(header)["title"])
    events = [json.loads(line) for line in lines]
    times = [at for at, _, _ in events]
    assert times == sorted(times) and times[0] < 0.1 < times[-1]
    boots: list[list[list[Any]]] = []
    for event in events:
        if event[1:] == ["m", f"boot {len(boots) + 1}"]:
            boots.append([])
        else:
            boots[-1].append(event)
    return boots


def joined(boot: list[list[Any]], kind: str) -> str:
    return "".join(text for _, what, text in boot if what == kind)


def test_what_is_typed_and_said_is_recorded_of_each_boot(out: Path) -> None:
    for state in result_of(out / "result.json")["states"]:
        told = {check["id"]: check["status"] for check in state["checks"]}
        assert told == {"capabilities.a": "pass", "t.test_types": "pass", "t.test_fails": "fail"}
        boots = of_boots((out / state["logs"]["recording"]).read_text())
        log = (out / state["logs"]["console"]).read_bytes().decode(errors="replace")
        assert "tiny: € \ufffd \x1b[31mred\n" in log
        assert [joined(boot, "o") for boot in boots] == log.split("\n--- boot 2 of the same kernel\n")
        assert len(boots) == 2, "something failed"
        for boot in boots:
            assert joined(boot, "i") == "ping€\rpong\r"
            assert [text for _, kind, text in boot if kind == "m"] == ["t.test_types", "t.test_fails"]


def test_each_state_names_its_recording_and_no_report_shows_what_is_in_it(out: Path) -> None:
    named = [f"states/{state}/recording.cast" for state in ("base", "prefix-1")]
    assert [state["logs"]["recording"] for state in result_of(out / "result.json")["states"]] == named == casts(out)
    report = (out / "report.html").read_text()
    assert all(f"<code>{path}</code>" in report for path in named)
    assert report.count("t.test_types") and '"boot 1"' not in report and "&#34;boot 1" not in report


@pytest.mark.usefixtures("out")
def test_a_recording_is_found_again_by_who_asks_for_it_alone(place: Path, kseries: Kseries) -> None:
    again = kseries("run", *STATES, "--out", "again", "--record-console")
    assert "0 of 2 kernels to build and boot" in again.stderr and len(casts(place / "again")) == 2
    planned = kseries("plan", *STATES, "--record-console")
    assert "0 of 2 kernels to build and boot" in planned.stdout
    tried = kseries("try", "base", "base..topic", *KERNEL, "--out", "again/tried", "--record-console")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert casts(place / "again" / "tried") == ["states/base/recording.cast"]
    plain = kseries("run", *STATES, "--out", "again")
    assert "0 of 2 kernels to build and boot" in plain.stderr
    assert casts(place / "again") == ["tried/states/base/recording.cast"]
