# SPDX-License-Identifier: GPL-2.0-only
"""Complaints as records: what a log tells of each, which two are the same, and whose they are."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.guest import complaints as seen_in
from kseries.guest import load, trace
from kseries.guest.load import Load
from kseries.guest.trace import Spot
from kseries.judge import evidence
from kseries.model import Check, Complaint, FindingKind, Frame, Gravity, Outcome
from tests.support.complaints import OOPS, STALL, WARNS, busy, unsure
from tests.support.judged import FAIL, OFF, ON, SKIP, nothing, run
from tests.support.klogs import QUIET, golden
from tests.support.told import lines

ACCESS = "exit_on_missing_access.read_exits"

# --- what a log tells ---------------------------------------------------------------------------


def told(log: str) -> list[tuple[str, str, str | None]]:
    return [(one.complaint.kind, one.complaint.function, one.complaint.check) for one in seen_in.found(log)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("endings/warning", [("WARNING", "mutant_end", "warning.end")]),
        ("endings/oops", [("BUG: kernel NULL pointer dereference", "write_to_null", "oops.end")]),
        ("endings/deadly_oops", [("BUG: kernel NULL pointer dereference", "write_to_null", "deadly_oops.end")]),
        ("endings/bug", [("kernel BUG", "mutant_end", "bug.end")]),
        ("endings/panic", [("Kernel panic - not syncing: on purpose", "mutant_end", "panic.end")]),
        ("endings/calm", []),
        ("debug/lock-held", [("WARNING: lock held when returning to user space", "kvm_faultin_pfn", ACCESS)]),
        ("debug/sleeps", [("BUG: sleeping function called from invalid context", "kvm_faultin_pfn", ACCESS)]),
        ("debug/use-after-free", [("BUG: KASAN: slab-use-after-free", "kvm_faultin_pfn", ACCESS)]),
        ("debug/calm", []),
        ("no-init", [("Kernel panic - not syncing: No working init found", "", None)]),
    ],
)  # fmt: skip
def test_a_real_complaint_is_one_record(name: str, expected: list[tuple[str, str, str | None]]) -> None:
    """Three lines of one death are one; a panic that an oops ends in is the oops's."""
    assert told(golden(name)) == expected


TRAPS = [
    ("WARNING", "trap_warn"),
    ("kernel BUG", "trap_bug"),
    ("BUG: kernel NULL pointer dereference", "trap_null"),
    ("BUG: unable to handle page fault", "trap_page"),
    ("Oops: general protection fault", "trap_address"),
    ("Oops: divide error", "trap_divide"),
    ("Oops: invalid opcode", "trap_opcode"),
    ("Oops: int3", "trap_int3"),
]
"""The ways in which kernel threads of klog/traps.patch are told of, or die; the machine dies of the last."""


@pytest.mark.parametrize("kernel", ["6.12", "6.1"])
def test_each_death_of_a_kernel_thread_is_one_complaint(kernel: str) -> None:
    """What a kernel with klog/traps.patch printed, and what a driver said before; up to 6.9 without "Oops: "."""
    kinds = [kind if kernel == "6.12" else kind.removeprefix("Oops: ") for kind, _ in TRAPS]
    assert told(golden(f"klog/{kernel}")) == [(kind, name, None) for kind, (_, name) in zip(kinds, TRAPS, strict=True)]


def test_in_which_function_the_clock_found_a_cpu_that_stalls_is_chance() -> None:
    (one, *_) = seen_in.found(golden("endings/hang"))
    assert one.complaint.gravity is Gravity.STALL
    assert one.complaint.is_like(msgspec.structs.replace(one.complaint, function="elsewhere"))


