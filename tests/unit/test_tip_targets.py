# SPDX-License-Identifier: GPL-2.0-only
"""--selftest-from tip, of scripts and whole targets: what the tip installs is in every guest, and in every key.

The kernel is the tiny one, and the userland a file that nothing looks into.
"""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kseries import kbuild
from kseries.app import evaluation, setup, suiting, tiptests
from kseries.app.session import run
from kseries.cluster.address import Access
from kseries.evaluate.setup import Setup
from kseries.host import processes
from kseries.kbuild import Worker, initramfs, keptselftests
from kseries.kbuild.dependencies import can_matter
from kseries.kbuild.make import ignored_errors
from kseries.model import Conditions, Outcome, Userland, events
from kseries.model.errors import InfraError, InputError
from kseries.probes import runner
from kseries.probes.install import INSTALLED
from kseries.probes.runner import LIST
from kseries.probes.targets import Target
from kseries.sources import Change
from tests.support import tiny
from tests.support.cpio import unpacked
from tests.support.tipseries import Case

PLACE = "tools/testing/selftests"
# As that of the kernel does it: below $(O)/kselftest, each target in its own folder, and a list of all tests.
MAKEFILE = """
BUILD := $(O)/kselftest
INTO := $(BUILD)/kselftest_install
all: $(foreach one,$(TARGETS),$(BUILD)/$(one)/prog)
$(BUILD)/%/prog: %/prog.c
	mkdir -p $(@D)
	$(CC) -isystem $(O)/usr/include -o $@ $<
install: all
	mkdir -p $(foreach one,$(TARGETS),$(INTO)/$(one))
	cp run_kselftest.sh $(INTO)/
	$(foreach one,$(TARGETS),cp $(wildcard $(one)/*.sh $(one)/settings) $(BUILD)/$(one)/prog $(INTO)/$(one)/;)
	$(foreach one,$(TARGETS),cd $(one) && ls *.sh | grep -v lib | sed 's/^/$(one):/' >>$(INTO)/kselftest-list.txt;)
"""
HEADERS = "cp /usr/include/linux/kvm.h $(O)/usr/include/linux/\n"
TINY = {"Makefile": tiny.MAKEFILE.replace(HEADERS, f"{HEADERS}\tcp uapi.h $(O)/usr/include/linux/\n")}
UAPI = {**TINY, "uapi.h": '#define WHICH "base"\n'}
PROGRAM = '#include <linux/uapi.h>\nchar of[] = "headers of " WHICH;\nint main(void) { return of[0]; }\n'
OF_BASE = {f"{PLACE}/Makefile": MAKEFILE, f"{PLACE}/run_kselftest.sh": "#!/bin/sh\n"}
BROUGHT = {
    f"{PLACE}/toy/Makefile": "# all is in that above it\n",
    f"{PLACE}/toy/new.sh": "#!/bin/sh\necho new\n",
    f"{PLACE}/toy/settings": "timeout=90\n",
    f"{PLACE}/toy/prog.c": PROGRAM,
    f"{PLACE}/toy/config": "CONFIG_BROUGHT=y\n",
}
NEW = "toy:new.sh"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a userland that nobody has to make."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    image = tmp_path / f"{'0' * 64}.squashfs"
    image.write_bytes(b"image")
    monkeypatch.setattr(setup, "userland_of", lambda *_, **__: Userland(name="mine", digest="0" * 64, size=5))
    monkeypatch.setattr("kseries.guest.userland.path", lambda *_: image)
    monkeypatch.setattr(setup, "sysroot_of", lambda *_: None)
    monkeypatch.setattr(processes, "require", lambda tool, _: tool)
    return tmp_path


def of(place: Path, *asked: str, **brought: str) -> Case:
    """A series of three patches: to the kernel and its header, to what nothing reads, and a target of tests."""
    tests = {**BROUGHT, **{f"{PLACE}/toy/{name}": text for name, text in brought.items()}}
    patches = (
        {**tiny.kernel("topic"), **TINY, "uapi.h": '#define WHICH "the tip"\n'},
        {"Documentation/x.rst": "x\n"},
        tests,
    )
    case = Case(place, *patches, base={**OF_BASE, **UAPI}, selftests=asked or (NEW,))
    case.options = replace(case.options, userland="mine")
    return case


