# SPDX-License-Identifier: GPL-2.0-only
"""The page of a watch in a browser: without a script, at any width, and for who does not see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from kseries.watch import page
from kseries.watch.item import Answer, Choice, Item, Stage
from tests.support.chromium import launched
from tests.support.runs import NASTY

SIZES = {"narrow": (360, 740), "laptop": (1280, 800), "4K": (3840, 2160)}
SAID = "a word that no column has room for: " + "x" * 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = launched(playwright)
        yield made
        made.close()


def items() -> Iterator[Item]:
    """A series at each stage, with all that strangers may have written."""
    for number, stage in enumerate(Stage, 1):
        yield Item(
            number=number,
            stage=stage,
            subject=f"{stage}: {''.join(NASTY)}",
            sender="".join(NASTY),
            version=2,
            thread=number,
            own=(),
            patches=3,
            posted="2026-11-30T10:00:00+00:00",
            told=SAID,
            by=number - 1,
            base=Choice(tree="linux", revision="0", told=SAID),
            quick=Answer(applies=number % 2 == 0, headline=SAID, findings=("bisect-hole",)),
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_and_is_accessible_and_runs_nothing(
    browser: Browser, tmp_path: Path, size: str, scheme: str
) -> None:
    page.write(tmp_path / "page", tmp_path, items())
    width, height = SIZES[size]
    settings = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    shown = browser.new_context(java_script_enabled=False, **settings).new_page()  # type: ignore[arg-type]
    shown.goto((tmp_path / "page" / "index.html").as_uri())
    assert shown.locator("script, img").count() == 0
    assert shown.locator("tbody tr").count() == len(Stage) - 1, "what was not chosen is nobody's business"
    assert shown.get_by_text("no base known", exact=True).is_visible()
    shown.context.close()
    shown = browser.new_page(**settings)  # type: ignore[arg-type]
    shown.goto((tmp_path / "page" / "index.html").as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(shown).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    shown.close()
