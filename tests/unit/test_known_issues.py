# SPDX-License-Identifier: GPL-2.0-only
"""Known issues: how a user lists them, what one covers and what none ever does, and that nothing is silently gone."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from kseries.app import knownissues as applied
from kseries.app import session
from kseries.app.knownissues import KnownIssues
from kseries.inputs import knownissues
from kseries.judge import compare, evidence, exercise, judge
from kseries.judge import knownissues as covering
from kseries.model import (
    Check,
    Complaint,
    Evidence,
    EvidenceKind,
    Exercise,
    Finding,
    FindingKind,
    Gravity,
    Inference,
    IssueNote,
    KnownIssue,
    PatchResult,
    RunResult,
    StateResult,
    Status,
    Tally,
    Verdict,
    validate,
)
from kseries.model.errors import InputError
from kseries.publish.github import checkrun
from kseries.report import (
    annotations,
    comparisons,
    grounds,
    headline,
    html,
    junit,
    kcidbfindings,
    known,
    mail,
    questions,
    sarif,
    text,
)
from kseries.report import json as as_json
from kseries.report.questions import Answer
from kseries.report.reporter import FinishedRun
from tests.support.judged import FEATURE, SILENT, SOUND, Seen, plan_of, result_of
from tests.support.runs import checks, contract, finding, judgement, run, state

LINK = "https://bugs.example.org/7"
ISSUE = f'[[issue]]\ncheck = "p.a"\nlink = "{LINK}"\n'
TODAY = date(2026, 11, 30)
PASS, FAIL, SKIP, XFAIL, MISSING = Status


# --- as a file ----------------------------------------------------------------------------------


def read(tmp_path: Path, *files: str) -> tuple[KnownIssue, ...]:
    for number, held in enumerate(files):
        (tmp_path / f"{number}.toml").write_text(held)
    return knownissues.read(tmp_path / f"{number}.toml" for number in range(len(files)))


def test_a_list_says_which_checks_where_they_are_told_of_and_until_when(tmp_path: Path) -> None:
    whole = '[[issue]]\ncheck = "q.*"\nsaid = "at \\\\w+"\nlink = "http://x/1"\nuntil = 2027-03-01\nmissing = true\n'
    assert read(tmp_path, ISSUE, whole) == (
        KnownIssue(check="p.a", link=LINK),
        KnownIssue(check="q.*", link="http://x/1", said=r"at \w+", until=date(2027, 3, 1), missing=True),
    )


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("[[issue]\n", "(at line 1, column 8)"),
        ("", "it has no [[issue]]"),
        ('[issue]\ncheck = "p.a"', "it has no [[issue]]"),
        ("issue = [1]", "issue 1 is no table"),
        (f"{ISSUE}[other]\n", "other: what is that?"),
        (f"{ISSUE}why = 1\n", "issue 1: why: what is that?\n  an issue has check, link, said, until, missing"),
        (f'[[issue]]\nlink = "{LINK}"\n', "issue 1 () has no check"),
        (f"[[issue]]\ncheck = 7\nlink = '{LINK}'\n", "issue 1: check = 7 is no text"),
        (f"{ISSUE}[[issue]]\ncheck = 'q.b'\n", "issue 2 (q.b): has no link\n  say where"),
        ("[[issue]]\ncheck = 'q.b'\nlink = 'javascript:alert(1)'\n", "javascript:alert(1) is no link"),
        ("[[issue]]\ncheck = 'q.b'\nlink = 'https://a b'\n", "https://a b is no link"),
        (f"{ISSUE}said = '(a'\n", "issue 1 (p.a): said = (a is no regular expression: missing ), unterminated"),
        (f"{ISSUE}said = ''\n", "said is empty\n  leave it out"),
        (f"{ISSUE}said = '{'a' * 1001}'\n", "said has 1001 characters"),
        (f"{ISSUE}said = '[[a]'\n", "said = [[a] is no regular expression: Possible nested set at position 1"),
        *(
            (f"{ISSUE}said = '{said}'\n", "is found in anything\n  write")
            for said in (".*", ".", "^", "x?", "^(?!KASAN)")
        ),
        *((f"[[issue]]\ncheck = '{every}'\nlink = '{LINK}'\n", "covers every check\n") for every in ("*", "?*", "*.*")),
        (f"{ISSUE}until = '2027-03-01'\n", "until = 2027-03-01 is no day\n  write it without quotes"),
        (f"{ISSUE}until = 2027-03-01T00:00:00Z\n", "is no day"),
        (f"{ISSUE}until = 2027-02-30\n", "at line 4"),
        (f"{ISSUE}missing = 1\n", "missing = 1\n  it is true or false"),
        ("\0", "line 1"),
        ("a = " + "[" * 5000, ""),
    ],
)
def test_what_is_wrong_with_one_names_the_file_the_entry_and_what_to_do(tmp_path: Path, held: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, held)
    first, _, second = str(error.value).partition("\n")
    assert first.startswith(f"--known-issues {tmp_path}/0.toml")
    assert second.startswith("  ") and "\n" not in second
    assert said in str(error.value)


def test_any_check_may_say_what_is_known(tmp_path: Path) -> None:
    held = f"[[issue]]\ncheck = '*'\nlink = '{LINK}'\nsaid = '^$|at kvm_x'\n"
    assert read(tmp_path, held) == (KnownIssue(check="*", link=LINK, said="^$|at kvm_x"),)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")])
def test_what_is_no_file_of_text_is_told_so(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "list")
    with pytest.raises(InputError, match=r"^--known-issues.*/list.*\n  "):
        knownissues.read([tmp_path / "list"])


@given(st.text())
def test_no_text_is_more_than_wrong(tmp_path_factory: pytest.TempPathFactory, held: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(held, errors="replace")
    with pytest.raises(InputError):
        knownissues.read([path])


# --- what one covers ----------------------------------------------------------------------------


def check(name: str, status: Status = FAIL, said: str = "", complaint: str = "") -> Evidence:
    return Evidence(kind=EvidenceKind.CHECK, name=name, status=status, said=said, complaint=complaint)


SPLAT = "WARNING: CPU: 0 PID: 7 at kvm_x"


@pytest.mark.parametrize(
    ("issue", "one", "covered"),
    [
        ({}, check("p.a"), True),
        ({}, check("p.ab"), False),
        ({"check": "p.*"}, check("p.ab"), True),
        ({"check": "P.A"}, check("p.a"), False),
        ({"check": "p.a[x86-1]"}, check("p.a[x86-1]"), True),
        ({"check": "p.a[x86-1]"}, check("p.a[x86-2]"), False),
        ({"check": "p.a[[]*]"}, check("p.a[x86-2]"), True),
        ({}, Evidence(kind=EvidenceKind.FLAKY, name="p.a"), True),
        ({"said": "x"}, Evidence(kind=EvidenceKind.FLAKY, name="p.a"), False),
        ({"said": "E[0-9]+"}, check("p.a", said="got E12"), True),
        ({"said": "E[0-9]+"}, check("p.a", said="got F12"), False),
        ({}, check("p.a", MISSING), False),
        ({}, check("p.a", SKIP), False),
        ({"missing": True}, check("p.a", MISSING), True),
        ({"missing": True}, check("p.a", SKIP), True),
        ({"check": "*", "missing": True, "said": ""}, Evidence(kind=EvidenceKind.OUTCOME, name="build-failed"), False),
        ({"check": "*", "missing": True, "said": ""}, Evidence(kind=EvidenceKind.OUTCOME, name="boot-failed"), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.OUTCOME, name="crashed", said=SPLAT), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.WARNING, file="a.c", said="unused"), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.DENIAL, name="make", said="denied"), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.CONFLICT, file="a.c"), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.ERROR, said="it"), False),
        ({"check": "*", "said": "."}, Evidence(kind=EvidenceKind.CONTRACT, name="c", said="it"), False),
        ({}, Evidence(kind=EvidenceKind.COMPLAINT, name="p.a", said=SPLAT), False),
        ({"said": "at kvm_x"}, Evidence(kind=EvidenceKind.COMPLAINT, name="p.a", said=SPLAT), True),
        ({"check": "*", "said": "at kvm_x"}, Evidence(kind=EvidenceKind.COMPLAINT, said=SPLAT), True),
        ({}, check("p.a", said=f"no; {SPLAT}", complaint=SPLAT), False),
        ({"said": "^no"}, check("p.a", said=f"no; {SPLAT}", complaint=SPLAT), False),
        ({"said": "kvm_x$"}, check("p.a", said=f"no; {SPLAT}", complaint=SPLAT), True),
    ],
)
def test_an_issue_covers_checks_that_fail_and_no_more_than_it_says(
    issue: dict[str, object], one: Evidence, covered: bool
) -> None:
    given: dict[str, object] = {"check": "p.a", "link": LINK, **issue}
    assert covering.covers(KnownIssue(**given), one) is covered  # type: ignore[arg-type]


def known_of(*issues: KnownIssue, today: date = TODAY, **seen: StateResult) -> KnownIssues:
    return KnownIssues(issues, today, {one.id: one for one in seen.values()})


A, B = KnownIssue(check="p.a", link=LINK), KnownIssue(check="p.b", link="https://b")


def regression(*evidence: Evidence) -> Finding:
    return finding(FindingKind.REGRESSION, "prefix-2", *evidence)


def test_a_finding_is_known_where_all_of_it_is_covered() -> None:
    (both,) = known_of(A, B).mark((regression(check("p.a"), check("p.b")),))
    assert both.is_known and not both.counts and not both.is_advice
    (partly,) = known_of(A).mark((regression(check("p.a"), check("p.b")),))
    assert not partly.is_known and partly.counts
    assert [one.known for one in partly.evidence] == [LINK, ""]
    died = replace(both, evidence=(*both.evidence, Evidence(kind=EvidenceKind.OUTCOME, name="crashed")))
    assert died.counts


@pytest.mark.parametrize(("until", "applied"), [(date(2026, 11, 30), True), (date(2026, 11, 29), False)])
def test_an_issue_is_applied_until_the_end_of_its_last_day(until: date, applied: bool) -> None:
    issues = known_of(replace(A, until=until))
    (found,) = issues.mark((regression(check("p.a")),))
    assert found.is_known is applied
    (note,) = issues.notes((regression(check("p.a")),))
    assert (note.ended, note.covers, note.until) == (not applied, 1, until.isoformat())


def test_the_first_issue_that_covers_it_is_named_and_each_is_counted() -> None:
    every = replace(A, check="*", link="https://all")
    issues, seen = known_of(A, every), (regression(check("p.a"), check("p.b")),)
    assert [one.known for one in issues.mark(seen)[0].evidence] == [LINK, "https://all"]
    assert [note.covers for note in issues.notes(seen)] == [1, 2]


def test_a_pattern_that_takes_for_ever_covers_nothing_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applied, "_SECONDS", 0.2)
    issues = known_of(replace(A, said="(a+)+$"), B)
    seen = (regression(check("p.a", said="a" * 64 + "b")), regression(check("p.b")))
    assert [one.is_known for one in issues.mark(seen)] == [False, True]
    slow, well = issues.notes(seen)
    assert slow.too_slow and not slow.covers and not well.too_slow
    told = replace(noted(slow), findings=())
    assert [*known.notes(told)] == [
        f"known issue p.a ({LINK}) is not applied: its pattern took too long; write it with fewer repeats"
    ]


WARNED = Complaint(gravity=Gravity.REPORT, kind="WARNING", said=SPLAT, function="kvm_x", check="p.a")
FREED = Complaint(gravity=Gravity.REPORT, kind="BUG: KASAN: double-free", said="BUG: KASAN in kvm_y", check="p.a")


@pytest.mark.parametrize(
    ("of_base", "of_state", "is_known"),
    [
        ((), (WARNED,), True),
        ((), (WARNED, FREED), False),
        ((), (FREED, WARNED), False),
        ((FREED,), (WARNED, FREED), True),
        ((), (WARNED, replace(FREED, check="p.b")), True),
        ((), (WARNED, replace(FREED, boots=1, of=2)), True),
    ],
)
def test_a_check_during_which_the_kernel_says_more_is_covered_with_all_of_that(
    of_base: tuple[Complaint, ...], of_state: tuple[Complaint, ...], is_known: bool
) -> None:
    """Of two complaints during a check that a revert fails, the check's own evidence has the first alone."""
    base = state("base", checks=checks(p__a=PASS), complaints=of_base)
    blamed = tuple(f"the kernel said: {one.said}" for one in of_state if one.check == "p.a")
    failed = state("without-1", 1, checks=(Check(id="p.a", status=FAIL, blamed=blamed),), complaints=of_state)
    lost = finding(FindingKind.SILENT_BREAK, "without-1", evidence.of_check("p.a", failed))
    splat = replace(A, said="at kvm_x")
    (told,) = known_of(splat, base=base, failed=failed).mark((lost,))
    assert told.is_known is is_known
    both = known_of(splat, replace(A, said="kvm_y"), base=base, failed=failed)
    assert both.mark((lost,))[0].is_known, "each by an issue of its own"


