# SPDX-License-Identifier: GPL-2.0-only
"""Builds that fail for want of a header or a program of the host, by what real tools print of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.cache.store import Store
from kseries.kbuild import hosthas, hostlacks
from kseries.model import Outcome, Plan
from kseries.model.errors import InfraError
from tests.support.engines import engine as engine_for
from tests.support.judged import plan_of
from tests.support.kbuild import MAIN, MAKEFILE, SETUP, Kernel

OBJ = Path("/kseries/build/obj")
HEADER = """\
/kseries/source/certs/extract-cert.c:21:10: fatal error: openssl/bio.h: No such file or directory
   21 | #include <openssl/bio.h>
      |          ^~~~~~~~~~~~~~~
compilation terminated.
"""
HOST = f"""\
  CC      certs/system_keyring.o
  HOSTCC  certs/extract-cert
{HEADER}\
make[3]: *** [/kseries/source/scripts/Makefile.host:116: certs/extract-cert] Error 1
make[2]: *** [/kseries/source/scripts/Makefile.build:478: certs] Error 2
make: *** [Makefile:224: __sub-make] Error 2
"""
OBJTOOL = """\
  CC      /kseries/build/obj/tools/objtool/elf.o
In file included from /kseries/source/tools/objtool/elf.c:21:
/kseries/source/tools/objtool/include/objtool/elf.h:10:10: fatal error: gelf.h: No such file or directory
   10 | #include <gelf.h>
compilation terminated.
make[4]: *** [/kseries/source/tools/build/Makefile.build:106: /kseries/build/obj/tools/objtool/elf.o] Error 1
"""
PLUGIN = """\
  HOSTCXX scripts/gcc-plugins/stackleak_plugin.so
/kseries/source/scripts/gcc-plugins/gcc-common.h:7:10: fatal error: plugin-version.h: No such file or directory
make[3]: *** [/kseries/source/scripts/gcc-plugins/Makefile:54: scripts/gcc-plugins/stackleak_plugin.so] Error 1
"""
CLANG = HOST.replace("openssl/bio.h: No such file or directory", "'openssl/bio.h' file not found")
BC = """\
  UPD     include/generated/timeconst.h
/bin/sh: 1: bc: not found
make[2]: *** [/kseries/source/Kbuild:24: include/generated/timeconst.h] Error 127
"""
TAR = """\
  GEN     kernel/kheaders_data.tar.xz
/bin/sh: 1: xz: not found
tar: kernel/kheaders_data.tar.xz: Cannot write: Broken pipe
tar: Child returned status 127
tar: Error is not recoverable: exiting now
make[3]: *** [/kseries/source/kernel/Makefile:157: kernel/kheaders_data.tar.xz] Error 2
"""
CPIO = """\
  GEN     kernel/kheaders_data.tar.xz
***
*** 'cpio' could not be found.
***
make[3]: *** [/kseries/source/kernel/Makefile:157: kernel/kheaders_data.tar.xz] Error 1
"""
PAHOLE = """\
  BTF     .btf.vmlinux.bin.o
