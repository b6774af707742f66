# SPDX-License-Identifier: GPL-2.0-only
"""The conditions of lines, and how they are put together: as a real preprocessor has them."""

import itertools
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries.coverage import ifs
from kseries.model.conditions import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Condition,
    all_of,
    any_of,
    contrary,
    holds,
    options,
)

OPTIONS = ("A", "B", "C")
KCONFIG_H = "#define IS_ENABLED(x) x\n"
"""Of options that are defined as 1, or as 0 where a program of the test has them unset."""


def worlds() -> list[frozenset[str]]:
    """Each set of options that may be set."""
    sizes = range(len(OPTIONS) + 1)
    return [frozenset(some) for size in sizes for some in itertools.combinations(OPTIONS, size)]


leaves = st.sampled_from([*OPTIONS, *(f"!{one}" for one in OPTIONS)])
conditions = st.recursive(
    leaves | st.sampled_from([ALWAYS, NEVER]),
    lambda inner: st.builds(all_of, st.lists(inner, max_size=3)) | st.builds(any_of, st.lists(inner, max_size=3)),
    max_leaves=8,
)


@given(conditions)
def test_the_contrary_holds_where_a_condition_does_not(condition: Condition) -> None:
    assert all(holds(condition, world) is not holds(contrary(condition), world) for world in worlds())
    assert set(options(condition)) <= set(OPTIONS)


def test_what_says_nothing_is_left_out_of_a_condition() -> None:
    assert all_of(["A", ALWAYS, "A"]) == "A" and any_of(["A", NEVER]) == "A"
    assert all_of([]) == ALWAYS and any_of([]) == NEVER
    assert all_of(["A", NEVER]) == NEVER and any_of(["A", ALWAYS]) == ALWAYS
    assert all_of(["A", AllOf(of=("B", "C"))]) == AllOf(of=("A", "B", "C"))
    assert any_of(["A", AnyOf(of=("B",))]) == AnyOf(of=("A", "B"))


# --- against the preprocessor -------------------------------------------------------------------

atoms = st.sampled_from(
    [
        form.format(one)
        for one in OPTIONS
        for form in ("defined(CONFIG_{})", "defined CONFIG_{}", "IS_ENABLED(CONFIG_{})")
    ]
    + ["0", "1"]
)
expressions = st.recursive(
    atoms,
    lambda inner: (
        st.builds("({} && {})".format, inner, inner)
        | st.builds("({} || {})".format, inner, inner)
        | st.builds("!({})".format, inner)
        | st.builds("{} && {} || {}".format, inner, inner, inner).map("({})".format)
    ),
    max_leaves=5,
)
directives = expressions.map("#if {}".format) | st.sampled_from(
    [f"#{word} CONFIG_{one}" for word in ("ifdef", "ifndef") for one in OPTIONS]
)
blocks = st.recursive(
    st.just("line\n"),
    lambda inner: (
        st.builds(
            "{}\n{}#elif {}\nline\n#else /* no */\n{}#endif\nline\n".format, directives, inner, expressions, inner
        )
        | st.builds("{}\n{}#endif\n".format, directives, inner)
    ),
    max_leaves=4,
)


def compiled(source: str, world: frozenset[str]) -> set[int]:
    """The lines that the preprocessor leaves of a source."""
    told = [f"-D{'CONFIG_' + one}=1" for one in world]
    enabled = [f"-DIS_ENABLED_{one}={int(one in world)}" for one in OPTIONS]
    text = re.sub(r"IS_ENABLED\(CONFIG_(\w)\)", r"IS_ENABLED_\1", source)
    done = subprocess.run(
        ["cpp", "-P", *told, *enabled], input=text, text=True, capture_output=True, check=True, timeout=60
    )
    return {int(number) for number in re.findall(r"line(\d+)", done.stdout)}


@given(blocks)
@settings(max_examples=25, deadline=None)
def test_a_line_is_compiled_where_its_condition_holds_as_the_preprocessor_has_it(block: str) -> None:
    lines = block.split("\n")
    source = "\n".join(f"line{number}" if one == "line" else one for number, one in enumerate(lines, 1))
    found = ifs.conditions(source)
    every = {number for number, one in enumerate(lines, 1) if one == "line"}
    for world in worlds():
        assert compiled(source, world) == {one for one in every if holds(found.get(one, ALWAYS), world)}