# --- the verdict --------------------------------------------------------------------------------

PLAN = plan_of(tuple(SOUND))


def verdict(broken: str, *issues: KnownIssue, **others: Seen) -> tuple[bool | None, bool | None]:
    """Whether a series is bisectable, and revert-safe, of which one state breaks its promise."""
    shown = {**SOUND, broken: SILENT, **{name.replace("_", "-"): one for name, one in others.items()}}
    seen = {one.id: result_of(one, shown[one.id]) for one in PLAN.states}
    findings, answer = judge(PLAN, seen, (FEATURE,), Inference.OFF, known_of(*issues).mark)[1:]
    assert findings and not any(one.is_known for one in findings), "they are marked later"
    return answer.bisectable, answer.revert_safe


def test_a_question_that_known_issues_alone_say_no_to_is_not_judged() -> None:
    feature = replace(A, check="feature.works")
    assert verdict("without-1") == verdict("without-1", A) == (True, False)
    assert verdict("without-1", feature) == (True, None)
    assert verdict("prefix-2") == (False, True)
    assert verdict("prefix-2", feature) == (None, True)


def test_what_a_revert_fails_as_the_whole_series_does_by_a_known_issue_is_not_judged() -> None:
    feature, other = replace(A, check="feature.works"), replace(A, check="feature.lasts")
    assert verdict("prefix-3", feature) == (True, True), "all reverts pass it"
    assert verdict("prefix-3", without_3=SILENT) == verdict("prefix-3", other, without_3=SILENT) == (True, True)
    assert verdict("prefix-3", feature, without_3=SILENT) == (True, None)


