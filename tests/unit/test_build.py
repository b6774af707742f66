# SPDX-License-Identifier: GPL-2.0-only
"""Builds: the command line, the configuration, the errors of real tools, and a worker at work on a tiny kernel.

The tiny kernel is a Makefile that answers to what the harness asks of the kernel's own, with O= and all.
Its failures are switched on by what a commit puts into it; the guests built against it are the real ones.
"""

import asyncio
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from kseries import kbuild
from kseries.host import paths
from kseries.kbuild import Worker, limits, make
from kseries.kbuild.config import Config
from kseries.model import events
from kseries.model.errors import InfraError, InputError
from tests.support.kbuild import ARCH, FRAGMENT, MAIN, MAKEFILE, WARNING, WARNS, Kernel

# --- the command line ---------------------------------------------------------------------------


def argv(*targets: str) -> list[str]:
    return make.make_argv(ARCH, Config(FRAGMENT), Path("/s"), Path("/o"), targets, 3)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("O=/tmp/x", "--make O=/tmp/x: kseries itself tells make its O\n  leave it out"),
        ("ARCH=arm64", "--make ARCH=arm64: kseries itself tells make its ARCH\n  --arch names the architecture"),
        ("CROSS_COMPILE=aarch64-linux-gnu-", "kseries itself tells make its CROSS_COMPILE\n  --arch names the"),
        ("KBUILD_BUILD_TIMESTAMP=now", "kseries itself tells make its KBUILD_BUILD_TIMESTAMP\n  leave it out"),
        ("KBUILD_OUTPUT=/tmp/x", "kseries itself tells make its KBUILD_OUTPUT\n  leave it out"),
        ("W=1 C=1", "--make W=1 C=1: this is one word, W, and its value\n  give --make twice: --make W=1 --make C=1"),
        ("LLVM=1\tW=1", "--make LLVM=1 W=1: this is one word, LLVM, and its value\n  give --make twice"),
    ],
)
def test_a_word_for_make_that_would_make_another_build_than_is_read_is_refused(word: str, said: str) -> None:
    with pytest.raises(InputError) as told:
        Config("", (word,))
    assert said in str(told.value)


@pytest.mark.parametrize(
    "word",
    [
        *("CC=ccache gcc-13", "HOSTCC=gcc-13", "LD=ld.lld", "LLVM=-19", "W=1", "C=2", "CHECK=smatch -p=kernel"),
        *("KCFLAGS=-DA=1 -DB=2", "KCFLAGS=-D A=1 --param x=2", "CC=env X=1 gcc", "LDFLAGS=-z x=1"),
    ],
)
def test_a_word_for_make_may_choose_tools_and_have_blanks_in_its_value(word: str) -> None:
    assert Config("", (word,)).make == (word,)


def test_a_config_fragment_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("CONFIG_A=y\n")
    (tmp_path / "bad").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match=rf"^{tmp_path}/bad is no config fragment: it is not text$"):
        Config.read((tmp_path / "good", tmp_path / "bad"))


def test_make_is_told_where_what_and_how() -> None:
    words = argv("vmlinux", "headers")
    assert words[0] == "make"
    assert words[-2:] == ["vmlinux", "headers"]
    assert {"-j3", "O=/o", "ARCH=x86_64", "CROSS_COMPILE=", "CC=ccache gcc"} <= set(words)
    assert words[words.index("-C") + 1] == "/s"


def test_no_variable_is_given_twice() -> None:
    names = [word.partition("=")[0] for word in argv() if "=" in word and not word.startswith("-")]
    assert len(names) == len(set(names))


def test_time_user_and_host_stay_out_of_the_image() -> None:
    names = {word.partition("=")[0] for word in argv()}
    assert {"KBUILD_BUILD_TIMESTAMP", "KBUILD_BUILD_USER", "KBUILD_BUILD_HOST", "KBUILD_BUILD_VERSION"} <= names
    assert argv() == argv()


