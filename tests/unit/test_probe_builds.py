# SPDX-License-Identifier: GPL-2.0-only
"""A user's programs and the kernel's own tests, built beside a tiny kernel."""

import os
from pathlib import Path

import pytest

from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import can_matter
from kseries.model.errors import InfraError
from kseries.probes import programs, selftests
from kseries.sources import Change
from tests.support.kbuild import ARCH, FRAGMENT, KERNEL, MAIN, MAKEFILE, Kernel

PLACE = "tools/testing/selftests/toy"
RULES = "$(OUTPUT)/%: %.c\n\t$(CC) $(KHDR_INCLUDES) -MD -MF $@.d -o $@ $<\n"
HELLO = '#include <linux/kvm.h>\nint main(void) { return "{word}"[0]; }\n'


def hello(word: str) -> str:
    return HELLO.replace("{word}", word)


def with_probes(kernel: Kernel, files: tuple[Path, ...] = (), tests: tuple[str, ...] = ()) -> None:
    """Have the kernel's worker build these, too."""
    kernel.worker = Worker(
        kernel.home,
        kernel.store,
        ARCH,
        Config(FRAGMENT),
        2,
        programs=programs.read(files, ()),
        selftests=selftests.tests(selftests.parse(tests)),
    )


def tree(kernel: Kernel, files: dict[str, str]) -> str:
    return kernel.store.tree_of(kernel.repository.commit("state", {**KERNEL, **files}))


def in_guest(kernel: Kernel) -> dict[str, bytes]:
    place = kernel.obj / "guests" / "programs"
    return {one.name: one.read_bytes() for one in place.iterdir()} if place.exists() else {}


