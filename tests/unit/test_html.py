# SPDX-License-Identifier: GPL-2.0-only
"""The HTML report: what it tells, that it needs nothing else, and that nobody's text becomes markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from kseries.model import (
    Advice,
    Bond,
    Coupling,
    Ending,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Frame,
    Outcome,
    RunResult,
    Squash,
    StateResult,
    Status,
    Variant,
    Verdict,
)
from kseries.model.sanitize import printable
from kseries.report import html, text
from tests.support.runs import (
    NASTY,
    SPLIT,
    STOPS,
    checks,
    contract,
    ended_state,
    finding,
    hostile,
    run,
    split_run,
    state,
)

PASS, FAIL, SKIP, XFAIL, MISSING = Status
NOWHERE = Path("/nonexistent")
VOID = {"meta", "wbr", "br", "img", "link", "input"}

Attributes = dict[str, str | None]


class Page(HTMLParser):
    """A page taken apart: its elements in order, its text, and whether every element is closed where it should be."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(document)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["script"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        """Elements and the names of their attributes; where a long word may break depends on the text."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements if tag != "wbr"]

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


def page(result: RunResult, directory: Path = NOWHERE) -> Page:
    return Page(html.render(result, directory))


@pytest.fixture(scope="module")
def split() -> Page:
    return page(split_run(), SPLIT)


# --- the real run -------------------------------------------------------------------------------


def test_it_says_what_the_terminal_says(split: Page) -> None:
    (told,) = split_run().findings
    assert told.advice is not None
    assert text.sentence(split_run(), told) in split.text
    assert text.advice(split_run(), told.advice) in split.text
    for patch in split_run().series.patches:
        assert patch.subject in split.text
    assert "Bisectable yes" in split.text and "Revert-safe NO" in split.text


def test_each_patch_is_answered(split: Page) -> None:
    answers = re.findall(
        r"(\d/6) (KVM: .*?) (yes|NO: [a-z ]+) (yes|no, [a-z ]+|NO: [a-z ]+)(?= \d/6| NO a finding)", split.text
    )
    assert [(number, bisect, revert) for number, _, bisect, revert in answers] == [
        ("1/6", "yes", "yes"),
        ("2/6", "yes", "no, does not build"),
        ("3/6", "yes", "NO: silent break"),
        ("4/6", "yes", "yes"),
        ("5/6", "yes", "yes"),
        ("6/6", "yes", "yes"),
    ]


def test_the_matrix_has_a_column_for_each_state_and_tells_each_cell_in_words(split: Page) -> None:
    states = len(split_run().states)
    titles = [title for title in split.values("title") if title.startswith("without-3: ")]
    assert f"without-3: fail: {split_run().states[9].checks[4].detail}" in titles
    assert len(titles) == 1 + 2 + 14
    heads = [attributes for tag, attributes in split.elements if tag == "th" and attributes.get("scope") == "col"]
    assert len(heads) >= states


def test_the_failing_cells_lead_to_the_finding(split: Page) -> None:
    cited = [one for tag, one in split.elements if tag == "td" and "cited" in (one.get("class") or "")]
    assert len(cited) == 6
    assert split.values("href").count("#finding-1") >= 6


def test_every_link_leads_somewhere(split: Page) -> None:
    ids = split.values("id")
    assert len(ids) == len(set(ids))
    links = split.values("href")
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(ids)


def test_it_needs_nothing_from_outside(split: Page) -> None:
    document = html.render(split_run(), SPLIT)
    assert "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" in document
    assert [tag for tag, _ in split.elements].count("script") == 1
    assert not {"img", "link", "iframe", "object"} & {tag for tag, _ in split.elements}
    assert not split.values("src")
    assert not re.search(r"url\(|@import", document)
    assert "prefers-color-scheme: dark" in document


def test_it_shows_the_ends_of_the_logs(split: Page) -> None:
    assert "kseries: leave memory_fault_info.private_access_to_shared_slot" in split.text
    assert "build log: states/without-2/build.log" in split.text


