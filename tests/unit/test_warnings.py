# SPDX-License-Identifier: GPL-2.0-only
"""The warnings of a tree, from logs that show only what an incremental build made again."""

import subprocess
from pathlib import Path

import pytest

from kseries.kbuild import linked, warnings
from kseries.kbuild.warnings import Kept, merged

SOURCE = Path("/work/source")
DATA = Path(__file__).parent / "data" / "warnings"
LOG = """\
make: Entering directory '/work/source'
  CC      mm/a.o
/work/source/mm/a.c: In function 'f':
/work/source/mm/a.c:12:5: warning: unused variable 'x' [-Wunused-variable]
   12 |  int x;
  CC      mm/b.o
  LD [M]  drivers/c.ko
drivers/c.o: warning: objtool: f+0x1a: unreachable instruction
"""
CHECKED = """\
  CC      arch/x86/kvm/../../../virt/kvm/a.o
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:6:1: warning: unused variable 'x' [-Wunused-variable]
  CHECK   /work/source/arch/x86/kvm/../../../virt/kvm/a.c
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:3:42: warning: incorrect type in initializer (different address spaces)
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:3:42:    expected char *c
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:3:42:    got void [noderef] __user *p
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:6:23: error: undefined identifier 'undeclared'
/work/source/arch/x86/kvm/../../../virt/kvm/a.c:9: warning: Function parameter or struct member 'p' not described in 'f'
  CC      mm/b.o
"""
A_C = "virt/kvm/a.c"


def test_a_warning_belongs_to_the_object_that_was_made() -> None:
    assert warnings.said_of(LOG, SOURCE) == {
        "mm/a.o": ("mm/a.c: unused variable 'x' [-Wunused-variable]",),
        "mm/b.o": (),
        "drivers/c.ko": ("drivers/c.o: objtool: f: unreachable instruction",),
    }


def test_what_kconfig_says_of_our_own_fragment_is_no_warning_of_the_tree() -> None:
    """As 6.12 says it, of a fragment of ours and of files of a tree's."""
    fragment = Path("/kseries/build/fragment.config")
    log = f"""\
  HOSTLD  scripts/kconfig/conf
{fragment}:14:warning: override: reassigning to symbol EXPERT
{fragment}:15:warning: symbol value 'many' invalid for NR_CPUS
/work/source/arch/x86/Kconfig:9:warning: config symbol defined without type
"""
    said = {"scripts/kconfig/conf": ("arch/x86/Kconfig: config symbol defined without type",)}
    assert warnings.said_of(log, SOURCE, fragment) == said


def test_what_sparse_says_is_kept_apart_from_what_the_compiler_and_kernel_doc_say() -> None:
    assert warnings.said_of(CHECKED, SOURCE) == {
        "virt/kvm/a.o": (
            f"{A_C}: unused variable 'x' [-Wunused-variable]",
            f"{A_C}: Function parameter or struct member 'p' not described in 'f'",
        ),
        "CHECK virt/kvm/a.o": (
            f"{A_C}: incorrect type in initializer (different address spaces), expected char *c,"
            " got void [noderef] __user *p",
            f"{A_C}: undefined identifier 'undeclared'",
        ),
        "mm/b.o": (),
    }


def test_the_words_of_a_real_build_with_w1_and_c1() -> None:
    """Linux 6.12, gcc 12, sparse 0.6.4: kvm_main.c with an unused variable, and two files as they are."""
    said = warnings.said_of((DATA / "w1-c1.log").read_text(), SOURCE)
    assert said["virt/kvm/kvm_main.o"] == ("virt/kvm/kvm_main.c: unused variable 'old' [-Wunused-variable]",)
    assert len(said["CHECK virt/kvm/kvm_main.o"]) == 6
    assert (
        "virt/kvm/kvm_main.c: context imbalance in 'kvm_vm_set_mem_attributes' - different"
        " lock contexts for basic block"
    ) in said["CHECK virt/kvm/kvm_main.o"]
    assert (
        "include/linux/srcu.h: context imbalance in 'vcpu_run' - unexpected unlock" in said["CHECK arch/x86/kvm/x86.o"]
    )
    assert said["CHECK kernel/fork.o"][0] == (
        "kernel/fork.c: incorrect type in argument 1 (different address spaces),"
        " expected struct refcount_struct [usertype] *r, got struct refcount_struct [noderef] __rcu *"
    )
    assert said["arch/x86/kvm/x86.o"] == said["kernel/fork.o"] == ()