# --- the configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "got", "dropped"),
    [
        ("CONFIG_A=y\n", "CONFIG_A=y\n", ()),
        ("CONFIG_A=y\n", "# CONFIG_A is not set\n", ("CONFIG_A=y",)),
        ("CONFIG_A=y\n", "", ("CONFIG_A=y",)),
        ("CONFIG_A=y\n", "CONFIG_A=m\n", ("CONFIG_A=y",)),
        ("CONFIG_A=y\n", "CONFIG_AB=y\n", ("CONFIG_A=y",)),
        ("# CONFIG_A is not set\n", "CONFIG_A=y\n", ("CONFIG_A=n",)),
        ("# CONFIG_A is not set\n", "", ()),
        ("# CONFIG_A is not set\n", "# CONFIG_A is not set\n", ()),
        ("CONFIG_A=n\n", "", ()),
        ('CONFIG_S="a b"\n', 'CONFIG_S="a b"\n', ()),
        ('CONFIG_S="a b"\n', 'CONFIG_S="a"\n', ('CONFIG_S="a b"',)),
        ("CONFIG_N=8\n", "CONFIG_N=64\n", ("CONFIG_N=8",)),
        ("# a comment\n\nCONFIG_A=y\n", "CONFIG_A=y\n", ()),
        ("CONFIG_A=n\nCONFIG_A=y\n", "CONFIG_A=y\n", ()),
        ("CONFIG_A=y\nCONFIG_B=y\n", "", ("CONFIG_A=y", "CONFIG_B=y")),
    ],
)
def test_what_kconfig_dropped(asked: str, got: str, dropped: tuple[str, ...]) -> None:
    assert Config(asked).dropped_by(got) == dropped


def test_the_bundled_fragment_is_kept_by_itself(tmp_path: Path) -> None:
    path = paths.project("kernels") / ARCH.config
    config = Config.read((path,))
    assert config.dropped_by(config.text) == ()
    assert len(config.dropped_by("")) > 20


def test_the_hash_is_that_of_all_fragments_in_their_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("CONFIG_A=y\n")
    two.write_text("CONFIG_A=n\n")
    hashes = {Config.read(paths).hash for paths in ((one,), (two,), (one, two), (two, one))}
    assert len(hashes) == 4
    assert Config.read((one, two)).hash == Config.read((one, two)).hash


@pytest.mark.parametrize("line", ["  CONFIG_B=y", "CONFIG_B = y", "CONFIG_B", "B=y", "CONFIG_B: y"])
def test_a_line_that_kconfig_passes_over_is_an_error(tmp_path: Path, line: str) -> None:
    fragment = tmp_path / "fragment"
    fragment.write_text(f"# CONFIG_A is not set\n\n# more\n{line}\nCONFIG_C=y\n")
    with pytest.raises(InputError, match=re.escape(f"{fragment}:4: no option: {line}\n")):
        Config.read((fragment,))


# --- the errors of real tools -------------------------------------------------------------------


def said(directory: Path, *words: str) -> bytes:
    """What a tool that fails prints, as it does in a build."""
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(words, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode != 0
    return done.stdout


def written(directory: Path, name: str, text: str) -> Path:
    (directory / name).write_text(text)
    return directory


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("int f(void) { return x; }\n", "a.c:1:22: error: 'x' undeclared (first use in this function)"),
        ('#include "none.h"\n', "a.c:1:10: fatal error: none.h: No such file or directory"),
        ("#error no good\n", "a.c:1:2: error: #error no good"),
    ],
)
def test_what_the_compiler_says_is_told_and_what_make_says_of_it_is_not(text: str, first: str, tmp_path: Path) -> None:
    written(tmp_path, "a.c", text)
    written(tmp_path, "Makefile", "all: a.o\n\techo done\n")
    errors = make.errors_of(said(tmp_path, "make", "-k"), Path("/none"))
    assert errors[0] == first
    assert not [line for line in errors if "***" in line]


def test_a_path_of_the_source_folder_is_told_as_it_is_in_the_tree(tmp_path: Path) -> None:
    written(tmp_path, "a.c", "x\n")
    log = said(tmp_path, "gcc", "-c", str(tmp_path / "a.c"), "-o", "/dev/null")
    assert make.errors_of(log, tmp_path)[0].startswith("a.c:1:")


def test_the_assembler_is_told(tmp_path: Path) -> None:
    written(tmp_path, "a.S", "nonsense %eax\n")
    errors = make.errors_of(said(tmp_path, "gcc", "-c", "a.S"), Path("/none"))
    assert errors[0] == "a.S:1: Error: no such instruction: `nonsense %eax'"