def test_a_recording_is_named_where_it_is_there_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    (tmp_path / "recording.cast").write_text('{"version": 2}\n[0.1, "o", "hello, terminal"]\n')
    (tmp_path / "build.log").write_text("built\n")
    there = state("base", logs={"build": "build.log", "recording": "recording.cast"})
    gone = state("prefix-1", 1, logs={"recording": "gone.cast"})
    elsewhere = state("prefix-2", 2, logs={"recording": "/etc/hostname"})
    shown = page(run(there, gone, elsewhere), tmp_path)
    assert "recorded for asciinema: recording.cast" in shown.text and "build log: build.log" in shown.text
    assert "terminal" not in shown.text and "gone.cast" not in shown.text and "hostname" not in shown.text


def test_the_bars_are_in_proportion() -> None:
    done = [state("base", seconds={"build": 60.0, "boot": 15.0}), state("prefix-1", 1, seconds={"build": 30.0})]
    same = state("without-2", 2, same_as="prefix-1", seconds={"build": 30.0})
    shown = page(run(*done, same))
    assert shown.values("style") == ["width: 80.0%", "width: 20.0%", "width: 40.0%"]
    assert "build 1 min 30 s boot 15.0 s for 2 distinct source trees" in shown.text


def test_the_time_of_each_stage_is_told() -> None:
    base = state("base", seconds={"build": 90.0, "boot": 2.0, "first_check": 1.2})
    prefix = state("prefix-1", 1, seconds={"build": 6.0, "boot": 2.5, "first_check": 1.4})
    shown = page(run(base, prefix, state("without-1", 1))).text
    assert "build boot first check base 1 min 30 s 2.0 s 1.2 s prefix-1 6.0 s 2.5 s 1.4 s Do it again" in shown
    assert "to the first check: 1.3 s (median)" in shown


# --- how a kernel ended ---------------------------------------------------------------------------


@pytest.mark.parametrize("boot", STOPS)
def test_a_kernel_that_did_not_end_in_peace_is_accounted_for(boot: str) -> None:
    seen = ended_state("prefix-1", boot, 1, suspects=(1, 2))
    shown = page(run(state("base", ending=Ending.DONE), seen))
    assert seen.ending is not None and f"prefix-1: {seen.ending}" in shown.values("title")
    assert " ".join(seen.detail.split()) in shown.text
    assert "Suspected 1/2 KVM: Patch 1 2/2 KVM: Patch 2" in shown.text
    assert " ".join(seen.log_tail.split()) in shown.text
    for frame in seen.trace:
        assert (
            frame.function in ("dump_stack_lvl", "dump_stack", "panic")
            or f"{frame.function} ({frame.file}:{frame.line})" in shown.text
        )
    assert ("details", {"id": "state-prefix-1", "open": None}) in shown.elements


def test_a_panic_is_shown_from_the_caller_of_panic() -> None:
    shown = page(run(state("base"), ended_state("prefix-1", "panic", 1)))
    assert re.search(r"Call trace mutant_end \(kernel/reboot\.c:\d+\) __do_sys_reboot", shown.text)


def test_the_cell_of_an_ending_leads_to_the_account_of_it() -> None:
    shown = page(run(state("base", ending=Ending.DONE), ended_state("prefix-1", "oops", 1)))
    cell = next(number for number, (_, one) in enumerate(shown.elements) if one.get("title") == "prefix-1: oops")
    assert shown.elements[cell + 1] == ("a", {"href": "#state-prefix-1"})
    assert "KVM: Patch 1 runs, oops" in shown.text


def test_a_run_in_which_every_kernel_ended_in_peace_has_no_row_of_endings() -> None:
    shown = page(run(state("base", ending=Ending.DONE), state("prefix-1", 1, ending=Ending.DONE)))
    assert not any(title.endswith(": done") for title in shown.values("title"))
    assert "Suspected" not in shown.text


def test_a_finding_says_how_its_kernel_ended() -> None:
    seen = ended_state("prefix-2", "oops", 2, suspects=(2,))
    told = finding(FindingKind.REGRESSION, "prefix-2", "oops.end: fail: the kernel said: BUG")
    (article,) = re.findall(
        "<article.*?</article>", html.render(run(state("base"), seen, findings=(told,)), NOWHERE), re.S
    )
    shown = Page(article)
    assert "The kernel oops: BUG: kernel NULL pointer dereference, address: 0000000000000000, and went on" in shown.text
    assert re.search(r"In write_to_null \(kernel/reboot\.c:702\) *Suspected 2/2 KVM: Patch 2", shown.text)
    assert "#state-prefix-2" in shown.values("href")


