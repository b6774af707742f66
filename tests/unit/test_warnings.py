# SPDX-License-Identifier: GPL-2.0-only
"""The compiler's warnings of a tree, from logs that show only what an incremental build compiled."""

from pathlib import Path

from harness import warnings

SOURCE = Path("/work/source")
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


def test_a_warning_belongs_to_the_object_that_was_compiled() -> None:
    assert warnings.said_of(LOG, SOURCE) == {
        "mm/a.o": ("mm/a.c: unused variable 'x' [-Wunused-variable]",),
        "mm/b.o": (),
        "drivers/c.ko": ("drivers/c.o: objtool: f: unreachable instruction",),
    }


def test_a_moved_line_is_the_same_warning() -> None:
    assert warnings.said_of(LOG.replace(":12:", ":99:").replace("0x1a", "0x2b"), SOURCE) == warnings.said_of(
        LOG, SOURCE
    )


def test_what_was_not_compiled_again_is_remembered_and_what_was_is_replaced(tmp_path: Path) -> None:
    notes = tmp_path / "warnings.json"
    assert warnings.update(notes, {"a.o": ("a.c: one",), "b.o": ("b.c: two", "b.c: two")}) == (
        "a.c: one",
        "b.c: two",
        "b.c: two",
    )
    assert warnings.update(notes, {"b.o": ("b.c: three",)}) == ("a.c: one", "b.c: three")
    assert warnings.update(notes, {"a.o": ()}) == ("b.c: three",)
