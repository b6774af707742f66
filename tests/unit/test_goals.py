# SPDX-License-Identifier: GPL-2.0-only
"""What a series changes -> the conditions of the configuration under which it is compiled."""

import pytest

from kseries.coverage.goals import Goal, Goals
from kseries.coverage.source import Changed
from kseries.model.conditions import ALWAYS, AllOf, AnyOf, Condition

TREE = {
    "Kbuild": "obj-y += drivers/ fs/ kernel/ arch/$(SRCARCH)/\n",
    "drivers/Makefile": "obj-$(CONFIG_NET) += net/\nobj-y += gpu/\n",
    "drivers/net/Makefile": "obj-$(CONFIG_WIRE) += wire.o\nwire-y := main.o\nwire-$(CONFIG_WIRE_DEBUG) += debug.o\n",
    "drivers/net/main.c": "int a;\n#ifdef CONFIG_PM\nint b;\nint c;\n#else\nint d;\n#endif\n#if 0\nint e;\n#endif\n",
    "drivers/net/debug.c": "",
    "drivers/net/wire.h": "#ifdef CONFIG_PM\nint f;\n#endif\n",
    "drivers/gpu/Makefile": "obj-$(CONFIG_RED) += amd/red/\nobj-$(CONFIG_BLUE) += amd/blue/ other/\n",
    "drivers/gpu/amd/display/dc.c": "",
    "fs/Makefile": "obj-$(CONFIG_XFS_FS) += xfs/\nobj-$(CONFIG_OLD_FS) += xfs/\n",
    "fs/xfs/Makefile": "obj-$(CONFIG_XFS_FS) += xfs.o\n"
    "xfs-$(CONFIG_XFS_RT) += $(addprefix libxfs/, rt.o \\\n\trtb.o)\n",
    "fs/xfs/libxfs/rtb.c": "",
    "kernel/Makefile": "obj-y += core.o\n",
    "kernel/core.c": '#include "part.c"\n',
    "kernel/part.c": "",
    "kernel/lost.c": "",
    "arch/arm64/mm/a.c": "",
    "arch/x86/mm/a.c": "",
    "tools/testing/a.c": "",
    "README": "",
}
USERS = {
    "drivers/net/wire.h": ("drivers/net/main.c", "drivers/net/debug.c"),
    "kernel/part.c": ("kernel/core.c", "arch/arm64/mm/a.c"),
}
GOALS = Goals("x86", TREE.get, lambda path, folder: tuple(one for one in USERS.get(path, ()) if one.startswith(folder)))
WIRE = ("WIRE", "NET")


@pytest.mark.parametrize(
    ("path", "condition"),
    [
        ("drivers/net/main.c", AllOf(of=WIRE)),
        ("drivers/net/debug.c", AllOf(of=("WIRE", "WIRE_DEBUG", "NET"))),
        ("drivers/net/wire.h", AnyOf(of=(AllOf(of=("WIRE", "WIRE_DEBUG", "NET")), AllOf(of=WIRE)))),
        ("drivers/gpu/amd/display/dc.c", AllOf(of=("RED", "BLUE"))),
        ("fs/xfs/libxfs/rtb.c", AllOf(of=("XFS_FS", "XFS_RT", AnyOf(of=("XFS_FS", "OLD_FS"))))),
        ("kernel/core.c", ALWAYS),
        ("kernel/part.c", ALWAYS),
        ("kernel/lost.c", ALWAYS),
    ],
)
def test_a_file_is_compiled_where_makefiles_say_so_and_a_header_with_who_includes_it(
    path: str, condition: Condition
) -> None:
    assert GOALS.of_file(path) == condition


def test_files_come_first_and_then_the_lines_that_ask_for_more() -> None:
    changed = {"drivers/net/main.c": Changed(come=(1, 3, 6), gone=(3, 6)), "kernel/core.c": Changed(come=(1,))}
    assert GOALS.of(changed) == (
        Goal("drivers/net/main.c", AllOf(of=WIRE)),
        Goal("kernel/core.c", ALWAYS),
        Goal("drivers/net/main.c", AllOf(of=(*WIRE, "PM")), (3, 3)),
        Goal("drivers/net/main.c", AllOf(of=(*WIRE, "!PM")), (6,)),
    )


def test_what_this_architecture_does_not_compile_is_no_goal() -> None:
    paths = ("arch/arm64/mm/a.c", "tools/testing/a.c", "README", "drivers/net/gone.c", "arch/x86/mm/a.c")
    assert [one.file for one in GOALS.of(dict.fromkeys(paths, Changed(come=(1,))))] == ["arch/x86/mm/a.c"]


def test_headers_that_include_each_other_come_to_an_end() -> None:
    tree = {"a.h": "", "b.h": ""}
    around = Goals("x86", tree.get, lambda path, _: ("b.h",) if path == "a.h" else ("a.h",))
    assert around.of_file("a.h") == ALWAYS
