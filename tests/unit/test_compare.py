# SPDX-License-Identifier: GPL-2.0-only
"""kseries compare: what changed, whether it is worse, and that it is told in words."""

import html
import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from kseries import cli
from kseries.cache.runs import Runs
from kseries.cli.compare import before
from kseries.judge.compare import Comparison, compare
from kseries.model import (
    AppliedPatch,
    Budget,
    Document,
    Ending,
    Finding,
    FindingKind,
    Machine,
    Outcome,
    RunResult,
    SelftestNote,
    StateResult,
    Status,
    Step,
    Verdict,
)
from kseries.model.errors import InputError
from kseries.report import comparisons
from kseries.sources.versions import match
from tests.support.runs import SPLIT, checks, contract, finding, hostile, of_arch, run, split_run, state

PASS, FAIL, SKIP, XFAIL, MISSING = Status


def squashed_run() -> RunResult:
    """The split run's next version: 3 and 4 are one patch, and its revert takes the promise back."""
    old = split_run()
    kept = {patch.number: patch for patch in old.series.patches}
    one = msgspec.structs.replace(
        kept[4], subject="KVM: x86: Support KVM_MEM_EXIT_ON_MISSING", tree_before=kept[3].tree_before
    )
    patches = tuple(
        msgspec.structs.replace(patch, number=number)
        for number, patch in enumerate((kept[1], kept[2], one, kept[5], kept[6]), 1)
    )
    by_id = {one.id: one for one in old.states}
    without = msgspec.structs.replace(by_id["without-4"], id="without-3", patch=3, applied=(1, 2, 4, 5))
    tip = msgspec.structs.replace(by_id["prefix-6"], id="prefix-5", patch=5, applied=(1, 2, 3, 4, 5))
    return msgspec.structs.replace(
        old,
        series=msgspec.structs.replace(old.series, name="squashed", version=2, patches=patches),
        states=(by_id["base"], by_id["prefix-1"], by_id["prefix-2"], without, tip),
        findings=(),
        verdict=Verdict(bisectable=True, revert_safe=True),
    )


def told(old: RunResult, new: RunResult) -> Comparison:
    return compare(old, new, match(old.series.patches, new.series.patches, None))


def said(old: RunResult, new: RunResult) -> str:
    return " ".join(comparisons.render(told(old, new), old, new).split())


def test_what_a_squash_fixed_is_said_in_words() -> None:
    words = said(split_run(), squashed_run())
    assert "& 3/6, 4/6 -> 3/5 (made one): KVM: x86: Support KVM_MEM_EXIT_ON_MISSING" in words
    assert "GONE: silent-break: Reverting 3/6" in words
    assert "3/6, 4/6 were made one patch, 3/5. Now without-3: the kernel does not advertise" in words
    assert "revert-safe: NO -> yes" in words
    assert words.endswith("Nothing got worse. 1 finding gone.")


def test_the_way_back_is_worse_and_says_why() -> None:
    back = told(squashed_run(), split_run())
    assert back.worse == ("silent-break in without-3", "revert-safe no more")
    assert [one.finding.kind for one in back.findings_new] == [FindingKind.SILENT_BREAK]


def test_a_run_is_no_worse_than_itself() -> None:
    same = told(split_run(), split_run())
    assert not (same.worse or same.findings_new or same.findings_gone or same.findings_changed or same.changes)


def series(*subjects: str, **more: object) -> RunResult:
    patches = tuple(
        AppliedPatch(number=number, subject=subject, tree_before="", tree_after="")
        for number, subject in enumerate(subjects, 1)
    )
    result = run()
    return msgspec.structs.replace(
        result, series=msgspec.structs.replace(result.series, patches=patches), **more
    )  # fmt: skip


def hole(number: int) -> Finding:
    return finding(FindingKind.BISECT_HOLE, f"prefix-{number}", "p.a: fail", patch=number)


def test_a_finding_of_a_patch_that_has_moved_is_the_same_finding() -> None:
    old = series("A", "B", "C", states=(state("prefix-1", 1, applied=(1,)),), findings=(hole(1),))
    new = series("X", "A", "C", states=(state("prefix-2", 2, applied=(1, 2)),), findings=(hole(2),))
    seen = told(old, new)
    assert not seen.findings_new and not seen.findings_gone