BTF: .tmp_vmlinux.btf: pahole (pahole) is not available
Failed to generate BTF for vmlinux
Try to disable CONFIG_DEBUG_INFO_BTF
make[1]: *** [/kseries/source/scripts/Makefile.vmlinux:34: vmlinux] Error 1
"""


def found(log: str) -> list[tuple[str, str]]:
    return list(hostlacks.found(log.encode(), OBJ))


@pytest.mark.parametrize(
    ("log", "lacks"),
    [
        (HOST, ("openssl/bio.h", "libssl-dev")),
        (HOST.replace("  HOSTCC  ", "# HOSTCC  "), ("openssl/bio.h", "libssl-dev")),
        (CLANG, ("openssl/bio.h", "libssl-dev")),
        (OBJTOOL, ("gelf.h", "libelf-dev")),
        (PLUGIN, ("plugin-version.h", "gcc-N-plugin-dev, where N is the version of your gcc")),
        (HOST.replace("openssl/bio.h", "elfutils/libdw.h"), ("elfutils/libdw.h", "libdw-dev")),
        (HOST.replace("openssl/bio.h", "elfutils/version.h"), ("elfutils/version.h", "libelf-dev")),
        (BC, ("bc", "bc")),
        (BC.replace("/bin/sh: 1: bc: not", "bash: line 1: bc: command not"), ("bc", "bc")),
        (BC.replace("/bin/sh: 1: bc: not", "/kseries/source/scripts/a.sh: 7: pahole: not"), ("pahole", "pahole")),
        (BC.replace("/bin/sh: 1: bc: not", "scripts/a.sh: line 7: lz4c: command not"), ("lz4c", "lz4")),
        (BC.replace("sh: 1: bc:", "sh: 1: eval: bc:"), ("bc", "bc")),
        (BC.replace("/bin/sh: 1: bc: not found", "make[2]: bc: No such file or directory"), ("bc", "bc")),
        (BC.replace("/bin/sh: 1: bc: not found", "xargs: perl: No such file or directory"), ("perl", "perl")),
        (BC.replace("/bin/sh: 1: bc: not", "env: \u2018bc\u2019: No such file or directory\n#"), ("bc", "bc")),
        (TAR, ("xz", "xz-utils")),
        (CPIO, ("cpio", "cpio")),
        (PAHOLE, ("pahole", "pahole")),
    ],
)
def test_what_is_not_there_is_told_with_the_package_that_has_it(log: str, lacks: tuple[str, str]) -> None:
    assert found(log) == [lacks]


CC = HOST.replace("HOSTCC  certs", "CC      certs").replace("scripts/Makefile.host:116", "scripts/Makefile.build:229")


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(CC, id="a source of the kernel itself"),
        pytest.param(HOST.replace("openssl/bio.h", "linux/bpf.h"), id="a header of the kernel"),
        pytest.param(HOST.replace("openssl/bio.h", "openssl.h"), id="a header of no package"),
        pytest.param(HOST.replace("fatal error: open", "error: #error open"), id="#error"),
        pytest.param(HOST.replace("fatal error: open", "warning: #warning open"), id="#warning"),
        pytest.param(HOST.replace("/kseries/source/certs/extract-cert.c:21:10: fatal", "   21 | fatal"), id="quoted"),
        pytest.param(HOST.replace("*** [", "[").replace("] Error 1", "] Error 1 (ignored)"), id="is ignored"),
        pytest.param(OBJTOOL.replace("obj/tools/", "obj/drivers/tools/"), id="tools/ somewhere else"),
        pytest.param(OBJTOOL.replace("obj/tools/", "obj/tools/testing/"), id="a test for the guest"),
        pytest.param(BC.replace("bc", "dtc"), id="a program of the kernel"),
        pytest.param(BC.replace("1: bc", "1: ./bc"), id="a script of the kernel"),
        pytest.param(BC.replace("Error 127", "Error 1"), id="a script that did without it"),
        pytest.param(BC.replace("/bin/sh: 1: ", "a.c:1:2: error: #error /bin/sh: 1: "), id="#error of a program"),
        pytest.param(BC.replace("/bin/sh: 1: ", "Makefile:1: *** /bin/sh: 1: "), id="$(error)"),
        pytest.param(BC.replace("/bin/sh: 1: ", "Makefile:1: /bin/sh: 1: "), id="$(warning)"),
        pytest.param(BC.replace("/bin/sh: 1: ", '   12 | x = "/bin/sh: 1: '), id="quoted of a program"),
        pytest.param(BC.replace("found\n", "found\n/bin/sh: 1: mine: not found\n"), id="another one ended it"),
        pytest.param(BC.replace("found\n", "found\n  GEN     other\n"), id="another recipe ended"),
        pytest.param(BC.replace("found\n", "found\nMakefile:1: *** no.  Stop.\n"), id="make itself ended"),
        pytest.param(TAR.replace("Child returned status 127\n", "Child returned status 1\n"), id="tar fails for more"),
        pytest.param(CPIO.replace("Error 1", "Error 2"), id="a script went on"),
        pytest.param(HOST.partition("make[3]")[0], id="nothing failed"),
    ],
)
def test_what_a_patch_lacks_or_says_is_nothing_that_the_host_lacks(log: str) -> None:
    assert found(log) == []


async def test_who_is_asked_for_what_a_build_did_not_find() -> None:
    """The tree, in which a patch may have put a header without a way to it, and then the host."""
    asked: list[object] = []
    here: set[str] = set()

    async def in_tree(path: str) -> bool:
        asked.append(path)
        return path in here

    async def has_program(name: str) -> bool:
        asked.append(name)
        return name in here

    async def has_header(names: Sequence[str]) -> bool:
        asked.append(tuple(names))
        return not here.isdisjoint(names)

    async def check(log: str) -> str:
        asked.clear()
        try:
            await hostlacks.check(log.encode(), OBJ, in_tree, has_program, has_header)
        except InfraError as error:
            return str(error)
        return ""

    no_header = "this host lacks openssl/bio.h\n  install it with: apt-get install libssl-dev"
    no_program = "this host lacks bc\n  install it with: apt-get install bc"
    in_trees = ["include/openssl/bio.h", "tools/include/openssl/bio.h"]
    assert await check(HOST + BC) == no_header
    assert asked == [*in_trees, ("openssl/bio.h", "openssl/opensslconf.h")]
    assert await check(OBJTOOL) and asked[2:] == [("gelf.h",)]
    for header in (in_trees[1], "openssl/bio.h", "openssl/opensslconf.h"):
        here = {header}
        assert await check(HOST + BC) == no_program
    here = {*in_trees, "bc"}
    assert await check(HOST + BC) == ""
    assert asked == [*in_trees, "bc"]


_WORDS = st.sampled_from([*HOST.splitlines(), *BC.splitlines(), *TAR.splitlines(), "  GEN  x", "make: ", "\x1b[2J", ""])
_LINES = st.lists(st.one_of(_WORDS, st.text(max_size=80)), max_size=30)


@given(_LINES)
def test_whatever_a_build_prints_only_what_is_in_the_table_is_told(lines: list[str]) -> None:
    for name, package in found("\n".join(lines)):
        assert package in {*hostlacks.HEADERS.values(), *hostlacks.PROGRAMS.values()}
        assert name in hostlacks.PROGRAMS or name.endswith(".h")


@given(_LINES)
def test_nothing_is_told_of_a_build_in_which_no_recipe_failed(lines: list[str]) -> None:
    assert found("\n".join(line for line in lines if "*** [" not in line)) == []


@pytest.mark.parametrize("of", ["a", "a ", ": ", "1:", "make: *** [", "fatal error: ", "a:1: fatal error: x"])
def test_a_line_without_end_takes_no_time(of: str) -> None:
    assert found(f"{of * (1 << 20)}\n{BC}") == [("bc", "bc")]
    assert found(f"{of * (900 // len(of))}\n" * 1000) == []


# --- a real make --------------------------------------------------------------------------------

HOST_RULES = """\
HOSTCC = gcc
$(O)/tool: tool.c
	@echo '  HOSTCC  tool'; $(HOSTCC) -o $@ tool.c
