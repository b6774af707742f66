# SPDX-License-Identifier: GPL-2.0-only
"""A toy kernel in the manner of kbuild: notes with the command and all that was read, what has changed made again.

It has what shortcuts go wrong by: folders of headers that are searched in turn, ``#include_next``, ``__has_include``,
``.include`` and ``.incbin``, headers that are made, a wildcard, a script that looks for files, options with defaults,
headers for user space, which a program of the tree makes, and the Makefile of another architecture.
A tree is a dictionary of its files; see POOL for what each of them may be.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

MAKEFILE = r"""
VERSION = 6
src := $(CURDIR)
gen := $(O)/include/generated
squote := '
.DELETE_ON_ERROR:
.SECONDARY:
-include $(O)/.config
include $(src)/Kbuild
objs := $(addprefix $(O)/,$(obj-y) $(patsubst $(src)/%.c,%.o,$(wildcard $(src)/auto/*.c)))
search := -I$(src)/near -I$(src)/far -I$(gen)
headers := $(gen)/autoconf.h $(gen)/made.h
uapi := $(O)/usr/include/toy
-include $(src)/uapi/Kbuild
exported := $(filter-out $(no-export),$(notdir $(wildcard $(src)/uapi/*.h)))

cmd = $(CC) -Wp,-MMD,$(@D)/.$(@F).d $(search) $(cflags-$(notdir $@)) -include $(gen)/autoconf.h -c -o $@ $<
changed = $(strip $(filter-out FORCE,$?) $(filter-out $(saved_$(notdir $@)),$(cmd)) \
  $(filter-out $(cmd),$(saved_$(notdir $@))))
note = { echo 'saved_$(notdir $@) := $(cmd)'; echo 'deps_$(notdir $@) := \'; \
  sed -e 's/^[^ ]*: *//' -e 's/ *\\$$//' -e 's/$$/ \\/' $(@D)/.$(@F).d; echo; \
  echo '$@: $$(deps_$(notdir $@))'; echo '$$(deps_$(notdir $@)):'; } >$(@D)/.$(@F).cmd && rm $(@D)/.$(@F).d
compile = $(if $(changed),@mkdir -p $(@D); echo '  CC      $(@:$(O)/%=%)'; $(cmd) && $(note))

vmlinux: $(O)/vmlinux
$(O)/vmlinux: FORCE $(objs)
	@echo '$(objs)' | cmp -s - $(O)/objs && [ -z "$(filter-out FORCE,$?)" ] && exit; \
	ld -e 0 -o $@ $(objs) && echo '$(objs)' >$(O)/objs
$(O)/%.o: $(src)/%.c FORCE | $(headers)
	$(compile)
$(O)/%.o: $(src)/%.S FORCE | $(headers)
	$(compile)
$(gen)/made.h: $(src)/made.tbl
	@mkdir -p $(@D)
	@sh $(src)/made.sh $(src) >$@
$(gen)/autoconf.h: $(O)/.config
	@mkdir -p $(@D)
	@sed -n 's/^\(CONFIG_[A-Z]*\)=y/#define \1 1/p' $< >$@.new
	@cmp -s $@.new $@ || cp $@.new $@; rm $@.new; touch $@.looked
allnoconfig:
	@mkdir -p $(O)
	@sed 's/$$(srctree)/$$srctree/g; s/^\(.*\)=$$(success,\(.*\))$$/if \2; then echo \1=y; fi/; t; s/.*/echo "&"/' \
	$(src)/Kconfig | srctree=$(src) sh >$(O)/.config.new
	@cmp -s $(O)/.config.new $(O)/.config || cp $(O)/.config.new $(O)/.config; rm $(O)/.config.new
	@mkdir -p $(O)/include/config
	@printf 'deps_config := \\\n\tKconfig \\\n\n' >$(O)/include/config/auto.conf.cmd
headers: $(addprefix $(uapi)/,$(exported))
	@echo '  HEADERS'
	@mkdir -p $(O)/usr/include/linux
	@cp /usr/include/linux/kvm.h $(O)/usr/include/linux/
	@rm -f $(filter-out $^,$(wildcard $(uapi)/*.h))
$(uapi)/%.h: $(src)/uapi/%.h $(O)/strip
	@mkdir -p $(@D)
	@$(O)/strip <$< >$@
	@echo 'saved_$(@F) := $(O)/strip <$<' >$(@D)/.$(@F).cmd
$(O)/strip: $(src)/strip.c
	@mkdir -p $(@D)
	@$(CC) -o $@ $<
	@echo 'saved_strip := $(CC) -o $@ $<' >$(@D)/.$(@F).cmd
FORCE:
.PHONY: FORCE headers
ifeq ($(MAKECMDGOALS),headers)
-include $(O)/.strip.cmd $(patsubst %,$(uapi)/.%.cmd,$(exported))
else
-include $(foreach one,$(objs),$(dir $(one)).$(notdir $(one)).cmd)
endif
"""
MAIN = """#include <one.h>
#include "two.h"
#include <made.h>
#ifdef CONFIG_MORE
#include <sub/three.h>
#endif
#if __has_include(<maybe.h>)
#include <maybe.h>
#else
#define MAYBE 0
#endif
int one = ONE, two = TWO, made = MADE, maybe = MAYBE, flag
#ifdef FLAG
= FLAG
#endif
;
"""
AUTO = "int {0} = {1};\n"
STRIP = "#include <stdio.h>\nint main(void) {{ for (int c; (c = getchar()) != EOF; putchar(c == '{0}' ? ' ' : c)); }}\n"


def _header(name: str) -> tuple[str | None, ...]:
    return (None, f"#define {name} 1\n", f"#define {name} 2\n", "#error broken\n")


_NEXT = "#include_next <one.h>\n"
POOL: dict[str, tuple[str | None, ...]] = {
    "Kbuild": (
        "obj-y := main.o low.o\n",
        "obj-y := main.o low.o\ncflags-main.o := -DFLAG=3\n",
        "obj-y := main.o low.o\nobj-$(CONFIG_MORE) += more.o\n",
        "obj-y := main.o\n",
    ),
    "Kconfig": ("# none\n", "CONFIG_MORE=y\n"),
    "main.c": (
        MAIN,
        MAIN.replace('#include "two.h"', "#define TWO 7"),
        MAIN.replace("#include <one.h>", "#define ONE 8"),
    ),
    "low.S": ('\t.data\n\t.include "part.inc"\n\t.incbin "blob"\n', "\t.data\n\t.byte 1\n"),
    "more.c": ("#include <one.h>\nint more = ONE;\n", "int more;\n"),
    "two.h": _header("TWO"),
    "near/two.h": _header("TWO"),
    "far/two.h": _header("TWO")[1:],
    "near/one.h": (None, None, _NEXT, "#define ONE 5\n", "-> ../far/one.h", "-> ../far/two.h"),
    "far/one.h": ("#define ONE 1\n", "#define ONE 2\n", None),
    "near/sub/three.h": (None, "int three = 3;\n"),
    "far/sub/three.h": ("int three;\n", "int three = 1;\n"),
    "near/sub": (None, None, "-> ../other", "no folder\n"),
    "other/three.h": ("int three = 9;\n", "int three = 10;\n"),
    "near/made.h": (None, None, "#define MADE 77\n"),
    "near/maybe.h": (None, "#define MAYBE 1\n"),
    "far/maybe.h": (None, "#define MAYBE 2\n", "#define MAYBE 3\n"),
    "near/part.inc": (None, "\t.byte 3\n"),
    "far/part.inc": ("\t.byte 4\n", "\t.byte 5\n"),
    "near/blob": (None, "abc"),
    "far/blob": ("defg", "hijk", "lm"),
    "made.tbl": ("1\n", "2\n"),
    "made.sh": ('echo "#define MADE $(cat $1/made.tbl)$([ -e $1/extra ] && echo 0)"\n',),
    "extra": (None, "x\n"),
    "auto/x.c": (None, AUTO.format("x", 1), AUTO.format("x", 2)),
    "auto/y.c": (None, AUTO.format("y", 1)),
    "unread.h": (None, "1\n", "2\n"),
    "unread.c": ("1\n", "2\n"),
    "notes.rst": (None, "1\n", "2\n"),
    "uapi/toy.h": ("#define TOY 1 /* x */\n", "#define TOY 2 /* xy */\n"),
    "uapi/more.h": (None, "#define MORE 1\n"),
    "uapi/Kbuild": ("no-export :=\n", "no-export := toy.h\n"),
    "strip.c": (STRIP.format("x"), STRIP.format("y")),
    "arch/other/Makefile": ("cflags-main.o := -DFLAG=4\n", "cflags-main.o := -DFLAG=5\n"),
    "arch/other/Kconfig": ("# none\n", "CONFIG_MORE=y\n"),
}
"""What each file may be, its usual contents first: None where it is not, "-> x" for a link to x."""
FIRST = {path: contents[0] for path, contents in POOL.items()}
Tree = Mapping[str, str | None]


def written(place: Path, tree: Tree) -> Path:
    """A folder with the toy kernel's files."""
    for path, text in {"Makefile": MAKEFILE, **tree}.items():
        if text is None or blocked(tree, path):
            continue
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            (place / path).symlink_to(text.removeprefix("-> "))
        else:
            (place / path).write_text(text)
    return place


def blocked(tree: Tree, path: str) -> bool:
    """True of what would lie below a path that is a file or a link in the same tree."""
    return any(tree.get(str(above)) is not None for above in list(Path(path).parents)[:-1])


def clean(source: Path, obj: Path) -> bytes | None:
    """The kernel as an empty folder gives it without ccache; None where it does not build."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    for targets in (["allnoconfig"], ["headers"], ["vmlinux"]):
        words = ["make", "-C", str(source), f"O={obj}", "CC=gcc", *targets]
        if subprocess.run(words, env=env, capture_output=True, check=False).returncode != 0:
            return None
    return outcome(obj)


def outcome(obj: Path) -> bytes:
    """What a build was for: the kernel, and the headers for user space."""
    made = sorted((obj / "usr" / "include" / "toy").glob("*.h"))
    return b"".join([(obj / "vmlinux").read_bytes(), *(one.name.encode() + b"\n" + one.read_bytes() for one in made)])
