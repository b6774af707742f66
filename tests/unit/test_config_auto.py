# SPDX-License-Identifier: GPL-2.0-only
"""--config auto on the tiny kernel: options are found in a box, tried by make, and are those of every state."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning, setup, suiting
from kseries.app.options import Options
from kseries.cache import store
from kseries.evaluate.setup import Setup
from kseries.kbuild import autofragment, fragment, solving
from kseries.model import Plan, events
from kseries.model.errors import InputError
from kseries.solver.question import Answer, Question
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.gitrepo import Repository

KCONFIG = """\
config NET
	bool "network"
config WIRE
	bool "a driver"
	depends on NET
config KVM
	bool "ours"
config AGAINST
	bool "against what is ours"
	depends on !KVM
"""
MAKEFILE = "obj-$(CONFIG_WIRE) += wire.o\nobj-$(CONFIG_AGAINST) += against.o\n"
TREE = {"Kconfig": KCONFIG, "Kbuild": "obj-y += net/\n", "net/Makefile": MAKEFILE}


class Case:
    """A series of one patch on the tiny kernel; ``tip`` is what the patch brings."""

    def __init__(self, place: Path, tip: dict[str, str]) -> None:
        self.repository = Repository(place / "linux")
        self.repository.commit("base", {**tiny.kernel("base"), **TREE})
        self.repository.git("tag", "base")
        self.repository.commit("topic", tip)
        self.repository.git("tag", "topic")
        self.options = Options(
            out=place / "out",
            tree=str(self.repository.path),
            scenarios=("prefixes",),
            probes=("capabilities",),
            auto=True,
        )
        self.cache = place / "cache" / "kseries"
        self.told: list[str] = []

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            self.told.append(event.what)

    def plan(self) -> tuple[Plan, TreeStore]:
        trees = TreeStore(self.cache / "trees.git")
        target = inputs.load("base..topic", str(self.repository.path))
        return planning.plan(target, self.options, trees, lambda _: None), trees

    def suited(self) -> Setup:
        planned, trees = self.plan()
        self.told.clear()
        return suiting.suited(setup.setup_of(self.options), self.options, planned, trees, self.hear)

    @property
    def found(self) -> dict[str, str]:
        return autofragment.told(self.suited().config.text)


Place = Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_options_of_what_is_changed_are_in_the_configuration_of_every_state(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n"})
    made = case.suited()
    assert autofragment.told(made.config.text) == {"NET": "y", "WIRE": "y"}
    assert made.config.wanted(["CONFIG_WIRE=y"]) and not made.config.needed(["CONFIG_NET=y"])
    assert case.told == [
        "looking for options that have net/wire.c compiled",
        "--config auto: CONFIG_NET=y, CONFIG_WIRE=y",
    ]
    assert "CONFIG_WIRE" in made.conditions.config


def test_they_are_looked_for_once_and_a_plan_has_the_keys_of_a_run(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n"})
    made = case.suited()
    planned, trees = case.plan()
    foreseen = suiting.foreseen(setup.setup_of(case.options), case.options, planned, trees, case.hear)
    assert foreseen.key("tree") == made.key("tree")
    assert case.suited().key("tree") == made.key("tree")
    assert case.told == ["--config auto: CONFIG_NET=y, CONFIG_WIRE=y"]


@pytest.mark.parametrize("another", ["kseries", "bindgen", "as"])
def test_they_are_looked_for_again_by_another_kseries_and_where_kconfig_is_told_another_version(
    place: Place, monkeypatch: pytest.MonkeyPatch, another: str
) -> None:
    """The solver is a part of kseries that no observation is made by."""
    tools = place / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    case = Case(place, {"net/wire.c": "int a;\n"})
    for version in ("1", "2"):
        (tools / another).write_text(f"#!/bin/sh\necho {version}\n")
        (tools / another).chmod(0o755)
        if another == "kseries":
            monkeypatch.setattr(store, "whole", lambda said=version: said)
        for looked in (True, False):
            case.suited()
            assert any(one.startswith("looking for options") for one in case.told) is looked


def test_what_an_option_takes_that_was_found_is_a_part_of_the_toolchain(place: Place) -> None:
    kconfig = KCONFIG + 'config DEBUG_INFO_BTF\n\tbool "types"\n'
    case = Case(place, {"net/Makefile": "obj-$(CONFIG_DEBUG_INFO_BTF) += wire.o\n", "Kconfig": kconfig})
    plain = setup.setup_of(case.options).toolchain
    case.repository.commit("topic", {"net/wire.c": "int a;\n"})
    case.repository.git("tag", "-f", "topic")
    made = case.suited()
    assert autofragment.told(made.config.text) == {"DEBUG_INFO_BTF": "y"}
    assert made.toolchain.startswith(f"{plain} / ") and "pahole" in made.toolchain.removeprefix(plain)


def test_who_does_not_ask_has_the_keys_of_before(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n"})
    with_options = case.suited()
    case.options = replace(case.options, auto=False)
    assert case.suited().key("tree") != with_options.key("tree") and not case.told
    assert case.suited().conditions == setup.setup_of(case.options).conditions


def test_a_symbol_that_the_patch_brings_counts(place: Place) -> None:
    new = KCONFIG + 'config NEW\n\tbool "new"\n\tdepends on WIRE\n'
    tip = {"Kconfig": new, "net/Makefile": MAKEFILE + "obj-$(CONFIG_NEW) += new.o\n", "net/new.c": "int a;\n"}
    assert Case(place, tip).found == {"NET": "y", "WIRE": "y", "NEW": "y"}


def test_what_the_user_asks_for_comes_last_and_stays(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n"})
    mine = place / "mine.config"
    mine.write_text("# CONFIG_NET is not set\n")
    case.options = replace(case.options, config=(mine,))
    made = case.suited()
    assert made.config.text.rstrip().endswith("# CONFIG_NET is not set")
    assert not autofragment.told(made.config.text)
    assert case.told[-1].startswith("--config auto: no options were found for net/wire.c: CONFIG_")


def test_what_is_against_ours_is_told_with_why_and_the_rest_is_found(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n", "net/against.c": "int a;\n"})
    assert case.found == {"NET": "y", "WIRE": "y"}
    assert [one for one in case.told if "net/against.c: " in one] == [
        "--config auto: no options were found for net/against.c:"
        " CONFIG_AGAINST=y: Kconfig:8: its dependencies are not met: CONFIG_KVM is set"
    ]


APART = """\
choice
	prompt "which kind"