@pytest.fixture
def case(place: Path) -> Case:
    return of(place)


def built(case: Case, made: Setup, tree: str) -> tuple[bytes, Worker]:
    """The initramfs of a tree, and who has made it."""
    worker = setup.worker_of(made, case.plan()[1], "", 2)
    built = asyncio.run(worker.build_alone(tree, case.cache.parent / "built"))
    assert built.ok and built.initrd is not None, Path(built.log).read_text()
    return Path(built.initrd).read_bytes(), worker


def test_what_a_series_brings_is_in_the_guest_of_base_and_is_asked_there(case: Case) -> None:
    made = case.built()
    assert case.told == ["installing the tip's tests"]
    image, worker = built(case, made, case.plan()[0].base.tree)
    found = unpacked(image)
    assert found["selftests/toy/new.sh"].data == b"#!/bin/sh\necho new\n"
    assert b"headers of the tip" in found["selftests/toy/prog"].data
    assert worker.selftest_file(LIST) == "toy:new.sh\n" and worker.selftest_file("toy/none") == ""
    asked = runner.for_kernel(made.probes, worker.selftest_file)
    assert [(one.name, one.seconds) for one in asked][1:] == [("toy.new_sh", 105)]


def test_the_guest_of_the_tip_has_the_same_bytes_as_with_its_own(case: Case) -> None:
    tip = case.plan()[0].patches[-1].tree_after
    from_tip, _ = built(case, case.built(), tip)
    case.options = replace(case.options, selftests_from="state")
    its_own, worker = built(case, case.built(), tip)
    assert from_tip == its_own and worker.selftest_file(LIST) == "toy:new.sh\n"


def test_all_tests_of_a_target_are_asked_of_every_state(place: Path) -> None:
    case = of(place, "toy", **{"other.sh": "#!/bin/sh\n"})
    made = case.built()
    _, worker = built(case, made, case.plan()[0].base.tree)
    asked = runner.for_kernel(made.probes, worker.selftest_file)
    assert [one.name for one in asked][1:] == ["toy.new_sh", "toy.other_sh"]


def test_another_test_on_the_tip_is_another_result_and_the_same_is_made_once(case: Case, tmp_path: Path) -> None:
    first = case.built()
    assert first.targets == () and first.installed is not None
    assert first.conditions.installed == first.installed.digest
    assert case.built().conditions == first.conditions and len(case.told) == 1
    shutil.rmtree(first.installed.path.parent)
    assert case.built().conditions == first.conditions and len(case.told) == 2
    case.repository.commit("another", {f"{PLACE}/toy/new.sh": "#!/bin/sh\necho other\n"})
    other = case.built()
    assert other.key("tree") != first.key("tree") and len(case.told) == 3
    assert replace(other, installed=first.installed).key("tree") == first.key("tree"), "in nothing else"


def test_who_has_the_states_own_has_the_conditions_of_before(case: Case) -> None:
    case.options = replace(case.options, selftests_from="state")
    made = case.built()
    assert made.targets == (Target("toy", "new.sh"),) and made.conditions == setup.setup_of(case.options).conditions
    assert b"installed" not in msgspec.json.encode(made.conditions) and case.told == []


def test_a_plan_installs_none_and_has_the_keys_of_a_run_that_has(case: Case) -> None:
    planned, trees = case.plan()
    asked = setup.setup_of(case.options)
    before = tiptests.foreseen(asked, case.options, trees, planned)
    assert not (case.cache / "workers").exists()
    made = case.built()
    assert before.key("tree") != made.key("tree")
    assert tiptests.foreseen(asked, case.options, trees, planned).key("tree") == made.key("tree")