def test_the_place_is_the_kernels_own_word_or_else_that_of_the_program_counter() -> None:
    frame = Frame(function="inlined", file="kernel/reboot.c", line=722)
    (oops,) = seen_in.found(golden("endings/oops"))
    assert oops.spot == Spot("write_to_null", 2, 10, called=False)
    (placed,) = seen_in.placed((oops,), {oops.spot: (frame,)})
    assert (placed.function, placed.file, placed.line) == ("write_to_null", "kernel/reboot.c", 722)
    (warning,) = seen_in.placed(seen_in.found(golden("endings/warning")), {})
    assert (warning.file, warning.line) == ("kernel/reboot.c", 742)


def test_the_new_form_of_a_warning_is_the_same_complaint() -> None:
    old = "WARNING: CPU: 0 PID: 34 at kernel/reboot.c:742 mutant_end+0x45/0x72"
    new = "WARNING: [x > 1] kernel/reboot.c:742 at mutant_end+0x45/0x72, CPU#0: warning/34"
    assert told(old) == told(new) == [("WARNING", "mutant_end", None)]


@pytest.mark.parametrize("line", QUIET)
def test_what_is_no_complaint_has_no_record(line: str) -> None:
    assert seen_in.found(line) == ()


_ADDRESS = st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}")


@given(_ADDRESS, _ADDRESS, st.integers(0, 255), st.integers(1, 2**22))
def test_addresses_numbers_cpus_and_pids_make_no_difference(one: str, other: str, cpu: int, pid: int) -> None:
    def log(address: str, cpu: int, pid: int) -> str:
        return (
            f"BUG: unable to handle page fault for address: {address}\nOops: Oops: 0002 [#{pid}] SMP\n"
            f"CPU: {cpu} PID: {pid} Comm: p\nRIP: 0010:f.isra.0+0x{cpu:x}/0x{pid:x}\n"
            f"BUG: spinlock bad magic on CPU#{cpu}, p/{pid}\n"
        )

    here, there = (
        [found.complaint for found in seen_in.found(text)] for text in (log(one, cpu, pid), log(other, 0, 1))
    )
    assert len(here) == len(there) == 2 and here[0].function == "f"
    assert all(mine.is_like(theirs) for mine, theirs in zip(here, there, strict=True))
    assert not here[0].is_like(here[1])


@given(
    st.text(), st.lists(st.sampled_from(["WARNING: CPU: 0 PID: 1 at f+0x1/0x2", "BUG: x", "RIP: 0010:g+0x1/0x2", "\r"]))
)
def test_no_log_is_too_odd(text: str, lines: list[str]) -> None:
    seen_in.found("\n".join([text, *lines, text]))


def oops(function: str, kind: str = "BUG: kernel NULL pointer dereference", end: str = "---[ end trace 0 ]---") -> str:
    return f"{kind}\nRIP: 0010:{function}+0x1/0x2\n{end}\n"


PANIC = "Kernel panic - not syncing: "


@pytest.mark.parametrize(
    "said",
    ["stack-protector: Kernel stack is corrupted in: bar+0x1/0x2", "softlockup: hung tasks", "VFS: Unable to mount"],
)
def test_a_panic_that_is_not_the_end_of_an_oops_is_another_complaint(said: str) -> None:
    log = f"kseries: enter p.a\n{oops('foo')}kseries: leave p.a\nkseries: enter p.b\n{PANIC}{said}\n"
    first, panic = told(log)
    assert first == ("BUG: kernel NULL pointer dereference", "foo", "p.a")
    assert panic[0].startswith(PANIC) and panic[2] == "p.b"


@pytest.mark.parametrize(
    "said",
    [
        "Fatal exception",
        "Fatal exception in interrupt",
        "Oops: Fatal exception",
        "Attempted to kill init! exitcode=0x0000000b",
        "Attempted to kill the idle task!",
    ],
)
def test_a_panic_that_is_the_end_of_an_oops_is_none_unless_there_was_no_oops(said: str) -> None:
    assert told(f"{oops('foo')}kseries: enter p.b\n{PANIC}{said}\n") == told(oops("foo"))
    assert len(told(f"{PANIC}{said}\n")) == 1


