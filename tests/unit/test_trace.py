# SPDX-License-Identifier: GPL-2.0-only
"""Call traces: what a log names, where that is in a vmlinux, and which patch put it there.

data/endings/*.console are logs of real boots; those of data/debug, of kernels with lockdep and KASAN.
"""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries import arch as archs
from kseries.evaluate.stateresult import bare
from kseries.guest import klog, trace
from kseries.guest.trace import Spot, Symbols
from kseries.judge import suspects
from kseries.judge.suspects import Step, with_suspects
from kseries.model import AppliedPatch, Base, Complaint, Frame, Gravity, Outcome, Plan, State
from kseries.sources import TreeStore

DATA = Path(__file__).parent / "data"


def console(name: str, where: str = "endings") -> list[str]:
    return (DATA / where / f"{name}.console").read_bytes().decode(errors="replace").split("\n")


def complaint(name: str, where: str = "endings") -> list[str]:
    lines = console(name, where)
    first = klog.first_complaint(lines)
    assert first is not None
    return lines[first:]


# --- what a log names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "spot"),
    [
        (" mutant_end+0x24/0x72", Spot("mutant_end", 0x24, 0x72)),
        (" ? mutant_end+0x35/0x72\r", Spot("mutant_end", 0x35, 0x72, sure=False)),
        ("RIP: 0010:write_to_null+0x2/0xa", Spot("write_to_null", 2, 10, called=False)),
        ("[    1.234567] RIP: 0010:f.constprop.0+0x2/0xa", Spot("f.constprop.0", 2, 10, called=False)),
        ("[    1.234567][   T40]  f+0x1/0x2 [kvm]", Spot("f", 1, 2, module=True)),
        ("pc : el1_abort+0x10/0x20", Spot("el1_abort", 16, 32, called=False)),
        ("lr : el1_abort+0x10/0x20", Spot("el1_abort", 16, 32)),
        (" invoke_syscall+0x48/0x110 (P)", Spot("invoke_syscall", 0x48, 0x110)),
        (" #0: ffffc90000039468 (&kvm->irq_lock){+.+.}-{3:3}, at: f+0xe53/0x1253\r", Spot("f", 0xE53, 0x1253)),
        ("ffff888000ff80b0 (&(kvm)->mmu_lock){++++}-{2:2}, at: f+0x1/0x2", Spot("f", 1, 2)),
    ],
)
def test_a_line_of_a_call_trace(line: str, spot: Spot) -> None:
    assert trace.spot_of(line) == spot


@pytest.mark.parametrize(
    "line",
    [
        "",
        "RIP: 0033:0x434b69",
        "Code: ff 15 77",
        "WARNING: CPU: 1 PID: 35 at kernel/reboot.c:742 mutant_end+0x45/0x72",
        "Stopper: multi_cpu_stop+0x0/0xdc <- stop_cpus.constprop.0+0x4f/0x7d",
        "a word f+0x1/0x2",
        " #0: ffffc90000039468 (&kvm->irq_lock){+{+.}-{3:3}, at: f+0xe53/0x1253",
    ],
)
def test_no_line_of_a_call_trace(line: str) -> None:
    assert trace.spot_of(line) is None


@pytest.mark.parametrize(
    ("name", "innermost"),
    [
        ("panic", ["dump_stack_lvl", "dump_stack", "panic", "mutant_end", "__do_sys_reboot"]),
        ("warning", ["mutant_end", "__do_sys_reboot", "__x64_sys_reboot"]),
        ("oops", ["write_to_null", "mutant_end", "__do_sys_reboot"]),
        ("bug", ["mutant_end", "__do_sys_reboot"]),
    ],
)
def test_the_trace_of_a_real_complaint(name: str, innermost: list[str]) -> None:
    names = [spot.function for spot in trace.spots(complaint(name))]
    assert names[: len(innermost)] == innermost


