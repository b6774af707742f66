# SPDX-License-Identifier: GPL-2.0-only
"""What lies below a series, or should: told in every report, for a verdict may hang on it."""

from pathlib import Path

import msgspec
import pytest

from kseries.model import FindingKind
from kseries.report import html, junit, mail, text
from tests.support.runs import finding, run, state


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prerequisites": ("KVM: <One>", "Two")}, "applied first: KVM: <One>, Two"),
        ({"prerequisites": tuple("abcdefghijkl")}, "applied first: a, b, c, d, e, f, g, h, i and 3 more"),
        (
            {"lacking": ("<one@example.com>",)},
            "the series names prerequisites that were not there: <one@example.com>; what fails may lack them",
        ),
        (
            {"guessed": "0123456789abcdef"},
            "nobody named the base: 0123456789ab has all files as the series was made from them",
        ),
    ],
)
def test_every_report_tells_what_lies_below_the_series(given: dict[str, object], told: str) -> None:
    tells = finding(FindingKind.REGRESSION, "prefix-2", "p.a: fail")
    made = run(state("base"), state("prefix-1", 1), state("prefix-2", 2), findings=(tells,))
    result = msgspec.structs.replace(made, base=msgspec.structs.replace(made.base, **given))
    assert told in text.render(result).splitlines()
    assert f'<p class="base">{told.replace("<", "&lt;").replace(">", "&gt;")}.</p>' in html.render(result, Path())
    (value,) = given.values()
    words = "; ".join(value) if isinstance(value, tuple) else str(value)
    assert f'value="{words.replace("<", "&lt;").replace(">", "&gt;")}"/>' in junit.render(result, Path())
    assert f"{told[1:]}." in " ".join(mail.reply(result, tells).split())


def test_of_a_base_that_was_named_and_has_nothing_on_it_nothing_more_is_told() -> None:
    assert "applied first" not in text.render(run(state("base"), state("prefix-1", 1), state("prefix-2", 2)))