def test_the_linker_is_told(tmp_path: Path) -> None:
    written(tmp_path, "a.c", "void g(void);\nvoid f(void) { g(); }\n")
    subprocess.run(["gcc", "-c", "a.c"], cwd=tmp_path, check=True)
    errors = make.errors_of(said(tmp_path, "ld", "-e", "f", "-o", "a", "a.o"), Path("/none"))
    assert errors[-1].endswith("undefined reference to `g'")
    assert make.errors_of(said(tmp_path, "ld", "none.o"), Path("/none")) == (
        "ld: cannot find none.o: No such file or directory",
    )


def test_make_is_told_when_nobody_else_said_anything(tmp_path: Path) -> None:
    written(tmp_path, "Makefile", "all: none.o\n")
    (only,) = make.errors_of(said(tmp_path, "make"), Path("/none"))
    assert only.startswith("make: *** No rule to make target 'none.o'")


def test_a_tool_that_fails_in_words_of_its_own_is_told_by_its_last_lines() -> None:
    assert make.errors_of(b"1\n2\n3\n4\n", Path("/none")) == ("2", "3", "4")
    assert make.errors_of(b"", Path("/none")) == ()


def test_a_flood_of_errors_is_cut_at_its_head(tmp_path: Path) -> None:
    written(tmp_path, "a.c", "".join(f"int f{one}(void) {{ return x{one}; }}\n" for one in range(50)))
    errors = make.errors_of(said(tmp_path, "gcc", "-c", "a.c"), Path("/none"))
    assert 1 < len(errors) < 20
    assert errors[0].startswith("a.c:1:")


def test_output_that_is_no_text_is_told_all_the_same() -> None:
    assert make.errors_of(b"a.c:1:1: error: \xff\n", Path("/none")) == ("a.c:1:1: error: �",)


# --- a worker at work ---------------------------------------------------------------------------


async def test_a_build_leaves_the_kernel_an_initramfs_and_a_log(kernel: Kernel) -> None:
    built = await kernel.build(kernel.tree())
    assert built.ok, Path(built.log).read_text()
    assert (built.errors, built.config_dropped) == ((), ())
    assert built.kernel is not None and built.initrd is not None
    assert Path(built.kernel).read_bytes() == (kernel.obj / "vmlinux").read_bytes()
    assert Path(built.initrd).read_bytes().startswith(b"070701")
    assert "LD      vmlinux" in Path(built.log).read_text()
    assert kernel.steps[:2] == ["main.o", "vmlinux"]


async def test_of_our_probes_those_are_made_that_are_asked_for_and_others_do_not_stay(kernel: Kernel) -> None:
    for asked in (("capabilities", "memory_fault_info"), ("capabilities",), ()):
        kernel.worker = Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=asked)
        built = await kernel.build(kernel.tree())
        assert built.initrd is not None, built.errors
        found = set(re.findall(rb"probes/(\w+)\0", Path(built.initrd).read_bytes()))
        assert found == {name.encode() for name in asked}


async def test_the_kernel_gets_the_fragment_and_kconfig_may_drop_some_of_it(kernel: Kernel) -> None:
    dropping = MAKEFILE.replace("cat $(KCONFIG_ALLCONFIG)", "grep -v CONFIG_KVM $(KCONFIG_ALLCONFIG)")
    built = await kernel.build(kernel.tree(Makefile=dropping))
    assert built.ok
    assert built.config_dropped == ("CONFIG_KVM=y",)
    assert (kernel.obj / ".config").read_text() == FRAGMENT.replace("CONFIG_KVM=y\n", "")


async def test_a_compiler_error_is_told_and_the_next_tree_builds(kernel: Kernel) -> None:
    wrong = kernel.tree(main=MAIN.replace("0", "nothing"))
    errors = await kernel.fails(wrong)
    assert errors[0] == "main.c:3:16: error: 'nothing' undeclared (first use in this function)"
    assert (await kernel.build(kernel.tree())).ok
    assert (await kernel.fails(wrong))[0] == errors[0]


async def test_a_linker_error_is_told(kernel: Kernel) -> None:
    errors = await kernel.fails(kernel.tree(main="int g(void);\nint main(void)\n{\n\treturn g();\n}\n"))
    assert any("undefined reference to `g'" in line for line in errors)