def test_the_stall_that_rcu_reports_has_the_trace_of_what_hangs() -> None:
    assert "mutant_end" in [spot.function for spot in trace.spots(complaint("hang"))]


def test_the_guess_in_a_real_trace_is_told_from_the_rest() -> None:
    unsure = [spot.function for spot in trace.spots(complaint("oops")) if not spot.sure]
    assert unsure == ["mutant_end"]


def test_a_kernel_that_complains_for_ever_has_a_trace_with_an_end() -> None:
    lines = [f" f{number}+0x1/0x2" for number in range(100_000)]
    assert len(trace.spots(lines)) == trace.MAX_FRAMES


@given(st.text())
def test_no_line_is_too_odd(line: str) -> None:
    trace.spot_of(line)


# --- where that is ------------------------------------------------------------------------------

NM = [
    "ffffffff81000000 T f",
    "ffffffff81000010 t twin",
    "ffffffff81000030 t twin",
    "ffffffff81000040 T g",
    "ffffffff82000000 D data",
    "                 U undefined",
]


@pytest.mark.parametrize(
    ("spot", "address"),
    [
        (Spot("f", 4, 16), 0xFFFFFFFF81000003),  # the call, not what it returns to
        (Spot("f", 4, 16, called=False), 0xFFFFFFFF81000004),
        (Spot("f", 0, 16), 0xFFFFFFFF81000000),
        (Spot("twin", 4, 0x10), 0xFFFFFFFF81000033),  # of two with one name, the one of that size
        (Spot("twin", 4, 0x20), 0xFFFFFFFF81000013),
        (Spot("twin", 4, 0x30), None),
        (Spot("data", 4, 16), None),
        (Spot("nowhere", 4, 16), None),
    ],
)
def test_the_address_of_a_spot(spot: Spot, address: int | None) -> None:
    assert Symbols(NM).address(spot) == address


def test_what_addr2line_says() -> None:
    said = """\
0x0000000000000010
inner
./kernel/../kernel/a.c:3 (discriminator 1)
outer
./kernel/b.c:40
0x0000000000000020
??
??:0
0x0000000000000030
no_line
./kernel/c.c:?
""".splitlines()
    assert trace.frames_of(said)[0x10] == (("inner", "kernel/a.c", 3), ("outer", "kernel/b.c", 40))
    assert trace.frames_of(said)[0x20] == trace.frames_of(said)[0x30] == ()


def test_a_compiled_program_is_decoded(tmp_path: Path) -> None:
    """The tools themselves, in their box, on something that gcc made as it makes a kernel."""
    source = tmp_path / "trace.c"
    source.write_text(
        "int v;\n"
        'static inline __attribute__((always_inline)) void inner(void)\n{\n\t__asm__ volatile("nop");\n}\n'
        "__attribute__((noinline)) void outer(void)\n{\n\tv++;\n\tinner();\n}\n"
        "int main(void)\n{\n\touter();\n\treturn 0;\n}\n"
    )
    program = tmp_path / "trace"
    flags = ["-O1", "-g1", f"-fdebug-prefix-map={tmp_path}/=", f"-fdebug-prefix-map={tmp_path}=."]
    subprocess.run(["gcc", *flags, source, "-o", program], check=True, cwd=tmp_path)
    nm = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout.splitlines()
    start, size = Symbols(nm).address(Spot("outer", 0, 1)), 64
    assert start is not None
    log = "\n".join(["BUG: x", *(f" outer+{offset:#x}/{size:#x}" for offset in range(1, 20))])
    decoded = asyncio.run(trace.decode(log, program, archs.get("x86_64")))
    assert "(trace.c:8)" in decoded.tail
    assert "(trace.c:4 in inner, trace.c:9)" in decoded.tail
    assert Frame(function="inner", file="trace.c", line=4) in decoded.frames


