# SPDX-License-Identifier: GPL-2.0-only
"""KUnit from the command line: suites are found, built in, run at boot, and what they tell is judged.

The tiny kernel prints what a kernel that tests itself does, whatever it is told; the real one is in the part
subsystems.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import kcidbs, tiny
from tests.support.commands import TOP, Kseries, typed
from tests.support.gitrepo import Repository
from tests.support.split import result_of
from tests.support.told import read_lines

SIZES = TOP / "testcases" / "cmdline-sizes"
REST = "".join(f"idle {n}\\n" for n in range(20))
"""What a serial port that nobody waits for may lose of a log is its end."""
SUITE = """\
static struct kunit_case thing_cases[] = { {} };

static struct kunit_suite thing_suite = {
	.name = "thing",
	.test_cases = thing_cases,
};
kunit_test_suite(thing_suite);
"""
KCONFIG = 'config KUNIT\n\tbool\nconfig THING_KUNIT_TEST\n\tbool "thing"\n\tdepends on KUNIT\n'
_READ = "$(CURDIR)/main.S $(CURDIR)/thing.h"
MAKEFILE = tiny.MAKEFILE.replace("main.o: main.S", "main.o: main.S thing.h").replace(
    "-o $@ main.S", f"-o $@ main.S\n\t@echo 'deps_main.o := {_READ}' >$(O)/.main.o.cmd"
)


def main(*cases: tuple[str, str]) -> str:
    """A tiny kernel's source that prints what its suite comes to: each case, and when it fails, in C."""
    before, _, after = tiny.MAIN.partition('log:\t.ascii "LOG"\n')
    lines = ["KTAP version 1", "1..1", "    KTAP version 1", "    # Subtest: thing", f"    1..{len(cases)}"]
    said = ["log:", *(f'\t.ascii "{one}\\n"' for one in lines)]
    for number, (name, fails) in enumerate(cases, 1):
        ok, not_ok = (f'\t.ascii "    {word} {number} {name}\\n"' for word in ("ok", "not ok"))
        said += [f"#if {fails}", not_ok, "#else", ok, "#endif"]
    said.append(f'\t.ascii "ok 1 thing\\n{REST}"')
    whole = before + "\n".join(said) + "\n" + after
    return '#include "thing.h"\n' + whole.replace("WHICH", "it").replace("DELAY", str(tiny.LONG // 50))


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A tiny kernel with a suite, and two patches: what the first does, the second takes for granted."""
    repository = Repository(tmp_path / "linux")
    source = main(("adds", "0"), ("takes", "B && !A"))
    files = {"Makefile": MAKEFILE, "lib.S": tiny.LIB, "main.S": source, "thing.h": "#define A 0\n\n\n\n\n#define B 0\n"}
    files |= {"Kconfig": KCONFIG, "arch/x86/kvm/Kconfig": "", "lib/thing.c": "int thing;\n", "lib/thing_kunit.c": SUITE}
    files |= {"lib/Makefile": "obj-$(CONFIG_THING_KUNIT_TEST) += thing_kunit.o\n", "Kbuild": "obj-y += lib/\n"}
    repository.commit("base", files)
    repository.git("tag", "base")
    repository.commit("lib: Do it", {"thing.h": "#define A 1\n\n\n\n\n#define B 0\n"})
    repository.commit("lib: Use it", {"thing.h": "#define A 1\n\n\n\n\n#define B 1\n", "lib/thing.c": "int more;\n"})
    return repository


def run(linux: Repository, place: Path, *words: str) -> tuple["subprocess.CompletedProcess[str]", Any]:
    target = ("base..main", "--tree", str(linux.path), "--probe", "capabilities")
    done = typed(place, "run", *target, "--out", "out", *words, XDG_CACHE_HOME=str(place / "cache"))
    assert (place / "out" / "result.json").exists(), done.stderr
    return done, result_of(place / "out" / "result.json")


def checks(state: Mapping[str, Any]) -> dict[str, str]:
    return {one["id"]: one["status"] for one in state["checks"] if one["id"].startswith("kunit.")}


def test_the_suite_of_what_is_changed_is_run_and_tells_of_a_silent_break(linux: Repository, tmp_path: Path) -> None:
    done, result = run(linux, tmp_path, "--kunit", "auto", "--scenario", "prefixes,reverts")
    states = {state["id"]: checks(state) for state in result["states"]}
    passed = {"kunit.thing.adds": "pass", "kunit.thing.takes": "pass", "kunit.boot": "pass"}
    assert states["base"] == states["prefix-2"] == passed
    assert states["without-1"] == passed | {"kunit.thing.takes": "fail"}
    (found,) = (one for one in result["findings"] if one["kind"] == "silent-break")
    assert (found["patch"], found["partner"]) == (1, 2)
    assert read_lines(found["evidence"]) == ["kunit.thing.takes: fail"]
    assert "CONFIG_KUNIT=y\n" in result["variant"]["config"]
    assert "CONFIG_THING_KUNIT_TEST=y\n" in result["variant"]["config"]
    assert "kunit.thing.takes" in done.stdout
    log = (tmp_path / "out" / "states" / "base" / "console.log").read_text()
    assert "--- KUnit, thing\n" in log


def test_a_suite_in_the_file_that_it_tests_is_found_where_that_is_changed(linux: Repository, tmp_path: Path) -> None:
    itself = f"int thing;\n#ifdef CONFIG_THING_KUNIT_TEST\n{SUITE}#endif\n"
    linux.commit(
        "lib: Move it", {"lib/thing_kunit.c": None, "lib/thing.c": itself, "lib/Makefile": "obj-y += thing.o\n"}
    )
    linux.git("tag", "-f", "base")
    linux.commit("lib: Do more", {"lib/thing.c": f"int more;\n{itself}"})
    _, result = run(linux, tmp_path, "--kunit", "auto", "--scenario", "prefixes")
    assert "CONFIG_THING_KUNIT_TEST=y\n" in result["variant"]["config"]
    assert "kunit.thing.adds" in checks(result["states"][0])


def test_who_does_not_ask_is_offered_the_suite_and_pays_nothing(linux: Repository, tmp_path: Path) -> None:
    done, result = run(linux, tmp_path, "--scenario", "prefixes")
    assert not any(checks(state) for state in result["states"])
    assert "KUNIT" not in result["variant"]["config"]
    assert "to have KUnit test it: --kunit thing (lib/thing_kunit.c)" in done.stdout


def test_a_suite_that_no_tree_has_is_told_in_two_lines(linux: Repository, tmp_path: Path) -> None:
    words = ("base..main", "--tree", str(linux.path), "--kunit", "nothing*")
    done = typed(tmp_path, "run", *words, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2:] == [
        "kseries: --kunit nothing*: neither base nor the series has a suite of that name",
        "  there are: thing",
    ]


# --- on a real kernel ---------------------------------------------------------------------------


@pytest.mark.full("subsystems")
def test_the_library_series_is_judged_right(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("run", SIZES, "--out", "out")
    assert done.returncode == 1, done.stderr
    result = result_of(tmp_path / "out" / "result.json")
    kcidbs.assert_taken(tmp_path / "out")
    states = {state["id"]: checks(state) for state in result["states"]}
    assert states["prefix-4"]["kunit.cmdline.cmdline_test_get_sizes_iec"] == "pass"
    assert failed(states["without-2"]) == {"kunit.cmdline.cmdline_test_get_sizes_iec"}
    assert not any(failed(found) for name, found in states.items() if name not in ("without-2", "only-4"))
    assert result["verdict"] == {"bisectable": True, "revert_safe": False}
    assert {(one["kind"], one["state"], one["patch"], one["partner"]) for one in result["findings"]} == {
        ("silent-break", "without-2", 2, 4),
        ("undocumented-dependency", "without-2", 4, 2),
        ("undocumented-dependency", "only-4", 4, None),
    }


def failed(found: Mapping[str, str]) -> set[str]:
    return {name for name, status in found.items() if status not in ("pass", "skip", "xfail")}


MUTANTS = {
    "a list stops one size early": (
        "+\t\tif (i == nsizes)\n",
        "+\t\tif (i + 1 == nsizes)\n",
        {"kunit.cmdline.cmdline_test_get_sizes", "kunit.cmdline.cmdline_test_get_sizes_iec"},
    ),
    "what stands between sizes is not looked at": (
        "+\t\tif (end == str || (*end && *end != ','))\n",
        "+\t\tif (end == str)\n",
        {"kunit.cmdline.cmdline_test_get_sizes"},
    ),
    "a size of IEC ends the list": (
        "+\t} while (*end);\n",
        "+\t} while (*end && end[-1] != 'B');\n",
        {"kunit.cmdline.cmdline_test_get_sizes_iec"},
    ),
}


@pytest.mark.full("subsystems")
@pytest.mark.parametrize("what", MUTANTS)
def test_a_mutant_fails_exactly_its_cases(what: str, kseries: Kseries, tmp_path: Path) -> None:
    was, wrong, cases = MUTANTS[what]
    shutil.copytree(SIZES, tmp_path / "series")
    replace_in(next((tmp_path / "series" / "patches").glob("0004-*")), was, wrong)
    assert failed(tried(kseries, "prefix-4", tmp_path / "series")) == cases


def replace_in(patch: Path, was: str, wrong: str) -> None:
    text = patch.read_text()
    assert text.count(was) == 1
    patch.write_text(text.replace(was, wrong))


def tried(kseries: Kseries, state: str, series: Path, *words: str) -> dict[str, str]:
    done = kseries("try", state, series, "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    return checks(json.loads(done.stdout)["result"])


@pytest.mark.full("subsystems")
def test_a_suite_that_brings_the_machine_down_costs_that_suite(kseries: Kseries, tmp_path: Path) -> None:
    shutil.copytree(SIZES, tmp_path / "series")
    patch = next((tmp_path / "series" / "patches").glob("0004-*"))
    replace_in(patch, "+\t\tif (i == nsizes)\n", '+\t\tif (i == nsizes || (panic("sizes"), 0))\n')
    words = ("--kunit", "*", "--timeout", "200")
    found = tried(kseries, "prefix-4", tmp_path / "series", *words)
    of_suite = {name: status for name, status in found.items() if name.startswith("kunit.cmdline.")}
    assert of_suite["kunit.cmdline.cmdline_test_next_arg_mixed_tokens"] == "pass"
    assert of_suite["kunit.cmdline.cmdline_test_get_sizes"] == "fail"
    assert of_suite["kunit.cmdline.cmdline_test_get_sizes_iec"] == "missing"
    others = {name for name, status in found.items() if status == "pass" and name not in of_suite}
    assert len({name.split(".")[1] for name in others}) > 10
    assert found["kunit.boot"] == "pass"