async def test_a_configuration_that_fails_is_a_failed_build(kernel: Kernel) -> None:
    broken = MAKEFILE.replace("allnoconfig:\n", "allnoconfig:\n\t@echo 'Kconfig:1: syntax error' >&2; false\n")
    assert (await kernel.fails(kernel.tree(Makefile=broken)))[0] == "Kconfig:1: syntax error"
    assert (await kernel.build(kernel.tree())).ok


async def test_kconfig_runs_again_only_when_what_it_reads_may_differ(kernel: Kernel) -> None:
    assert (await kernel.build(kernel.tree())).ok
    assert (await kernel.build(kernel.tree(main=MAIN + "\n"))).ok
    assert (await kernel.build(kernel.tree())).ok
    assert kernel.configured == 1
    assert (await kernel.build(kernel.tree(Kconfig="# other\n"))).ok
    assert kernel.configured == 2
    assert (await kernel.build(kernel.tree(Makefile=MAKEFILE + "\n"))).ok
    assert kernel.configured == 3


async def test_what_kconfig_says_of_the_fragment_that_it_is_given_is_no_warning(kernel: Kernel) -> None:
    """Of an option that two fragments set it says so from the patch on that brings the option."""
    saying = MAKEFILE.replace(
        "allnoconfig:\n",
        "allnoconfig:\n\t@echo '  HOSTLD  conf'\n"
        "\t@echo '$(KCONFIG_ALLCONFIG):2:warning: override: reassigning to symbol NEW' >&2\n"
        "\t@echo 'Kconfig:3:warning: said of the tree' >&2\n",
    )
    built = await kernel.build(kernel.tree(Makefile=saying))
    assert "reassigning to symbol NEW" in Path(built.log).read_text()
    assert built.warnings == ("Kconfig: said of the tree",)


@pytest.mark.parametrize("path", ["scripts/kconfig/symbol.c", "scripts/rust_is_available_bindgen_libclang.h"])
async def test_a_patch_to_kconfig_itself_or_to_what_its_scripts_read_configures_again(
    kernel: Kernel, path: str
) -> None:
    for contents in ("int one;\n", "int two;\n"):
        assert (await kernel.build(kernel.tree(**{path: contents}))).ok
    assert kernel.configured == 2


async def test_only_what_changed_is_compiled(kernel: Kernel) -> None:
    await kernel.build(kernel.tree())
    kernel.steps.clear()
    assert (await kernel.build(kernel.tree(Kconfig="# other\n"))).ok
    assert "main.o" not in kernel.steps
    assert (await kernel.build(kernel.tree(main=MAIN + "\n"))).ok
    assert "main.o" in kernel.steps


# --- its warnings -------------------------------------------------------------------------------

OTHER = "main.c: initialization of 'int' from 'int *' makes integer from pointer without a cast [-Wint-conversion]"
TWO_OBJECTS = MAKEFILE.replace("vmlinux: $(O)/main.o\n", """vmlinux: $(O)/main.o $(O)/more.o
	@rm -f $(O)/vmlinux.a
	@cd $(O) && ar cDPrST vmlinux.a PARTS
""").replace("headers:", """$(O)/more.o: main.c
	@echo '  CC      more.o'
	@$(CC) -Dmain=more -c -o $@ main.c
headers:""")  # fmt: skip


async def test_a_warning_is_told_of_every_tree_that_has_it_compiled_or_not(kernel: Kernel) -> None:
    assert (await kernel.build(kernel.tree(main=WARNS))).warnings == (WARNING,)
    kernel.steps.clear()
    assert (await kernel.build(kernel.tree(main=WARNS, Kconfig="# other\n"))).warnings == (WARNING,)
    assert "main.o" not in kernel.steps
    assert (await kernel.build(kernel.tree(main="\n\n" + WARNS))).warnings == (WARNING,)
    assert (await kernel.build(kernel.tree())).warnings == ()


async def test_a_warning_in_the_place_of_another_is_told(kernel: Kernel) -> None:
    assert (await kernel.build(kernel.tree(main=WARNS))).warnings == (WARNING,)
    swapped = WARNS.replace("int *p = 1", "int p = (int *)1")
    assert (await kernel.build(kernel.tree(main=swapped))).warnings == (OTHER,)


