# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML: what is a failure and what is not, and that every XML parser takes it."""

import re
from pathlib import Path
from xml.etree import ElementTree

import junit_xml
import junitparser
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries.model import (
    Budget,
    Ending,
    Evidence,
    EvidenceKind,
    FindingKind,
    Frame,
    Outcome,
    RunResult,
    StateResult,
    Status,
    Step,
    Variant,
)
from kseries.report import junit
from tests.support.runs import SPLIT, STOPS, checks, contract, ended_state, finding, hostile, run, split_run, state

PASS, FAIL, SKIP, XFAIL, MISSING = Status
NOWHERE = Path("/nonexistent")
# XML 1.0, section 2.2: strict parsers refuse a document that holds anything else.
CHARS = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")

Case = tuple[str, str]


def parse(text: str) -> ElementTree.Element:
    """The document, once it is seen to hold nothing that XML forbids, not even as a character reference."""
    assert CHARS.fullmatch(text)
    assert all(CHARS.fullmatch(chr(int(m[1], 16) if m[1] else int(m[2]))) for m in REFERENCE.finditer(text))
    return ElementTree.fromstring(text.encode())


def cases(document: ElementTree.Element, kind: str) -> dict[Case, ElementTree.Element]:
    """The test cases that have a child of a kind (failure, error, skipped), by class and name."""
    found = ((case, case.find(kind)) for case in document.iter("testcase"))
    return {(case.get("classname", ""), case.get("name", "")): child for case, child in found if child is not None}


def rendered(result: RunResult, directory: Path = NOWHERE) -> ElementTree.Element:
    return parse(junit.render(result, directory))


# --- the real run -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def split() -> ElementTree.Element:
    return rendered(split_run(), SPLIT)


def test_a_suite_for_each_state_and_a_case_for_each_check(split: ElementTree.Element) -> None:
    assert split.tag == "testsuites"
    assert [suite.get("name") for suite in split] == [state.id for state in split_run().states]
    base = split.find("testsuite[@name='base']")
    assert base is not None
    names = [(case.get("classname"), case.get("name")) for case in base.iter("testcase")]
    assert names[:3] == [("base.state", "apply"), ("base.state", "build"), ("base.state", "boot")]
    expected = [(f"base.{probe}", test) for probe, test in (one.id.split(".") for one in split_run().states[0].checks)]
    contracts = [("base.contract", contract.id) for contract in split_run().states[0].contracts]
    assert names[3:] == [*expected, *contracts]


def test_no_two_cases_have_the_same_class_and_name(split: ElementTree.Element) -> None:
    names = [(case.get("classname"), case.get("name")) for case in split.iter("testcase")]
    assert len(names) == len(set(names))


def test_the_failures_are_the_finding_its_contract_and_its_evidence(split: ElementTree.Element) -> None:
    (told,) = split_run().findings
    expected = {one.name for one in told.evidence}
    failures = cases(split, "failure")
    expected |= {"contract.exit-on-missing", "finding.1 silent-break"}
    assert {f"{where}.{name}" for where, name in failures} == {f"without-3.{name}" for name in expected}
    assert "kseries try without-3 TARGET" in (failures["without-3.finding", "1 silent-break"].text or "")
    assert failures["without-3.contract", "exit-on-missing"].get("message", "").startswith("violated: KVM_CAP_EXIT")
    failure = failures["without-3.exit_on_missing", "read_exits"]
    assert failure.get("type") == "silent-break"
    assert "expected EFAULT with exit_reason KVM_EXIT_MEMORY_FAULT" in failure.get("message", "")
    assert "Reverting 3/6" in (failure.text or "")
    assert not cases(split, "error")


def test_the_counts_are_those_of_the_cases(split: ElementTree.Element) -> None:
    for suite in split:
        for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "-1")) == len(suite.findall(f"testcase/{kind}"))
        assert int(suite.get("tests", "-1")) == len(suite.findall("testcase"))
    assert int(split.get("tests", "-1")) == len(list(split.iter("testcase")))
    assert int(split.get("failures", "-1")) == 6 + 1 + 1


