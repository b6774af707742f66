# SPDX-License-Identifier: GPL-2.0-only
"""Debian's Chromium, and a report that is large for it."""

from pathlib import Path

import msgspec
from playwright.sync_api import Browser, Page, Playwright, expect

from kseries.model import Check, Finding, FindingKind, RunResult, Status
from tests.support.runs import finding, run, state


def launched(playwright: Playwright) -> Browser:
    """Debian's Chromium, without a sandbox: CI is root, and the page is ours."""
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])


def big(directory: Path) -> RunResult:
    """A hundred states with a hundred checks each, a tenth of which fail, with logs longer than what is shown."""
    (directory / "x.log").write_text("a line of a log that somebody may want to read\n" * 2000)
    seen = tuple(
        Check(id=f"probe_{number // 10}.check_{number}", status=Status.FAIL if number % 10 == 3 else Status.PASS)
        for number in range(100)
    )
    seen = tuple(
        msgspec.structs.replace(one, detail="expected 0, got: something longer than that " * 3)
        if one.status is Status.FAIL
        else one
        for one in seen
    )
    told: list[Finding] = []
    states = [state("base", checks=seen, logs={"build": "x.log", "console": "x.log"})]
    for number in range(1, 100):
        name = f"prefix-{number}"
        states.append(state(name, number, checks=seen, logs={"build": "x.log", "console": "x.log"}))
        told.append(finding(FindingKind.BISECT_HOLE, name, f"probe_0.check_3: fail: {number}", patch=1))
    return run(*states, findings=tuple(told))


def opened(browser: Browser, file: Path) -> Page:
    """The page of the big run, once it can be used."""
    page = browser.new_page()
    page.goto(file.as_uri())
    expect(page.locator("#count")).to_have_text("101 of 101 rows", timeout=60_000)
    return page
