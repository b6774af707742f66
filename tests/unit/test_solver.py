# SPDX-License-Identifier: GPL-2.0-only
"""The options that a tree's Kconfig has to have set: found as a person would, and undone where they lead nowhere."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from kseries.host import interpreter
from kseries.model.conditions import AllOf, AnyOf, Condition
from kseries.solver.question import Answer, Question
from kseries.solver.reading import Tree, translated
from kseries.solver.search import Search

KCONFIG = """\
mainmenu "toy"

config MODULES
	bool "modules"
	modules

config NET
	bool "network"

config PCI
	bool "PCI"

menu "drivers"
	depends on NET

config WIRE
	tristate "a driver"
	depends on PCI && (ARCH_FAR || COMPILE_TEST)
	select CRC

config WIRE_DEBUG
	bool "more of it"
	depends on WIRE && !TINY
endmenu

config ARCH_FAR
	bool
	depends on FAR_AWAY

config COMPILE_TEST
	bool "whatever"

config TINY
	bool "small"

config CRC
	bool

config HELPED
	bool
	default y if PCI

config IMPLIED
	bool
	depends on PCI

config IMPLYING
	bool "implies"
	imply IMPLIED

choice
	prompt "one of them"
	default FIRST
	depends on PCI

config FIRST
	bool "first"

config SECOND
	bool "second"

endchoice

config BOTH
	bool "both are asked for"
	depends on FIRST && SECOND

config OURS
	bool "ours"

config NOT_OURS
	bool "against ours"
	depends on !OURS

config SAME
	bool "same"
	depends on PCI = NET

config SHIFT
	int "a number"
	default 3

config LOADED
	tristate "as a module"
	depends on m

config SINCE_7
	bool "since 7.0"
	depends on PCI if NET

config OLD_NAME
	bool
	transitional
	default y