@pytest.mark.parametrize("kind", [FindingKind.KERNEL_COMPLAINT, FindingKind.NEW_WARNING])
def test_a_finding_of_the_last_patch_outlives_a_patch_that_comes_after_it(kind: FindingKind) -> None:
    found = finding(kind, "prefix-2", "outside of any check: WARNING: at fs/x.c:12", patch=2)
    states = state("base"), state("prefix-2", 2, applied=(1, 2))
    old = series("A", "B", states=states, findings=(found,))
    new = series("A", "B", "C", states=(*states, state("prefix-3", 3, applied=(1, 2, 3))), findings=(found,))
    seen = told(old, new)
    assert not (seen.findings_new or seen.findings_gone or seen.findings_untried or seen.worse)
    mended = told(old, msgspec.structs.replace(new, findings=()))
    assert [gone.finding for gone in mended.findings_gone] == [found]
    another = msgspec.structs.replace(found, state="prefix-3", patch=3)
    assert told(old, msgspec.structs.replace(new, findings=(found, another))).worse == (f"{kind} in prefix-3",)


def tip(**more: object) -> RunResult:
    """A run whose whole series is two patches."""
    return run(state("base", checks=checks(p__a=PASS)), state("prefix-2", 2, applied=(1, 2), **more))


@pytest.mark.parametrize(
    ("was", "now", "worse"),
    [
        (PASS, FAIL, True),
        (PASS, MISSING, True),
        (PASS, SKIP, True),
        (FAIL, PASS, False),
        (SKIP, FAIL, False),
        (PASS, XFAIL, False),
    ],
)
def test_a_check_that_was_well_and_is_so_no_more_is_worse(was: Status, now: Status, worse: bool) -> None:
    seen = told(tip(checks=checks(p__a=was)), tip(checks=checks(p__a=now)))
    assert [(one.name, one.was, one.now, one.worse) for one in seen.changes] == [("p.a", was, now, worse)]
    assert bool(seen.worse) is worse


def test_what_gives_two_answers_is_told_and_not_worse() -> None:
    steady = tip(checks=checks(p__a=PASS))
    for old, new in (
        (steady, tip(checks=checks(p__a=FAIL), flaky=("p.a",))),
        (tip(checks=checks(p__a=PASS), flaky=("p.a",)), tip(checks=checks(p__a=FAIL))),
    ):
        (change,) = told(old, new).changes
        assert (change.name, change.worse, told(old, new).worse) == ("p.a", False, ())


@pytest.mark.parametrize(
    "host", [{"outcome": Outcome.INFRA_ERROR}, {"outcome": Outcome.TIMED_OUT, "ending": Ending.DEADLINE}]
)
def test_what_this_host_may_be_why_of_is_told_and_not_worse(host: dict[str, object]) -> None:
    unknown = msgspec.structs.replace(tip(**host), verdict=Verdict(bisectable=None, revert_safe=None))
    known = msgspec.structs.replace(tip(), verdict=Verdict(bisectable=True, revert_safe=True))
    assert told(known, unknown).worse == ()
    (change,) = told(tip(), tip(**host)).changes
    assert (change.name, change.worse, told(tip(), tip(**host)).worse) == ("outcome", False, ())


def test_a_list_of_the_surface_that_is_empty_now_is_told_and_not_worse() -> None:
    (change,) = told(tip(checks=checks(surface__a=PASS)), tip(checks=checks(surface__a=FAIL))).changes
    assert (change.name, change.worse) == ("surface.a", False)


def test_a_check_that_is_not_there_any_more_is_worse_and_one_that_is_new_is_nothing() -> None:
    few, more = tip(checks=checks(p__a=PASS)), tip(checks=checks(p__a=PASS, p__b=FAIL))
    assert not told(few, more).changes
    assert [one.now for one in told(tip(checks=checks(p__b=PASS)), few).changes] == ["not there"]


def test_a_check_that_only_base_was_asked_is_no_worse_and_its_finding_is_not_gone() -> None:
    """It had no answer on the new run's base: of the tip nobody knows."""
    slow, left_out = checks(kvm__slow__exit_status=FAIL), SelftestNote(name="kvm.slow", left_out=True)
    told_of = finding(FindingKind.REGRESSION, "prefix-2", "kvm.slow.exit_status: fail")
    was = checks(kvm__slow__exit_status=PASS)
    old = run(state("base", checks=was), state("prefix-1", 1, checks=was), state("prefix-2", 2, checks=slow))
    old = msgspec.structs.replace(old, findings=(told_of,))
    new = run(state("base", checks=slow), state("prefix-1", 1), state("prefix-2", 2), selftests=(left_out,))
    assert told(old, new).findings_gone == ()
    assert told(old, msgspec.structs.replace(new, selftests=msgspec.UNSET)).findings_gone != ()
    assert [one.state for one in told(old, new).changes] == ["base"]


