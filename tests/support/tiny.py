# SPDX-License-Identifier: GPL-2.0-only
"""The tiny kernel with a boot: it speaks KTAP on its second serial port, and can be held at each stage of its build.

A build is held by a file in its folder, so that the same tree builds once the file is gone. QEMU takes it for a kernel
by its multiboot header.
"""

import json
import sys
from pathlib import Path

import msgspec

from kseries.cache.runs import INTERRUPTED_STATUS
from kseries.cache.store import Store
from kseries.evaluate.setup import Setup
from kseries.host import signals
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Accel, Plan, Probe, events
from kseries.model.errors import KseriesError
from kseries.report.live import waiting
from kseries.sources import TreeStore
from tests.support.engines import engine as engine_for
from tests.support.judged import plan_of
from tests.support.kbuild import ARCH, FRAGMENT

MAKEFILE = """
VERSION = 6
.DELETE_ON_ERROR:
hold = @if [ -e $(O)/hold-$(1) ]; then touch $(O)/held-$(1); sleep 1000; fi
allnoconfig:
	$(call hold,configure)
	cat $(KCONFIG_ALLCONFIG) >$(O)/.config
headers:
	mkdir -p $(O)/usr/include/linux
	cp /usr/include/linux/kvm.h $(O)/usr/include/linux/
$(O)/main.o: main.S
	@echo '  CC      main.o'
	@if [ -e $(O)/print ]; then head -c 90M /dev/zero | tr '\\0' x | fold; fi
	@if [ -e $(O)/hold-compile ]; then mkfifo $(O)/fifo; echo '#include "fifo"' >$(O)/held.c; \\
	touch $(O)/held-compile; $(CC) -MD -MF $(O)/held.d -c -o $(O)/held.o $(O)/held.c; fi
	@$(CC) -m32 -c -o $@ main.S
$(O)/lib.o: lib.S
	@$(CC) -m32 -c -o $@ lib.S
vmlinux: $(O)/main.o $(O)/lib.o
	@echo '  LD      vmlinux'
	$(call hold,link)
	@ld -m elf_i386 -N -Ttext=0x100000 -e main -o $(O)/vmlinux $^ 2>/dev/null
"""
MAIN = """
	.text
	.align 4
	.long 0x1BADB002, 0, -0x1BADB002
	.globl main
main:
	mov $log, %esi
	mov $0x3f8, %edx
5:	lodsb
	test %al, %al
	jz 6f
	outb %al, %dx
	jmp 5b
6:	mov $said, %esi
	mov $0x2f8, %edx
1:	lodsb
	test %al, %al
	jz 2f
	cmp $'@', %al
	je 3f
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b
3:	mov $DELAY, %ecx
4:	dec %ecx
	jnz 4b
	jmp 1b
	.data
	.asciz "WHICH"
log:	.ascii "LOG"
	.byte 0
said:	.ascii "KTAP version 1\\n1..1\\n    # Subtest: capabilities\\n    # plan: a\\n@    ok 1 a\\n"
	.asciz "ok 1 capabilities\\n# kseries: end\\n"
"""
LIB = '\t.data\n\t.asciz "what all of them have in common"\n'
PROBES = ("capabilities",)
ASKED = tuple(map(Probe.ours, PROBES))
LONG = 3_000_000_000
"""Turns of a loop that take QEMU some seconds."""


def kernel(which: str, delay: int = 1, log: str = "") -> dict[str, str]:
    """The files of a tiny kernel that differs from others in ``which``; ``log`` is what it prints as its kernel log."""
    main = MAIN.replace("WHICH", which).replace("DELAY", str(delay)).replace("LOG", log.replace("\n", "\\n"))
    return {"Makefile": MAKEFILE, "main.S": main, "lib.S": LIB, "Kconfig": f"# {which}\n"}


def plan(base: str, tip: str) -> Plan:
    """A series of one patch."""
    made = plan_of(("base", "prefix-1"), patches=(1,))
    states = tuple(
        msgspec.structs.replace(state, tree=tree) for state, tree in zip(made.states, (base, tip), strict=True)
    )
    patches = tuple(msgspec.structs.replace(one, tree_before=base, tree_after=tip) for one in made.patches)
    base_of = msgspec.structs.replace(made.base, tree=base)
    return msgspec.structs.replace(made, states=states, base=base_of, patches=patches)


def main() -> None:
    """Carry out the plan of two trees in a place; tell what came of it as JSON, and who is waited for.

    To be killed, or to be ended by a signal, as kseries is.
    """
    signals.handle()
    place, base, tip = Path(sys.argv[1]), *sys.argv[2:]
    config = Config(FRAGMENT)
    setup = Setup(ARCH, Accel(name="tcg", why=""), "gcc", config, ASKED, "")
    worker = Worker(
        place / "worker", TreeStore(place / "trees.git"), ARCH, config, 2, probes=PROBES, series="all of them"
    )
    fresh: list[str] = []

    def heard(event: events.Event) -> None:
        if isinstance(event, events.StateDone) and not event.known:
            fresh.append(event.result.id)
        if isinstance(event, events.Waiting):
            print(waiting(event.wait), file=sys.stderr, flush=True)

    engine = engine_for(setup, (worker,), Store(place / "results"), heard)
    try:
        seen = signals.run(engine.run(plan(base, tip), place / "out"))
        told = {name: [result.outcome, result.detail] for name, result in seen.items()}
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_STATUS)
    except KseriesError as error:
        told = {"error": [str(error.exit_status), str(error)]}
    print(json.dumps({"states": told, "fresh": fresh}))


if __name__ == "__main__":
    main()