def test_for_a_cluster_they_are_kept_by_homes_compiler(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = case.built()
    case.options = replace(case.options, cluster=Access("tcp://127.0.0.1:1"))
    assert case.built().conditions == alone.conditions and case.told == ["installing the tip's tests"]
    monkeypatch.setattr(kbuild, "toolchain", lambda *_: "gcc 99")
    assert case.built().conditions == alone.conditions and len(case.told) == 2
    case.built()
    assert len(case.told) == 2


def test_a_job_needs_but_the_cache_to_have_them(case: Case) -> None:
    made = case.built()
    conditions = msgspec.json.decode(msgspec.json.encode(made.conditions), type=Conditions)
    assert evaluation.setup_of(conditions).conditions == made.conditions
    assert made.installed is not None
    made.installed.path.write_bytes(b"other")
    with pytest.raises(InputError, match="not in the cache as they were"):
        evaluation.setup_of(conditions)


def test_single_tests_and_whole_targets_are_asked_together(place: Path) -> None:
    rules = "$(OUTPUT)/%: %.c\n\t$(CC) $(KHDR_INCLUDES) -o $@ $<\n"
    made = of(place, "toy:prog", "toy", Makefile=rules).built()
    assert [one.name for one in made.programs] == ["toy.prog"] and made.installed is not None
    assert [one.name for one in made.probes][1:] == ["toy.prog", "toy"]


def test_what_the_target_wants_of_a_configuration_the_tip_says(case: Case) -> None:
    wanted = "CONFIG_BROUGHT=y"
    planned, trees = case.plan()
    asked = setup.setup_of(case.options)
    made = suiting.suited(asked, case.options, planned, trees, case.hear)
    assert wanted in made.config.text
    assert case.told[0] == f"{PLACE}/toy/config wants of every kernel: {wanted}"
    own = replace(case.options, selftests_from="state")
    assert wanted not in suiting.suited(asked, own, planned, trees, case.hear).config.text, "base has none"


def test_a_program_that_does_not_build_is_told_and_takes_no_script_with_it(place: Path) -> None:
    case = of(place, **{"prog.c": "int main(void) { return NONE; }\n"})
    made = case.built()
    assert made.installed is not None and "NONE" in made.installed.log.read_text()
    assert made.installed.text("toy/new.sh") and not made.installed.text("toy/prog")
    _, told = case.told
    assert told.startswith("of the tip's tests not all is built: ") and "prog.c" in told
    assert told.endswith(f"; see {made.installed.log}")
    case.built()
    assert case.told == ["installing the tip's tests", told, told], "whoever asks again is told as well"


@pytest.mark.parametrize(
    ("asked", "brought", "said"),
    [
        ("toy:none.sh", {}, f"the tip does not have {PLACE}/toy/none.sh\n"),
        ("none", {}, f"the tip does not have {PLACE}/none/Makefile\n"),
        ("toy:lib.sh", {"lib.sh": "\n"}, "the tip's tree installs no test toy:lib.sh\n  is it in the Makefile"),
        (NEW, {"../Makefile": "install:\n\tgcc -c none.c\n"}, f"installs no test {NEW}\n.*none.c"),
        (NEW, {"../Makefile": "install:\nnonsense\n"}, f"installs no test {NEW}\n.*missing separator"),
        (NEW, {"../Makefile": f"{MAKEFILE}\tmkfifo $(INTO)/toy/pipe\n"}, f"{NEW} cannot be installed\n.*pipe is no"),
        (NEW, {"../../../../Makefile": "headers:\n\tfalse\n"}, "the tip has no headers"),
    ],
    ids=["no script", "no target", "not listed", "nothing", "no Makefile", "a pipe", "no headers"],
)
def test_a_test_that_no_guest_could_have_ends_the_run_in_two_lines(
    place: Path, asked: str, brought: dict[str, str], said: str
) -> None:
    case = of(place, asked, **brought)
    with pytest.raises(InputError, match=said):
        case.built()
    assert not (case.cache / "workers/0/scratch").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("a.c:1:5: warning: x\n", ()),
        ("a.c:1:5: error: x\n", ()),
        ("a.c:1:5: error: x\nmake[1]: [../lib.mk:2: /k/a] Error 1 (ignored)\n", ("a.c:1:5: error: x",)),
        (
            "/usr/bin/ld: b.o: in function `f':\ncollect2: error: ld returned 1 exit status\n"
            "make[1]: [../lib.mk:2: /k/b] Error 1 (ignored)\n",
            ("make[1]: [../lib.mk:2: /k/b] Error 1 (ignored)",),
        ),
    ],
)
def test_of_a_make_that_goes_on_the_first_error_tells_what_is_not_there(said: str, told: tuple[str, ...]) -> None:
    assert ignored_errors(said.encode(), Path("/s")) == told