def test_a_tip_that_does_not_build_any_more_is_worse() -> None:
    seen = told(tip(), tip(outcome=Outcome.BUILD_FAILED, detail="x.c:1: error"))
    assert seen.worse == ("outcome in prefix-2: ok, now build-failed",)


def test_warnings_of_the_tip_are_new_or_gone() -> None:
    seen = told(tip(warnings_new=("a.c: old",)), tip(warnings_new=("b.c: new",)))
    assert (seen.warnings_new, seen.warnings_gone) == (("b.c: new",), ("a.c: old",))
    assert seen.worse == ("1 new warning with the whole series",)


def test_runs_on_other_ground_are_told_apart_from_another_series() -> None:
    old = split_run()
    variant = msgspec.structs.replace(old.variant, toolchain="gcc 14.2.0; ld 2.44", config_hash="0123", make=("C=1",))
    base = msgspec.structs.replace(old.base, name=f"another {old.base.name}")
    new = msgspec.structs.replace(old, variant=variant, machine=Machine(cpus=4), base=base)
    old = msgspec.structs.replace(old, variant=msgspec.structs.replace(old.variant, config_hash="4567", make=()))
    circumstances = list(comparisons.circumstances(told(old, new)))
    assert circumstances == [
        f"base: {old.base.name} -> {base.name}",
        f"toolchain: {old.variant.toolchain} -> gcc 14.2.0; ld 2.44",
        "configuration: 4567 -> 0123",
        "--make: none -> C=1",
        "machine: 512 MiB, 2 CPUs -> 512 MiB, 4 CPUs",
    ]
    page = comparisons.html(told(old, new), old, new)
    assert all(one in said(old, new) and html.escape(one) in page for one in circumstances)
    assert list(comparisons.circumstances(told(old, old))) == []


def test_advice_that_is_new_is_told_and_is_not_worse() -> None:
    advice = finding(FindingKind.FLAKY, "base", "p.a: two answers")
    new = run(state("base"), findings=(advice,), verdict=Verdict(bisectable=True, revert_safe=True))
    old = run(state("base"))
    assert told(old, new).findings_new and not told(old, new).worse


def test_other_evidence_for_the_same_finding_is_a_change() -> None:
    one, two, moved = (
        run(state("prefix-2", 2, applied=(1, 2)), findings=(finding(FindingKind.REGRESSION, "prefix-2", *evidence),))
        for evidence in (["p.a: fail: at 0x1"], ["p.a: fail: at 0x2", "p.b: fail"], ["p.a: fail: at 0x3"])
    )
    assert "now also p.b" in said(one, two)
    assert not told(one, moved).findings_changed


@pytest.mark.parametrize("kind", [FindingKind.NEW_WARNING, FindingKind.SANDBOX_DENIAL])
def test_another_warning_of_the_same_file_is_another(kind: FindingKind) -> None:
    one, other, both = (
        run(state("prefix-2", 2, applied=(1, 2)), findings=(finding(kind, "prefix-2", *evidence),))
        for evidence in (["a.c: unused x"], ["a.c: may be used: y"], ["a.c: unused x", "a.c: may be used: y"])
    )
    assert "now also a.c: may be used: y; no more a.c: unused x" in said(one, other)
    assert "now also a.c: may be used: y" in said(one, both)
    assert not told(one, one).findings_changed


def test_more_evidence_for_the_same_finding_is_worse_and_less_is_not() -> None:
    few, many = (
        run(state("prefix-2", 2, applied=(1, 2)), findings=(finding(FindingKind.REGRESSION, "prefix-2", *evidence),))
        for evidence in (["p.a: fail"], ["p.a: fail", "p.b: fail"])
    )
    assert told(few, many).worse == ("regression in prefix-2: 1 more of it",)
    assert told(many, few).worse == ()


@pytest.mark.parametrize(
    "states",
    [
        (),
        (state("without-3", 3, contracts=(contract(None),)),),
        (state("without-3", 3, outcome=Outcome.INFRA_ERROR),),
        (state("without-3", 3, contracts=()),),
    ],
    ids=["not made", "not judged", "host failed", "contract not asked"],
)
def test_a_finding_is_not_gone_where_nobody_looked(states: tuple[StateResult, ...]) -> None:
    old = split_run()
    others = tuple(one for one in old.states if one.scenario != "reverts")
    unknown = Verdict(bisectable=True, revert_safe=None)
    new = msgspec.structs.replace(old, states=(*others, *states), findings=(), verdict=unknown)
    seen = told(old, new)
    assert not seen.findings_gone and [one.finding.state for one in seen.findings_untried] == ["without-3"]
    words = said(old, new)
    assert "UNTRIED: silent-break: Reverting 3/6" in words and words.endswith("Nothing got worse.")
    assert "UNTRIED" in comparisons.html(seen, old, new)


