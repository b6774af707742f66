# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests as a user asks for them: with words, with names, with a time of their own."""

import argparse
from pathlib import Path

import msgspec
import pytest

from kseries.app import evaluation, setup
from kseries.app.options import Options
from kseries.cli import machine, target
from kseries.evaluate.setup import Setup
from kseries.model import DEFAULT_MACHINE, Probe
from kseries.model.errors import InputError
from kseries.model.probe import Origin
from kseries.probes import selftests
from tests.support.judged import FAIL, PASS, SKIP, Seen, run

PAGING = "kvm:demand_paging_test -k -b 16M"


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser)
    return parser.parse_args(["TARGET", *words])


def asked(*values: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each test as a probe: its name and its words."""
    return [(one.name, one.probe.argv) for one in selftests.parse(values)]


def setup_of(*words: str) -> Setup:
    return setup.setup_of(target.options(parsed("--probe", "capabilities", *words)))


# --- words --------------------------------------------------------------------------------------


def test_a_test_is_run_with_the_words_that_a_shell_would_hand_it() -> None:
    path = "/programs/kvm.demand_paging_test"
    assert asked(PAGING) == [("kvm.demand_paging_test", (path, "-k", "-b", "16M"))]
    assert asked("kvm:x 'a b' \"c,d\" -e,f") == [("kvm.x", ("/programs/kvm.x", "a b", "c,d", "-e,f"))]
    assert selftests.parse([PAGING])[0].probe.origin is Origin.SELFTEST


def test_a_list_of_tests_is_one_still() -> None:
    assert [name for name, _ in asked("kvm:a, b ,x86_64/c,", "timers:d", "e")] == [
        *("kvm.a", "kvm.b", "kvm.c", "timers.d", "timers.e")
    ]
    assert [name for name, _ in asked("kvm:a -k", "b -x")] == ["kvm.a", "kvm.b"]


def test_a_test_with_other_words_has_another_name_and_is_built_once() -> None:
    calls = selftests.parse(["kvm:a", "kvm:a -k", "kvm:b", "kvm:a", "kvm:a -k", "kvm:a -k -k"])
    assert [call.name for call in calls] == ["kvm.a", "kvm.a-2", "kvm.b", "kvm.a-3"]
    assert selftests.tests(calls) == (selftests.Selftest("kvm", "a"), selftests.Selftest("kvm", "b"))


def test_a_user_may_name_it() -> None:
    assert asked("small=kvm:a -b 16M", "kvm:a -b 1G") == [
        ("small", ("/programs/kvm.a", "-b", "16M")),
        ("kvm.a", ("/programs/kvm.a", "-b", "1G")),
    ]
    assert asked("small=kvm:a") == [("small", ("/programs/kvm.a",))]
    assert asked("kvm:a X=1") == [("kvm.a", ("/programs/kvm.a", "X=1"))]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("kvm:a 'b", "kvm:a 'b: No closing quotation"),
        ("kvm:a,b -k", "kvm:a,b -k: a name or words are for one test\n"),
        ("x=kvm:a,b", "x=kvm:a,b: a name or words are for one test\n"),
        ("é=kvm:a", "--selftest kvm:a: 'é' is no name of a probe"),
        (f"{'n' * 129}=kvm:a", "a probe's name has at most 128 characters"),
        ("kvm:a 'b\nc'", "--selftest kvm:a: a word of the probe kvm.a has an end of line in it"),
        ("kvm:a " + "x " * 31, "--selftest kvm:a: the probe kvm.a has no command line, or more than 31 words"),
    ],
)
def test_what_cannot_be_run_so_is_told_in_two_lines(value: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        asked(value)
    assert told in str(error.value) and str(error.value).count("\n") <= 1


def test_names_and_words_decide_what_is_seen_of_a_kernel() -> None:
    plain, worded, named = (setup_of("--selftest", one) for one in ("kvm:a", "kvm:a -k", "n=kvm:a -k"))
    assert len({one.key("tree") for one in (plain, worded, named)}) == 3
    assert {one.conditions.selftests for one in (plain, worded, named)} == {("kvm:a",)}
    before = Probe.program("kvm.a", Origin.SELFTEST)
    assert plain.conditions.probes[-1] == before


def test_a_job_with_words_is_carried_out_as_it_was_meant() -> None:
    conditions = setup_of("--selftest", "kvm:a", "--selftest", "kvm:a -k", "--selftest", "n=kvm:b 1").conditions
    assert evaluation.setup_of(conditions).conditions == conditions
    stray = msgspec.structs.replace(conditions, selftests=("kvm:a",))
    with pytest.raises(InputError, match="no such probe: n\n"):
        evaluation.setup_of(stray)


def test_no_test_is_built_over_a_probe_of_somebodys(tmp_path: Path) -> None:
    """Their programs lie in one folder of the guest, whatever the probes are called."""
    (tmp_path / "kvm.a.c").write_text("")
    with pytest.raises(InputError, match=r"two probes are called kvm\.a\n"):
        setup.setup_of(Options(out=tmp_path, selftests=("n=kvm:a",), programs=(tmp_path / "kvm.a.c",)))
    with pytest.raises(InputError, match=r"two probes are called capabilities\n"):
        setup_of("--selftest", "capabilities=kvm:a")


# --- time ---------------------------------------------------------------------------------------


def test_a_test_has_the_time_that_its_user_gives_it() -> None:
    words = ["--timeout", "200", "--check-timeout", "kvm.a-2=300", "--selftest", "kvm:a", "--selftest", "kvm:a -k"]
    found = setup_of(*words)
    assert found.machine.probe_seconds == 200
    assert {one.name: one.seconds for one in found.probes} == {"capabilities": None, "kvm.a": None, "kvm.a-2": 300}
    again = dict(zip(words[::2], words[1::2], strict=True))
    assert set(again.values()) <= set(target.options(parsed(*words)).words)


def test_of_two_times_for_all_the_last_counts() -> None:
    assert machine.of(parsed("--timeout", "5", "--timeout", "7")).probe_seconds == 7
    assert machine.of(parsed("--timeout", "a=5")) == DEFAULT_MACHINE


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("kvm.b=5", "--timeout kvm.b=..: no such probe in this run\n  there are: capabilities, kvm.a"),
        ("kvm.a=0", "--timeout kvm.a: 0 is not from 1 to 86400 seconds"),
        ("kvm.a=x", "--timeout kvm.a x: expected a number"),
        ("kvm.a=", "--timeout kvm.a : expected a number"),
    ],
)
def test_a_time_that_nobody_can_have_is_told(value: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        setup_of("--selftest", "kvm:a", "--timeout", value)
    assert str(error.value) == told


# --- contracts ----------------------------------------------------------------------------------

CONTRACT = """\
id = "cpuid"
title = "A kernel that says so passes its own test."
when = "KVM_CAP_X"
checks = ["kvm.cpuid_test.exit_status"]
optional = ["kvm.state_test.exit_status"]
otherwise = ["long.exit_status"]
"""
SELFTESTS = ("--selftest", "kvm:cpuid_test,state_test", "--selftest", "long=kvm:state_test -l")


def test_a_contract_may_ask_for_the_end_of_a_selftest(tmp_path: Path) -> None:
    file = tmp_path / "cpuid.toml"
    file.write_text(CONTRACT)
    asks = target.options(parsed("--probe", "capabilities", *SELFTESTS, "--contract", str(file)))
    (contract,) = (one for one in setup.asked(setup.setup_of(asks), asks) if one.id == "cpuid")
    assert (contract.checks, contract.left_out) == (("kvm.cpuid_test.exit_status",), ())
    assert contract.otherwise == ("long.exit_status",)

    ends = {"kvm.cpuid_test": PASS, "kvm.state_test": SKIP, "long": PASS}
    on = Seen({"KVM_CAP_X": 1}, {f"{name}.exit_status": status for name, status in ends.items()})
    off = on.with_cap("KVM_CAP_X", 0)
    sound = {"base": off, "prefix-1": off, "prefix-2": on, "prefix-3": on}
    sound |= {"without-1": off, "without-2": off, "without-3": on}
    assert run(sound, (contract,)).findings == ()
    silent = on.but(kvm__cpuid_test__exit_status=FAIL)
    broken = run(sound | {"without-1": silent}, (contract,))
    assert broken.essence == [("silent-break", "without-1", 1, 2, "cpuid")]


def test_a_contract_about_a_test_that_nobody_runs_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cpuid.toml"
    file.write_text(CONTRACT)
    asks = target.options(parsed("--probe", "capabilities", "--selftest", "kvm:cpuid_test", "--contract", str(file)))
    with pytest.raises(InputError, match=r"long\.exit_status is of no probe that there is\n") as error:
        setup.asked(setup.setup_of(asks), asks)
    assert str(error.value).count("\n") == 1
