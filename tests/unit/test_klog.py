# SPDX-License-Identifier: GPL-2.0-only
"""The kernel log, read back. data/*.console are logs of real boots, as the serial port gave them:

debug/* are of kernels with lockdep and KASAN (--debug), built from tests/guest/mutants/debug, up to where they are well
again; warning is a kernel that was made to WARN when a guest access finds its page missing; in panic a check
killed init; no-init was booted with an initramfs that holds nothing.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.guest import klog
from kseries.guest.klog import Splat
from tests.support.klogs import QUIET, golden

ONE_LINERS = [
    "WARNING: CPU: 0 PID: 40 at kvm_faultin_pfn+0x3a4/0x440",
    "WARNING: possible recursive locking detected",
    "WARNING: suspicious RCU usage",
    "BUG: KASAN: slab-out-of-bounds in kvm_vcpu_ioctl+0x19c/0x6b5",
    "BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "BUG: unable to handle page fault for address: ffffc90000000000",
    "BUG: soft lockup - CPU#0 stuck for 22s! [exit_on_missing:40]",
    "BUG: sleeping function called from invalid context at mm/memory.c:1",
    "kernel BUG at virt/kvm/kvm_main.c:1234!",
    "BUG kmalloc-64 (Not tainted): Poison overwritten",
    "Watchdog detected hard LOCKUP on cpu 0",
    "INFO: task kworker/0:1 H:12 blocked for more than 120 seconds.",
    "Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP",
    "Oops: invalid opcode: 0000 [#1] SMP",
    "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP",
    "Internal error: Oops: 0000000096000004 [#1] SMP",
    "Kernel panic - not syncing: Fatal exception",
    "INFO: rcu_sched self-detected stall on CPU",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... } 21 jiffies s: 5 root: 0x2/.",
    "INFO: rcu_sched detected stalls on CPUs/tasks:",
    "INFO: rcu_tasks detected stalls on tasks:",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [exit_on_missing:40]",
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1",
    "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:",
    "WARNING: virt/kvm/kvm_main.c:12 at kvm_faultin_pfn+0x3a4/0x440, CPU#0: exit_on_missing/40",
    "WARNING: [x > 1 && y] virt/kvm/kvm_main.c:12 at kvm_faultin_pfn+0x3a4/0x440, CPU#0: exit_on_missing/40",
    "WARNING: at kvm_faultin_pfn+0x3a4/0x440, CPU#0: exit_on_missing/40",
    "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
    "WARNING: possible circular locking dependency detected",
    "WARNING: exit_on_missing/40 still has locks held!",
    "[ BUG: Invalid wait context ]",
    "BUG: KFENCE: out-of-bounds read in kvm_vcpu_ioctl+0x19c/0x6b5",
    "BUG: scheduling while atomic: swapper/0/1/0x00000002",
    "BUG: TASK stack guard page was hit at 00000000a1b2c3d4 (stack is 00000000a1b2c3d4..00000000a1b2d3d4)",
    "BUG kmalloc-64 (Tainted: G    B   W         ): Redzone overwritten",
    "divide error: 0000 [#1] PREEMPT SMP NOPTI",
    "invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
    "stack segment: 0000 [#1] PREEMPT SMP NOPTI",
    "int3: 0000 [#2] PREEMPT SMP NOPTI",
    "Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "Oops: Oops: 0002 [#1] SMP",
    "traps: PANIC: double fault, error_code: 0x0",
    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010",
    "Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "unregister_netdevice: waiting for lo to become free. Usage count = 3",
    'irq 9: nobody cared (try booting with the "irqpoll" option)',
    "INFO: trying to register non-static key.",
    "INFO: task exit_on_missing:40 blocked for more than 120 seconds.",
    "UBSAN: shift-out-of-bounds in virt/kvm/kvm_main.c:10:5",
    "clocksource: Marking clocksource tsc unstable due to frequency skew",
    "clocksource: Marking clocksource tsc unstable due to inter CPU skew",
    "INFO: The task sync:40 has been waiting for writeback completion for more than 121 seconds.",
    "traps: UBSAN: array index out of bounds at kvm_faultin_pfn+0x3a4/0x440",
    "Internal error: UBSAN: divide/remainder overflow: 00000000f2005503 [#1]  SMP",
]
PREFIXES = [
    "",
    "[    1.234567] ",
    "[    1.234567][   T40] ",
    "<4>[    1.234567] ",
    "<4>",
]


def during(check: str, *lines: str, newline: str = "\n") -> str:
    return newline.join(["booting", f"kseries: enter {check}", *lines, f"kseries: leave {check}", "idle", ""])


# --- real logs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["base", "tip", "without-3", "debug/calm"])
def test_a_healthy_kernel_complains_of_nothing(name: str) -> None:
    assert klog.read(golden(name)).splats == ()
    assert klog.read(golden(name)).under_way is None


def test_a_real_warning_is_attributed_to_the_check_under_way() -> None:
    assert klog.read(golden("warning")) == klog.KernelLog(
        (Splat("WARNING: CPU: 0 PID: 40 at kvm_faultin_pfn+0x3a4/0x440", "exit_on_missing.read_exits"),), None
    )


def test_a_real_panic_is_attributed_to_the_check_that_it_ends() -> None:
    log = klog.read(golden("panic"))
    assert log.under_way == "killer.kills_init"
    assert [(splat.check, splat.panic) for splat in log.splats] == [("killer.kills_init", True)]
    assert log.splats[0].text == "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004"


def test_a_panic_before_the_first_check_belongs_to_none() -> None:
    log = klog.read(golden("no-init"))
    assert [(splat.check, splat.panic) for splat in log.splats] == [(None, True)]
    assert log.under_way is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sleeps", "BUG: sleeping function called from invalid context at include/linux/sched/mm.h:321"),
        ("lock-held", "WARNING: lock held when returning to user space!"),
        ("use-after-free", "BUG: KASAN: slab-use-after-free in kvm_faultin_pfn+0xee4/0x12ef"),
    ],
)
def test_what_a_debug_kernel_finds_is_a_complaint_of_which_nobody_dies(name: str, said: str) -> None:
    log = klog.read(golden(f"debug/{name}"))
    assert [(splat.text, splat.check, splat.oops) for splat in log.splats] == [
        (said, "exit_on_missing_access.read_exits", False)
    ]


# --- the grammar --------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", ONE_LINERS)
def test_a_complaint_is_found_with_and_without_a_timestamp(line: str, prefix: str) -> None:
    (splat,) = klog.read(during("p.a", prefix + line)).splats
    assert splat == Splat(line, "p.a")
    assert splat.panic == line.startswith("Kernel panic")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", QUIET)
def test_what_is_no_complaint_is_passed_over(line: str, prefix: str) -> None:
    assert klog.read(during("p.a", prefix + line)).splats == ()


@pytest.mark.parametrize("driver", ["foo: ", "foo 0000:00:01.0: ", "[drm] ", "x"])
@pytest.mark.parametrize("line", ONE_LINERS)
def test_what_somebody_says_behind_a_name_of_their_own_is_no_complaint(line: str, driver: str) -> None:
    assert klog.read(during("p.a", driver + line)).splats == ()


@pytest.mark.parametrize("prefix", ["", "[    1.234567] ", "[    1.234567][    T1] ", "<6>[    1.234567] "])
def test_marks_are_found_with_and_without_a_timestamp(prefix: str) -> None:
    text = f"{prefix}kseries: enter p.a\n{prefix}BUG: x\n{prefix}kseries: leave p.a\n{prefix}BUG: y\n"
    assert klog.read(text).splats == (Splat("BUG: x", "p.a"), Splat("BUG: y", None))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_several_complaints_of_a_check_are_all_kept_in_their_order(newline: str) -> None:
    text = during("p.a", "BUG: one", "noise", "Oops: two: 0000 [#1]", newline=newline)
    assert klog.read(text).splats == (Splat("BUG: one", "p.a"), Splat("Oops: two: 0000 [#1]", "p.a"))


def test_the_check_entered_last_is_the_one_under_way() -> None:
    assert klog.read("kseries: enter p.a\nkseries: leave p.a\nkseries: enter p.b\nx\n").under_way == "p.b"
    assert klog.read("kseries: enter p.a\nkseries: leave p.a\n").under_way is None
    # A probe that init killed never says that it left.
    assert klog.read("kseries: enter p.a\nkseries: enter q.b\n").under_way == "q.b"


@pytest.mark.parametrize(
    ("said", "kind"),
    [("BUG: x 0x1f 12 deadbeef0 face g1", "BUG: x # # # face g1"), ("BUG: " + "1" * 1000 + "g", "BUG: " + "1" * 95)],
)
def test_a_kind_has_no_number_of_one_boot_and_is_short(said: str, kind: str) -> None:
    head = klog.head(said)
    assert head is not None and head.kind == kind


# --- whatever the text --------------------------------------------------------------------------


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    klog.read(text)


@given(st.binary())
def test_no_bytes_are_too_odd(data: bytes) -> None:
    klog.read(data.decode(errors="replace"))


_NOISE = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters=":"), max_size=30)


@given(st.lists(_NOISE, max_size=5), st.sampled_from(ONE_LINERS), st.lists(_NOISE, max_size=5))
def test_noise_around_a_complaint_neither_hides_nor_moves_it(before: list[str], line: str, after: list[str]) -> None:
    assert klog.read(during("p.a", *before, line, *after)).splats == (Splat(line, "p.a"),)