def test_a_squash_that_does_not_cure_leaves_the_finding_where_it_was() -> None:
    old, cured = split_run(), squashed_run()
    broken = next(one for one in old.states if one.id == "without-3")
    states = tuple(
        msgspec.structs.replace(broken, patch=3, applied=(1, 2, 4, 5)) if one.id == "without-3" else one
        for one in cured.states
    )
    still = msgspec.structs.replace(old.findings[0], patch=3, partner=None, advice=None)
    seen = told(old, msgspec.structs.replace(cured, states=states, findings=(still,), verdict=old.verdict))
    assert not (seen.findings_new or seen.findings_gone or seen.findings_untried or seen.worse)


def test_breaks_of_no_contract_are_told_apart_by_their_partners() -> None:
    lost = state("without-1", 1, applied=(2, 3), checks=checks(p__a=FAIL, p__b=FAIL))
    others = (state("prefix-3", 3, applied=(1, 2, 3)), state("base", checks=checks(p__a=PASS, p__b=PASS)))
    one, two = (
        finding(FindingKind.SILENT_BREAK, "without-1", f"p.{name}: fail", patch=1, partner=partner)
        for name, partner in (("a", 2), ("b", None))
    )
    both, first = (run(lost, *others, findings=found) for found in ((one, two), (one,)))
    assert [new.finding.partner for new in told(first, both).findings_new] == [None]
    assert told(first, both).worse == ("silent-break in without-1",)
    assert not told(both, both).findings_new


def test_another_complaint_of_the_kernel_is_another_finding() -> None:
    tip = state("prefix-2", 2, applied=(1, 2))
    warns, oopses, again = (
        run(tip, findings=(finding(FindingKind.KERNEL_COMPLAINT, "prefix-2", said, patch=2),))
        for said in (
            "outside of any check: WARNING: CPU: 0 PID: 71 at fs/x.c:12 foo+0x12/0x30",
            "outside of any check: BUG: kernel NULL pointer dereference, address: 0000000000000010 (in bar)",
            "outside of any check: WARNING: CPU: 1 PID: 99 at fs/x.c:14 foo+0x16/0x40",
        )
    )
    assert told(warns, oopses).worse == ("kernel-complaint in prefix-2",)
    assert not told(warns, again).findings_new and not told(warns, again).worse
    both = msgspec.structs.replace(warns, findings=(*warns.findings, *oopses.findings))
    assert [new.finding for new in told(warns, both).findings_new] == [*oopses.findings]