def test_a_revert_that_does_not_build_is_skipped_and_says_why(split: ElementTree.Element) -> None:
    skipped = cases(split, "skipped")
    assert "undeclared (first use in this function)" in skipped["without-2.state", "build"].get("message", "")
    assert skipped["without-2.state", "boot"].get("message") == "not reached: build-failed"


def test_a_log_is_attached_to_its_stage(split: ElementTree.Element) -> None:
    out = {(case.get("classname"), case.get("name")): case.findtext("system-out") for case in split.iter("testcase")}
    assert "undeclared (first use in this function)" in (out["without-2.state", "build"] or "")
    assert (out["base.state", "boot"] or "").startswith("Linux version 6.12")
    assert out["prefix-1.state", "boot"] is None


def test_a_long_log_is_cut_at_its_start_and_its_path_named(tmp_path: Path) -> None:
    (tmp_path / "build.log").write_text("the first line\n" + "CC something.o\n" * 10000 + "the last line\n")
    document = rendered(run(state("base", logs={"build": "build.log"})), tmp_path)
    out = document.findtext(".//system-out") or ""
    assert len(out.encode()) < junit.LOG_LIMIT + 200
    head, *lines = out.splitlines()
    assert re.fullmatch(r"\[the last \d+ of 150029 bytes of build\.log\]", head)
    assert set(lines[:-1]) == {"CC something.o"}
    assert lines[-1] == "the last line"


def test_a_log_is_shown_without_its_colours(tmp_path: Path) -> None:
    (tmp_path / "build.log").write_bytes(b"\x1b[01;31merror:\x1b[m no\r\n\xff\n")
    document = rendered(run(state("base", logs={"build": "build.log"})), tmp_path)
    assert document.findtext(".//system-out") == "error: no\n\ufffd\n"


def test_a_state_with_the_tree_of_another_took_no_time() -> None:
    done = state("prefix-1", 1, seconds={"build": 3.0, "boot": 2.0})
    document = rendered(run(done, state("without-2", 2, same_as="prefix-1", seconds=done.seconds)))
    assert [suite.get("time") for suite in document] == ["5.0", "0"]


def test_a_log_outside_of_the_run_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link.log").symlink_to(tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "link.log", ".", "nul\0", "a" * 5000):
        document = junit.render(run(state("base", logs={"build": path})), tmp_path / "run")
        assert "secret</" not in document and "system-out" not in document


# --- what is a failure --------------------------------------------------------------------------


def test_nothing_fails_where_nothing_was_found() -> None:
    seen = checks(p__a=PASS, p__b=FAIL, p__c=SKIP, p__d=XFAIL, p__e=MISSING)
    document = rendered(run(state("base", checks=seen), state("without-1", 1, outcome=Outcome.CRASHED, detail="oops")))
    assert not cases(document, "failure") and not cases(document, "error")
    said = {name: one.get("message") for (where, name), one in cases(document, "skipped").items() if where == "base.p"}
    assert said == {
        "b": "fails, and is no finding: why it did not",
        "c": "skip: why it did not",
        "d": "expected failure: why it did not",
        "e": "missing: the plan promised it and it never came: why it did not",
    }


def test_a_prefix_that_does_not_build_fails() -> None:
    hole = finding(FindingKind.BISECT_HOLE, "prefix-1", "build-failed: x.c:1: error: no", patch=1)
    broken = state("prefix-1", 1, outcome=Outcome.BUILD_FAILED, detail="x.c:1: error: no")
    document = rendered(run(state("base"), broken, findings=(hole,)))
    failures = cases(document, "failure")
    assert set(failures) == {("prefix-1.state", "build"), ("prefix-1.finding", "1 bisect-hole")}
    assert failures["prefix-1.state", "build"].get("message") == "x.c:1: error: no"


