# SPDX-License-Identifier: GPL-2.0-only
"""Host-side tests in a pytest of the user's own: what it makes of machines that are lent to it. None is booted."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.hosttest import lender, lent
from kseries.model.errors import InputError
from tests.support.lenders import FakeLender

pytest_plugins = ["pytester"]

LOADED = ("-p", "kseries.hosttest.entry", "-p", "no:asyncio", "-p", "no:timeout", "-p", "no:xdist")
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in a folder of its own on some tests, with a lender."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(lends: FakeLender, text: str, *words: str, loaded: tuple[str, ...] = LOADED) -> pytest.RunResult:
        monkeypatch.setattr(lent, "Lender", lends)
        pytester.makepyfile(test_x="import pytest\n" + text)
        return pytester.runpytest_inprocess(*loaded, "--kseries-target=t", *words, "-rA")

    return run


def test_a_test_that_has_a_machine_is_one_of_each_state_and_no_other_test_is(run: Run) -> None:
    lends = FakeLender()
    text = (
        "def test_b(guest, state): assert state.id in ('base', 'prefix-1') and state.caps == {'X': 1}\n"
        "def test_plain(): pass\n"
        "@pytest.fixture\ndef mine(qmp, state): pass\n"
        "def test_log(guest): assert 'Linux' in guest.log()\n"
    )
    done = run(lends, text, "--kseries-state=all")
    done.assert_outcomes(passed=5, skipped=2)
    done.stdout.fnmatch_lines(
        [
            "kseries: 0:00  at work",
            "kseries: a-series on a kernel, x86_64: base, prefix-1, without-1",
            "PASSED test_x.py::test_b?base?",
            "PASSED test_x.py::test_log?base?",
            "PASSED test_x.py::test_b?prefix-1?",
            "SKIPPED *without-1 does not apply: conflict in a.c",
        ]
    )
    assert lends.boots == ["base", "prefix-1"], "one for each state, whatever the order of the tests"
    assert lends.ended and lends.words == ("all", "--", "t")


def test_markers_are_those_of_a_run(run: Run) -> None:
    lends = FakeLender()
    text = (
        "@pytest.mark.arch('arm64')\ndef test_elsewhere(guest): pass\n"
        "@pytest.mark.needs_userland\ndef test_shell(guest): pass\n"
        "@pytest.mark.skip\ndef test_not(guest): pass\n"
        "def test_one(guest): pass\n"
        "@pytest.mark.fresh_boot\ndef test_fresh(guest): pass\n"
        "@pytest.mark.timeout(0.2)\ndef test_slow(guest): __import__('time').sleep(10)\n"
        "@pytest.mark.arch('arm64')\ndef test_none_of_ours(): pass\n"
        "@pytest.mark.timeout(0)\ndef test_no_time(guest): pass\n"
    )
    done = run(lends, text, "--strict-markers", "-k", "base or none")
    done.assert_outcomes(passed=3, skipped=3, failed=1, errors=1, deselected=14)
    assert lends.boots == ["base", "base"]
    done.stdout.fnmatch_lines(["*marker timeout wants seconds*", "*no answer after 0.2 s*"])


@pytest.mark.parametrize(
    ("body", "marker", "whys"),
    [
        ("pass", "", ((), ())),
        ("pass", "", (("the kernel said: BUG: x",), ())),
        ("assert 0", "xfail", (("the kernel said: BUG: x",), ())),
        ("pytest.skip()", "", (("the kernel said: BUG: x",), ())),
        ("assert 0", "", (("the kernel said: BUG: x",), ())),
    ],
)
def test_what_the_kernel_complains_of_fails_the_test(
    body: str, marker: str, whys: tuple[tuple[str, ...], ...], run: Run
) -> None:
    marked = f"@pytest.mark.{marker}\n" if marker else ""
    done = run(FakeLender(whys=whys), f"{marked}def test_a(guest): {body}\ndef test_b(guest): pass\n", "-k", "base")
    bad = any(whys)
    done.assert_outcomes(failed=bad, passed=2 - bad, deselected=4)
    if bad:
        done.stdout.fnmatch_lines(["*the kernel said: BUG: x*", "*[[]    0.0] Linux*"])


def test_what_it_complains_of_after_a_test_fails_it_too(run: Run) -> None:
    done = run(FakeLender(whys=((), ("the machine ended in it: gone",))), "def test_a(guest): pass\n", "-k", "base")
    done.assert_outcomes(passed=1, errors=1, deselected=2)


def test_the_log_of_the_kernel_is_told_which_test_runs(run: Run) -> None:
    lends = FakeLender()
    run(lends, "def test_a(guest): pass\n", "-k", "base")
    name = "test_x_py_test_a_base_"
    assert lends.marks == [f"enter {name}", f"so far 1: {name}", f"leave {name}"]
    assert [asked["mark"] for asked in lends.asked if asked["what"] == "left"] == lends.marks[1:]


def test_tests_of_a_state_that_does_not_build_are_errors_of_one_line_and_the_others_run(run: Run) -> None:
    lends = FakeLender(broken="base")
    done = run(lends, "def test_a(guest): pass\ndef test_b(state): pass\n", "-k", "not without")
    done.assert_outcomes(passed=2, errors=2, deselected=2)
    done.stdout.fnmatch_lines(["base does not build: a.c:1: error", "ERROR *::test_a?base? - *"])


def test_a_kseries_that_falls_is_told_and_nothing_else_is_lost(run: Run) -> None:
    text = "def test_a(guest): guest._control.tell('die')\ndef test_b(guest): pass\ndef test_c(): pass\n"
    done = run(FakeLender(), text, "-k", "base or c")
    done.assert_outcomes(failed=1, passed=1, errors=2, deselected=4)
    done.stdout.fnmatch_lines(["*kseries: it fell*"])


def test_with_xdist_tests_of_a_state_are_a_group_and_a_worker_comes_in_by_the_door(
    run: Run, pytester: pytest.Pytester
) -> None:
    text = "def test_a(guest): pass\n"
    done = run(FakeLender(), text, "--collect-only", "-q", loaded=(*LOADED[:-2], "-p", "xdist", "--dist=loadgroup"))
    done.stdout.fnmatch_lines(["test_x.py::test_a?base?"])
    pytester.makeconftest(
        "def pytest_itemcollected(item):\n item.user_properties.append(1)\n"
        " assert item.get_closest_marker('xdist_group').args == (item.callspec.params['kseries_state'],)\n"
    )
    run(FakeLender(), text, loaded=(*LOADED[:-2], "-p", "xdist")).assert_outcomes(passed=2, skipped=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kseries-state=base",), "--kseries-state: of no series\n  add --kseries-target TARGET"),
        (("--kseries-args=x",), "--kseries-args: of no series"),
    ],
)
def test_an_option_of_no_series_is_told(words: tuple[str, ...], said: str, pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess(*LOADED, *words)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {said}" in done.stderr.str()


def test_without_a_series_nothing_of_it_is_imported_or_named(tmp_path: Path) -> None:
    code = (
        "def test_a(request):\n import sys\n"
        " ours = {name for name in sys.modules if name.startswith('kseries')}\n"
        " assert ours == {'kseries', 'kseries.hosttest', 'kseries.hosttest.entry'}\n"
        " assert not {'msgspec', 'qemu', 'pexpect', 'asyncio'} & set(sys.modules)\n"
        "import pytest\n@pytest.mark.fresh_boot\n@pytest.mark.arch('arm64')\ndef test_b(guest): pass\n"
    )
    (tmp_path / "test_a.py").write_text(code)
    top = Path(lent.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(top), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words: list[str | Path] = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "kseries.hosttest.entry",
        "-q",
        "--strict-markers",
        tmp_path,
    ]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 passed, 1 error" in done.stdout and "fixture 'guest' not found" in done.stdout, done.stdout


def test_the_words_are_those_of_the_command_line() -> None:
    told = lender.words("a -b", "base,prefix-1", "--memory 1G --config 'a b'", tree="T", arch=None)
    assert told == ("base,prefix-1", "--tree=T", "--memory", "1G", "--config", "a b", "--", "a -b")
    with pytest.raises(InputError, match="--kseries-args 'a: No closing quotation"):
        lender.words("t", None, "'a")