@pytest.mark.parametrize(
    ("complaint", "place"),
    [
        ("WARNING: CPU: 1 PID: 35 at kernel/reboot.c:742 mutant_end+0x45/0x72", ("kernel/reboot.c", 742)),
        ("kernel BUG at virt/kvm/kvm_main.c:7!", ("virt/kvm/kvm_main.c", 7)),
        ("WARNING: CPU: 0 PID: 40 at kvm_faultin_pfn+0x3a4/0x440", None),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000000", None),
    ],
)
def test_the_line_that_a_complaint_names_itself(complaint: str, place: tuple[str, int] | None) -> None:
    frame = trace.told_by(complaint, [Spot("f", 1, 2)])
    assert (frame and (frame.function, frame.file, frame.line)) == (place and ("f", *place))


@pytest.mark.parametrize("name", ["sleeps", "use-after-free"])
def test_what_kasan_and_lockdep_say_of_a_place_leads_to_it(name: str) -> None:
    found = trace.spots(complaint(name, "debug"))
    assert found[0].function == "dump_stack_lvl"
    sure = [spot.function for spot in found if spot.sure]
    assert "kvm_faultin_pfn" in sure and "entry_SYSCALL_64_after_hwframe" in sure


def test_of_a_use_after_free_it_is_seen_who_allocated_and_who_freed() -> None:
    found = [spot for spot in trace.spots(complaint("use-after-free", "debug")) if spot.sure]
    assert {"kfree", "kasan_save_alloc_info"} <= {spot.function for spot in found}
    assert len([spot for spot in found if spot.function == "kvm_faultin_pfn"]) == 3


def test_an_unlock_left_out_has_no_trace_but_where_the_lock_was_taken() -> None:
    assert trace.spots(complaint("lock-held", "debug")) == (Spot("kvm_faultin_pfn", 0xE53, 0x1253),)


def test_the_report_of_a_use_after_free_is_kept_to_the_end_of_who_freed_it() -> None:
    lines = complaint("use-after-free", "debug") + ["idle"] * 200
    kept = list(trace.excerpt(lines, 0, {}))
    assert "Freed by task 47:" in kept and any(line.startswith("The buggy address belongs") for line in kept)


def test_a_kernel_that_cannot_be_read_leaves_the_log_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kernel").write_text("no ELF file")
    decoded = asyncio.run(trace.decode("WARNING: x\n f+0x1/0x2\n", tmp_path / "kernel", archs.get("x86_64")))
    assert decoded == trace.Decoded("WARNING: x\n f+0x1/0x2", ())


# --- what a result keeps ------------------------------------------------------------------------


def test_the_excerpt_is_bounded_and_has_the_complaint_and_the_end() -> None:
    lines = [f"line {number} " + "x" * 1000 for number in range(10_000)]
    lines[5000] = "WARNING: here"
    kept = list(trace.excerpt(lines, 5000, {}))
    assert "WARNING: here" in kept
    assert "[... 4823 lines ...]" in kept
    assert kept[-1].startswith("line 9999 ")
    assert len(kept) == 181 and max(map(len, kept)) == 300


def test_a_short_log_is_kept_whole_and_once() -> None:
    assert list(trace.excerpt(["a", "WARNING: b", "c", ""], 1, {})) == ["a", "WARNING: b", "c"]
    assert list(trace.excerpt([], None, {})) == []


class _Log(list[str]):
    """A log that counts how much of it is copied."""

    copied = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        self.copied += len(found) if isinstance(at, slice) else 0
        return _Log(found) if isinstance(at, slice) else found


def test_what_is_empty_at_the_end_of_a_log_is_not_kept_and_costs_nothing() -> None:
    log = _Log(["WARNING: a", "b", *[" \r"] * 1000])
    assert list(trace.excerpt(log, 0, {})) == ["WARNING: a", "b"]
    assert log.copied == 2


def test_inlined_functions_stand_before_the_one_that_they_are_in() -> None:
    spot = Spot("outer", 1, 2)
    found = {spot: (Frame(function="inner", file="a.h", line=1), Frame(function="outer", file="b.c", line=2))}
    assert trace.annotated(" outer+0x1/0x2\r", found) == " outer+0x1/0x2 (a.h:1 in inner, b.c:2)"
    assert trace.annotated("elsewhere\r", found) == "elsewhere"


