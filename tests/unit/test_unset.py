# SPDX-License-Identifier: GPL-2.0-only
"""An option that was asked for and is not set: every report says so, and of which states."""

from functools import partial
from pathlib import Path

import msgspec

from kseries.report import html, junit, text
from kseries.report.unset import lines, of_one
from tests.support.runs import run, state


def test_an_option_that_a_patch_brings_is_told_with_the_states_that_lack_it() -> None:
    lacking = [state("base", config_dropped=("CONFIG_X=y",)), state("prefix-1", 1, config_dropped=("CONFIG_X=y",))]
    result = run(*lacking, state("prefix-2", 2))
    assert list(lines(result)) == ["CONFIG_X=y, which the config fragment asks for, is not so in base, prefix-1"]


def test_one_that_is_off_with_the_whole_series_is_told_in_every_report() -> None:
    result = run(state("base"), state("prefix-1", 1), state("prefix-2", 2, config_dropped=("CONFIG_<X>=y",)))
    told = "CONFIG_<X>=y, which the config fragment asks for, is not so with the whole series: no verdict covers it"
    assert told in text.render(result).splitlines()
    assert f"{told.replace('<', '&lt;').replace('>', '&gt;')}." in html.render(result, Path())
    assert '<property name="config_dropped" value="CONFIG_&lt;X&gt;=y"/>' in junit.render(result, Path())


def test_one_that_is_only_wanted_is_told_once_with_its_reason_and_no_verdict_is_less_for_it() -> None:
    without = partial(
        state,
        config_dropped=("CONFIG_X=y",),
        config_wanted=("CONFIG_X=y",),
        config_unmet={"CONFIG_X=y": "no Kconfig file of this tree defines <it>"},
    )
    everywhere = run(without("base"), without("prefix-1", 1), without("prefix-2", 2))
    why = "(no Kconfig file of this tree defines <it>): what needs it skips"
    told = f"CONFIG_X=y, which the config fragment wants, is not so {why}"
    assert list(lines(everywhere)) == [told]
    assert text.render(everywhere).count("CONFIG_X") == 1
    assert told.replace("<", "&lt;").replace(">", "&gt;") in html.render(everywhere, Path())
    assert '<property name="config_wanted" value="CONFIG_X=y"/>' in junit.render(everywhere, Path())
    somewhere = run(state("base"), state("prefix-1", 1), without("prefix-2", 2))
    assert list(lines(somewhere)) == [f"CONFIG_X=y, which the config fragment wants, is not so in prefix-2 {why}"]


def test_one_that_a_suite_of_kunit_needs_is_told_with_the_suite() -> None:
    names = ("CONFIG_A_KUNIT_TEST=y", "CONFIG_X=y")
    lacking = partial(
        state, config_dropped=names, config_wanted=names, config_unmet={names[0]: "lib/Kconfig:1: CONFIG_B is not set"}
    )
    result = run(lacking("base"), lacking("prefix-1", 1), lacking("prefix-2", 2))
    config = "# KUnit: a, b (lib/a_kunit.c)\n#: wanted\nCONFIG_A_KUNIT_TEST=y\n# other\n#: wanted\nCONFIG_X=y\n"
    variant = msgspec.structs.replace(result.variant, config=config)
    assert list(lines(msgspec.structs.replace(result, variant=variant))) == [
        "CONFIG_A_KUNIT_TEST=y, which KUnit's a, b (lib/a_kunit.c) needs, is not so"
        " (lib/Kconfig:1: CONFIG_B is not set): it may not run",
        "CONFIG_X=y, which the config fragment wants, is not so: what needs it skips",
    ]


def test_of_one_state_what_is_needed_and_what_is_wanted_are_told_apart() -> None:
    assert list(of_one(("CONFIG_X=y", "CONFIG_Y=y"), ("CONFIG_Y=y",))) == [
        "without CONFIG_X=y, which the config fragment asks for",
        "without CONFIG_Y=y, which the config fragment wants: what needs it skips",
    ]


def test_nothing_is_told_where_all_is_as_asked() -> None:
    assert not list(lines(run(state("base"), state("prefix-1", 1), state("prefix-2", 2))))