def test_so_it_is_of_one_patch_and_reports_say_why() -> None:
    tip = state("prefix-2", 2, applied=(1, 2), contracts=(contract(),), checks=checks(p__a=FAIL))
    failed = state("without-1", 1, contracts=(contract(),), checks=checks(p__a=FAIL))
    patch = PatchResult(number=1, verdict=Verdict(bisectable=None, revert_safe=None), exercise=Exercise.EXERCISED)
    found = (finding(FindingKind.BROKEN_CONTRACT, "prefix-2", check("p.a"), contract="feature"),)
    told = {}
    for name, findings in {"counted": found, "known": known_of(A).mark(found)}.items():
        told[name] = run(
            state("base"), tip, failed, findings=findings, verdict=Verdict(bisectable=True, revert_safe=None)
        )
    assert [exercise._verdict(judgement(one), tip, patch).revert_safe for one in told.values()] == [True, None]
    assert ["known issues" in grounds.why_not(one) for one in told.values()] == [False, True]
    well = replace(told["known"], states=(state("base"), tip, state("without-1", 1, checks=checks(p__a=PASS))))
    assert "known issues" not in grounds.why_not(well)


def test_so_is_that_question_of_one_patch() -> None:
    tip = state("prefix-2", 2, applied=(1, 2), contracts=(contract(),))
    states = (state("base"), tip, state("without-1", 1, contracts=(contract(),)))
    patch = PatchResult(number=1, verdict=Verdict(bisectable=None, revert_safe=None), exercise=Exercise.EXERCISED)
    lost = finding(FindingKind.SILENT_BREAK, "without-1", check("p.a"))

    def answer(*findings: Finding) -> bool | None:
        return exercise._verdict(judgement(run(*states, findings=findings)), tip, patch).revert_safe

    known_lost = known_of(A).mark((lost,))
    assert (answer(), answer(lost), answer(*known_lost), answer(*known_lost, lost)) == (True, False, None, False)