# --- which patch --------------------------------------------------------------------------------

BASE = "int a;\n\nstatic void f(void)\n{\n\tone();\n\ttwo();\n}\n\nvoid g(void)\n{\n\tthree();\n}\n"
FIRST = BASE.replace("\ttwo();\n", "\ttwo();\n\tadded_by_1();\n")
SECOND = FIRST.replace("\tthree();\n", "\tadded_by_2();\n\tthree();\n")
THIRD = SECOND.replace("\tone();\n", "")


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path / "trees.git")


def tree(store: TreeStore, text: str) -> str:
    blob = store.git("hash-object", "-w", "--stdin", stdin=text.encode()).text
    return store.git("mktree", stdin=f"100644 blob {blob}\tf.c\n".encode()).text


def asked(store: TreeStore, texts: list[tuple[int, str]], *frames: Frame) -> tuple[int, ...]:
    steps = [Step(patch, tree(store, text)) for patch, text in texts]
    return suspects.of_trace(tree(store, BASE), steps, frames, store)


def at(text: str, words: str, *, sure: bool = True, file: str = "f.c") -> Frame:
    line = text.split("\n").index(f"\t{words}();") + 1
    return Frame(function="f", file=file, line=line, sure=sure)


SERIES = [(1, FIRST), (2, SECOND), (3, THIRD)]


def test_the_patch_that_added_the_line(store: TreeStore) -> None:
    assert asked(store, SERIES, at(THIRD, "added_by_1")) == (1,)
    assert asked(store, SERIES, at(THIRD, "three"), at(THIRD, "added_by_2"), at(THIRD, "added_by_1")) == (2, 1)


def test_failing_that_the_last_patch_of_the_function_even_if_it_only_took_a_line_out(store: TreeStore) -> None:
    assert asked(store, SERIES, at(THIRD, "two")) == (3,)
    assert asked(store, SERIES[:1], at(FIRST, "two")) == (1,)
    assert asked(store, SERIES, at(THIRD, "three")) == (2,)


def test_the_patch_whose_revert_took_the_line_out(store: TreeStore) -> None:
    without_1 = THIRD.replace("\tadded_by_1();\n", "")
    assert asked(store, [*SERIES, (1, without_1)], at(without_1, "two")) == (1,)


def test_a_guess_counts_only_where_there_is_nothing_else(store: TreeStore) -> None:
    guess = at(THIRD, "added_by_1", sure=False)
    assert asked(store, SERIES, guess) == (1,)
    assert asked(store, SERIES, guess, at(THIRD, "added_by_2")) == (2,)


def test_a_file_that_the_series_does_not_touch_has_no_suspect(store: TreeStore) -> None:
    assert asked(store, SERIES, at(THIRD, "two", file="include/generated/x.h")) == ()
    assert asked(store, [], at(BASE, "two")) == ()
    assert asked(store, SERIES) == ()
    beyond = Frame(function="f", file="f.c", line=1000)
    assert asked(store, SERIES, beyond) == ()


PATCHES = tuple(AppliedPatch(number=n, subject="", tree_before=str(n - 1), tree_after=str(n)) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("applied", "patch", "made", "expected"),
    [
        ((), None, "0", []),
        ((1, 2), 2, "2", [(1, "1"), (2, "2")]),
        ((2, 3), 1, "x", [(1, "1"), (2, "2"), (3, "3"), (1, "x")]),
        ((1, 3), 2, "x", [(1, "1"), (2, "2"), (3, "3"), (2, "x")]),
        ((2,), 2, "x", [(2, "x")]),
        ((1, 3), 2, None, []),
    ],
)
def test_the_chain_of_a_state(
    applied: tuple[int, ...], patch: int | None, made: str | None, expected: list[tuple[int, str]]
) -> None:
    state = State(id="s", scenario="s", applied=applied, patch=patch, tree=made)
    assert [(step.patch, step.tree) for step in suspects.chain(state, PATCHES)] == expected


