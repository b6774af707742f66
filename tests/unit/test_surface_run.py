# SPDX-License-Identifier: GPL-2.0-only
"""kseries run --surface, from end to end: what kernels list is kept, compared and told. The kernel is the tiny one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from kseries.app import rundir
from kseries.cli import main
from kseries.model import StateResult
from tests.support import tiny
from tests.support.gitrepo import Repository

PRINTS = """
	cmp $'%', %al
	jne 7f
	mov %edx, %ebp
	rdtsc
	mov %ebp, %edx
	shr $6, %eax
	and $15, %al
	add $'a', %al
7:	mov %al, %bl
	add $5, %edx
8:	inb %dx, %al
	test $0x20, %al
	jz 8b
	sub $5, %edx
	mov %bl, %al
"""
"""Has a kernel print, for each ``%``, a letter that is another one in each boot, and lose no letter on a busy host."""
HEADERS = {"kvm-cap": "KVM_CAP_OLD", "uapi": "KVM_CAP_OLD=1", "proc": "self timer-%%%%%%"}
NEW = {
    1: HEADERS | {"uapi": "KVM_CAP_OLD=1 KVM_CAP_NEW=2"},
    2: HEADERS | {"uapi": "KVM_CAP_OLD=1 KVM_CAP_NEW=2", "kvm-cap": "KVM_CAP_OLD KVM_CAP_NEW"},
}
"""What the kernel lists, by the last patch that it has."""


Kernel = Callable[[str, dict[str, str]], dict[str, str]]


def kernel(which: str, listed: dict[str, str]) -> dict[str, str]:
    """A tiny kernel with these lists."""
    lines = [line for kind, names in listed.items() for line in (f"# surface {kind} {names}", _closed(kind, names))]
    said = "".join(f"    {line}\n" for line in ("# Subtest: surface", *lines, "ok 1 listed")) + "ok 2 surface\n"
    made = tiny.kernel(which)
    main_s = made["main.S"].replace("je 3f\n", f"je 3f{PRINTS}").replace("1..1\\n    #", "1..2\\n    #")
    main_s = main_s.replace("ok 1 capabilities\\n", "ok 1 capabilities\\n" + said.replace("\n", "\\n"))
    return made | {"main.S": main_s}


def _closed(kind: str, names: str) -> str:
    return f"# listed {kind} {len(names.split())}"


def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: Kernel = kernel) -> None:
    """A series of two patches, in a repository below the folder that we are in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    repository = Repository(tmp_path / "linux")
    repository.commit("base", kernel("base", HEADERS))
    repository.git("tag", "base")
    for number, listed in NEW.items():
        repository.commit(f"patch {number}", kernel(str(number), listed))


def run(*words: str) -> int:
    ours = ("run", "base..HEAD", "--tree", "linux", "--scenario", "prefixes", "--out", "out")
    return main([*ours, *words])


def states() -> dict[str, StateResult]:
    return {state.id: state for state in rundir.read(Path("out"))[0].states}


def test_what_a_series_adds_is_told_and_what_differs_from_boot_to_boot_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place(tmp_path, monkeypatch)
    assert run("--probe", "capabilities", "--surface") == 0
    said = capsys.readouterr().out
    assert (
        "  KVM_CAP_NEW is new from 2/2 on as a capability of /dev/kvm alone (in the headers from 1/2 on);"
        " no contract says what it promises\n" in said
    )
    assert "  left out, since two boots of one kernel do not both show it: timer-" in said
    assert 'when = "KVM_CAP_NEW"' in said and "new from 1/2 on, in /proc" not in said
    assert "KVM_CAP_NEW is new" in Path("out/report.html").read_text()
    for state in states().values():
        assert state.surface is not UNSET and state.surface["proc"] == ("self",)
        assert state.unstable is not UNSET and len(state.unstable["proc"]) == 2
        assert "a second boot, for what the kernel shows" in Path("out", state.logs["console"]).read_text()
    capsys.readouterr()
    assert run("--probe", "capabilities,surface") == 0  # which is the same, and known
    assert capsys.readouterr().out == said
    assert run("--probe", "surface", "--repeat", "2") == 0
    assert "a second boot" not in Path("out", states()["base"].logs["console"]).read_text()
    assert all(state.surface is not UNSET and state.surface["proc"] == ("self",) for state in states().values())


def test_who_does_not_ask_reads_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place(tmp_path, monkeypatch, lambda which, _: tiny.kernel(which))
    assert run("--probe", "capabilities") == 0
    assert "shows to user space" not in capsys.readouterr().out
    written = json.dumps(json.loads(Path("out/result.json").read_text())["variants"])
    assert "surface" not in written and "unstable" not in written


def test_nothing_is_listed_of_kernels_that_are_not_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place(tmp_path, monkeypatch)
    assert run("--build-only", "--surface") == 2
    assert "--build-only --surface: no kernel is booted that could be asked" in capsys.readouterr().err
