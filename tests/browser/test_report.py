# SPDX-License-Identifier: GPL-2.0-only
"""The HTML report as its reader has it: in Debian's Chromium, from disk, by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kseries.model import Check, Status
from kseries.report import html
from tests.support.chromium import big, launched, opened
from tests.support.clustered import clustered
from tests.support.runs import SPLIT, run, split_run, state

SIZES = {"narrow": (360, 740), "laptop": (1280, 800), "4K": (3840, 2160)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launched(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html.render(split_run(), SPLIT), encoding="utf-8")
    return file


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The report at 1280x800; whatever it asks of a network or says on the console fails the test."""
    width, height = SIZES["laptop"]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=request.param)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(report.as_uri())
    yield page
    assert said == [report.as_uri()]
    page.close()


def rows(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "tr[data-check]:not([hidden])", "rows => rows.map((row) => row.dataset.check)"
    )
    return found


def test_a_finding_is_seen_without_scrolling(page: Page) -> None:
    expect(page.locator("#finding-1 h3")).to_be_in_viewport(ratio=1)
    expect(page.locator("#finding-1 > p").first).to_be_in_viewport(ratio=1)


def test_the_matrix_filters_by_words_and_by_what_failed(page: Page) -> None:
    every = rows(page)
    page.fill("[name=words]", "read EXITS")
    assert rows(page) == ["exit_on_missing.read_exits"]
    expect(page.locator("#count")).to_have_text(f"1 of {len(every)} rows")
    page.fill("[name=words]", "")
    page.select_option("[name=kind]", "cited")
    assert rows(page) == [one.name for one in split_run().findings[0].evidence]
    page.click("button[type=reset]")
    expect(page.locator("#count")).to_have_text(f"{len(every)} of {len(every)} rows")
    assert rows(page) == every


def test_the_matrix_sorts(page: Page) -> None:
    every = rows(page)
    page.select_option("[name=order]", "bad")
    assert rows(page)[0] == "exit_on_missing.read_exits"
    page.select_option("[name=order]", "name")
    assert rows(page) != every and sorted(rows(page)) == sorted(every)
    page.select_option("[name=order]", "probe")
    assert rows(page) == every


def test_the_matrix_shows_the_states_of_one_scenario(page: Page) -> None:
    page.select_option("[name=scenario]", "reverts")
    heads = page.eval_on_selector_all(".heads th:not([hidden])", "heads => heads.map((one) => one.dataset.state)")
    assert heads == ["base", *(f"without-{number}" for number in range(1, 7))]
    cells = page.locator("tr[data-check='exit_on_missing.read_exits'] td:visible")
    assert cells.count() == 7


def test_a_cell_opens_what_was_said_and_the_part_of_the_log(page: Page) -> None:
    page.click("tr[data-check='exit_on_missing.read_exits'] td.cited")
    panel = page.locator("dialog[open]")
    expect(panel.locator("h2")).to_have_text("without-3: exit_on_missing.read_exits")
    expect(panel.locator(".status")).to_contain_text("fail: read of 0x10005240")
    log = panel.locator("pre:visible").inner_text().splitlines()
    assert log[0].endswith("kseries: enter exit_on_missing.read_exits")
    assert "kseries: leave exit_on_missing.read_exits" in log[-1] and len(log) == 2
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_the_matrix_is_walked_by_keyboard(page: Page) -> None:
    page.locator("td[tabindex='0']").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] h2")).to_have_text("without-3: KVM_CAP_MEMORY_FAULT_INFO")
    page.keyboard.press("Escape")
    expect(page.locator("td:focus")).to_have_attribute("title", "without-3: advertised")


def test_a_link_to_a_state_opens_it(page: Page) -> None:
    page.click("a[href='#state-without-2'] >> nth=0")
    expect(page.locator("#state-without-2")).to_have_attribute("open", "")


@pytest.mark.parametrize("opened", [False, True])
def test_axe_finds_nothing_serious(page: Page, opened: bool) -> None:
    if opened:
        page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
        page.click("tr[data-check='exit_on_missing.read_exits'] td.cited")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_chart_of_hosts_fits_and_is_accessible(browser: Browser, tmp_path: Path, size: str, scheme: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(html.render(clustered("", *(f"host{number}" for number in range(7))), tmp_path))
    width, height = SIZES[size]
    settings = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    page = browser.new_context(java_script_enabled=False, **settings).new_page()  # type: ignore[arg-type]
    page.goto(file.as_uri())
    bar = page.get_by_role("img", name="prefix-4: boot,")
    place, whole = bar.bounding_box(), page.locator(".lanes").last.bounding_box()
    assert place is not None and whole is not None
    assert whole["x"] <= place["x"] and place["x"] + place["width"] <= whole["x"] + whole["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
    page = browser.new_page(**settings)  # type: ignore[arg-type]
    page.goto(file.as_uri())
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    page.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off_at_any_width(page: Page, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_there_are_no_controls(page: Page) -> None:
    page.emulate_media(media="print")
    expect(page.locator("#controls")).to_be_hidden()
    expect(page.locator("table.matrix")).to_be_visible()


def test_without_scripts_the_page_tells_all(browser: Browser, report: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    expect(page.locator("#controls")).to_be_hidden()
    assert page.locator("td.cited a").first.get_attribute("href") == "#finding-1"
    page.close()


def test_dark_is_dark(browser: Browser, report: Path) -> None:
    def paper(scheme: str) -> int:
        page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(report.as_uri())
        red: int = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        page.close()
        return red

    assert paper("light") > 200 and paper("dark") < 60


# --- a big run ----------------------------------------------------------------------------------


def test_a_hundred_states_of_a_hundred_checks_are_a_page_of_some_megabytes_with_all_rows(
    browser: Browser, tmp_path: Path
) -> None:
    """How long it takes to open is for benchmarks/report.py to say."""
    file = tmp_path / "report.html"
    file.write_text(html.render(big(tmp_path), tmp_path), encoding="utf-8")
    assert file.stat().st_size < 10_000_000
    opened(browser, file).close()


def test_checks_that_skip_everywhere_unfold_without_a_script(browser: Browser, tmp_path: Path) -> None:
    skipped = tuple(Check(id=f"kvm.{name}", status=Status.SKIP, detail="no KVM") for name in "abc")
    file = tmp_path / "report.html"
    file.write_text(html.render(run(*(state(one, checks=skipped) for one in ("base", "prefix-2"))), tmp_path))
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    expect(page.locator("#idle > summary")).to_have_text("3 checks of kvm skip everywhere: no KVM")
    expect(page.get_by_text("kvm.b")).to_have_count(3)  # and among the skipped ones of two states
    expect(page.locator("#idle").get_by_text("kvm.b")).to_be_hidden()
    page.click("#idle > summary")
    expect(page.locator("#idle").get_by_text("kvm.b")).to_be_visible()
    page.context.close()