def test_a_line_that_the_compiler_finds_wrong_leads_to_the_patch_that_wrote_it(store: TreeStore) -> None:
    base = tree(store, "a\nb\nc\n")
    first, tip = tree(store, "DEF\na\nb\nc\n"), tree(store, "DEF\na\nb\nc\nUSE\n")
    gone = tree(store, "a\nb\nc\nUSE\n")
    patches = tuple(
        AppliedPatch(number=number, subject="", tree_before=before, tree_after=after)
        for number, (before, after) in enumerate(((base, first), (first, tip)), 1)
    )
    broken = State(id="without-1", scenario="reverts", applied=(2,), patch=1, tree=gone)
    plan = Plan(
        series="s",
        version=1,
        patches=patches,
        base=Base(name="b", version="6", tree=base),
        states=(broken,),
    )
    failed = bare(broken, outcome=Outcome.BUILD_FAILED, detail="f.c:4:2: error: 'DEF' undeclared")
    (result,) = with_suspects(plan, (failed,), store)
    assert result.suspects == (2,)
    far = bare(broken, outcome=Outcome.BUILD_FAILED, detail="arch/x86/../../f.c:4:2: error: 'DEF' undeclared")
    assert with_suspects(plan, (far,), store)[0].suspects == (2,)
    (other,) = with_suspects(plan, (bare(broken, outcome=Outcome.BUILD_FAILED, detail="ld: no"),), store)
    assert other.suspects == ()


def warned(kind: str, *trace: Frame) -> Complaint:
    return Complaint(gravity=Gravity.REPORT, kind=kind, said=f"{kind}: here", function=kind, trace=trace)


def test_each_complaint_has_the_suspects_of_its_own_trace(store: TreeStore) -> None:
    """What base complains of, too, comes first in the log and is nobody's."""
    texts = {number: tree(store, text) for number, text in ((0, BASE), *SERIES)}
    patches = tuple(
        AppliedPatch(number=number, subject="", tree_before=texts[number - 1], tree_after=texts[number])
        for number in (1, 2, 3)
    )
    base = State(id="base", scenario="base", applied=(), tree=texts[0])
    tip = State(id="prefix-3", scenario="prefixes", applied=(1, 2, 3), patch=3, tree=texts[3])
    plan = Plan(
        series="s", version=1, patches=patches, base=Base(name="b", version="6", tree=texts[0]), states=(base, tip)
    )
    old = warned("old", at(THIRD, "two"))
    one, two = warned("one", at(THIRD, "added_by_1")), warned("two", at(THIRD, "added_by_2"))
    seen = (
        msgspec.structs.replace(bare(base, outcome=Outcome.OK, detail=""), complaints=(old,)),
        msgspec.structs.replace(bare(tip, outcome=Outcome.OK, detail=""), complaints=(old, one, two)),
    )
    result = with_suspects(plan, seen, store)[1]
    assert [(complaint.kind, complaint.suspects) for complaint in result.complaints] == [
        ("old", ()),
        ("one", (1,)),
        ("two", (2,)),
    ]


def test_the_trace_is_that_of_what_the_ending_is_named_after() -> None:
    lines = [
        "[    1.0] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2",
        "[    1.1] BUG: kernel NULL pointer dereference, address: 0000000000000010",
        "[    1.2] WARNING: CPU: 0 PID: 1 at x.c:2 g+0x1/0x2",
    ]
    assert klog.first_complaint(lines) == 1
    assert klog.first_complaint(lines[:1]) == klog.first_complaint(lines[2:]) == 0
    assert klog.first_complaint(["quiet"]) is None
    panic = "[    1.3] Kernel panic - not syncing: softlockup: hung tasks"
    assert klog.first_complaint([lines[0], panic]) == 1, "which is a stall"