# --- what is told -------------------------------------------------------------------------------


def noted(*notes: IssueNote, findings: tuple[Finding, ...] = ()) -> RunResult:
    return run(state("base"), state("prefix-1", 1), state("prefix-2", 2), findings=findings, known_issues=notes)


NOTE = IssueNote(check="p.a", link=LINK, covers=1)


def one_known(*more: Finding) -> RunResult:
    """A run whose tip fails two checks, one of which is known, for two findings."""
    failed = state(
        "prefix-2", 2, applied=(1, 2), checks=checks(p__a=FAIL, p__b=FAIL), contracts=(contract(False, True, "p.a"),)
    )
    (covered,) = known_of(A).mark((finding(FindingKind.BROKEN_CONTRACT, "prefix-2", check("p.a"), contract="feature"),))
    tallied = replace(covered, evidence=(replace(covered.evidence[0], without_series=Tally(failed=3, boots=212)),))
    first = state("prefix-1", 1, applied=(1,), checks=checks(p__a=PASS, p__b=PASS))
    base = state("base", checks=checks(p__a=PASS, p__b=PASS))
    return run(
        base,
        first,
        failed,
        findings=(tallied, *more),
        known_issues=(NOTE,),
        verdict=Verdict(bisectable=True, revert_safe=None),
    )