"""
WITH_TOOL = f"include scripts/Makefile.host\n{MAKEFILE.replace('vmlinux:', 'vmlinux: $(O)/tool')}"
TOOL = f"#include <nobody-has/not-here.h>\n{MAIN}"
LACKS = "this host lacks nobody-has/not-here.h\n  install it with: apt-get install libnobody-has-dev"


@pytest.fixture(autouse=True)
def nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that no host has, with headers and a program."""
    monkeypatch.setitem(hostlacks.HEADERS, "nobody-has/*.h", "libnobody-has-dev")
    monkeypatch.setitem(hostlacks.PROGRAMS, "nobody-has", "nobody-has")


def with_tool(kernel: Kernel, tool: str = TOOL, **more: str) -> str:
    return kernel.tree(**{"Makefile": WITH_TOOL, "scripts/Makefile.host": HOST_RULES, "tool.c": tool, **more})


def told(error: pytest.ExceptionInfo[InfraError]) -> str:
    return str(error.value)


@pytest.mark.parametrize("host_cc", ["gcc", "clang"])
async def test_a_host_program_without_its_header_is_the_hosts_fault(kernel: Kernel, host_cc: str) -> None:
    rules = HOST_RULES.replace("$(HOSTCC)", host_cc)
    with pytest.raises(InfraError) as error:
        await kernel.build(with_tool(kernel, **{"scripts/Makefile.host": rules}))
    assert told(error) == LACKS
    assert (await kernel.build(with_tool(kernel, MAIN))).ok, "the next one is none the worse"


async def test_a_header_that_the_kernel_lacks_itself_is_the_patchs_fault(kernel: Kernel) -> None:
    """The compiler says the same of it."""
    (error,) = await kernel.fails(kernel.tree(main=TOOL))
    assert error == "main.c:1:10: fatal error: nobody-has/not-here.h: No such file or directory"


async def test_a_host_that_does_not_answer_has_what_was_printed_of_it(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosthas, "_SECONDS", 0.0)
    with pytest.raises(InfraError) as error:
        await kernel.build(with_tool(kernel))
    assert told(error) == LACKS