async def test_a_program_that_does_not_build_is_named_and_takes_nothing_with_it(kernel: Kernel, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.c", tmp_path / "bad.c"
    good.write_text(hello("good"))
    bad.write_text("int main(void) { return NO_SUCH_NAME; }\n")
    with_probes(kernel, (good, bad))
    built = await kernel.build(kernel.tree())
    assert built.ok and built.unbuilt == ("bad",)
    assert "NO_SUCH_NAME" in built.errors[0]
    assert {*in_guest(kernel)} == {"good"}
    bad.write_text(hello("bad"))
    with_probes(kernel, (good, bad))
    assert (await kernel.build(kernel.tree())).unbuilt == ()
    good.write_text("int main(void) { return NO_SUCH_NAME; }\n")
    with_probes(kernel, (good,))
    assert (await kernel.build(kernel.tree())).unbuilt == ("good",)
    assert in_guest(kernel) == {}, "what was built before has to be gone"


async def test_what_the_compiler_says_of_a_program_is_no_warning_of_the_kernel(kernel: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "sloppy.c"
    source.write_text("int main(void) { int unused; return 0; }\n")
    with_probes(kernel, (source,))
    built = await kernel.build(kernel.tree())
    assert "unused" in Path(built.log).read_text() and built.unbuilt == ()
    assert built.warnings == ()


async def test_a_test_is_that_of_its_tree_and_one_that_does_not_build_is_not_there(kernel: Kernel) -> None:
    with_probes(kernel, tests=("toy:one", "two", "absent"))
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/one.c": hello("1"), f"{PLACE}/x86_64/two.c": hello("2")}
    built = await kernel.build(tree(kernel, files))
    first = in_guest(kernel)
    assert built.ok and {*first} == {"toy.one", "toy.two"}, Path(built.log).read_text()
    assert built.unbuilt == (), "what the tree does not have is no failure"
    assert (await kernel.build(tree(kernel, files | {f"{PLACE}/x86_64/two.c": hello("3")}))).ok
    second = in_guest(kernel)
    assert second["toy.one"] == first["toy.one"] and second["toy.two"] != first["toy.two"]
    built = await kernel.build(tree(kernel, files | {f"{PLACE}/one.c": "int main(void) { return NO; }\n"}))
    assert built.ok and {*in_guest(kernel)} == {"toy.two"}
    assert built.unbuilt == ("toy.one",) and "NO" in built.errors[0]


async def test_a_test_of_another_state_or_run_does_not_stay_where_the_probes_need_not_be_made(kernel: Kernel) -> None:
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/one.c": '#include "../../../../samples/x.h"\n' + hello("1")}
    with_probes(kernel, tests=("toy:one",))
    assert (await kernel.build(tree(kernel, files | {"samples/x.h": "\n"}))).unbuilt == ()
    built = await kernel.build(tree(kernel, files | {"samples/x.h": "#error broken\n"}))
    assert built.unbuilt == ("toy.one",) and in_guest(kernel) == {}
    assert (await kernel.build(tree(kernel, files | {"samples/x.h": "\n"}))).unbuilt == ()
    with_probes(kernel)
    assert (await kernel.build(tree(kernel, files | {"samples/x.h": "\n"}))).ok and in_guest(kernel) == {}


@pytest.mark.parametrize("made_again", [False, True])
async def test_what_another_state_has_left_is_no_test_of_this_one_though_nobody_may_read_it(
    kernel: Kernel, tmp_path: Path, made_again: bool
) -> None:
    """Where the probes are made again, their Makefile has looked at it before."""
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/one.c": hello("1")}
    with_probes(kernel, tests=("toy:one",))
    assert (await kernel.build(tree(kernel, files))).ok
    place = kernel.obj / "guests" / "programs"
    folder = place / "zzz"  # the last one that is looked at
    (folder / "deep").mkdir(parents=True)
    for one in (folder / "deep", folder):
        os.chown(one, place.stat().st_uid, place.stat().st_gid)
        one.chmod(0)
    (tmp_path / "mine.c").write_text(hello("mine"))
    with_probes(kernel, (tmp_path / "mine.c",) if made_again else (), tests=("toy:one",))
    built = await kernel.build(tree(kernel, files))
    assert built.ok, Path(built.log).read_text()
    assert {*in_guest(kernel)} == {"toy.one", "mine"} if made_again else {"toy.one"}


async def test_what_cannot_be_removed_is_nobodys_test(kernel: Kernel) -> None:
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/one.c": hello("1")}
    with_probes(kernel, tests=("toy:one",))
    assert (await kernel.build(tree(kernel, files))).ok
    (kernel.obj / "guests" / "programs" / "toy.two" / "deep").mkdir(parents=True)
    kernel.obj.joinpath("guests", "programs").chmod(0o555)
    with pytest.raises(InfraError, match="cannot be removed"):
        await kernel.build(tree(kernel, files))
    assert (await kernel.build(tree(kernel, files))).ok
    assert {*in_guest(kernel)} == {"toy.one"}


async def test_a_test_that_this_host_had_no_memory_for_is_no_patchs_fault(kernel: Kernel) -> None:
    with_probes(kernel, tests=("toy:one",))
    killed = "$(OUTPUT)/%: %.c\n\techo 'gcc: fatal error: Killed signal terminated program cc1' >&2; false\n"
    with pytest.raises(InfraError, match="memory ran out on this host"):
        await kernel.build(tree(kernel, {f"{PLACE}/Makefile": killed, f"{PLACE}/one.c": hello("1")}))


async def test_a_patch_to_a_test_can_matter_where_tests_are_run(kernel: Kernel) -> None:
    change = Change(f"{PLACE}/one.c", ("100644", "1" * 40), ("100644", "2" * 40))
    await kernel.build(kernel.tree())
    assert not can_matter(kernel.worker.dependencies.now, change)
    with_probes(kernel, tests=("toy:one",))
    assert can_matter(kernel.worker.dependencies.now, change)


async def test_no_note_of_a_test_that_is_not_made_any_more_stays_behind(kernel: Kernel) -> None:
    """It would tell of what no build of ours reads, and have that built again and again."""
    files = {f"{PLACE}/Makefile": RULES, f"{PLACE}/one.c": hello("1"), f"{PLACE}/two.c": hello("2")}
    left: list[list[str]] = []
    for tests in (("toy:one", "toy:two"), ("toy:two",), ()):
        with_probes(kernel, tests=tests)
        assert (await kernel.build(tree(kernel, files))).ok
        left.append(sorted(note.name for note in (kernel.obj / "selftests").rglob("*.d")))
    assert left == [["one.d", "two.d"], ["two.d"], []]


async def test_probes_are_made_again_where_their_headers_or_they_differ(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good.c"
    good.write_text(hello("good"))
    with_probes(kernel, (good,))

    async def made(**changed: str) -> bool:
        built = await kernel.build(kernel.tree(**changed))
        assert built.ok and {*in_guest(kernel)} == {"good"}
        return Path(built.log).read_bytes().rpartition(b"--- probes\n")[2] != b""

    assert await made()
    assert not await made(main=MAIN.replace("0", "1"))
    before = in_guest(kernel)
    good.write_text(hello("other"))
    with_probes(kernel, (good,))
    assert await made() and in_guest(kernel) != before
    more = MAKEFILE + "\techo '#define USERS 1' >>$(O)/usr/include/linux/kvm.h\n"
    assert await made(Makefile=more)
    assert not await made(Makefile=more, main=MAIN.replace("0", "1"))
    kernel.worker.clean()
    assert await made(Makefile=more)
    assert not await made(Makefile=more, main=MAIN.replace("0", "1"))
    monkeypatch.setattr("kseries.kbuild.compilers.version", lambda *_: "another compiler")
    assert await made(Makefile=more)
