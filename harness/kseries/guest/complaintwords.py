# SPDX-License-Identifier: GPL-2.0-only
"""The words with which a kernel complains, from 6.1 on, as data: how each begins, and where it is printed.

A complaint stands at the start of a message of printk's: what a driver, or a program through /dev/kmsg, says of
itself ("foo 0000:00: WARNING: clock is slow") is none. A prefix that a file of the kernel puts before all of its
messages (pr_fmt) is part of how that file prints.
"""

import re

from kseries import arch as archs
from kseries.arch.heads import UP_TO_DETAIL, head
from kseries.model import Gravity

# printk's %pS (Documentation/core-api/printk-formats.rst).
_SYMBOL = r"(?P<function>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+"
# The same with the name of its module; an address where there is no symbol (kernel/kallsyms.c __sprint_symbol()).
_AT = rf"(?:{_SYMBOL}(?: \[[^\]]{{1,80}}\])?|0x[0-9a-f]{{1,16}})"
_PLACE = r"(?P<file>[\w./-]+):(?P<line>\d{1,9})"
# With CONFIG_DEBUG_BUGVERBOSE_DETAILED (6.18 on) the condition goes before the file (include/asm-generic/bug.h).
_CONDITION = r"(?:\[.{1,300}\] )?"

HEADS = (
    # kernel/panic.c __warn(), up to 6.18 and since.
    head(Gravity.REPORT, "WARNING: CPU: ", rf"(?P<what>WARNING): CPU: \d+ PID: \d+ at (?:{_PLACE} )?{_AT}"),
    head(Gravity.REPORT, "WARNING: ", rf"(?P<what>WARNING): {_CONDITION}(?:{_PLACE} )?at {_AT}, CPU#\d+: "),
    # kernel/locking/lockdep.c; "-safe -> " has the names of contexts around it.
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: possible [a-z ]{1,60} detected)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: \S{1,40}-safe -> \S{1,40}-unsafe lock order detected)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: inconsistent lock state)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: bad (?:unlock balance|contention) detected)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: held lock freed)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: chain_key collision)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: lock held when returning to user space)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: [Nn]ested lock was not taken)"),
    head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: suspicious RCU usage)"),
    head(Gravity.REPORT, "WARNING: ", r"WARNING: \S{1,40} (?P<what>still has locks held)", "WARNING: "),
    head(Gravity.REPORT, "[ BUG: ", r"\[ (?P<what>BUG: [\w -]{1,80}) \]"),
    head(Gravity.REPORT, "INFO: trying ", r"(?P<what>INFO: trying to register non-static key)"),
    # kernel/cfi.c, or its architecture's: where it is not permissive an oops follows.
    head(Gravity.REPORT, "CFI failure at ", rf"(?P<what>CFI failure) at {_AT}"),
    *(own for arch in archs.known().values() for own in arch.heads),
    # lib/bug.c
    head(Gravity.OOPS, "kernel BUG at ", rf"(?P<what>kernel BUG) at {_CONDITION}{_PLACE}"),
    head(Gravity.OOPS, "Kernel BUG at ", rf"(?P<what>[Kk]ernel BUG) at {_AT}"),
    head(Gravity.OOPS, "kernel BUG at ", rf"(?P<what>[Kk]ernel BUG) at {_AT}"),
    # arch/*/kernel: what goes by no other form, of architectures that we do not have, too.
    head(Gravity.OOPS, "Oops", r"(?P<what>Oops)(?:: .{0,200})? \[#\d+\]"),
    # Where a sysctl or an option asks for it: kernel/watchdog.c, watchdog_hld.c, hung_task.c, rcu/tree_stall.h, and, in
    # 7.3, workqueue.c: panic("workqueue: %u stall(s) exceeded threshold %u\n", wq_stall, wq_panic_on_stall);
    #   panic("workqueue: stall lasted %us, exceeding threshold %us\n", stall_time_sec, wq_panic_on_stall_time);
    head(
        Gravity.STALL,
        "Kernel panic - not syncing: ",
        "(?P<what>Kernel panic - not syncing: "
        "(?:softlockup: hung tasks|Hard LOCKUP|hung_task: blocked tasks|RCU Stall|workqueue: (?=.{0,20}stall)))",
    ),
    # kernel/panic.c
    head(Gravity.OOPS, "Kernel panic - not syncing: ", r"(?P<what>Kernel panic - not syncing: [^:!,.=(]*)"),
    # kernel/watchdog.c, kernel/watchdog_hld.c, kernel/workqueue.c
    head(Gravity.STALL, "watchdog: BUG: soft lockup", r"watchdog: (?P<what>BUG: soft lockup)"),
    head(Gravity.STALL, "BUG: soft lockup", r"(?P<what>BUG: soft lockup)"),
    head(Gravity.STALL, "watchdog: ", r"watchdog: (?:CPU\d+: )?(?P<what>Watchdog detected hard LOCKUP)"),
    head(Gravity.STALL, "NMI watchdog: ", r"NMI watchdog: (?P<what>Watchdog detected hard LOCKUP)"),
    head(Gravity.STALL, "Watchdog detected hard LOCKUP", r"(?P<what>Watchdog detected hard LOCKUP)"),
    head(Gravity.STALL, "BUG: workqueue lockup", r"(?P<what>BUG: workqueue lockup)"),
    # kernel/rcu/tree_stall.h, tree_exp.h, tasks.h; kernel/hung_task.c
    head(Gravity.STALL, "rcu: INFO: ", r"rcu: (?P<what>INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls?)"),
    head(Gravity.STALL, "INFO: rcu", r"(?P<what>INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls?)"),
    head(
        Gravity.STALL,
        "INFO: task ",
        r"INFO: task .{1,80} (?P<what>blocked) (?:in I/O wait )?for more than ",
        "INFO: task ",
    ),
    # fs/fs-writeback.c wb_wait_for_completion_cb(), in 7.3:
    #   pr_info("INFO: The task %s:%d has been waiting for writeback completion for more than %lu seconds.", …);
    head(
        Gravity.STALL,
        "INFO: The task ",
        r"INFO: The task .{1,80} (?P<what>has been waiting for writeback completion)",
        "INFO: The task ",
    ),
    # kernel/time/clocksource.c; its words for both of its two checks, in 7.3:
    #   pr_warn("Marking clocksource %s unstable due to frequency skew\n", cs->name);
    #   pr_warn("Marking clocksource %s unstable due to inter CPU skew\n", cs->name);
    head(
        Gravity.STALL, "clocksource: ", r"clocksource: .{0,60}(?P<what>Marking clocksource \S{1,40} (?:as )?unstable)"
    ),
    # mm/kasan/report.c, mm/kfence/report.c, kernel/kcsan/report.c, mm/kmsan/report.c
    head(
        Gravity.REPORT,
        "BUG: K",
        rf"(?P<what>BUG: (?:KASAN|KFENCE|KCSAN|KMSAN): {UP_TO_DETAIL})(?: (?:in|on) {_SYMBOL})?",
    ),
    # mm/slub.c slab_bug(); lib/ubsan.c; mm/kmemleak.c; net/core/dev.c netdev_wait_allrefs_any()
    head(
        Gravity.REPORT,
        "BUG ",
        r"BUG \S{1,80} \((?:Not tainted|Tainted)[^)]{0,200}\):? (?P<what>[\w -]{1,40})",
        "BUG in slab: ",
    ),
    head(Gravity.REPORT, "UBSAN: ", rf"(?P<what>UBSAN: [\w -]{{1,60}}) in {_PLACE}"),
    head(Gravity.REPORT, "kmemleak: ", r"kmemleak: \d+ (?P<what>new suspected memory leaks)", "kmemleak: "),
    head(Gravity.REPORT, "unregister_netdevice: waiting for ", r"(?P<what>unregister_netdevice: waiting for) \S"),
    # kernel/irq/spurious.c. Two files of one name in sysfs (fs/sysfs/dir.c) are none: tests of drivers/base make them.
    head(Gravity.REPORT, "irq ", r"irq \d+: (?P<what>nobody cared) ", "irq: "),
    # Whatever else calls itself a BUG: mm/page_alloc.c, kernel/sched/core.c, lib/smp_processor_id.c, …
    head(Gravity.REPORT, "BUG: ", rf"(?P<what>BUG: {UP_TO_DETAIL})"),
)
"""In the order in which they are tried."""