@pytest.mark.parametrize("name", ["zlib/not-here.h", "not-here-in-the-package.h"])
async def test_a_wrong_name_of_a_header_of_the_host_is_the_patchs_fault(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The host has the package; no installation would bring that header."""
    monkeypatch.setitem(hostlacks.HEADERS, name, "libc6-dev")
    monkeypatch.setitem(hostlacks.ALWAYS, "libc6-dev", "stdio.h")
    (error,) = await kernel.fails(with_tool(kernel, f"#include <{name}>\n{MAIN}"))
    assert error == f"tool.c:1:10: fatal error: {name}: No such file or directory"


async def test_a_header_of_the_host_that_a_patch_has_no_way_to_is_the_patchs_fault(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hostlacks.HEADERS, "stdio.h", "libc6-dev")
    rules = HOST_RULES.replace("$(HOSTCC)", "$(HOSTCC) -nostdinc -I.")
    tree = with_tool(kernel, f"#include <stdio.h>\n{MAIN}", **{"scripts/Makefile.host": rules})
    assert await kernel.fails(tree) == ("tool.c:1:10: fatal error: stdio.h: No such file or directory",)


async def test_a_header_of_the_tree_that_a_host_program_does_not_find_is_the_patchs_fault(kernel: Kernel) -> None:
    errors = await kernel.fails(with_tool(kernel, **{"include/nobody-has/not-here.h": ""}))
    assert any("nobody-has/not-here.h" in error for error in errors)


@pytest.mark.parametrize(
    "line",
    [
        "#error nobody-has/not-here.h: No such file or directory",
        "#error /bin/sh: 1: bc: not found",
        'int x = "/bin/sh: 1: bc: not found" + nothing;',
        "#warning fatal error: nobody-has/not-here.h: No such file or directory\nnothing",
    ],
)
async def test_what_a_host_program_quotes_is_no_word_about_this_host(kernel: Kernel, line: str) -> None:
    assert await kernel.fails(with_tool(kernel, f"{line}\n"))


@pytest.mark.parametrize(
    ("recipe", "lacks"),
    [
        ("@nobody-has -q", True),
        ("@echo '  GEN     x'; echo x | cat | nobody-has >$(O)/x", True),
        ("@bash -c 'eval nobody-has x'", True),
        ("@env nobody-has x", True),
        ("@echo x | xargs nobody-has", True),
        ("@tar -I nobody-has -cf $(O)/x.tar main.c", True),
        ("@nobody-has || exit 1", False),
        ("@nobody-has; exit 1", False),
        ("@not-of-a-package", False),
        ("@nobody-has; not-of-a-package", False),
        ("@echo; echo '--- probes'; nobody-has", False),
        pytest.param("@PATH=/nowhere; bc -q", False, id="a way to the host's programs that a patch has broken"),
    ],
)
async def test_a_program_that_no_shell_finds_is_the_hosts_fault(kernel: Kernel, recipe: str, lacks: bool) -> None:
    tree = kernel.tree(Makefile=MAKEFILE.replace("headers:\n", f"headers:\n\t{recipe}\n"))
    if not lacks:
        assert await kernel.fails(tree)
        return
    with pytest.raises(InfraError) as error:
        await kernel.build(tree)
    assert told(error).splitlines()[0] == "this host lacks nobody-has"


async def test_what_a_makefile_says_by_itself_is_no_word_about_this_host(kernel: Kernel) -> None:
    for words in ("$(error /bin/sh: 1: bc: not found)", "$(info /bin/sh: 1: bc: not found)\n$(error x)"):
        assert await kernel.fails(kernel.tree(Makefile=f"{MAKEFILE}{words}\n"))


def plan_on(base: str, *prefixes: str) -> Plan:
    made = plan_of(("base", *(f"prefix-{number}" for number, _ in enumerate(prefixes, 1))))
    trees = (base, *prefixes)
    states = tuple(msgspec.structs.replace(one, tree=tree) for one, tree in zip(made.states, trees, strict=True))
    return msgspec.structs.replace(made, states=states, base=msgspec.structs.replace(made.base, tree=base))


async def test_a_state_for_which_this_host_lacks_something_is_not_stored(kernel: Kernel, tmp_path: Path) -> None:
    """Once that is installed, the next run builds it."""
    trees = (kernel.tree(), with_tool(kernel))
    setup, store = replace(SETUP, build_only=True), Store(tmp_path / "results")
    engine = engine_for(setup, (kernel.worker,), store, lambda _: None)
    seen = await engine.run(plan_on(*trees), tmp_path / "out")
    assert seen["base"].outcome.well and store.find(setup.key(trees[0])) is not None
    state = seen["prefix-1"]
    assert state.outcome is Outcome.INFRA_ERROR
    assert state.detail == LACKS
    assert store.find(setup.key(trees[1])) is None


async def test_a_base_for_which_this_host_lacks_something_says_so_itself(kernel: Kernel, tmp_path: Path) -> None:
    engine = engine_for(SETUP, (kernel.worker,), Store(tmp_path / "results"), lambda _: None)
    with pytest.raises(InfraError, match=r"^this host lacks nobody-has/not-here\.h\n"):
        await engine.run(plan_on(with_tool(kernel)), tmp_path / "out")