def test_the_log_of_a_tree_that_two_states_have_is_shown_once() -> None:
    seen = ended_state("prefix-1", "panic", 1)
    same = msgspec.structs.replace(seen, id="without-2", scenario="reverts", patch=2, same_as="prefix-1", suspects=(2,))
    shown = page(run(state("base"), seen, same))
    assert shown.text.count(" ".join(seen.log_tail.split())) == 1
    assert (
        "Ended panic: Kernel panic - not syncing: on purpose, during panic.end Suspected 2/2 KVM: Patch 2" in shown.text
    )
    assert "Kernel log that of prefix-1" in shown.text


# --- long lists -----------------------------------------------------------------------------------


def many_failed() -> RunResult:
    failed = checks(**{f"p__c{number}": FAIL for number in range(50)})
    evidence = tuple(f"{check.id}: fail: said {number}" for number, check in enumerate(failed))
    told = finding(FindingKind.REGRESSION, "prefix-2", *evidence)
    again = finding(FindingKind.UNDOCUMENTED_DEPENDENCY, "prefix-2", *evidence, patch=1)
    return run(state("base"), state("prefix-2", 2, checks=failed), findings=(told, again))


def test_the_evidence_of_many_checks_is_folded_and_all_there() -> None:
    document = html.render(many_failed(), NOWHERE)
    article, again = re.findall("<article.*?</article>", document, re.S)
    shown, _, folded = article.partition("<details")
    assert [f"said {number}<" in shown for number in range(50)] == [number < html.FEW for number in range(50)]
    assert [f"said {number}<" in folded for number in range(50)] == [number >= html.FEW for number in range(50)]
    assert f"and {50 - html.FEW} more" in folded
    assert "said 0<" not in again and "On the evidence of finding 1." in Page(again).text


def test_a_state_shows_its_first_failures_and_folds_the_rest_and_what_it_skipped() -> None:
    more = checks(**{f"p__c{number}": FAIL for number in range(6)}, p__s=SKIP)
    shown = page(run(state("base"), state("prefix-1", 1, checks=more))).text
    assert "and 2 more that failed or are missing" in shown and "1 skipped or expected to fail" in shown
    assert shown.count("why it did not") == 7


# --- what is said of other runs -------------------------------------------------------------------


def test_a_clean_run_says_so() -> None:
    shown = page(run(state("base"), state("prefix-1", 1, contracts=(contract(),))))
    assert "No findings." in shown.text
    assert "Findings none" in shown.text


def test_a_run_that_could_not_be_judged_says_so() -> None:
    result = run(
        state("prefix-1", 1, outcome=Outcome.INFRA_ERROR, detail="the disk is full"),
        state("without-1", 1),
        verdict=Verdict(bisectable=None, revert_safe=None),
    )
    shown = page(result)
    assert "Bisectable not judged" in shown.text and "Revert-safe not judged" in shown.text
    assert "Findings none But not all could be judged." in shown.text
    assert "No findings, but not all could be judged." in shown.text
    assert "this host failed the disk is full" in shown.text
    assert "KVM: Patch 1 this host failed runs, not judged" in shown.text


@pytest.mark.parametrize(
    ("seen", "answer"),
    [
        (state("without-1", 1), "yes"),
        (state("without-1", 1, outcome=Outcome.CONFLICT), "no, conflicts"),
        (state("without-1", 1, outcome=Outcome.BOOT_FAILED), "no, does not boot"),
        (state("without-1", 1, outcome=Outcome.CRASHED), "crashed"),
        (state("without-1", 1, contracts=(contract(False, True, "p.a"),)), "promises what it does not keep"),
        (state("without-1", 1, contracts=(contract(None),)), "runs, not judged"),
        (state("without-1", 1, contracts=(contract(None, False),)), "yes"),
    ],
)
def test_a_patch_is_answered_by_what_was_seen_without_it(seen: StateResult, answer: str) -> None:
    assert f"1/2 KVM: Patch 1 {answer} 2/2" in page(run(state("base"), seen)).text


@pytest.mark.parametrize(("verified", "said"), [(True, "Proved"), (False, "Tried, and NO cure")])
def test_a_cure_says_whether_it_was_seen_to_work(verified: bool, said: str) -> None:
    told = finding(FindingKind.REGRESSION, "base", "p.a: fail", advice=Advice(squash=(1, 2), verified=verified))
    shown = page(run(state("base"), findings=(told,)))
    assert f"Cure: {said}: squash 1/2 and 2/2" in shown.text