def test_a_panic_in_the_report_of_a_death_is_the_same_death() -> None:
    assert len(told(oops("foo", end=f"{PANIC}whatever"))) == 1


def test_the_panic_of_panic_on_warn_is_its_warning() -> None:
    warns, ends = "WARNING: CPU: 0 PID: 1 at f+0x1/0x2\n", f"{PANIC}kernel: panic_on_warn set ...\n"
    assert told(warns + ends) == told(warns)
    assert len(told(ends)) == 1


@pytest.mark.parametrize(
    "said",
    [
        "KASAN: system warned too often (kernel.warn_limit is 3)",
        "kasan.fault=panic set ...",
        "kasan.fault=panic_on_write set ...",
        "kfence.fault=panic set ...",
    ],
)
def test_a_panic_that_a_report_is_asked_to_end_in_is_that_report(said: str) -> None:
    report = "BUG: KASAN: slab-use-after-free in f+0x1/0x2\n---[ end trace 0 ]---\n"
    assert told(f"{report}{PANIC}{said}\n") == told(report)
    assert len(told(f"{PANIC}{said}\n")) == 1


def test_what_ubsan_traps_on_is_one_death_on_each_architecture() -> None:
    """As 7.3 prints it: x86 names it in a line of its own, arm64 as the error."""
    x86 = "traps: UBSAN: array index out of bounds at foo+0x1/0x2\nOops: invalid opcode: 0000 [#1] SMP NOPTI\n"
    assert told(f"{x86}RIP: 0010:foo+0x1/0x2\n---[ end trace 0 ]---\n") == [
        ("UBSAN: array index out of bounds", "foo", None)
    ]
    arm64 = "Internal error: UBSAN: array index out of bounds: 00000000f2005512 [#1]  SMP\npc : foo+0x1/0x2\n"
    assert told(arm64) == [("Internal error: UBSAN: array index out of bounds", "foo", None)]


def test_another_death_at_the_same_place_is_another_complaint() -> None:
    assert len(told(oops("foo") + oops("foo", "kernel BUG at a.c:1!"))) == 2
    assert len(told("BUG: kernel NULL pointer dereference\n---[ end trace 0 ]---\nkernel BUG at a.c:1!\n")) == 2


NOISE = [f"WARNING: CPU: 0 PID: 1 at f{number}+0x1/0x2\n---[ end trace 0 ]---\n" for number in range(100)]


@pytest.mark.parametrize("noise", [NOISE, NOISE * 20, [oops(f"f{number % 30}") for number in range(60)]])
def test_no_noise_hides_an_oops(noise: list[str]) -> None:
    assert ("BUG: kernel NULL pointer dereference", "foo", None) in told("".join(noise) + oops("foo"))


def test_which_are_kept_does_not_depend_on_their_order() -> None:
    deaths = [oops(f"g{number}") for number in range(100)]
    forth, back = (told("".join(these)) for these in ([*NOISE, *deaths], [*deaths[::-1], *NOISE[::-1]]))
    assert len(forth) == 100 and {*forth} == {*back}


