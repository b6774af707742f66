# SPDX-License-Identifier: GPL-2.0-only
"""Each changed line: compiled, by which options, or not, and why; and where nobody knows, that is said."""

from pathlib import Path

import pytest

from kseries.judge import compiled
from kseries.model import ChangedLines, Coverage, Exercise, LeftOut, PatchResult, Verdict
from kseries.model.conditions import all_of
from kseries.report import compiled as words
from kseries.report import html, text
from tests.support.runs import run, state

SOURCE = """\
int a;
#ifdef CONFIG_ON
int b;
int c;
#endif
#ifdef CONFIG_OFF
int d;
#else
int e;
#endif
#if 0
int f;
#endif
#if FOO
int g;
int h;
#else
int i;
#endif
#ifdef CONFIG_MOD
int j;
#endif
#if defined(CONFIG_OFF) && FOO
int k;
#endif
#ifdef CONFIG_SHIFT
int l;
#endif
"""
BUILT = Coverage(read=("k/a.c",), options=("ON", "FILE", "MOD_MODULE", "SHIFT="), code={"k/a.c": (15,)})
ENABLED = "an #if asks for more than the configuration"


def lines(*numbers: int, built: Coverage = BUILT) -> tuple[tuple[int, int, bool | None, tuple[str, ...], str], ...]:
    found = compiled.of_file("k/a.c", numbers, SOURCE, built, all_of(["FILE", "!OTHER"]))
    return tuple((one.first, one.last, one.compiled, one.options, one.why) for one in found)


BY = ("FILE", "!OTHER")


@pytest.mark.parametrize(
    ("line", "known", "options", "why"),
    [
        (1, True, BY, ""),
        (3, True, (*BY, "ON"), ""),
        (7, False, ("OFF",), ""),
        (9, True, (*BY, "!OFF"), ""),
        (12, False, (), "an #if that is never true"),
        (15, True, BY, ""),
        (16, True, BY, ""),
        (18, None, (), ENABLED),
        (21, None, (), "CONFIG_MOD is =m"),
        (24, False, ("OFF",), ""),
        (27, None, (), "CONFIG_SHIFT has a value of its own"),
    ],
)
def test_a_line_is_compiled_by_options_or_not_and_why(
    line: int, known: bool | None, options: tuple[str, ...], why: str
) -> None:
    assert lines(line) == ((line, line, known, options, why),)


def test_neighbours_of_which_the_same_is_known_are_one() -> None:
    assert [one[:3] for one in lines(16, 3, 4, 1, 15, 7)] == [(1, 1, True), (3, 4, True), (7, 7, False), (15, 16, True)]


def test_code_of_a_line_is_proof_whatever_an_if_seems_to_say() -> None:
    built = Coverage(read=BUILT.read, options=BUILT.options, code={"k/a.c": (7,)})
    assert lines(7, built=built) == ((7, 7, True, BY, ""),)


@pytest.mark.parametrize(
    ("built", "why"),
    [
        (Coverage(), "nobody has noted what the build read"),
        (Coverage(read=("k/b.c",), options=("ON",)), "no note of the build names the file"),
    ],
)
def test_without_a_note_of_the_build_nobody_knows(built: Coverage, why: str) -> None:
    assert lines(1, 3, built=built) == ((1, 1, None, (), why), (3, 3, None, (), why))


def test_of_a_file_that_is_left_out_no_line_is_compiled() -> None:
    of_option = compiled.of_left_out(LeftOut(file="k/a.c", options=("FILE",), makefile="k/Makefile"), (1, 2))
    assert of_option == (ChangedLines(file="k/a.c", first=1, last=2, compiled=False, options=("FILE",)),)
    (elsewhere,) = compiled.of_left_out(LeftOut(file="arch/arm64/a.c", arch="arm64"), (5,))
    assert (elsewhere.compiled, elsewhere.why) == (False, "for arm64 only")
    (lost,) = compiled.of_left_out(LeftOut(file="k/a.c"), (5,))
    assert (lost.compiled, lost.why) == (False, "no object is made of it")


# --- in words -------------------------------------------------------------------------------------


def patch_of(*changed: ChangedLines) -> PatchResult:
    nothing = Verdict(bisectable=None, revert_safe=None)
    return PatchResult(number=1, verdict=nothing, exercise=Exercise.LEFT_OUT, changed=changed)


MIXED = patch_of(
    ChangedLines(file="k/a.c", first=1, last=3, compiled=True, options=("FILE", "!OTHER")),
    ChangedLines(file="k/a.c", first=7, last=7, compiled=False, options=("OFF",)),
    ChangedLines(file="k/a.c", first=9, last=10, compiled=None, why="CONFIG_MOD is =m"),
)


def test_the_reports_count_lines_and_name_those_that_nobody_compiled() -> None:
    result = run(state("base"), patches=(MIXED,))
    told = "3 of 6 changed lines are compiled; not k/a.c:7; not known: k/a.c:9-10"
    assert f"      {told}" in text.render(result).splitlines()
    assert list(words.details(MIXED)) == [
        "k/a.c:1-3 compiled (CONFIG_FILE=y, # CONFIG_OTHER is not set)",
        "k/a.c:7 not compiled (CONFIG_OFF=y)",
        "k/a.c:9-10 not known: CONFIG_MOD is =m",
    ]
    page = html.render(result, Path())
    assert f"<summary>{told}</summary>" in page and "is =m</li>" in page


def test_of_a_patch_that_is_compiled_whole_the_text_says_nothing() -> None:
    whole = patch_of(MIXED.changed[0])
    assert "changed lines" not in text.render(run(state("base"), patches=(whole,)))
    assert words.brief(whole) == "3 of 3 changed lines are compiled" and words.brief(patch_of()) == ""