async def test_an_object_that_ccache_has_warns_as_if_it_were_compiled(kernel: Kernel) -> None:
    tree = kernel.tree(main=WARNS + "/* of this test alone */\n")
    first = await kernel.build(tree)
    kernel.worker.clean()
    again = await kernel.build(tree)
    assert again.found > first.found, "main.o came from ccache"
    assert again.warnings == first.warnings == (WARNING,)


async def test_after_a_build_that_the_disk_had_no_room_for_no_warning_is_missed(kernel: Kernel) -> None:
    """make would take main.o for up to date, and say nothing of it: the folder is emptied."""
    full = MAKEFILE.replace("@ld -e main", "cp main.c /dev/full; exit 1; ld -e main")
    with pytest.raises(InfraError, match="the disk is full"):
        await kernel.build(kernel.tree(Makefile=full, main=WARNS))
    assert (await kernel.build(kernel.tree(main=WARNS))).warnings == (WARNING,)


@pytest.mark.parametrize(
    "said",
    ["No space left on device", "Disk quota exceeded", "Cannot allocate memory", "File size limit exceeded"],
)
@pytest.mark.parametrize(
    "source",
    [
        "#error {}\n",
        '#include "{}"\n',
        'int x = "{}" + nothing;\n',
        "#warning {}\nint main(void) {{ return nothing; }}\n",
    ],
)
async def test_what_the_compiler_quotes_of_a_source_is_no_word_about_this_host(
    kernel: Kernel, source: str, said: str
) -> None:
    built = await kernel.build(kernel.tree(main=source.format(said)))
    assert not built.ok and any("error" in line for line in built.errors)
    assert said in Path(built.log).read_text(), "it is quoted"


@pytest.mark.parametrize(
    "line",
    [
        b"a/b.c:7:1: fatal error: error writing to /tmp/ccx.s: No space left on device",
        b"a/b.c:7:1: fatal error: error closing /tmp/ccx.s: No space left on device",
        b"a/b.c:7:1: fatal error: opening dependency file a/.b.o.d: Disk quota exceeded",
        b"a/b.c:7:1: fatal error: closing dependency file a/.b.o.d: Disk quota exceeded",
        b"a/b.c:7:1: fatal error: when writing output to : No space left on device",
        b"cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
        b"/tmp/ccx.s: Fatal error: can't write 12 bytes to section .text of x.o: 'No space left on device'",
        b"/bin/sh: 1: Cannot fork",
        b"make[2]: *** read jobs pipe: No space left on device.  Stop.",
        b"ld: final link failed: No space left on device",
    ],
)
def test_what_befell_a_tool_is_its_own_word(line: bytes) -> None:
    assert not limits.quotes(line)


async def test_what_a_makefile_says_by_itself_is_no_word_about_this_host(kernel: Kernel) -> None:
    built = await kernel.build(kernel.tree(Makefile=f"{MAKEFILE}$(error No space left on device)\n"))
    assert not built.ok and built.errors[0].endswith("*** No space left on device.  Stop.")


async def test_an_object_that_is_left_from_another_tree_has_no_say(kernel: Kernel) -> None:
    both, one = (TWO_OBJECTS.replace("PARTS", parts) for parts in ("main.o more.o", "main.o"))
    built = await kernel.build(kernel.tree(Makefile=both, main=WARNS))
    assert built.ok and built.warnings == (WARNING,), "one warning in two objects is one"
    fewer = await kernel.build(kernel.tree(Makefile=one, main=WARNS))
    assert fewer.ok and fewer.linked and fewer.linked != built.linked
    assert (await kernel.build(kernel.tree(Makefile=both + "\n", main=WARNS))).linked == built.linked


async def test_a_build_that_fails_tells_what_it_came_to(kernel: Kernel) -> None:
    built = await kernel.build(kernel.tree(main=WARNS.replace("return 0", "return nothing")))
    assert (built.ok, built.warnings, built.linked) == (False, (WARNING,), "")


@pytest.mark.parametrize(
    ("words", "checker"),
    [
        ((), None),
        (("C=0",), None),
        (("C=1",), "sparse"),
        (("C=2", "W=1"), "sparse"),
        (("CHECK=smatch",), None),
        (("C=1", "CHECK=smatch -p=kernel"), "smatch"),
        (("C=1", "CHECK="), "sparse"),
    ],
)
def test_what_checks_the_sources(words: tuple[str, ...], checker: str | None) -> None:
    assert Config(FRAGMENT, words).checker == checker