def test_a_check_of_an_object_that_was_not_made_leaves_the_compilers_words(tmp_path: Path) -> None:
    """C=2 runs sparse on every source, whether make compiles it or not."""
    kept = Kept(tmp_path)
    kept.update(warnings.said_of(CHECKED, SOURCE), frozenset())
    again = warnings.said_of("  CHECK   /work/source/virt/kvm/a.c\n", SOURCE)
    assert kept.update(again, frozenset()) == (
        f"{A_C}: Function parameter or struct member 'p' not described in 'f'",
        f"{A_C}: unused variable 'x' [-Wunused-variable]",
    )


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        ("/work/source/a.c:12:5: warning: unused 'x'", "/work/source/a.c:99:7: warning: unused 'x'"),
        ("a.o: warning: objtool: f+0x1a/0x2b: falls through", "a.o: warning: objtool: f+0x9/0x99: falls through"),
        (
            "a.c:1:2: warning: symbol 'f' redeclared (originally declared at include/a.h:7) - x",
            "a.c:1:2: warning: symbol 'f' redeclared (originally declared at include/a.h:8) - x",
        ),
        ("a.c:1:2: warning: '__UNIQUE_ID_x_12' defined", "a.c:1:2: warning: '__UNIQUE_ID_x_7' defined"),
    ],
)
def test_a_moved_line_is_the_same_warning(line: str, moved: str) -> None:
    said = warnings.said_of(f"  CC      a.o\n{line}\n", SOURCE)
    assert said["a.o"] and said == warnings.said_of(f"  CC      a.o\n{moved}\n", SOURCE)


def test_an_error_of_the_compiler_is_no_warning() -> None:
    assert warnings.said_of("  CC      a.o\na.c:1:2: error: 'x' undeclared\n", SOURCE) == {"a.o": ()}


def test_a_warning_of_a_header_is_one_however_many_objects_include_it() -> None:
    header = "include/a.h: unused"
    assert merged({"a.o": (header, "a.c: one", "a.c: one"), "b.o": (header,)}) == ("a.c: one", "a.c: one", header)


def test_what_was_not_made_again_is_remembered_and_what_was_is_replaced(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert not kept.known
    parts = frozenset({"a.o", "b.o"})
    assert kept.update({"a.o": ("a.c: one",), "b.o": ("b.c: two", "b.c: two")}, parts) == (
        "a.c: one",
        "b.c: two",
        "b.c: two",
    )
    assert kept.known
    assert Kept(tmp_path).update({"b.o": ("b.c: three",)}, parts) == ("a.c: one", "b.c: three")
    assert kept.update({"a.o": ()}, parts) == ("b.c: three",)


def test_an_object_that_a_kernel_is_not_made_of_has_no_say_until_it_is_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    both, one = frozenset({"a.o", "b.o"}), frozenset({"a.o"})
    said = {"a.o": ("a.c: one",), "b.o": ("b.c: two",), "CHECK b.o": ("b.c: three",), "scripts/host": ("h.c: four",)}
    everything = ("a.c: one", "b.c: three", "b.c: two", "h.c: four")
    assert kept.update(said, both) == everything
    assert kept.update({}, one) == ("a.c: one", "h.c: four")
    assert kept.update({}, both) == everything  # make found it up to date, and said nothing


def test_of_a_build_that_failed_only_its_own_words_are_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.update({"a.o": ("a.c: one",), "b.o": ("b.c: two",)}, frozenset({"a.o", "b.o"}))
    assert kept.update({"a.o": ("a.c: three",)}, None) == ("a.c: three",)
    assert kept.update({}, frozenset({"a.o", "b.o"})) == ("a.c: three", "b.c: two")


# --- what a kernel is linked of -----------------------------------------------------------------


def archive(place: Path, flags: str) -> Path:
    """An archive of two objects, made as kbuild makes it (scripts/Makefile.build: cmd_ar_builtin)."""
    for name in ("virt/kvm/a_file_with_a_long_name", "b"):
        source = place / f"{name}.c"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("int x;\n" if name == "b" else "int y;\n")
        subprocess.run(["gcc", "-c", f"{name}.c", "-o", f"{name}.o"], cwd=place, check=True)
    words = ["ar", flags, "vmlinux.a", "./virt/kvm/a_file_with_a_long_name.o", "b.o"]
    subprocess.run(words, cwd=place, check=True)
    return place / "vmlinux.a"


@pytest.mark.parametrize("flags", ["cDPrST", "cDPrsT"])
def test_the_objects_of_a_kernel_are_those_in_its_archive(tmp_path: Path, flags: str) -> None:
    assert linked.objects(archive(tmp_path, flags)) == {"virt/kvm/a_file_with_a_long_name.o", "b.o"}


def test_a_symbol_table_of_an_odd_length_is_passed_over(tmp_path: Path) -> None:
    """Members of an archive begin at even places."""
    members = (("/", b"odd"), ("//", b"a.o/\nb.o/\n"))
    data = [f"{name:<48}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2) for name, body in members]
    (tmp_path / "a").write_bytes(b"!<thin>\n" + b"".join(data))
    assert linked.objects(tmp_path / "a") == {"a.o", "b.o"}


def test_what_is_no_thin_archive_tells_nothing(tmp_path: Path) -> None:
    assert linked.objects(archive(tmp_path, "cDPrS")) == frozenset()
    assert linked.objects(tmp_path / "none.a") == frozenset()
    (tmp_path / "cut.a").write_bytes(b"!<thin>\n//        ")
    assert linked.objects(tmp_path / "cut.a") == frozenset()


def test_a_digest_is_that_of_the_names_in_any_order_and_empty_of_none() -> None:
    assert linked.digest(frozenset({"a", "b"})) == linked.digest(frozenset({"b", "a"}))
    assert len({linked.digest(frozenset(names)) for names in ((), ("a",), ("b",), ("a", "b"))}) == 4
    assert linked.digest(frozenset()) == ""