# --- what is not known --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "holds_under", "fails_under"),
    [
        ("CONFIG_A", "A", "!A"),
        ("defined(CONFIG_A) && CONFIG_LEVELS > 3", "A", ALWAYS),
        ("defined(CONFIG_A) || FOO", ALWAYS, "!A"),
        ("!(defined(CONFIG_A) || FOO)", "!A", ALWAYS),
        ("!FOO", ALWAYS, ALWAYS),
        ("!defined(CONFIG_A) && !defined(CONFIG_B)", AllOf(of=("!A", "!B")), AnyOf(of=("A", "B"))),
        ("defined(CONFIG_A_MODULE)", ALWAYS, ALWAYS),
        ("(defined(CONFIG_A)) + 1", ALWAYS, ALWAYS),
        ("FOO ? CONFIG_B : CONFIG_A && CONFIG_C", ALWAYS, ALWAYS),
        ("", ALWAYS, ALWAYS),
        ("((", ALWAYS, ALWAYS),
        ("))", ALWAYS, ALWAYS),
    ],
)
def test_what_is_no_question_of_the_configuration_is_left_out(
    said: str, holds_under: Condition, fails_under: Condition
) -> None:
    found = ifs.expression(said)
    assert (found.holds, found.fails) == (holds_under, fails_under)
    assert found.exact is (said in ("CONFIG_A", "!defined(CONFIG_A) && !defined(CONFIG_B)"))


def test_directives_and_comments_are_no_lines_and_a_continued_line_has_two_numbers() -> None:
    source = "#ifdef CONFIG_A // so\n/* one */\n\n#define X 1\nint \\\n a;\n/* 0 */ { 1 },\n#endif\nint b;\n"
    assert ifs.conditions(source) == {4: "A", 5: "A", 6: "A", 7: "A"}
    assert set(ifs.needs(source)) == {2, 3, 4, 5, 6, 7}, "a comment is not compiled where nothing is"


def test_a_directive_needs_what_stands_around_it() -> None:
    source = "#ifdef CONFIG_A\n#ifdef CONFIG_B\nint a;\n#else\nint b;\n#endif\n#endif\n"
    found = {line: need.condition for line, need in ifs.needs(source).items()}
    assert found == {2: "A", 3: AllOf(of=("A", "B")), 4: "A", 5: AllOf(of=("A", "!B")), 6: "A"}


def test_what_stands_in_a_comment_or_in_quotes_is_no_directive_and_no_comment() -> None:
    source = '/*\n#ifdef CONFIG_A\n*/\nint a;\nchar *b = "/*";\n#ifdef CONFIG_B\nint c;\n#endif\n'
    assert ifs.conditions(source) == {7: "B"}


def test_the_guard_of_a_header_holds() -> None:
    source = "#ifndef _A_H\n#define _A_H\nint a;\n#ifdef CONFIG_A\nint b;\n#endif\n#endif\n"
    found = ifs.needs(source)
    assert found[3].condition == ALWAYS and found[3].exact
    assert found[5].condition == "A" and found[5].exact
    assert not ifs.needs(source.replace("define _A_H", "define _B_H"))[3].exact


def test_of_very_many_branches_nothing_is_known_and_it_takes_no_time() -> None:
    deep = "".join(f"#ifdef CONFIG_A{n}\nint a;\n" for n in range(3000)) + "#endif\n" * 3000
    long = "#if 0\n" + "".join(f"#elif defined(CONFIG_A{n})\nint a;\n" for n in range(4000)) + "#endif\n"
    assert not ifs.needs(deep)[5999].exact and ifs.needs(deep)[5999].condition == ALWAYS
    assert not ifs.needs(long)[8001].exact


def test_a_condition_goes_on_in_the_next_line() -> None:
    source = "#if defined(CONFIG_A) && \\\n    defined(CONFIG_B)\nint a;\n#endif\n"
    assert ifs.conditions(source) == {3: AllOf(of=("A", "B"))}


@given(st.text(alphabet="#ifdelsn()!&|CONFIG_A01 \n\\/*", max_size=200))
def test_no_source_is_too_broken_to_be_read(source: str) -> None:
    ifs.conditions(source)