def test_a_checker_that_is_not_there_is_named_with_what_to_do() -> None:
    with pytest.raises(InfraError) as error:
        kbuild.toolchain(ARCH, Config(FRAGMENT, ("C=1", "CHECK=kseries-no-such-checker")))
    assert "kseries-no-such-checker is not installed\n" in str(error.value)


def test_the_checker_is_a_part_of_the_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checker = tmp_path / "sparse"
    checker.write_text("#!/bin/sh\necho 0.6.4\n")
    checker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    plain = kbuild.toolchain(ARCH, Config(FRAGMENT))
    assert kbuild.toolchain(ARCH, Config(FRAGMENT, ("C=1",))) == f"{plain} / sparse 0.6.4"
    in_the_tree = Config(FRAGMENT, ("C=1", "CHECK=scripts/coccicheck"))
    assert kbuild.toolchain(ARCH, in_the_tree) == plain


# --- what a build may do ------------------------------------------------------------------------


async def test_a_build_cannot_write_into_its_source(kernel: Kernel) -> None:
    errors = await kernel.fails(
        kernel.tree(Makefile=MAKEFILE.replace("vmlinux:", "vmlinux: stamp\nstamp:\n\techo x >stamp\nvmlinux:"))
    )
    assert any("stamp" in line for line in errors), errors
    assert not (kernel.home / "source" / "stamp").exists()


async def test_a_build_cannot_write_anywhere_else(kernel: Kernel) -> None:
    outside = [kernel.place / "stamp", kernel.home / "stamp", Path("/var/tmp/kseries-unit-stamp"), Path("/etc/stamp")]
    attempts = "".join(f"\t-echo x >{place}\n" for place in outside)
    built = await kernel.build(kernel.tree(Makefile=MAKEFILE.replace("headers:\n", f"headers:\n{attempts}")))
    assert built.ok
    assert Path(built.log).read_text().count("stamp") >= len(outside)
    assert not [place for place in outside if place.exists()]


async def test_a_build_has_no_network(kernel: Kernel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]}'"
        assert subprocess.run(connect, shell=True, check=False).returncode == 0
        await kernel.fails(kernel.tree(Makefile=MAKEFILE.replace("headers:\n", f"headers:\n\t{connect}\n")))


async def test_an_interrupted_build_leaves_nothing_to_the_next(kernel: Kernel) -> None:
    """Ctrl-C while an object is half written: make would take it for a whole one."""
    hanging = MAKEFILE.replace("vmlinux:", "vmlinux: half hang\nhalf:\n\techo '  CC      half.o' | tee $(O)/main.o\n"
                               "hang: half\n\tsleep 1000\nnot:")  # fmt: skip
    seen = asyncio.Event()
    task = asyncio.create_task(
        kernel.worker.build(kernel.tree(Makefile=hanging), kernel.place / "killed", lambda _: seen.set())
    )
    await asyncio.wait_for(seen.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (kernel.obj / "main.o").read_text() == "  CC      half.o\n"
    (kernel.obj / "link").symlink_to(kernel.home / "source")
    assert (await kernel.build(kernel.tree())).ok
    assert kernel.configured == 1
    assert not (kernel.obj / "link").exists()
    assert (kernel.home / "source" / "main.c").exists()


async def test_after_a_clock_was_set_back_no_object_of_another_tree_is_taken_for_new(kernel: Kernel) -> None:
    assert (await kernel.build(kernel.tree())).ok
    later = time.time() + 3600
    for place in (*kernel.obj.rglob("*"), *kernel.obj.parent.glob("*.json")):
        os.utime(place, (later, later))  # they were made in an hour from now
    await kernel.fails(kernel.tree(main="#error seen\n"))


async def test_a_umask_that_keeps_all_to_oneself_keeps_nothing_from_a_build(kernel: Kernel) -> None:
    before = os.umask(0o077)
    try:
        for number in (1, 2):
            built = await kernel.build(kernel.tree(main=f"int main(void)\n{{\n\treturn {number};\n}}\n"))
            assert built.ok, built.errors
        trusted = await kernel.worker.build(kernel.tree(), kernel.place / "base", lambda _: None, trusted=True)
        assert trusted.ok, trusted.errors
    finally:
        os.umask(before)


async def test_after_a_host_went_down_nothing_is_gone_on_with(kernel: Kernel) -> None:
    """What was written last may be short, with the date of what is whole."""
    assert (await kernel.build(kernel.tree())).ok
    (kernel.obj / "seen").touch()
    (kernel.obj.parent / "boot").write_text("another boot\n")
    assert (await kernel.build(kernel.tree(Kconfig="# one"))).ok
    assert not (kernel.obj / "seen").exists()
    (kernel.obj / "seen").touch()
    assert (await kernel.build(kernel.tree(Kconfig="# two"))).ok
    assert (kernel.obj / "seen").exists(), "and after that it is"


async def test_a_build_without_an_end_is_no_verdict_on_its_tree(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = kernel.tree(Makefile=MAKEFILE.replace("headers:\n", "headers:\n\tsleep 1000\n"))
    with monkeypatch.context() as patch, pytest.raises(InfraError, match="make was still at work after"):
        patch.setattr(kernel.worker, "_seconds", 1.0)
        await kernel.build(endless)
    assert (await kernel.build(kernel.tree())).ok


async def test_a_full_disk_is_a_fault_of_the_host(kernel: Kernel) -> None:
    full = MAKEFILE.replace("headers:\n", "headers:\n\tcp main.c /dev/full\n")
    with pytest.raises(InfraError, match="the disk is full"):
        await kernel.build(kernel.tree(Makefile=full))


async def test_two_configurations_have_a_folder_each(kernel: Kernel) -> None:
    tree = kernel.tree()
    assert (await kernel.build(tree)).ok
    other = Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT + "CONFIG_A=y\n"), 2, probes=())
    assert (await other.build(tree, kernel.place / "other", kernel.hear)).ok
    folders = list(kernel.home.glob(f"{ARCH.name}-*"))
    assert sorted((folder / "obj" / ".config").read_text() for folder in folders) == sorted(
        [FRAGMENT, FRAGMENT + "CONFIG_A=y\n"]
    )