CHANCE = "this check failed 3 of 212 times on kernels without this series"


def test_a_run_of_known_issues_alone_exits_0_and_says_so() -> None:
    told = one_known()
    assert session.exit_status(told) == 0
    assert session.exit_status(one_known(regression(check("p.b")))) == 1
    assert headline.headline(told) == "Nothing was found but 1 known issue, and not all could be judged."
    judged = replace(told, verdict=Verdict(bisectable=True, revert_safe=True))
    assert headline.headline(judged) == "Nothing was found but 1 known issue."
    assert "1 finding, 1 known issue" in headline.headline(one_known(regression(check("p.b"))))


def test_text_shows_it_apart_with_its_link() -> None:
    shown = text.render(one_known(regression(check("p.b")))).splitlines()
    heads = [one for one in shown if re.match("[A-Z -]+: ", one)]
    assert heads[0].startswith("REGRESSION: ") and heads[1].startswith("KNOWN ISSUE: BROKEN-CONTRACT: ")
    assert f"  known issue, not counted: {LINK}" in shown and f"  {CHANCE}" in shown
    assert "1 finding, 1 known issue" in shown
    alone = text.render(one_known())
    assert "No findings but known issues." in alone and "0 findings, 1 known issue" in alone


def test_text_says_what_became_of_each_issue() -> None:
    ended = replace(NOTE, until="2026-11-29", ended=True)
    nothing = replace(NOTE, check="q.*", covers=0)
    both = replace(ended, covers=0)
    shown = text.render(noted(NOTE, ended, nothing, both)).splitlines()
    assert [one for one in shown if one.startswith("known issue")] == [
        f"known issue p.a ({LINK}) ended on 2026-11-29: it is counted again",
        f"known issue q.* ({LINK}) matched nothing",
        f"known issue p.a ({LINK}) matched nothing",
    ]


def test_where_a_part_is_known_that_is_told_and_the_whole_counts() -> None:
    (partly,) = known_of(A).mark((regression(check("p.a"), check("p.b")),))
    told = noted(NOTE, findings=(partly,))
    assert session.exit_status(told) == 1
    shown = text.render(told)
    assert f"  p.a is a known issue, and the rest is not: {LINK}" in shown and "KNOWN ISSUE" not in shown