@pytest.mark.parametrize(
    ("outcome", "stage"),
    [
        (Outcome.CONFLICT, "apply"),
        (Outcome.BUILD_FAILED, "build"),
        (Outcome.BOOT_FAILED, "boot"),
        (Outcome.CRASHED, "boot"),
        (Outcome.TIMED_OUT, "boot"),
    ],
)
def test_an_outcome_stands_at_the_stage_where_the_state_ended(outcome: Outcome, stage: str) -> None:
    document = rendered(run(state("without-1", 1, outcome=outcome, detail="why")))
    skipped = cases(document, "skipped")
    stages = ("apply", "build", "boot")
    assert [name for _, name in skipped] == list(stages[stages.index(stage) :])
    assert f"{outcome}: why" in skipped["without-1.state", stage].get("message", "")


@pytest.mark.parametrize(("seconds", "stage"), [({}, "build"), ({"build": 3.0}, "boot")])
def test_a_fault_of_this_host_is_an_error(seconds: dict[str, float], stage: str) -> None:
    failed = state("prefix-1", 1, outcome=Outcome.INFRA_ERROR, detail="the disk is full", seconds=seconds)
    document = rendered(run(failed))
    assert set(cases(document, "error")) == {("prefix-1.state", stage)}
    assert not cases(document, "failure")


def test_a_check_that_never_came_fails_where_a_finding_misses_it() -> None:
    lost = finding(FindingKind.REGRESSION, "prefix-2", "p.b: missing")
    document = rendered(
        run(
            state("base", checks=checks(p__a=PASS, p__b=PASS)),
            state("prefix-2", 2, checks=checks(p__a=PASS)),
            findings=(lost,),
        )
    )
    assert set(cases(document, "failure")) == {("prefix-2.p", "b"), ("prefix-2.finding", "1 regression")}


def test_advice_fails_nothing() -> None:
    advice = finding(FindingKind.FLAKY, "base", "p.a: two boots, two answers")
    document = rendered(run(state("base", checks=checks(p__a=FAIL)), findings=(advice,)))
    assert not cases(document, "failure")


def test_a_check_that_serves_two_findings_tells_both() -> None:
    two = tuple(
        finding(kind, "prefix-2", "p.a: fail: no") for kind in (FindingKind.REGRESSION, FindingKind.BISECT_HOLE)
    )
    document = rendered(run(state("prefix-2", 2, checks=checks(p__a=FAIL)), findings=two))
    failure = cases(document, "failure")["prefix-2.p", "a"]
    assert "regression: " in (failure.text or "") and "bisect-hole: " in (failure.text or "")


def test_a_finding_whose_evidence_is_neither_check_nor_outcome_still_fails() -> None:
    told = finding(FindingKind.REGRESSION, "base", "crashed: but the state came through")
    document = rendered(run(state("base", checks=checks(p__a=PASS)), findings=(told,)))
    assert set(cases(document, "failure")) == {("base.finding", "1 regression")}


@given(
    statuses=st.lists(st.sampled_from(Status), min_size=1, max_size=4),
    outcome=st.sampled_from(Outcome),
    kinds=st.lists(st.sampled_from(FindingKind), max_size=3),
    names=st.lists(st.sampled_from(["p.0", "p.1", "p.9", "crashed", "build-failed", "conflict", "?"]), min_size=1),
)
def test_it_is_red_exactly_where_the_run_exits_1(
    statuses: list[Status], outcome: Outcome, kinds: list[FindingKind], names: list[str]
) -> None:
    seen = checks(**{f"p__{number}": status for number, status in enumerate(statuses)})
    found = tuple(finding(kind, "prefix-1", *(f"{name}: seen" for name in names)) for kind in kinds)
    document = rendered(run(state("base"), state("prefix-1", 1, outcome=outcome, checks=seen), findings=found))
    assert bool(cases(document, "failure")) == any(not kind.advice for kind in kinds)


# --- how a kernel ended ---------------------------------------------------------------------------


def blamed(seen: StateResult) -> RunResult:
    """A run in which whatever failed in a state is evidence of a finding."""
    lines = [f"{check.id}: {check.status}" for check in seen.checks if check.status in (FAIL, MISSING)]
    lines += [f"{seen.outcome}: {seen.detail}"] if seen.outcome is not Outcome.OK else []
    return run(state("base"), seen, findings=(finding(FindingKind.BISECT_HOLE, seen.id, *lines, patch=1),))


