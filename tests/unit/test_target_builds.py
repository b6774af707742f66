# SPDX-License-Identifier: GPL-2.0-only
"""Targets of kselftest, made and installed beside a tiny kernel, and what of them is in the guest."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cache.store import Store
from kseries.evaluate.bases import Bases
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.guest import machine
from kseries.kbuild import Worker, installed
from kseries.kbuild.artifacts import NotRegularError
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import can_matter
from kseries.kbuild.initramfs import archive
from kseries.model import Boot, Ending, Job, Outcome, Probe
from kseries.model.errors import InfraError
from kseries.probes import runner, targets
from kseries.probes.install import INSTALLED
from kseries.sources import Change
from tests.support.cpio import unpacked
from tests.support.engines import SETUP
from tests.support.kbuild import ARCH, FRAGMENT, KERNEL, Kernel

PLACE = "tools/testing/selftests"
# As that of the kernel does it: below $(O)/kselftest, each target in its own folder, and a list of all tests.
MAKEFILE = """
BUILD := $(O)/kselftest
INTO := $(BUILD)/kselftest_install
all: $(foreach one,$(TARGETS),$(BUILD)/$(one)/prog)
$(BUILD)/%/prog: %/prog.c
	mkdir -p $(@D)
	$(CC) -o $@ $<
