# SPDX-License-Identifier: GPL-2.0-only
"""How long the report of a big run takes to open in Chromium, against that of a small one.

.venv/bin/python -m benchmarks.report
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tests.support.chromium import big, launched, opened
from tests.support.runs import run, state

from kseries.report import html

_TIMES = 7


def main() -> None:
    """Open each some times in turn, and print what that took."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        browser = launched(playwright)
        place = Path(home)
        large, small = place / "large.html", place / "small.html"
        large.write_text(html.render(big(place), place), encoding="utf-8")
        small.write_text(html.render(run(state("base")), place), encoding="utf-8")
        taken = [(_seconds(lambda: opened(browser, large).close()), _small(browser, small)) for _ in range(_TIMES)]
        browser.close()
    one, other = (statistics.median(times) for times in zip(*taken, strict=True))
    print(f"a hundred states of a hundred checks {one:.2f} s, one state {other:.2f} s: {one / other:.1f} times as long")


def _small(browser: Browser, file: Path) -> float:
    def open_it() -> None:
        page = browser.new_page()
        page.goto(file.as_uri())
        page.close()

    return _seconds(open_it)


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