async def test_a_second_run_is_told_that_it_has_to_wait(kernel: Kernel) -> None:
    class WouldWaitError(Exception):
        pass

    def wait(_: events.Event) -> None:
        raise WouldWaitError

    second = Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=())
    async with kernel.worker.locked(wait):
        with pytest.raises(WouldWaitError):
            async with second.locked(wait):
                pass
    async with second.locked(wait):
        pass


async def test_a_run_that_waits_for_another_can_be_ended(kernel: Kernel) -> None:
    """A flock that blocks would not hear of Ctrl-C."""
    waits = asyncio.Event()

    async def wait_for_it() -> None:
        async with Worker(kernel.home, kernel.store, ARCH, Config(FRAGMENT), 2, probes=()).locked(
            lambda _: waits.set()
        ):
            pytest.fail("two hold one lock")

    async with kernel.worker.locked(lambda _: None):
        task = asyncio.create_task(wait_for_it())
        await asyncio.wait_for(waits.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


async def test_make_flags_of_our_own_environment_do_not_hide_a_failure(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "i")
    await kernel.fails(kernel.tree(main="x\n"))


async def test_nothing_of_our_environment_that_changes_a_kernel_reaches_make(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCFLAGS", "-DX")
    monkeypatch.setenv("LOCALVERSION", "-mine")
    check = 'headers:\n\tcase "$$KCFLAGS$$LOCALVERSION" in *-DX*|*-mine*) exit 1;; esac\n'
    assert (await kernel.build(kernel.tree(Makefile=MAKEFILE.replace("headers:\n", check)))).ok


@pytest.mark.parametrize(
    "line",
    [
        "virt/kvm/Kconfig:5: syntax error",
        'arch/x86/Kconfig:2: unknown statement "foo"',
        "Makefile:19: *** missing separator.  Stop.",
        "cc1: fatal error: none.c: No such file or directory",
        "gcc: error: unrecognized command-line option '-fnone'",
        "/usr/bin/ld: cannot find -lnone: No such file or directory",
    ],
)
def test_what_other_tools_say_is_told(line: str) -> None:
    log = f"make: Entering directory '/x'\n{line}\nmake[1]: *** [Makefile:1: a] Error 1\nmake: Leaving directory '/x'\n"
    assert make.errors_of(log.encode(), Path("/none"))[0] == line