def test_a_complaint_is_gone_where_the_state_was_judged_and_the_check_was_asked() -> None:
    """The files that its words name are no checks that somebody would have to ask for."""
    came = {
        check: finding(FindingKind.KERNEL_COMPLAINT, "prefix-2", f"{check}: BUG: x (in f, fs/x.c:12)", patch=2)
        for check in ("outside of any check", "p.a", "p.b")
    }
    new = run(state("base", checks=checks(p__a=PASS)), state("prefix-2", 2, applied=(1, 2), checks=checks(p__a=PASS)))
    gone = {
        check: told(msgspec.structs.replace(new, findings=(one,)), new).findings_gone for check, one in came.items()
    }
    assert {check: len(found) for check, found in gone.items()} == {"outside of any check": 1, "p.a": 1, "p.b": 0}


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    for name, result in (("old", split_run()), ("new", squashed_run())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(msgspec.json.encode(Document.of(result)))
    return str(tmp_path / "old"), str(tmp_path / "new")


def test_it_exits_1_when_something_got_worse(two: tuple[str, str], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    old, new = two
    assert cli.main(["compare", old, new]) == 0
    assert cli.main(["compare", new, old]) == 1
    assert capfdbinary.readouterr().out.decode().rstrip().endswith("revert-safe no more.")


def test_it_needs_no_cache(two: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cli.main(["compare", *two]) == 0


def test_json_and_html_say_the_same(two: tuple[str, str], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["compare", *two, "--format", "json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["patches"][2] == {"how": "squashed", "old": [3, 4], "new": [3]}
    assert cli.main(["compare", *two, "--format", "html"]) == 0
    page = capfdbinary.readouterr().out.decode()
    assert "were made one patch, 3/5." in page and "<script" not in page


def test_two_architectures_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = of_arch(split_run(), "arm64")
    (tmp_path / "result.json").write_bytes(msgspec.json.encode(Document.of(other)))
    assert cli.main(["compare", str(SPLIT), str(tmp_path)]) == 2
    assert "compare two of one architecture" in capsys.readouterr().err


@given(bad=hostile)
def test_no_text_becomes_markup_or_moves_the_cursor(bad: str) -> None:
    def of(words: str) -> tuple[RunResult, RunResult]:
        seen = tuple(msgspec.structs.replace(one, detail=words) for one in checks(p__a=FAIL))
        now = state("prefix-2", 2, applied=(1, 2), checks=seen, contracts=(contract(False),), warnings_new=(words,))
        new = run(now, findings=(finding(FindingKind.REGRESSION, "prefix-2", f"p.a: {words}", patch=2),))
        series = msgspec.structs.replace(
            new.series,
            name=words,
            patches=tuple(msgspec.structs.replace(patch, subject=words) for patch in new.series.patches),
        )
        return tip(checks=checks(p__a=PASS)), msgspec.structs.replace(new, series=series)

    old, new = of(bad)
    page = comparisons.html(told(old, new), old, new)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page + comparisons.render(told(old, new), old, new))
    tame = comparisons.html(told(*of("x")), *of("x"))
    assert re.findall(r"<\w+", page) == re.findall(r"<\w+", tame)


def test_without_a_name_it_is_the_last_run_of_the_series_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = Runs(tmp_path / "cache" / "kseries", print)
    for name in ("first", "second", "third"):
        out = tmp_path / name
        out.mkdir()
        (out / "result.json").write_bytes(msgspec.json.encode(Document.of(split_run())))
        with known.recording(split_run().series.name, 1, "x86_64", out) as recording:
            recording.ended(1, split_run().verdict, out / "result.json")
    (tmp_path / "second" / "result.json").unlink()
    assert before(split_run(), tmp_path / "third") == tmp_path / "first"
    (tmp_path / "fourth").mkdir()
    part = msgspec.structs.replace(split_run(), partial=True, budget=Budget(seconds=60, unfinished=Step.CURES))
    (tmp_path / "fourth" / "result.json").write_bytes(msgspec.json.encode(Document.of(part)))
    with known.recording(split_run().series.name, 1, "x86_64", tmp_path / "fourth") as recording:
        recording.ended(0, part.verdict, tmp_path / "fourth" / "result.json")
    assert before(split_run(), tmp_path / "third") == tmp_path / "first", "what is a part is compared with nothing"
    assert cli.main(["compare", str(tmp_path / "third")]) == 0
    later = msgspec.structs.replace(split_run(), began="2001-01-01T00:00:00+00:00")
    with pytest.raises(InputError, match="there is no other run"):
        before(later, tmp_path / "third")
    capsys.readouterr()


def test_without_a_name_it_is_a_run_of_the_same_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = Runs(tmp_path / "cache" / "kseries", print)

    def of(label: str) -> RunResult:
        variant = msgspec.structs.replace(split_run().variant, label=label)
        return msgspec.structs.replace(split_run(), variant=variant)

    for name in ("first/clang", "first/default", "second/default", "second/clang"):
        out = tmp_path / name
        out.mkdir(parents=True)
        (out / "result.json").write_bytes(msgspec.json.encode(Document.of(of(out.name))))
        with known.recording(split_run().series.name, 1, "x86_64", out) as recording:
            recording.ended(1, split_run().verdict, out / "result.json")
    assert before(of("clang"), tmp_path / "second" / "clang") == tmp_path / "first" / "clang"


def test_a_run_that_was_replaced_by_the_next_one_is_told_with_what_keeps_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = Runs(tmp_path / "cache" / "kseries", print)
    out = tmp_path / "kseries-out"
    out.mkdir()
    for began in ("2001-01-01T00:00:00+00:00", None):
        result = msgspec.structs.replace(split_run(), began=began)
        (out / "result.json").write_bytes(msgspec.json.encode(Document.of(result)))
        with known.recording(result.series.name, 1, "x86_64", out) as recording:
            recording.ended(1, result.verdict, out / "result.json")
    with pytest.raises(
        InputError, match=r"^the run of .* before it was replaced: both wrote to .*kseries-out\n"
    ) as told:
        before(split_run(), out)
    assert "--out" in str(told.value) and "kseries compare OLD NEW" in str(told.value)