def test_the_states_of_the_squashed_series_are_told() -> None:
    told = finding(FindingKind.REGRESSION, "base", "p.a: fail", advice=Advice(squash=(1, 2), verified=False))
    broken = state("without-1", 1, contracts=(contract(False),))
    squash = Squash(
        id="squash-1+2",
        patches=(),
        states=(state("base"), broken),
        findings=(),
        verdict=Verdict(bisectable=True, revert_safe=False),
    )
    other = msgspec.structs.replace(squash, id="squash-1+3")
    shown = page(run(state("base"), findings=(told,), squashes=(squash, other)))
    assert "squash-1+2: 0 patches, 2 states base ok without-1 ok, breaks feature" in shown.text
    assert "squash-1+3" not in shown.text


def test_what_is_flaky_and_what_the_compiler_says_since_is_told() -> None:
    shown = page(run(state("base"), state("prefix-1", 1, flaky=("p.a",), warnings_new=("x.c: warning: unused",))))
    assert "Flaky p.a: two boots, two answers" in shown.text
    assert "New warning x.c: warning: unused" in shown.text


def test_advice_is_shown_and_not_counted() -> None:
    told = finding(FindingKind.FLAKY, "base", "p.a: two boots, two answers")
    shown = page(run(state("base", checks=checks(p__a=FAIL)), findings=(told,)))
    assert "Findings none" in shown.text
    assert "flaky base advice, not counted" in shown.text and "two boots, two answers" in shown.text


def test_evidence_that_never_came_is_a_cell_of_the_matrix() -> None:
    told = finding(FindingKind.REGRESSION, "prefix-2", "p.a: missing")
    shown = page(run(state("base", checks=checks(p__a=PASS)), state("prefix-2", 2), findings=(told,)))
    assert "prefix-2: missing" in shown.values("title")


# --- text from strangers --------------------------------------------------------------------------


def filled(with_text: str, directory: Path) -> RunResult:
    """A run in which every text that comes from a patch, a tool or a guest is ``with_text``."""
    (directory / "build.log").write_bytes(with_text.encode(errors="surrogatepass"))
    one = state(
        "prefix-1",
        1,
        checks=tuple(msgspec.structs.replace(check, detail=with_text) for check in checks(p__a=FAIL, p__b=MISSING)),
        caps={f"CAP{with_text}": 1},
        contracts=(msgspec.structs.replace(contract(False, True, f"p.{with_text}"), capability=with_text),),
        logs={"build": "build.log"},
        notes=(with_text,),
        ending=Ending.OOPS,
        log_tail=with_text,
        trace=(
            Frame(function=with_text, file=with_text, line=1),
            *(Frame(function=f"f{with_text}", file=with_text, line=line, sure=False) for line in range(2, 9)),
        ),
        suspects=(1, 2, 3),
    )
    two = state(
        "without-1", 1, outcome=Outcome.BUILD_FAILED, detail=f"{with_text}\n{with_text}", seconds={"build": 1.0}
    )
    told: tuple[Finding, ...] = (
        finding(FindingKind.BISECT_HOLE, "prefix-1", f"p.a: fail: {with_text}", patch=1, contract="feature"),
        finding(FindingKind.SILENT_BREAK, "prefix-1", f"p.b: fail: {with_text}", patch=1, contract="feature"),
    )
    result = run(
        one,
        two,
        findings=told,
        variant=Variant(label=with_text, arch=with_text, toolchain=with_text, config_hash=with_text),
    )
    patches = tuple(msgspec.structs.replace(patch, subject=with_text) for patch in result.series.patches)
    return msgspec.structs.replace(
        result,
        series=msgspec.structs.replace(result.series, name=with_text, patches=patches),
        base=msgspec.structs.replace(result.base, name=with_text, version=with_text),
        accel=msgspec.structs.replace(result.accel, name=with_text, why=with_text),
    )