@pytest.mark.parametrize(
    "noise",
    [
        "BUG: \n",
        "BUG: \n a+0x1/0x2\n a+0x1/0x2\n a+0x1/0x2\n",
        "kernel BUG at a.c:{}!\n a+0x1/0x2\n",
        "WARNING: CPU: 0 PID: 1 at a.c:{} f{}+0x1/0x2\n a+0x1/0x2\n",
        "WARNING: CPU: 0 PID: 1 at f+0x1/0x2\n a+0x1/0x2\n",
        "watchdog: BUG: soft lockup - {}\n a+0x1/0x2\n",
    ],
)
def test_complaints_without_end_have_a_limit_of_lines_that_are_looked_at(
    noise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    real = trace.spot_of

    def spot_of(line: str) -> Spot | None:
        looked.append(line)
        return real(line)

    monkeypatch.setattr(trace, "spot_of", spot_of)
    most = []
    for times in (1000, 2000):
        looked.clear()
        seen_in.found("".join(noise.format(number, number) for number in range(times)))
        most.append(len(looked))
    assert most[0] == most[1] <= 2 * 250 * 100 + 2 * 8 * 100


@pytest.mark.parametrize("place", ["f+0x1/0x2", "f+0x1/0x2 [kvm]", "0xffffffff81000000"])
@pytest.mark.parametrize(
    "form",
    [
        "WARNING: CPU: 0 PID: 1 at fs/a.c:12 {}",
        "WARNING: CPU: 0 PID: 1 at {}",
        "WARNING: fs/a.c:12 at {}, CPU#0: p/1",
        "WARNING: at {}, CPU#0: p/1",
        "CFI failure at {} (target: g+0x0/0x8; expected type: 0x12345678)",
        "CFI failure at {} (no target information)",
        "kernel BUG at {} [verbose debug info unavailable]",
    ],
)
def test_a_place_is_a_symbol_or_a_bare_address(form: str, place: str) -> None:
    function = "f" if place.startswith("f") else ""
    (one,) = told(form.format(place))
    assert one == (form.partition(": ")[0].partition(" at")[0], function, None)


def test_where_no_function_is_known_the_files_decide() -> None:
    one, same, other = (seen_in.found(f"kernel BUG at {place}!")[0].complaint for place in ("a.c:1", "a.c:2", "b.c:1"))
    assert one.is_like(same) and not one.is_like(other)
    known = msgspec.structs.replace(one, function="f")
    assert known.is_like(same) and not known.is_like(other)
    assert known.is_like(msgspec.structs.replace(other, function="f"))
    assert len(told("kernel BUG at a.c:1!\n---[ end trace 0 ]---\nkernel BUG at b.c:2!\n")) == 2


# --- the load of the host -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "busy"),
    [
        (Load(0.2, 10.0, 0.0), Load(1.9, 10.1, 30.0), False),
        (Load(2.5, 10.0, 0.0), Load(0.1, 10.0, 30.0), True),
        (Load(0.1, 10.0, 0.0), Load(2.5, 10.0, 30.0), True),
        (Load(0.1, 10.0, 0.0), Load(0.1, 20.0, 30.0), True),
        (None, Load(0.1, 10.0, 30.0), True),
        (Load(0.1, 10.0, 0.0), None, True),
    ],
)
def test_a_host_is_busy_unless_it_is_known_not_to_be(before: Load | None, after: Load | None, busy: bool) -> None:
    assert load.busy(before, after, 2) is busy


def test_this_host_tells_its_load() -> None:
    assert load.now() is not None and load.cpus() > 0


# --- whose it is --------------------------------------------------------------------------------


def essence(changed: dict[str, tuple[Complaint, ...]], *, skipped: bool = False) -> list[tuple[str, str, int | None]]:
    """The findings of a sound series in some of whose states the kernel complains."""
    states = {"base": OFF, "prefix-1": OFF, "prefix-2": ON, "prefix-3": ON}
    more = {name: replace(states.get(name, ON), complaints=these) for name, these in changed.items()}
    return [(one.kind.value, one.state, one.patch) for one in run(more).findings]


def test_a_complaint_that_base_does_not_have_is_told_once_of_the_patch_that_brings_it() -> None:
    assert essence({"prefix-2": (OOPS,), "prefix-3": (OOPS,)}) == [("kernel-complaint", "prefix-2", 2)]
    assert essence({"prefix-3": (WARNS,)}) == [("kernel-complaint", "prefix-3", 3)]


def test_what_base_complains_of_is_no_news() -> None:
    assert essence({"base": (WARNS,), "prefix-2": (WARNS,), "prefix-3": (WARNS,)}) == []
    assert essence({"base": (unsure(WARNS),), "prefix-3": (WARNS,)}) == []


