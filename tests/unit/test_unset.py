# SPDX-License-Identifier: GPL-2.0-only
"""An option that was asked for and is not set: every report says so, and of which states."""

from pathlib import Path

from kseries.report import html, junit, text
from kseries.report.unset import lines
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


def test_nothing_is_told_where_all_is_as_asked() -> None:
    assert not list(lines(run(state("base"), state("prefix-1", 1), state("prefix-2", 2))))