@given(bad=hostile)
def test_no_text_becomes_markup(bad: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("run")
    document = html.render(filled(bad, directory), directory)
    document.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", document)
    assert Page(document).shape == page(filled("x" if bad else "", directory), directory).shape


def test_the_text_itself_is_kept(tmp_path: Path) -> None:
    for bad in NASTY[:8]:
        shown = page(filled(bad, tmp_path), tmp_path)
        assert shown.text.count(" ".join(printable(bad).split())) > 10


def test_the_name_of_a_state_or_a_check_is_no_markup_either() -> None:
    bad = "\"><script> '&."
    told = finding(FindingKind.REGRESSION, f"only-{bad}", f"{bad}: fail: {bad}")
    odd = state(f"only-{bad}", 1, checks=(msgspec.structs.replace(checks(p__a=FAIL)[0], id=bad),), logs={bad: bad})
    shown = page(run(odd, findings=(told,)))
    assert [tag for tag, _ in shown.elements].count("script") == 1
    assert not any(re.search(r"\s", name) for name in shown.values("id"))
    assert {link[1:] for link in shown.values("href")} <= set(shown.values("id"))


def test_lines_of_a_megabyte_are_cut_and_the_page_stays_small(tmp_path: Path) -> None:
    document = html.render(filled("y" * 1_000_000, tmp_path), tmp_path)
    assert len(document) < 2_000_000 and "more characters" in document


# --- at the top, and beside ------------------------------------------------------------------------


def test_the_top_says_what_is_wrong_and_when_it_was_seen() -> None:
    told = msgspec.structs.replace(split_run(), began="2025-11-25T17:01:02+00:00", seconds=75.0)
    shown = page(told)
    assert "Not ready: reverting 3/6 silently breaks KVM_CAP_EXIT_ON_MISSING." in shown.text
    assert "25 November 2025, 17:01 UTC, in 1 min 15 s" in shown.text


def test_the_bars_tell_the_stages_apart_and_count_none_twice() -> None:
    took = {"configure": 10.0, "compile": 40.0, "link": 10.0, "build": 60.0, "first_check": 15.0, "boot": 40.0}
    shown = page(run(state("base", seconds=took)))
    assert shown.values("style")[-5:] == [f"width: {part}%" for part in (10.0, 40.0, 10.0, 15.0, 25.0)]


def test_arcs_show_who_needs_whom_and_a_list_says_it() -> None:
    build = Coupling(
        kind=Bond.BUILD,
        patch=2,
        needs=1,
        state="without-1",
        evidence=(
            Evidence(kind=EvidenceKind.ERROR, said="x.c:1: error: f undeclared"),
            Evidence(kind=EvidenceKind.ERROR, said="y"),
        ),
    )
    vague = Coupling(kind=Bond.TEXTUAL, patch=1, needs=None, state="only-1")
    shown = page(run(state("base"), state("without-1", 1), couplings=(build, vague)))
    assert "build: 2/2 needs 1/2, shown by without-1 x.c:1: error: f undeclared (and 1 more)" in shown.text
    assert "textual: 1/2 needs more than the base, shown by only-1" in shown.text
    assert [one.get("class") for tag, one in shown.elements if tag == "path"] == ["arc build", "tip build"]
    points = [int(y) for y in shown.values("cy")]
    start, *_, end = re.findall(r"\d+ (\d+)", shown.values("d")[0])
    assert int(start) == points[1] and abs(int(end) - points[0]) < 8


def test_a_run_that_saw_no_coupling_has_no_picture_of_any() -> None:
    assert "svg" not in {tag for tag, _ in page(run(state("base"))).elements}


def test_a_finding_brings_the_command_and_the_mail() -> None:
    told = msgspec.structs.replace(split_run(), words=("my patches/", "--tree", "/src/linux"))
    shown = page(told)
    assert "kseries try without-3 'my patches/' --tree /src/linux" in shown.text
    assert "Subject: Re: [PATCH 3/6] KVM: x86: Annotate" in shown.text


def test_a_finding_lists_the_states_that_were_built_to_find_its_partner(tmp_path: Path) -> None:
    told = finding(FindingKind.SILENT_BREAK, "without-1", "p.a: fail", patch=1, partner=2)
    dead = state("prefix-2/without-1", 1, outcome=Outcome.CRASHED, ending=Ending.OOPS)
    others = (state("prefix-1/without-1", 1), state("prefix-2/without-2", 2))
    page = html.render(run(state("without-1", 1), findings=(told,), searched=(*others, dead)), tmp_path)
    listed = page.partition("built to find its partner: 2 states")[2].partition("</ul>")[0]
    assert [name for name in ("prefix-1/without-1", "prefix-2/without-1", "oops") if name in listed] == [
        "prefix-1/without-1",
        "prefix-2/without-1",
        "oops",
    ]
    assert "prefix-2/without-2" not in listed
