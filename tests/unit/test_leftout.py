# SPDX-License-Identifier: GPL-2.0-only
"""Changed code that no kernel of a run is made of: from Makefiles, as text, to the option that leaves it out."""

import pytest

from kseries.coverage import ifs, kconfigs, leftout, makefiles
from kseries.model import Coverage, LeftOut

LIB = """\
# SPDX-License-Identifier: GPL-2.0
obj-y += bcd.o sort.o \\
\t parser.o debug_locks.o   # obj-$(CONFIG_NOT) += comment.o
lib-y := ctype.o string.o
lib-$(CONFIG_PRINTK) += dump_stack.o
obj-$(CONFIG_TEST_KMOD) += test_kmod.o
obj-$(CONFIG_COMPRESS)\t+= zip/
obj-$(CONFIG_DECOMPRESS)\t+= zip/
obj-m += always_module.o
obj-$(subst m,y,$(CONFIG_NFT)) += builtin.o
obj-$(subst y,$(CONFIG_TUNNEL),$(CONFIG_TUNNEL_V3)) += both.o

ifdef CONFIG_SMP
obj-y += percpu.o
else
obj-y += single.o
endif

ifeq ($(CONFIG_KOBJECT),y)
obj-$(CONFIG_DEBUG) += kobject_debug.o
else ifeq ($(CONFIG_OTHER),y)
obj-y += other.o
else
obj-y += neither.o
endif
ifneq ($(CONFIG_ROM),)
obj-y += rom.o
endif
ifeq ($(SRCARCH),arm64)
obj-y += unread.o
endif

tls-y := main.o
tls-objs += sw.o sub/deep.o
tls-$(CONFIG_TLS_TOE) += toe.o
obj-$(CONFIG_TLS) += tls.o
a-y := b.o
b-y := a.o
"""


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("bcd.o", ((),)),
        ("debug_locks.o", ((),)),
        ("comment.o", ()),
        ("string.o", ((),)),
        ("dump_stack.o", (("PRINTK",),)),
        ("test_kmod.o", (("TEST_KMOD",),)),
        ("zip/", (("COMPRESS",), ("DECOMPRESS",))),
        ("always_module.o", (("MODULES",),)),
        ("builtin.o", (("NFT",),)),
        ("both.o", (("TUNNEL", "TUNNEL_V3"),)),
        ("percpu.o", (("SMP",),)),
        ("single.o", (("!SMP",),)),
        ("kobject_debug.o", (("KOBJECT", "DEBUG"),)),
        ("other.o", (("!KOBJECT", "OTHER"),)),
        ("neither.o", (("!KOBJECT", "!OTHER"),)),
        ("rom.o", (("ROM",),)),
        ("unread.o", ((),)),
        ("main.o", (("TLS",),)),
        ("sw.o", (("TLS",),)),
        ("sub/deep.o", (("TLS",),)),
        ("toe.o", (("TLS", "TLS_TOE"),)),
        ("a.o", ()),
        ("nowhere.o", ()),
    ],
)
def test_a_makefile_tells_on_which_options_an_object_depends(name: str, ways: tuple[makefiles.Way, ...]) -> None:
    assert makefiles.ways(LIB, name) == ways


@pytest.mark.parametrize("text", ["", "endif", "else", "ifeq (", "obj-$(CONFIG_) += x.o", "-y += x.o", "\\\n" * 9])
def test_no_makefile_is_too_broken_to_be_read(text: str) -> None:
    makefiles.ways(text, "x.o")


TREE = {
    "Kbuild": "obj-y += drivers/ lib/ net/\n",
    "drivers/Makefile": "obj-$(CONFIG_XEN) += xen/\nobj-y += base/ far/away/\n",
    "drivers/xen/Makefile": "obj-y += bus/\n",
    "drivers/xen/bus/Makefile": "obj-y += bus.o\nbus-y := client.o\n",
    "drivers/far/away/Kbuild": "obj-y += gone.o\n",
    "drivers/base/Makefile": "obj-y += core.o\nobj-$(CONFIG_PM) += power/main.o\n",
    "lib/Makefile": LIB,
    **dict.fromkeys(
        (
            "drivers/xen/bus/client.c",
            "drivers/xen/bus/client.h",
            "drivers/base/core.c",
            "drivers/base/power/main.c",
            "drivers/far/away/gone.c",
            "lib/toe.c",
            "lib/single.c",
            "lib/zip.c",
            "include/linux/lonely.h",
            "arch/arm64/kvm/arm.c",
            "arch/x86/kvm/x86.c",
            "tools/testing/selftests/a.c",
            "kernel/vmlinux.lds.S",
        ),
        "",
    ),
}


def asked(path: str, read: tuple[str, ...] | None = (), options: tuple[str, ...] = ("SMP",)) -> LeftOut | None:
    return leftout.left_out(path, "x86", Coverage(read=read, options=options), TREE.get)