def suites(told: RunResult, tmp_path: Path) -> dict[str, ET.Element]:
    root = ET.fromstring(junit.render(told, tmp_path).encode())
    assert {suite.get("errors") for suite in root} == {"0"}
    return {f"{case.get('classname')}.{case.get('name')}": case for suite in root for case in suite}


def test_junit_skips_it_with_its_link_and_it_is_not_gone(tmp_path: Path) -> None:
    cases = suites(one_known(), tmp_path)
    assert [name for name, case in cases.items() if case.find("failure") is not None] == []
    for name in ("prefix-2.p.a", "prefix-2.known.1 broken-contract", "prefix-2.contract.feature"):
        skipped = cases[name].find("skipped")
        assert skipped is not None and f"known issue ({LINK})" in (skipped.get("message") or ""), name
    body = cases["prefix-2.known.1 broken-contract"].find("skipped")
    assert body is not None and CHANCE in (body.text or "")
    both = suites(one_known(regression(check("p.b"))), tmp_path)
    failed = [name for name, case in both.items() if case.find("failure") is not None]
    assert failed == ["prefix-2.p.b", "prefix-2.finding.2 regression"]


def test_a_check_that_is_evidence_of_both_fails(tmp_path: Path) -> None:
    """The same check covered in one finding, beside an uncovered one in another."""
    (partly,) = known_of(A).mark((regression(check("p.a"), check("p.b")),))
    cases = suites(one_known(partly), tmp_path)
    assert cases["prefix-2.p.a"].find("failure") is not None


def test_html_has_a_section_of_its_own_with_a_link(tmp_path: Path) -> None:
    page = html.render(one_known(regression(check("p.b"))), tmp_path)
    findings, apart = page[page.index('<section id="findings">') :].split('<section id="known">')
    assert 'id="finding-2"' in findings and 'id="finding-1"' not in findings
    apart = apart.partition("</section>")[0]
    assert 'id="finding-1"' in apart and f'<a href="{LINK}">{LINK}</a>' in apart
    assert "This check failed 3 of 212 times" in apart
    assert "1 known issue. But not all could be judged." in html.render(one_known(), tmp_path)
    assert '<section id="known">' not in html.render(run(state("base"), state("prefix-2", 2)), tmp_path)
    told = html.render(noted(replace(NOTE, covers=0)), tmp_path)
    assert f"Known issue p.a ({LINK}) matched nothing." in told


def test_a_mail_and_annotations_say_it() -> None:
    told = one_known()
    assert CHANCE in " ".join(mail.reply(told, told.findings[0]).split()).replace("This check", "this check")
    (one,) = annotations.annotations(told)
    assert one.level is annotations.Level.NOTE and LINK in one.body
    (result,) = sarif.document(told)["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": LINK}]


def test_who_is_told_of_each_patch_is_not_told_that_it_fails(tmp_path: Path) -> None:
    told = one_known()
    answers = questions.answers(told)
    assert Answer.FAIL not in {one.answer for one in answers}
    (said,) = [one.said for one in answers if one.finding is not None]
    assert said.startswith(f"known issue ({LINK}): ")
    conclusion = checkrun.of(FinishedRun(told, tmp_path)).conclusion
    assert conclusion is not None and conclusion.value == "neutral"


def test_kcidb_is_told_which_issue_it_is(tmp_path: Path) -> None:
    told = one_known()
    issue = kcidbfindings._issue(FinishedRun(told, tmp_path), told.findings[0], "test")
    assert issue["comment"].startswith("known issue: broken-contract: ") and issue["report_url"] == LINK
    assert issue["misc"]["kseries"]["known"][0] == f"known issue, not counted: {LINK}"