DIED = re.compile(rf"(?P<what>{archs.either(lambda arch: arch.died)}): [0-9a-f]{{4}}(?:[0-9a-f]{{12}})? \[#\d+\]")
"""An oops, of whatever: a text, an error code, and how many there have been."""

PANIC = "Kernel panic - not syncing: "

ENDS = re.compile(r"(?:kernel: )?(?:Fatal exception|Oops|Attempted to kill (?:init|the idle task)|Aiee, killing)")
"""What a panic says that is the end of an oops: kernel/exit.c, arch/*/kernel/dumpstack.c and traps.c."""
ENDS_REPORT = re.compile(
    r"(?:[\w ]+: )?(?:panic_on_warn set|system warned too often)|k(?:asan|fence)\.fault=panic(?:_on_write)? set"
)
"""What one says that is the end of a report: check_panic_on_warn() in kernel/panic.c ("%s: panic_on_warn set ...", "%s:
system warned too often (kernel.warn_limit is %d)"), mm/kasan/report.c ("kasan.fault=panic set ...") and, in 7.3,
mm/kfence/report.c ("kfence.fault=panic set ...").
"""

MOVES = re.compile(r"\b(?:0x)?(?=[a-f]*\d)[0-9a-f]+\b")
"""What in a kind is of one boot: addresses, sizes, numbers of CPUs and tasks. Each word is gone through but once."""
MAX_KIND = 100
"""Characters of a kind."""

REPORTERS = re.compile(
    r"dump_stack\w*|show_stack|v?panic|__warn\w*|warn_slowpath\w*|report_bug|print_\w+|check_\w+|mark_\w+|validate_chain|(?:__)?lock_(?:acquire|release|is_held)\w*|lockdep_\w+|debug_\w+"
    r"|_raw_\w+lock\w*|(?:__)?mutex_(?:un)?lock\w*|(?:__)?down_\w+|(?:__)?up_\w+|_*might_\w+|_*kv?m?alloc\w*|kmem_cache_\w+"
    r"|kasan_\w+|__asan_\w+|__ubsan_\w+|ubsan_\w+|object_err|slab_\w+|__schedule\w*|preempt_schedule\w*|register_lock_class"
    rf"|{archs.either(lambda arch: arch.reporters)}"
)
"""Functions at the head of a call trace that tell of a mistake and have not made it."""