install: all
	mkdir -p $(foreach one,$(TARGETS),$(INTO)/$(one))
	cp run_kselftest.sh $(INTO)/
	$(foreach one,$(TARGETS),cp $(one)/*.sh $(BUILD)/$(one)/prog $(INTO)/$(one)/;)
	$(foreach one,$(TARGETS),echo "$(one):a.sh" >>$(INTO)/kselftest-list.txt;)
"""
PROGRAM = "int main(void) { return {word}; }\n"
FILES = {
    f"{PLACE}/Makefile": MAKEFILE,
    f"{PLACE}/run_kselftest.sh": "#!/bin/sh\n",
    f"{PLACE}/toy/a.sh": "#!/bin/sh\necho a\n",
    f"{PLACE}/toy/prog.c": PROGRAM.replace("{word}", "1"),
    f"{PLACE}/other/a.sh": "#!/bin/sh\n",
    f"{PLACE}/other/prog.c": PROGRAM.replace("{word}", "2"),
}


def with_targets(kernel: Kernel, *words: str) -> None:
    kernel.worker = Worker(
        kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=(), targets=targets.parse(words)
    )


def tree(kernel: Kernel, **changed: str) -> str:
    new = {f"{PLACE}/{name}": text for name, text in changed.items()}
    return kernel.store.tree_of(kernel.repository.commit("state", {**KERNEL, **FILES, **new}))


async def in_guest(kernel: Kernel, tree: str) -> dict[str, bytes]:
    """What a build brings into the guest below /selftests."""
    built = await kernel.build(tree)
    assert built.ok and built.initrd is not None, Path(built.log).read_text()
    found = unpacked(Path(built.initrd).read_bytes())
    return {name: one.data for name, one in found.items() if name.startswith("selftests/")}


async def test_what_a_state_installs_is_in_its_guest_and_is_that_of_its_tree(kernel: Kernel) -> None:
    with_targets(kernel, "toy:a.sh")
    first = await in_guest(kernel, tree(kernel))
    assert first["selftests/toy/a.sh"] == b"#!/bin/sh\necho a\n"
    assert {"selftests/run_kselftest.sh", "selftests/toy/prog"} <= first.keys()
    assert not any(name.startswith("selftests/other") for name in first)
    assert kernel.worker.selftest_file("kselftest-list.txt") == "toy:a.sh\n"
    second = await in_guest(kernel, tree(kernel, **{"toy/prog.c": PROGRAM.replace("{word}", "3")}))
    assert second["selftests/toy/prog"] != first["selftests/toy/prog"]
    assert await in_guest(kernel, tree(kernel)) == first


async def test_a_program_that_does_not_build_takes_no_script_with_it(kernel: Kernel) -> None:
    with_targets(kernel, "toy", "other")
    found = await in_guest(kernel, tree(kernel, **{"toy/prog.c": "int main(void) { return NO; }\n"}))
    assert {"selftests/toy/a.sh", "selftests/other/a.sh", "selftests/other/prog"} <= found.keys()
    assert "selftests/toy/prog" not in found


KILLED = "echo 'gcc: fatal error: Killed signal terminated program cc1' >&2; false"


async def test_a_program_that_this_host_had_no_memory_for_is_no_patchs_fault(kernel: Kernel) -> None:
    with_targets(kernel, "toy")
    with pytest.raises(InfraError, match="memory ran out on this host"):
        await kernel.build(tree(kernel, Makefile=MAKEFILE.replace("$(CC) -o $@ $<", KILLED)))


async def test_who_asks_for_none_has_nothing_of_what_another_run_has_made(kernel: Kernel) -> None:
    with_targets(kernel, "toy")
    assert await in_guest(kernel, tree(kernel))
    with_targets(kernel)
    assert await in_guest(kernel, tree(kernel)) == {}
    assert kernel.worker.selftest_file("kselftest-list.txt") == ""


@pytest.mark.parametrize("path", ["include/linux/x.h", "Documentation/netlink/specs/a.rst", f"{PLACE}/toy/a.sh"])
async def test_whatever_a_patch_changes_can_matter_where_targets_are_installed(kernel: Kernel, path: str) -> None:
    change = Change(path, ("100644", "1" * 40), ("100644", "2" * 40))
    with_targets(kernel, "toy")
    await kernel.build(tree(kernel))
    assert can_matter(kernel.worker.dependencies.now, change)


# --- what a hostile Makefile could leave ---------------------------------------------------------


def left(obj: Path) -> Path:
    place = obj / INSTALLED
    (place / "toy").mkdir(parents=True)
    (place / "toy" / "a.sh").write_text("mine")
    return place


def test_a_link_stays_a_link_and_leads_to_nothing_of_this_host(tmp_path: Path) -> None:
    place = left(tmp_path)
    (place / "outward").symlink_to("/etc")
    (place / "toy" / "a.sh").chmod(0o4755)
    found = unpacked(archive(installed.members(tmp_path)))
    assert found["selftests/outward"].data == b"/etc" and stat.S_ISLNK(found["selftests/outward"].mode)
    assert found["selftests/toy/a.sh"].mode == stat.S_IFREG | 0o755
    assert {*found} == {"selftests", "selftests/outward", "selftests/toy", "selftests/toy/a.sh"}


@pytest.mark.parametrize("above", ["kselftest", INSTALLED])
def test_a_link_above_it_is_not_followed(above: str, tmp_path: Path) -> None:
    left(tmp_path / "secret")
    (tmp_path / "obj" / above).parent.mkdir(parents=True)
    (tmp_path / "obj" / above).symlink_to(tmp_path / "secret" / above)
    assert list(installed.members(tmp_path / "obj")) == []
    assert installed.text(tmp_path / "obj", "toy/a.sh") == ""


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(left(tmp_path) / "pipe")
    with pytest.raises(NotRegularError, match="pipe is no plain file"):
        list(installed.members(tmp_path))


def test_what_is_too_large_is_told(tmp_path: Path) -> None:
    with (left(tmp_path) / "large").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(NotRegularError, match="more than 128 MiB"):
        list(installed.members(tmp_path))


# --- what is run ---------------------------------------------------------------------------------


async def test_a_state_runs_the_tests_that_its_own_tree_has(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    async def boot(_booting: object, probes: tuple[Probe, ...], log: Path, *_: object) -> Boot:
        asked.append(tuple(one.name for one in probes))
        log.write_text("it boots\n")
        return Boot(
            outcome=Outcome.OK, ending=Ending.DONE, detail="", seconds=1.0, seconds_to_first_check=None, caps={},
            checks=(), console=str(log),
        )  # fmt: skip

    monkeypatch.setattr(machine, "boot_as", boot)
    with_targets(kernel, "toy")
    wanted = targets.parse(["toy"])
    setup = replace(SETUP, targets=wanted, probes=runner.probes(wanted))
    executor = Local(setup, kernel.worker, Store(kernel.place / "results"), Images(), Bases())
    more = {"Makefile": MAKEFILE.replace(":a.sh", ":b.sh"), "toy/b.sh": "\n"}
    for number, one in enumerate((tree(kernel), tree(kernel, **more))):
        job = Job(name=f"s{number}", tree=one, base=one, series=(), conditions=setup.conditions)
        (kernel.place / f"s{number}").mkdir()
        seen = await executor.evaluate(job, kernel.place / f"s{number}", lambda _: None)
        assert seen.outcome is Outcome.OK, seen.errors
    assert asked == [("toy.a_sh",), ("toy.b_sh",)]