"""
FRAGMENT = "CONFIG_OURS=y\nCONFIG_TINY=y\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    (tmp_path / "Kconfig").write_text(KCONFIG)
    (tmp_path / "fragment").write_text(FRAGMENT)
    monkeypatch.setenv("srctree", str(tmp_path))
    found = Tree(tmp_path)
    found.begin(tmp_path / "fragment")
    return found


def search(tree: Tree) -> Search:
    return Search(tree, ("OURS",))


@pytest.mark.parametrize(
    ("condition", "options"),
    [
        ("NET", "NET=y"),
        ("OURS", ""),
        ("!NET", ""),
        ("WIRE", "NET=y PCI=y COMPILE_TEST=y WIRE=y"),
        ("CRC", "NET=y PCI=y COMPILE_TEST=y WIRE=y"),
        ("HELPED", "PCI=y"),
        ("IMPLIED", "PCI=y IMPLYING=y"),
        ("SECOND", "PCI=y SECOND=y"),
        ("FIRST", "PCI=y FIRST=y"),
        ("!TINY", "TINY=n"),
        ("WIRE_DEBUG", "NET=y PCI=y COMPILE_TEST=y WIRE=y TINY=n WIRE_DEBUG=y"),
        ("SAME", "SAME=y"),
        ("SINCE_7", "SINCE_7=y"),
        (AllOf(of=("NET", "SINCE_7")), "NET=y PCI=y SINCE_7=y"),
        (AnyOf(of=("NOT_OURS", "PCI")), "PCI=y"),
        (AnyOf(of=("WIRE", "PCI")), "PCI=y"),
        (AllOf(of=("PCI", "!HELPED")), None),
        ("NOT_OURS", None),
        ("BOTH", None),
        ("LOADED", None),
        ("ARCH_FAR", None),
        ("SHIFT", ""),
        ("NOWHERE", None),
        ("!NOWHERE", ""),
        (AnyOf(), None),
    ],
)
def test_few_options_make_a_condition_hold_or_none_are_left_behind(
    tree: Tree, condition: Condition, options: str | None
) -> None:
    looking = search(tree)
    assert looking.have(condition) is (options is not None)
    assert looking.without_excess() == dict(one.split("=") for one in (options or "").split())


def test_what_held_before_holds_on(tree: Tree) -> None:
    looking = search(tree)
    assert looking.have("SECOND") and not looking.have("FIRST")
    assert looking.have("!NET") and not looking.have("WIRE")
    assert looking.without_excess() == {"PCI": "y", "SECOND": "y"}


def test_an_option_that_two_conditions_need_is_not_in_excess(tree: Tree) -> None:
    looking = search(tree)
    assert all(looking.have(one) for one in ("HELPED", "SECOND", AllOf(of=("PCI", "NET"))))
    assert looking.without_excess() == {"PCI": "y", "SECOND": "y", "NET": "y"}


def test_an_option_that_was_set_on_a_way_that_led_nowhere_is_not_set(tree: Tree) -> None:
    looking = search(tree)
    assert looking.have(AnyOf(of=(AllOf(of=("PCI", "NOT_OURS")), "NET")))
    assert tree.syms["PCI"].tri_value == 0 and looking.without_excess() == {"NET": "y"}


def test_words_of_later_kernels_are_put_into_those_of_linux_5(tree: Tree) -> None:
    assert tree.modules is tree.syms["MODULES"] and tree.syms["OLD_NAME"].tri_value == 2
    text = "\tdepends on A || B # if C\n\nif X\nendif\n\tdepends on A && \\\n\t\tB if C\n"
    after = "\tdepends on A || B # if C\n\nif X\nendif\n\tdepends on (A && \\\n\t\tB) || !(C)\n"
    assert translated(text) == after


# --- as a program -------------------------------------------------------------------------------


def ask(place: Path, kconfig: str, wanted: Sequence[Condition]) -> "subprocess.CompletedProcess[str]":
    (place / "Kconfig").write_text(kconfig)
    question = Question(fragment=FRAGMENT, wanted=tuple(wanted), fixed=("OURS",))
    (place / "question").write_bytes(msgspec.json.encode(question))
    argv = interpreter.argv("kseries.solver", str(place), str(place / "question"), str(place / "answer"))
    env = {**interpreter.environment(), "srctree": str(place), "PATH": "/usr/bin:/bin"}
    return subprocess.run(argv, env=env, text=True, capture_output=True, check=False, timeout=60)


def test_the_program_answers_with_options_and_passes_over_what_cannot_be_had(tmp_path: Path) -> None:
    assert ask(tmp_path, KCONFIG, ["NOT_OURS", "WIRE", "BOTH"]).returncode == 0
    answer = msgspec.json.decode((tmp_path / "answer").read_bytes(), type=Answer)
    assert answer == Answer(options={"NET": "y", "PCI": "y", "COMPILE_TEST": "y", "WIRE": "y"})


@pytest.mark.parametrize(
    ("kconfig", "said"),
    [
        ('config A\n\tbool "a"\n\tsince the future\n', "Kconfig:3"),
        ('source "nowhere"\n', "nowhere"),
        ("config A\n\tdepends on A\n\tbool\n\tdefault y if A\nif B\n", "Kconfig"),
        ('config A\n\tbool "a"\n\tselect B\nconfig B\n\tbool "b"\n\tselect A\n\tdepends on A\n', "Dependency loop"),
        ("\0\0", ""),
    ],
)
def test_what_no_reader_takes_ends_it_with_one_line(tmp_path: Path, kconfig: str, said: str) -> None:
    done = ask(tmp_path, kconfig, ["A"])
    assert done.returncode == 1 and done.stderr == "" and not (tmp_path / "answer").exists()
    assert len(done.stdout.splitlines()) == 1 and said in done.stdout


def test_a_condition_that_is_deep_is_no_end_of_it(tmp_path: Path) -> None:
    deep = (
        "".join(f'config A{n}\n\tbool "a"\n\tdepends on A{n + 1}\n' for n in range(400)) + 'config A400\n\tbool "a"\n'
    )
    assert ask(tmp_path, deep, ["A0"]).returncode == 0
    assert len(msgspec.json.decode((tmp_path / "answer").read_bytes(), type=Answer).options) == 401