def test_another_function_or_another_kind_is_another_complaint() -> None:
    elsewhere = msgspec.structs.replace(WARNS, function="g")
    found = run(
        {"base": replace(OFF, complaints=(WARNS,)), "prefix-3": replace(ON, complaints=(WARNS, elsewhere, OOPS))}
    )
    (finding,) = found.findings
    assert [line.partition(": ")[2] for line in lines(finding.evidence)] == [
        f"{WARNS.said} (in g, kernel/f.c:7)",
        f"{OOPS.said} (in f, kernel/f.c:7)",
    ]


def test_a_log_that_breaks_off_before_the_function_makes_no_other_complaint() -> None:
    cut = msgspec.structs.replace(OOPS, function="", file="", line=None)
    assert essence({"prefix-2": (cut,), "prefix-3": (OOPS,)}) == [("kernel-complaint", "prefix-2", 2)]
    (one,) = seen_in.over([[cut], [OOPS]])
    assert (one.function, one.line, one.boots) == ("f", 7, 2)


def test_a_warning_of_one_boot_in_two_is_advice_and_an_oops_is_not() -> None:
    assert essence({"prefix-3": (unsure(WARNS),)}) == [("flaky", "prefix-3", None)]
    assert essence({"prefix-3": (unsure(OOPS),)}) == [("kernel-complaint", "prefix-3", 3)]
    assert essence({"prefix-3": (busy(STALL),)}) == [("flaky", "prefix-3", None)]
    assert essence({"prefix-3": (STALL,)}) == [("kernel-complaint", "prefix-3", 3)]


def test_what_was_flaky_first_is_told_where_it_is_sure() -> None:
    assert essence({"prefix-2": (unsure(WARNS),), "prefix-3": (WARNS,)}) == [
        ("flaky", "prefix-2", None),
        ("kernel-complaint", "prefix-3", None),
    ]


def test_it_is_nobodys_where_the_state_before_did_not_run() -> None:
    found = run({"prefix-1": nothing(Outcome.BUILD_FAILED), "prefix-2": replace(ON, complaints=(OOPS,))})
    assert [(one.kind, one.patch) for one in found.findings if one.kind is FindingKind.KERNEL_COMPLAINT] == [
        (FindingKind.KERNEL_COMPLAINT, None)
    ]


def test_a_kernel_that_does_not_boot_is_a_hole_and_not_told_twice() -> None:
    panics = replace(nothing(Outcome.BOOT_FAILED), complaints=(OOPS,))
    assert [one.kind for one in run({"prefix-1": panics}).findings] == [FindingKind.BISECT_HOLE]


def test_it_needs_no_check_that_base_passes() -> None:
    """As in a series whose checks base skips: nothing else tells of its oops."""
    skips = OFF.but(other__works=SKIP)
    oopses = replace(ON.but(other__works=FAIL), complaints=(OOPS,))
    found = run({"base": skips, "prefix-1": skips, "prefix-2": oopses, "prefix-3": oopses})
    assert [(one.kind, one.state) for one in found.findings] == [(FindingKind.KERNEL_COMPLAINT, "prefix-2")]


def test_a_series_whose_steps_complain_is_not_bisectable() -> None:
    assert run({"prefix-2": replace(ON, complaints=(OOPS,))}).verdict.bisectable is False
    assert run({"prefix-3": replace(ON, complaints=(OOPS,))}).verdict.bisectable is True


def test_what_the_check_said_itself_stands_beside_it() -> None:
    state = msgspec.structs.replace(
        run().states["prefix-2"],
        checks=(Check(id="p.a", status=FAIL, detail="errno 22\nmore", blamed=("the kernel",)),),
    )
    (told,) = lines([evidence.of_complaint(OOPS, state)])
    assert told.startswith("p.a: BUG: kernel NULL pointer dereference") and told.endswith(
        "; the check itself: errno 22"
    )


def test_of_a_revert_it_is_a_silent_break() -> None:
    (found,) = run({"without-3": replace(ON, complaints=(OOPS,))}).findings
    assert (found.kind, found.contract, found.patch) == (FindingKind.SILENT_BREAK, None, 3)