@pytest.mark.parametrize("boot", STOPS)
def test_what_failed_says_how_the_kernel_ended(boot: str) -> None:
    seen = ended_state("prefix-1", boot, 1, suspects=(1, 2))
    assert seen.ending is not None
    document = rendered(blamed(seen))
    failures = {case: failure for case, failure in cases(document, "failure").items() if case[0] != "prefix-1.finding"}
    assert failures
    for failure in failures.values():
        assert f"this kernel's end: {seen.ending}: {seen.detail.split()[0]}" in (failure.text or "")
        assert "suspected: 1/2 KVM: Patch 1\nsuspected: 2/2 KVM: Patch 2" in (failure.text or "")
    told = [where for where, failure in failures.items() if seen.log_tail in (failure.text or "")]
    expected = (f"prefix-1.{boot}", "end") if seen.outcome is Outcome.OK else ("prefix-1.state", "boot")
    assert told == [expected]


def test_the_reason_comes_before_the_trace_and_the_trace_before_the_log() -> None:
    seen = ended_state("prefix-1", "oops", 1, suspects=(2,))
    text = cases(rendered(blamed(seen)), "failure")["prefix-1.oops", "end"].text or ""
    wanted = (
        "the series breaks",
        "the kernel said: BUG: kernel NULL",
        "kernel's end: oops: BUG: kernel NULL",
        "suspected: 2/2",
        "    write_to_null (kernel/reboot.c:702)\n    ? mutant_end (",
        "kernel log about",
    )
    places = [text.index(one) for one in wanted]
    assert places == sorted(places)


def test_a_kernel_that_ended_badly_and_is_no_finding_says_so_too() -> None:
    crashed, warned = ended_state("without-1", "panic", 1), ended_state("without-2", "warning", 2)
    document = rendered(run(state("base"), crashed, warned))
    assert crashed.log_tail in (cases(document, "skipped")["without-1.state", "boot"].text or "")
    assert warned.log_tail in (cases(document, "system-err")["without-2.state", "boot"].text or "")
    assert not cases(document, "failure")


def test_how_it_ended_is_a_property() -> None:
    document = rendered(run(ended_state("prefix-1", "oops", 1, suspects=(1, 2), flaky=("oops.end",))))
    told = {one.get("name"): one.get("value") for one in document.iter("property")}
    wanted = {"ending": "oops", "suspects": "1 2", "flaky": "oops.end", "seconds_to_first_check": "1.2"}
    assert wanted.items() <= told.items()


def test_the_further_errors_of_a_build_stand_with_the_first() -> None:
    broken = state("without-1", 1, outcome=Outcome.BUILD_FAILED, detail="x.c:1: no", notes=("x.c:2: nor this",))
    skipped = cases(rendered(run(state("base"), broken)), "skipped")["without-1.state", "build"]
    assert skipped.text == "x.c:1: no\nx.c:2: nor this"


# --- text from strangers --------------------------------------------------------------------------