def test_compare_says_known_and_finds_nothing_worse() -> None:
    new = one_known()
    tip = replace(new.states[2], checks=checks(p__a=PASS, p__b=FAIL))
    old = run(*new.states[:2], tip, verdict=new.verdict)
    told = compare.compare(old, new, ())
    assert not told.worse and f"NEW (known issue: {LINK}): broken-contract: " in comparisons.render(told, old, new)
    both = compare.compare(new, new, ())
    assert f"KNOWN ISSUE ({LINK}): broken-contract: " in comparisons.render(both, new, new) and not both.worse
    counted = replace(new, findings=(replace(new.findings[0], evidence=(check("p.a"),)),))
    assert compare.compare(old, counted, ()).worse, "it is the mark that makes the difference"
    again = compare.compare(new, counted, ())
    assert again.worse == ("broken-contract in prefix-2: no known issue any more",)
    assert f"CHANGED: broken-contract: {text.sentence(counted, counted.findings[0])}\n    no known issue any more" in (
        comparisons.render(again, new, counted)
    )
    assert not compare.compare(counted, new, ()).worse


def test_a_verdict_that_known_issues_leave_open_is_not_worse_and_another_is() -> None:
    good = run(state("base"), state("without-1", 1))
    assert "known issues" not in grounds.why_not(one_known()), "no question hangs on it"
    lost = finding(FindingKind.SILENT_BREAK, "without-1", replace(check("p.a"), known=LINK))
    new = replace(good, findings=(lost,), verdict=Verdict(bisectable=True, revert_safe=None))
    assert not compare.compare(good, new, ()).worse and grounds.why_not(new) == "known issues are in the way"
    assert compare.compare(good, replace(new, findings=()), ()).worse == ("revert-safe no more",)


@pytest.mark.parametrize(
    ("where", "counted", "is_worse"),
    [("without-1", True, False), ("without-1", UNSET, True), ("prefix-1", True, True)],
)
def test_a_suspected_break_that_counts_leaves_its_question_open_where_it_is_known(
    where: str, counted: bool | UnsetType, is_worse: bool
) -> None:
    good = run(state("base"), state("prefix-1", 1), state("without-1", 1))
    lost = finding(FindingKind.SUSPECTED_BREAK, where, replace(check("p.a"), known=LINK), counted=counted)
    new = replace(good, findings=(lost,), verdict=Verdict(bisectable=True, revert_safe=None))
    assert bool(compare.compare(good, new, ()).worse) is is_worse
    assert ("known issues" in grounds.why_not(new)) is (counted is True)


def failing_base(one: Check, **more: Any) -> RunResult:
    """A run whose base fails a check by chance, which is no finding."""
    return run(state("base", checks=(one,), **more), state("prefix-1", 1), known_issues=(NOTE,))


def test_what_base_fails_by_a_known_issue_is_not_worse() -> None:
    old = run(state("base", checks=checks(p__a=PASS)), state("prefix-1", 1))
    new = failing_base(Check(id="p.a", status=FAIL))
    assert not compare.compare(old, new, ()).worse
    splat = Check(id="p.a", status=FAIL, blamed=(f"the kernel said: {SPLAT}",))
    for other in (
        replace(new, known_issues=UNSET),
        failing_base(Check(id="p.a", status=MISSING)),
        failing_base(splat, complaints=(WARNED,)),
        *(replace(new, known_issues=(replace(NOTE, **{field: value}),)) for field, value in NOT_APPLIED.items()),
    ):
        assert compare.compare(old, other, ()).worse, other


NOT_APPLIED = {"check": "p.b", "said": "a", "ended": True, "too_slow": True}


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (replace(check("p.a"), known="javascript:alert(1)"), "javascript:alert(1) is no link of a known issue"),
        (replace(check("p.a"), without_series=Tally(failed=0, boots=3)), "p.a failed 0 of 3 times"),
        (replace(check("p.a"), without_series=Tally(failed=4, boots=3)), "p.a failed 4 of 3 times"),
        (replace(check("p.a"), known=LINK, without_series=Tally(failed=3, boots=3)), None),
    ],
)
def test_a_result_from_anywhere_leads_nowhere_but_to_links(one: Evidence, fault: str | None) -> None:
    assert validate.fault(noted(findings=(regression(one),))) == fault


def test_a_result_without_any_of_it_is_as_it_was() -> None:
    told = json.loads(as_json.render(run(state("base"), state("prefix-2", 2), findings=(regression(check("p.a")),))))
    (variant,) = told["variants"]
    assert "known_issues" not in variant
    assert {"known", "without_series"}.isdisjoint(variant["findings"][0]["evidence"][0])
