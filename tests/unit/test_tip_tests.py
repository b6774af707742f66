# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-from tip: the tip's tests are programs, by their digests, of every state. The kernel is the tiny one."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kseries.app import evaluation, setup, tiptests
from kseries.app.session import run
from kseries.model import Conditions, Origin, Outcome, events
from kseries.model.errors import InputError
from tests.support import cpio, tiny
from tests.support.tipseries import Case

PLACE = "tools/testing/selftests/toy"
RULES = "$(OUTPUT)/%: %.c\n\t$(CC) $(KHDR_INCLUDES) -o $@ $<\n"
TEST = "#include <linux/kvm.h>\nint main(void) { return 0; }\n"
DYNAMIC = "$(OUTPUT)/%: %.c\n\tgcc -o $@ $<\n"
LINK = "$(OUTPUT)/%: %.c\n\tln -s /etc/hostname $@\n"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return of(tmp_path, {f"{PLACE}/Makefile": RULES, f"{PLACE}/new.c": TEST})


def of(place: Path, tip: dict[str, str]) -> Case:
    """A series of one patch that brings a test."""
    return Case(place, {**tiny.kernel("topic"), **tip}, selftests=("toy:new",))


def test_what_a_series_brings_is_in_the_image_of_every_state_and_part_of_its_key(case: Case) -> None:
    made = case.built()
    assert case.told == ["building the tip's tests"] and made.selftests == ()
    (program,) = made.programs
    assert program.name == "toy.new" and program.digest in msgspec.json.encode(made.conditions).decode()
    assert [one.origin for one in made.probes if one.name == "toy.new"] == [Origin.SELFTEST]
    plan, trees = case.plan()
    worker = setup.worker_of(made, trees, "", 2)
    built = asyncio.run(worker.build_alone(plan.base.tree, case.cache.parent / "built"))
    assert built.ok and built.unbuilt == () and built.initrd is not None
    assert cpio.unpacked(Path(built.initrd).read_bytes())["programs/toy.new"].data == program.path.read_bytes()


def test_who_has_the_states_own_tests_has_the_conditions_of_before(case: Case) -> None:
    case.options = replace(case.options, selftests_from="state")
    of_state = case.built()
    assert of_state.selftests and not of_state.programs and case.told == []
    assert of_state.conditions == setup.setup_of(case.options).conditions


def test_they_are_built_once_and_again_to_the_same_bytes_where_they_are_gone(case: Case) -> None:
    first = case.built()
    assert case.built().conditions == first.conditions and len(case.told) == 1
    shutil.rmtree(first.programs[0].path.parent)
    assert case.built().conditions == first.conditions and len(case.told) == 2


def test_a_plan_builds_none_and_has_the_keys_of_a_run_that_has(case: Case) -> None:
    planned, trees = case.plan()
    asked = setup.setup_of(case.options)
    before = tiptests.foreseen(asked, case.options, trees, planned)
    assert before.programs[0].digest == "" and not (case.cache / "workers").exists()
    made = case.built()
    assert before.key("tree") != made.key("tree")
    assert tiptests.foreseen(asked, case.options, trees, planned).key("tree") == made.key("tree")


def test_a_job_needs_but_the_cache_to_have_them(case: Case) -> None:
    made = case.built()
    conditions = msgspec.json.decode(msgspec.json.encode(made.conditions), type=Conditions)
    assert evaluation.setup_of(conditions).conditions == made.conditions


def test_they_take_words_and_names_as_each_states_own_do(case: Case) -> None:
    case.options = replace(case.options, selftests=("toy:new -a", "toy:new -b", "mine=toy:new 'c d'"))
    made = case.built()
    assert [one.name for one in made.programs] == ["toy.new"]
    calls = {one.name: one.argv for one in made.probes if one.origin is Origin.SELFTEST}
    path = "/programs/toy.new"
    assert calls == {"toy.new": (path, "-a"), "toy.new-2": (path, "-b"), "mine": (path, "c d")}
    assert evaluation.setup_of(made.conditions).conditions == made.conditions


def test_one_that_the_series_brings_is_asked_of_every_state_though_base_may_hang_in_it(case: Case) -> None:
    made = case.built()
    planned, trees = case.plan()
    crew = setup.crew_of(made, case.options, trees, planned)
    engine = setup.engine_of(made, trees, lambda _: None, planned, crew, case.options)
    assert engine.always_asked == {"toy.new"}


def test_a_run_that_goes_on_builds_nothing(case: Case) -> None:
    first = run(case.target, case.options, case.hear)
    assert [state.outcome for state in first.states] == [Outcome.OK, Outcome.OK]
    stages: list[events.Event] = []
    again = run(case.target, case.options, stages.append)
    assert not any(isinstance(one, events.StageStarted) for one in stages)
    assert [state.outcome for state in again.states] == [Outcome.OK, Outcome.OK]


@pytest.mark.parametrize(
    ("tip", "said"),
    [
        ({f"{PLACE}/old.c": TEST}, f"the tip does not have {PLACE}/new.c\n"),
        ({f"{PLACE}/new.c": "int main(void) { return NONE; }\n"}, r"toy:new does not build with the tip's.*\n.*NONE"),
        ({f"{PLACE}/Makefile": DYNAMIC}, "toy:new needs shared libraries"),
        ({f"{PLACE}/Makefile": LINK}, "toy:new does not build"),
        ({"Makefile": tiny.MAKEFILE.replace("headers:", "headers:\n\tfalse")}, "the tip has no headers"),
    ],
    ids=["not there", "broken", "dynamic", "a link out of the box", "no headers"],
)
def test_a_test_that_cannot_be_run_everywhere_ends_the_run_in_two_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tip: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/new.c": TEST, **tip}
    if f"{PLACE}/old.c" in tip:
        del files[f"{PLACE}/new.c"]
    case = of(tmp_path, files)
    with pytest.raises(InputError, match=said):
        case.built()
    assert not (case.cache / "workers/0/scratch").exists()


def test_the_tips_tests_without_a_test_are_the_users_mistake(case: Case) -> None:
    with pytest.raises(InputError, match="of no test"):
        setup.setup_of(replace(case.options, selftests=()))