@pytest.mark.parametrize(
    ("path", "options", "makefile"),
    [
        ("drivers/xen/bus/client.c", ("XEN",), "drivers/Makefile"),
        ("drivers/xen/bus/client.h", ("XEN",), "drivers/Makefile"),
        ("drivers/base/power/main.c", ("PM",), "drivers/base/Makefile"),
        ("lib/toe.c", ("TLS", "TLS_TOE"), "lib/Makefile"),
        ("lib/single.c", ("!SMP",), "lib/Makefile"),
        ("drivers/base/core.c", (), ""),
        ("drivers/far/away/gone.c", (), ""),
        ("lib/zip.c", (), ""),
        ("include/linux/lonely.h", (), ""),
    ],
)
def test_the_option_that_leaves_a_file_out_is_named_where_a_makefile_tells(
    path: str, options: tuple[str, ...], makefile: str
) -> None:
    assert asked(path) == LeftOut(file=path, options=options, makefile=makefile)


@pytest.mark.parametrize("path", ["tools/testing/selftests/a.c", "kernel/vmlinux.lds.S", "Documentation/a.c", "x.rst"])
def test_what_is_no_code_of_a_kernel_is_not_left_out(path: str) -> None:
    assert asked(path) is None


def test_what_a_build_has_read_is_in_it_whatever_makefiles_say() -> None:
    assert asked("drivers/xen/bus/client.c", read=("drivers/xen/bus/client.c",)) is None
    assert asked("drivers/xen/bus/client.c", read=None) is None, "nobody knows"
    assert asked("drivers/xen/bus/no-more.c") is None, "it has gone"


def test_another_architectures_code_is_told_by_its_folder() -> None:
    assert asked("arch/arm64/kvm/arm.c", read=None) == LeftOut(file="arch/arm64/kvm/arm.c", arch="arm64")
    assert asked("arch/x86/kvm/x86.c", read=("arch/x86/kvm/x86.c",)) is None


@pytest.mark.parametrize(
    "path", ["scripts/mod/modpost.c", "Makefile", "fs/Kconfig", "arch/x86/kernel/vmlinux.lds.S", "lib/Makefile.zip"]
)
def test_what_works_at_build_time_is_told_by_its_place(path: str) -> None:
    assert leftout.at_build(path)


SOURCE = """\
int a;
#ifdef CONFIG_OFF
int b;
/* said */
#else
int c;
#endif
#if IS_ENABLED(CONFIG_ON) // on
int d;
#if defined(CONFIG_OFF)
int e;
#endif
#else
int f;
#endif
#if defined(A) && defined(CONFIG_OFF)
int unknown;
#endif
#ifndef CONFIG_ON
*p = 1;
#elif B
int unknown;
#else
int unknown;
#endif
"""


def test_lines_that_a_conditional_leaves_out_are_told_with_its_option() -> None:
    assert ifs.hidden(SOURCE, {"ON"}) == {3: "OFF", 11: "OFF", 14: "!ON", 17: "OFF", 20: "!ON"}


@pytest.mark.parametrize("text", ["#endif", "#else", "#elif X", "#if", "#ifdef", "# if defined(CONFIG_"])
def test_no_source_is_too_broken_for_its_conditionals(text: str) -> None:
    ifs.hidden(text, frozenset())


@pytest.mark.parametrize("path", ["fs/timerfd.c", "kernel/kconfig.c", "arch/x86/kernel/head_64.S", "tools/perf/a.c"])
def test_what_is_compiled_into_a_kernel_is_not_of_build_time(path: str) -> None:
    assert not leftout.at_build(path)


KCONFIG = """\
config TIMER
\tbool "the timer"
\tdepends on ARM64
\thelp
\t  depends on X86

config TWO
\tdepends on OF && ARM64
config BOTH
\tdepends on ARM64 || X86
config TRIED
\tdepends on ARM64 || COMPILE_TEST
config WIDE
\tdepends on (ARM64 && OF) || X86
config NOT
\tdepends on !ARM64
menuconfig TWICE
\tdepends on ARM64
config TWICE
\tbool
config INTEL
\tdepends on X86_32 || X86_64
"""


@pytest.mark.parametrize(
    ("option", "arch"),
    [
        *((name, "arm64") for name in ("TIMER", "TWO")),
        *((name, "") for name in ("BOTH", "TRIED", "WIDE", "NOT", "TWICE", "NOWHERE")),
        ("INTEL", "x86"),
    ],
)
def test_an_option_of_one_architecture_alone_is_told_where_it_says_so(option: str, arch: str) -> None:
    assert kconfigs.only_on(KCONFIG, option) == arch


def test_a_driver_of_another_architecture_is_its() -> None:
    tree = {
        "drivers/t/Makefile": "obj-$(CONFIG_TIMER) += t.o\nobj-$(CONFIG_INTEL) += i.o\nobj-$(CONFIG_BOTH) += b.o\n",
        "drivers/Kconfig": KCONFIG,
        **dict.fromkeys(("drivers/t/t.c", "drivers/t/i.c", "drivers/t/b.c"), ""),
    }
    found = [leftout.left_out(f"drivers/t/{name}.c", "x86", Coverage(read=()), tree.get) for name in "tib"]
    assert [one.arch for one in found if one is not None] == ["arm64", "", ""]