config NEITHER
	bool "no kind"
config ONE
	bool "one kind"
config OTHER
	bool "another kind"
endchoice
"""


def test_of_what_kconfig_keeps_apart_two_variants_are_proposed(place: Place) -> None:
    made = "obj-$(CONFIG_ONE) += one.o\nobj-$(CONFIG_OTHER) += other.o\nobj-$(CONFIG_WIRE) += wire.o\n"
    kernel = {"Kconfig": KCONFIG + APART, "net/Makefile": made, "net/wire.c": "int w;\n"}
    case = Case(place, {**kernel, "net/one.c": "int a;\n", "net/other.c": "int b;\n"})
    assert case.found == {"ONE": "y", "NET": "y", "WIRE": "y"}
    told, variants = case.told[-2:]
    assert told.startswith("--config auto: Kconfig keeps net/other.c apart from the rest; two variants")
    rest = Path(variants.rpartition("config:")[2])
    assert rest.read_text() == "#: wanted\nCONFIG_OTHER=y\n"
    case.told.clear()
    assert case.found and case.told[-1] == variants  # as it was noted

    case.options = replace(case.options, auto=False, config=(rest,))
    assert case.suited().config.wanted(["CONFIG_OTHER=y"])


def test_nothing_is_proposed_for_what_no_configuration_compiles(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n", "net/against.c": "int a;\n"})
    assert case.found and not [one for one in case.told if "variant" in one]


def test_a_series_without_code_asks_for_nothing(place: Place) -> None:
    case = Case(place, {"README": "new\n"})
    made = case.suited()
    assert not autofragment.told(made.config.text) and case.told == [
        "--config auto: the series changes nothing that this architecture compiles"
    ]


def test_a_kconfig_that_no_reader_takes_is_read_line_by_line(place: Place) -> None:
    case = Case(place, {"net/wire.c": "int a;\n", "Kconfig": KCONFIG + "\tfrom the future\n"})
    assert case.found == {"WIRE": "y", "NET": "y"}
    assert any(
        "line by line" in one
        and one.endswith("no reader takes them: Kconfig:11: error: couldn't parse 'from the future': syntax error")
        for one in case.told
    ), case.told


def test_who_reads_line_by_line_changes_nothing_that_somebody_asked_for(place: Path) -> None:
    case = Case(place, {"net/wire.c": "int a;\n", "Kconfig": KCONFIG + "\tfrom the future\n"})
    mine = place / "mine.config"
    mine.write_text("# CONFIG_NET is not set\n")
    case.options = replace(case.options, config=(mine,))
    assert case.found == {"WIRE": "y"}


def test_a_kconfig_that_does_not_come_to_an_end_is_left_after_a_while(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "_SOLVER_SECONDS", 3.0)
    case = Case(place, {"net/wire.c": "int a;\n", "Kconfig": KCONFIG + "A := $(shell,sleep 600)\n"})
    assert case.found == {"WIRE": "y", "NET": "y"}
    assert any("nothing was found in 3 s" in one for one in case.told)


def test_macros_of_a_tree_run_in_a_box(place: Place) -> None:
    (place / "secret").write_text("secret")
    trap = f"A := $(shell,cat {place}/secret; touch {place}/trap; echo ran)\n"
    wire = 'depends on NET && "$(A)" = "ran"'  # and it is not "secretran"
    case = Case(place, {"net/wire.c": "int a;\n", "Kconfig": trap + KCONFIG.replace("depends on NET", wire)})
    assert case.found == {"NET": "y", "WIRE": "y"} and not (place / "trap").exists()


def test_what_a_macro_leaves_where_we_write_is_not_written_through(place: Path) -> None:
    """It finds no folder of its own where the question is, and what it makes of the answer is no answer."""
    (place / "mine").write_text("mine")
    made = f"for d in /kseries/*; do rm -rf $d/*; ln -s {place}/mine $d/fragment.config; done"
    trap = f"A := $(shell,{made} 2>&1)\n"
    case = Case(place, {"net/wire.c": "int a;\n", "Kconfig": trap + KCONFIG})
    case.suited()
    assert (place / "mine").read_text() == "mine"


@pytest.mark.parametrize("options", [{"KVM": "n"}, {"B": "y\nCONFIG_KVM=n"}, {"B C": "y"}, {"B": "7"}, {"\n": "y"}])
def test_an_answer_that_nobody_asked_for_is_none(options: dict[str, str]) -> None:
    question = Question(fragment="", wanted=("B",), fixed=("KVM",))
    with pytest.raises(ValueError, match=re.escape(next(iter(options)))):
        solving.checked(Answer(options=options), question)
    assert solving.checked(Answer(options={"B": "y", "C": "n"}), question).options == {"B": "y", "C": "n"}


def test_a_tip_that_cannot_be_configured_ends_it_before_anything_is_built(place: Place) -> None:
    makefile = tiny.MAKEFILE.replace("allnoconfig:\n", "allnoconfig:\n\t@echo 'Kconfig:1: error: no'; false\n")
    case = Case(place, {"net/wire.c": "int a;\n", "Makefile": makefile})
    with pytest.raises(InputError, match=r"^the tip cannot be configured:\n  Kconfig:1: error: no") as error:
        case.suited()
    assert len(str(error.value).splitlines()) <= 3
    assert not (case.cache / "workers" / "0" / "scratch").exists()


def test_what_make_does_not_take_is_looked_for_without(place: Place) -> None:
    kconfig = KCONFIG + 'config OTHER\n\tbool "other"\n'
    net = {"net/Makefile": "obj-$(CONFIG_WIRE) += wire.o\nobj-$(CONFIG_OTHER) += wire.o\n", "Kconfig": kconfig}
    deaf = tiny.MAKEFILE.replace("cat $(KCONFIG_ALLCONFIG)", "grep -v CONFIG_OTHER $(KCONFIG_ALLCONFIG)")
    case = Case(place, {**net, "net/wire.c": "int a;\n", "Makefile": deaf})
    assert case.found == {"NET": "y", "WIRE": "y"}


def test_a_fragment_of_them_is_told_again_from_a_whole_configuration() -> None:
    text = autofragment.of({"A": "y", "B": "n"})
    assert autofragment.told(f"CONFIG_C=y\n{text}CONFIG_D=y\n") == {"A": "y", "B": "n"}
    assert all(one.wanted for one in fragment.entries(text))
    assert autofragment.of({}) == "" and autofragment.told("CONFIG_A=y\n") == {}