def test_what_this_host_had_no_memory_for_is_no_test_that_fails(place: Path) -> None:
    killed = "echo 'gcc: fatal error: Killed signal terminated program cc1' >&2; false"
    case = of(place, **{"../Makefile": MAKEFILE.replace("$(CC) ", f"{killed} # ")})
    with pytest.raises(InfraError, match="memory ran out on this host"):
        case.built()


# --- what is not built again ---------------------------------------------------------------------


def built_by(case: Case) -> list[str]:
    """The states that a run of it builds."""
    heard: list[events.Event] = []
    result = run(case.target, case.options, heard.append)
    assert {state.outcome for state in result.states} == {Outcome.OK}
    return [one.state for one in heard if isinstance(one, events.StageStarted) and one.stage == "build"]


def test_no_state_is_built_for_a_tests_source_alone_and_all_are_for_other_tests(place: Path) -> None:
    tip = {f"{PLACE}/toy/prog.c": "int main(void) { return 1; }\n"}
    case = Case(
        place, {"main.S": tiny.kernel("topic")["main.S"]}, tip, base={**OF_BASE, **BROUGHT, **UAPI}, selftests=(NEW,)
    )
    case.options = replace(case.options, userland="mine")
    assert built_by(case) == ["base", "prefix-2"], "prefix-1 is what prefix-2 is"
    assert built_by(case) == []
    case.repository.commit("another", {f"{PLACE}/toy/prog.c": "int main(void) { return 2; }\n"})
    assert len(built_by(case)) == 2, "each is asked the other test"
    case.options = replace(case.options, selftests_from="state")
    assert len(built_by(case)) == 4, "each has another"


def test_a_build_reads_nothing_of_the_states_own_tests(case: Case) -> None:
    change = Change(f"{PLACE}/toy/prog.c", ("100644", "1" * 40), ("100644", "2" * 40))
    tree = case.plan()[0].base.tree
    _, worker = built(case, case.built(), tree)
    assert not can_matter(worker.dependencies.now, change)
    own = replace(case.options, selftests_from="state")
    _, worker = built(case, setup.setup_of(own), tree)
    assert can_matter(worker.dependencies.now, change)


# --- how they are kept ----------------------------------------------------------------------------


def left(obj: Path, text: str) -> Path:
    place = obj / INSTALLED / "toy"
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.sh").write_text(text)
    (place / "b.sh").write_text("b")
    return obj


def test_they_are_kept_by_every_byte_and_found_as_they_were_or_not_at_all(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = keptselftests.keep(left(tmp_path / "1", "a"), b"said", home)
    assert keptselftests.keep(left(tmp_path / "2", "a"), b"", home) == first and first.log.read_bytes() == b"said"
    assert keptselftests.keep(left(tmp_path / "3", "aa"), b"", home).digest != first.digest
    assert [first.text(f"toy/{name}.sh") for name in "abc"] == ["a", "b", ""]
    first.path.write_bytes(b"other")
    for digest in (first.digest, "0" * 64, "../home"):
        with pytest.raises(InputError, match="not in the cache as they were"):
            keptselftests.kept(digest, home)
    assert keptselftests.keep(left(tmp_path / "4", "a"), b"", home) == first


@pytest.mark.parametrize("sizes", [(0,), (1, 0, 5), (3, 4, 8, 2)])
def test_where_the_data_of_members_is_any_name_and_size_tells(sizes: tuple[int, ...]) -> None:
    files = {"x" * (number + 1): bytes([number + 1]) * size for number, size in enumerate(sizes)}
    members = b"".join(initramfs.member(name, initramfs.PROGRAM, data) for name, data in files.items())
    found = initramfs.places(members)
    assert {name: members[at : at + size] for name, (at, size) in found.items()} == files