@settings(deadline=None)
@given(bad=hostile)
def test_every_parser_takes_it_whatever_the_text(bad: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("run")
    (directory / "console.log").write_bytes(bad.encode(errors="surrogatepass") + b"\xff\xfe\x00")
    one = state(
        "prefix-1",
        1,
        checks=tuple(msgspec.structs.replace(check, id=f"p.{bad}", detail=bad) for check in checks(p__a=FAIL)),
        caps={bad: 1},
        logs={"console": "console.log"},
        ending=Ending.OOPS,
        detail=bad,
        log_tail=bad,
        trace=(Frame(function=bad, file=bad, line=1, sure=False),),
        suspects=(1,),
        flaky=(bad,),
    )
    two = state("without-1", 1, outcome=Outcome.BUILD_FAILED, detail=bad, notes=(bad,))
    seen = Evidence(kind=EvidenceKind.CHECK, name=f"p.{bad}", status=Status.FAIL, said=bad)
    found = finding(FindingKind.BISECT_HOLE, "prefix-1", seen, patch=1)
    died = msgspec.structs.replace(
        one, id="without-2", outcome=Outcome.CRASHED, ending=Ending.PANIC, checks=(), logs={}
    )
    warned = msgspec.structs.replace(died, id="only-1", outcome=Outcome.OK, ending=Ending.WARNING)
    result = run(one, two, died, warned, findings=(found,), variant=Variant(label="", arch="", toolchain=bad))
    patches = tuple(msgspec.structs.replace(patch, subject=bad) for patch in result.series.patches)
    series = msgspec.structs.replace(result.series, name=bad, patches=patches)
    document = rendered(msgspec.structs.replace(result, series=series), directory)
    assert [suite.get("name") for suite in document] == ["prefix-1", "without-1", "without-2", "only-1"]
    assert len(cases(document, "failure")) == 2 and len(cases(document, "system-err")) == 1
    assert len(list(document.iter("system-out"))) == 1


def test_junitparser_reads_it_back(split: ElementTree.Element) -> None:
    document = junit.render(split_run(), SPLIT)
    read = junitparser.JUnitXml.fromstring(document.encode())
    suites = list(read)
    assert [suite.name for suite in suites] == [state.id for state in split_run().states]
    known = {one.name: one.value for one in suites[0].properties()}  # type: ignore[no-untyped-call]
    wanted = {"arch": "x86_64", "accel": "tcg", "kernel_release": "6.12.117", "tree": split_run().states[0].tree}
    assert wanted.items() <= known.items() and "gcc" in known["toolchain"]
    again = junitparser.JUnitXml.fromstring(read.tostring())  # type: ignore[no-untyped-call]
    for mine, theirs in zip(suites, again, strict=True):
        assert [(case.classname, case.name, case.result) for case in mine] == [
            (case.classname, case.name, case.result) for case in theirs
        ]
    failed = [
        case for suite in again for case in suite if any(isinstance(one, junitparser.Failure) for one in case.result)
    ]
    assert len(failed) == int(split.get("failures", "-1"))


def test_a_contract_that_nobody_could_judge_is_skipped_with_the_reason() -> None:
    unknown = msgspec.structs.replace(contract(None), untested=("p.a",))
    skipped = cases(rendered(run(state("base", contracts=(unknown,)))), "skipped")
    assert skipped["base.contract", "feature"].get("message") == "could not be judged: untested p.a"


def test_a_line_of_a_megabyte_is_cut_and_says_so() -> None:
    long = checks(p__a=FAIL)[0]
    told = finding(FindingKind.REGRESSION, "base", f"p.a: fail: {'x' * 1_000_000}")
    one = state("base", checks=(msgspec.structs.replace(long, detail="y" * 1_000_000),), detail="z" * 1_000_000)
    document = junit.render(run(one, findings=(told,)), NOWHERE)
    assert len(document) < 1_000_000 and "more characters" in document


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(_TEXT, _TEXT, _TEXT, _TEXT), max_size=4))
def test_the_document_is_indented_as_minidom_has_it(cases: list[tuple[str, str, str, str]]) -> None:
    made = [junit_xml.TestCase(name, classname=of, stdout=said) for name, of, said, _ in cases]
    for case, (_, _, said, why) in zip(made, cases, strict=True):
        case.add_failure_info(why, said)
    suites = [junit_xml.TestSuite("some", made, properties={"a": "b\n<"}), junit_xml.TestSuite("none", [])]
    plain = junit_xml.to_xml_report_string(suites, prettyprint=False, encoding="utf-8")
    assert junit.indented(plain) == junit_xml.to_xml_report_string(suites, prettyprint=True, encoding="utf-8")


def test_a_strict_run_that_is_a_part_has_a_case_that_fails() -> None:
    """kseries run exits 1 of it, though each question has its answer: what was left out is advice, perhaps."""
    part = msgspec.structs.replace(
        split_run(), partial=True, budget=Budget(seconds=60, unfinished=Step.CURES), strict=True
    )
    failed = cases(rendered(part), "failure")[("verdict", "complete")]
    assert "the proof of its advice was not finished" in failed.attrib["message"]
    loose = rendered(msgspec.structs.replace(part, strict=False))
    assert not [case for case in loose.iter("testcase") if case.attrib["name"] == "complete"]
