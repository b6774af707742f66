# SPDX-License-Identifier: GPL-2.0-only
"""KCIDB: what each outcome, check and finding becomes there, and that KCIDB takes whatever anybody has written."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kcidb_io.schema import LATEST
from msgspec import UNSET

from kseries import cli
from kseries.app import rundir
from kseries.host import extras
from kseries.host.extras import Extra
from kseries.model import (
    Base,
    Complaint,
    Ending,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Gravity,
    Outcome,
    RunResult,
    Stage,
    Status,
    TimedStage,
)
from kseries.model.errors import InfraError, InputError
from kseries.model.promise import Part
from kseries.report import kcidb, kcidbnames, patchfiles
from kseries.report.reporter import FinishedRun
from tests.support import kcidbs
from tests.support.kcidbs import LINKS, Report, report
from tests.support.runs import (
    SPLIT,
    STOPS,
    VARIANT,
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
VERSION_1 = SPLIT.with_name("version-1")
COMMIT = "adc218676eef25575469234709c2d87185ca223a"
TREES = [f"{number:040x}" for number in range(1, 9)]


def of_state(made: Report, kind: str, name: str) -> list[dict[str, Any]]:
    return [one for one in made[kind] if one["misc"]["kseries"]["state"] == name]


def statuses(made: Report, name: str) -> dict[str, str]:
    """What became of a state's build, and of its tests, by their paths."""
    builds = of_state(made, "builds", name)
    found = {"build": builds[0]["status"]} if builds else {}
    return found | {one["path"].removeprefix("kseries."): one["status"] for one in of_state(made, "tests", name)}


# --- real results -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [SPLIT, VERSION_1 / "split", VERSION_1 / "all-kinds"], ids=lambda place: place.name)
def test_kcidb_takes_what_real_runs_have_found(place: Path) -> None:
    made = report(*rundir.read(place))
    assert made["checkouts"] and made["builds"] and made["tests"] and made["issues"] and made["incidents"]


def test_the_split_run_has_a_build_for_each_kernel_and_its_break_where_it_was_seen() -> None:
    made = report(split_run(), SPLIT)
    names = [one["misc"]["kseries"]["state"] for one in made["builds"]]
    assert names == [one.id for one in split_run().states if one.id != "without-6"], "that is prefix-5"
    assert of_state(made, "builds", "prefix-5")[0]["misc"]["kseries"]["same_kernel"] == ["without-6"]
    assert statuses(made, "without-2") == {"build": "FAIL"}
    (broken,) = of_state(made, "builds", "without-2")
    assert "\narch/x86/kvm/x86.c:" in broken["log_excerpt"] and "error:" in broken["log_excerpt"]
    assert "/home/" not in json.dumps(made), "the build was a user's"
    (issue,) = made["issues"]
    assert issue["comment"].startswith("silent-break: Reverting 3/6 'KVM: x86: Annotate")
    assert issue["culprit"] == {"code": True, "tool": False, "harness": False}
    (told,) = split_run().findings
    incidents = {one["test_id"]: one for one in made["incidents"]}
    shown = {one["path"] for one in made["tests"] if one["id"] in incidents}
    assert shown == {f"kseries.{one.name}" for one in told.evidence}
    assert {one["status"] for one in made["tests"] if one["id"] in incidents} == {"FAIL"}
    assert {one["misc"]["kseries"]["state"] for one in made["tests"] if one["id"] in incidents} == {"without-3"}


def test_links_lead_to_the_logs_that_are_there_and_there_are_none_without_a_prefix() -> None:
    made = report(split_run(), SPLIT)
    assert of_state(made, "builds", "without-3")[0]["log_url"] == f"{LINKS}/states/without-3/build.log"
    assert {one["log_url"] for one in of_state(made, "tests", "base")} == {f"{LINKS}/states/base/console.log"}
    assert "log_url" not in of_state(made, "builds", "prefix-1")[0]
    assert made["issues"][0]["report_url"] == f"{LINKS}/report.html"
    assert "://" not in json.dumps(report(split_run(), SPLIT, links=""))


# --- outcomes and statuses ----------------------------------------------------------------------


CAME = {"build": "PASS", "p.works": "PASS"}
OUTCOMES = {
    Outcome.OK: CAME | {"boot": "PASS"},
    Outcome.BOOT_FAILED: CAME | {"boot": "FAIL"},
    Outcome.CRASHED: CAME | {"boot": "FAIL"},
    Outcome.TIMED_OUT: CAME | {"boot": "FAIL"},
    Outcome.BUILD_FAILED: {"build": "FAIL"},
    Outcome.NOT_BOOTED: {"build": "PASS"},
    Outcome.INFRA_ERROR: {"build": "MISS"},
    Outcome.CONFLICT: {},
    Outcome.NOT_TRIED: {},
}


def test_of_a_boot_that_was_only_too_slow_the_code_is_not_known() -> None:
    slow = state("prefix-1", 1, outcome=Outcome.TIMED_OUT, ending=Ending.DEADLINE, checks=checks(p__works=PASS))
    assert statuses(report(run(state("base"), slow)), "prefix-1") == CAME | {"boot": "ERROR"}


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_is_told_as_kcidb_has_it(outcome: Outcome) -> None:
    made = report(run(state("base"), state("prefix-1", 1, outcome=outcome, checks=checks(p__works=PASS))))
    assert statuses(made, "prefix-1") == OUTCOMES[outcome]


@pytest.mark.parametrize(
    ("status", "outcome", "told"),
    [
        (PASS, Outcome.OK, "PASS"),
        (FAIL, Outcome.OK, "FAIL"),
        (SKIP, Outcome.OK, "SKIP"),
        (XFAIL, Outcome.OK, "DONE"),
        (MISSING, Outcome.OK, "ERROR"),
        (MISSING, Outcome.CRASHED, "MISS"),
    ],
)
def test_each_status_of_a_check_is_told_as_kcidb_has_it(status: Status, outcome: Outcome, told: str) -> None:
    made = report(run(state("base", outcome=outcome, checks=checks(p__works=status))))
    assert statuses(made, "base")["p.works"] == told


@pytest.mark.parametrize("boot", STOPS)
def test_every_ending_of_a_real_boot_is_taken_with_the_end_of_its_log(boot: str) -> None:
    made = report(run(state("base"), ended_state("prefix-1", boot, 1)))
    (told,) = (one for one in of_state(made, "tests", "prefix-1") if one["path"] == "boot")
    assert told["log_excerpt"] and told["duration"] == 32.1 and told["comment"] != "done"


def test_a_conflict_is_a_checkout_that_could_not_be_put_together() -> None:
    made = report(run(state("base"), state("without-1", 1, tree=None, outcome=Outcome.CONFLICT, detail="in a.c")))
    (told,) = of_state(made, "checkouts", "without-1")
    assert told["valid"] is False and told["log_excerpt"] == "in a.c"


def test_of_what_an_interrupted_run_has_not_tried_nothing_is_told() -> None:
    made = report(run(state("base"), state("prefix-1", 1, outcome=Outcome.NOT_TRIED), partial=True))
    assert [one["misc"]["kseries"]["state"] for one in made["checkouts"]] == ["base"]


# --- what is the same kernel --------------------------------------------------------------------


def test_what_was_proved_to_be_the_same_kernel_is_built_and_booted_once() -> None:
    states = (
        state("base", checks=checks(p__works=PASS)),
        state("prefix-1", 1, built_as="base", tree=TREES[0], checks=checks(p__works=PASS)),
        state("prefix-2", 2, booted_as="base", tree=TREES[1], checks=checks(p__works=PASS)),
        state("without-2", 2, same_as="prefix-1", tree=TREES[0], checks=checks(p__works=PASS)),
        state("without-1", 1, built_as="tree 0123 of an earlier run", tree=TREES[2], checks=checks(p__works=FAIL)),
    )
    broken = finding(FindingKind.REGRESSION, "prefix-2", "p.works: fail")
    made = report(run(*states, findings=(broken,)))
    assert [one["misc"]["kseries"]["state"] for one in made["checkouts"]] == [
        "base", "prefix-1", "prefix-2", "without-1"
    ]  # fmt: skip
    assert {name: statuses(made, name) for name in ("base", "prefix-1", "prefix-2", "without-2", "without-1")} == {
        "base": {"build": "PASS", "boot": "PASS", "p.works": "PASS"},
        "prefix-1": {},
        "prefix-2": {"build": "PASS"},
        "without-2": {},
        "without-1": {"build": "PASS", "boot": "PASS", "p.works": "FAIL"},
    }
    assert of_state(made, "builds", "base")[0]["comment"].endswith("the same kernel: prefix-1, without-2")
    (incident,) = made["incidents"]
    assert incident["test_id"] in {one["id"] for one in of_state(made, "tests", "base")}


def test_states_that_say_they_are_each_others_stand_for_themselves() -> None:
    made = report(run(state("base", built_as="prefix-1"), state("prefix-1", 1, built_as="base")))
    assert len(made["builds"]) == 2


# --- findings -----------------------------------------------------------------------------------

COMPLAINT = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING: a.c:1", check="p.works")
SHOWN: tuple[tuple[FindingKind, Evidence, str], ...] = (
    (FindingKind.BROKEN_CONTRACT, Evidence(kind=EvidenceKind.CHECK, name="p.works", status=FAIL), "kseries.p.works"),
    (FindingKind.SILENT_BREAK, Evidence(kind=EvidenceKind.CHECK, name="p.works", status=FAIL), "kseries.p.works"),
    (FindingKind.BISECT_HOLE, Evidence(kind=EvidenceKind.OUTCOME, name="crashed", said="BUG"), "boot"),
    (FindingKind.REGRESSION, Evidence(kind=EvidenceKind.CHECK, name="never.came", status=MISSING), "boot"),
    (FindingKind.NEW_WARNING, Evidence(kind=EvidenceKind.WARNING, file="a.c", said="unused"), "build"),
    (FindingKind.SANDBOX_DENIAL, Evidence(kind=EvidenceKind.DENIAL, name="cp", said="denied"), "build"),
    (FindingKind.KERNEL_COMPLAINT, Evidence(kind=EvidenceKind.COMPLAINT, name="p.works", said="W"), "kseries.p.works"),
    (FindingKind.SUSPECTED_BREAK, Evidence(kind=EvidenceKind.CHECK, name="p.works", status=FAIL), "kseries.p.works"),
    (FindingKind.UNDOCUMENTED_DEPENDENCY, Evidence(kind=EvidenceKind.OUTCOME, name="crashed"), "boot"),
    (FindingKind.FLAKY, Evidence(kind=EvidenceKind.FLAKY, name="p.works"), "kseries.p.works"),
)


def test_every_kind_of_finding_is_among_those_that_are_shown() -> None:
    assert [kind for kind, _, _ in SHOWN] == [*FindingKind]


@pytest.mark.parametrize(("kind", "seen", "where"), SHOWN, ids=[kind for kind, _, _ in SHOWN])
def test_a_finding_is_an_issue_and_an_incident_where_it_is_seen(kind: FindingKind, seen: Evidence, where: str) -> None:
    broken = state("prefix-1", 1, outcome=Outcome.CRASHED, ending=Ending.OOPS, checks=checks(p__works=FAIL),
                   contracts=(contract(False),), complaints=(COMPLAINT,), applied=(1,))  # fmt: skip
    promise = (Part(kind="capability", name="KVM_CAP_X"),) if kind is FindingKind.SUSPECTED_BREAK else UNSET
    told = Finding(kind=kind, state="prefix-1", patch=1, partner=2, contract="feature", evidence=(seen,),
                   promise=promise)  # fmt: skip
    made = report(run(state("base"), broken, findings=(told,)))
    (issue,), (incident,) = made["issues"], made["incidents"]
    assert issue["comment"].startswith(f"{kind}: ") and issue["misc"]["kseries"]["kind"] == kind
    assert issue["misc"]["kseries"]["patches"] == ["KVM: Patch 1"] and incident["present"] is True
    assert issue["culprit"] == {
        "code": kind is not FindingKind.FLAKY,
        "tool": kind is FindingKind.FLAKY,
        "harness": False,
    }
    places = {one["id"]: one["path"] for one in of_state(made, "tests", "prefix-1")} | {
        one["id"]: "build" for one in of_state(made, "builds", "prefix-1")
    }
    assert places[incident.get("test_id") or incident["build_id"]] == where


def test_a_finding_in_a_state_that_git_could_not_make_has_no_incident() -> None:
    conflict = state("without-1", 1, tree=None, outcome=Outcome.CONFLICT)
    told = finding(FindingKind.UNDOCUMENTED_DEPENDENCY, "without-1", "conflict in a.c", patch=1)
    made = report(run(state("base"), conflict, findings=(told,)))
    assert len(made["issues"]) == 1 and made["incidents"] == []


# --- the source ---------------------------------------------------------------------------------


def with_base(commit: str, **more: Any) -> RunResult:
    base = Base(name="/home/me/linux v6.12", version="6.12", tree=TREES[0], commit=commit, **more)
    states = (state("base"), state("prefix-1", 1, applied=(1,)), state("prefix-2", 2, applied=(1, 2), tree=TREES[1]),
              state("without-1", 1, applied=(2,), tree=TREES[2]))  # fmt: skip
    variant = msgspec.structs.replace(VARIANT, make=("CC=/home/me/bin/gcc-13", "W=1"))
    return run(*states, base=base, variant=variant, words=("series", "--tree", "/home/me/linux"))


def written(place: Path, result: RunResult) -> Path:
    folder = place / patchfiles.folder(result.series.patches)
    folder.mkdir(parents=True)
    for patch in result.series.patches:
        (folder / patchfiles.name(patch)).write_text(f"patch {patch.number}\n")
    return place


def test_a_prefix_is_its_base_and_its_patches_and_a_revert_is_neither(tmp_path: Path) -> None:
    result = with_base(COMMIT)
    made = report(result, written(tmp_path, result))
    told = {one["misc"]["kseries"]["state"]: one for one in made["checkouts"]}
    hashes = {name: one.get("patchset_hash") for name, one in told.items()}
    assert hashes["base"] == "" and hashes["without-1"] is None
    folder = patchfiles.folder(result.series.patches)
    assert hashes["prefix-2"] == kcidbs.by_shell(tmp_path / folder) != hashes["prefix-1"]
    assert told["prefix-2"]["patchset_files"] == [
        {
            "name": f"000{number}-KVM-Patch-{number}.patch",
            "url": f"{LINKS}/{folder}/000{number}-KVM-Patch-{number}.patch",
        }
        for number in (1, 2)
    ]
    assert {name: one.get("git_commit_hash") for name, one in told.items()} == {
        "base": COMMIT, "prefix-1": COMMIT, "prefix-2": COMMIT, "without-1": None
    }  # fmt: skip
    assert told["without-1"]["misc"]["kseries"]["base_commit"] == COMMIT
    assert told["without-1"]["comment"] == "series, state without-1: patches 2 of 2 on linux v6.12"
    assert made["builds"][0]["command"] == "make CC=gcc-13 W=1"
    assert "/home/me" not in json.dumps(made)


@pytest.mark.parametrize("damage", ["gone", "link", "pipe"])
def test_of_patches_that_are_not_all_there_no_hash_is_made_up(tmp_path: Path, damage: str) -> None:
    result = with_base(COMMIT)
    patches = result.series.patches
    one = written(tmp_path, result) / patchfiles.folder(patches) / patchfiles.name(patches[1])
    one.unlink()
    if damage == "link":
        one.symlink_to("/etc/passwd")
    elif damage == "pipe":
        subprocess.run(["mkfifo", one], check=True)
    told = {one["misc"]["kseries"]["state"]: one for one in report(result, tmp_path)["checkouts"]}
    assert {name for name, one in told.items() if "patchset_hash" in one or "patchset_files" in one} == {"base"}


@pytest.mark.parametrize(
    "base", [{"commit": ""}, {"commit": "v6.12"}, {"commit": COMMIT, "prerequisites": ("KVM: Prepare",)}]
)
def test_a_base_that_is_no_commit_alone_is_not_called_one(base: dict[str, Any]) -> None:
    made = report(with_base(**base))
    assert not any("git_commit_hash" in one for one in made["checkouts"])


def test_the_mail_of_a_prefix_is_that_of_its_last_patch_and_of_all_the_one_above_them() -> None:
    result = with_base(COMMIT)
    patches = tuple(
        msgspec.structs.replace(one, message_id=f"<{one.number}@example.org>") for one in result.series.patches
    )
    series = msgspec.structs.replace(result.series, patches=patches, cover_id="<0@example.org>")
    made = report(msgspec.structs.replace(result, series=series))
    told = {one["misc"]["kseries"]["state"]: one.get("message_id") for one in made["checkouts"]}
    assert told == {"base": None, "prefix-1": "1@example.org", "prefix-2": "0@example.org", "without-1": None}


# --- ids ----------------------------------------------------------------------------------------


def ids(made: Report, kind: str) -> set[str]:
    return {one["id"] for one in made[kind]}


def again(result: RunResult, **more: Any) -> Report:
    return report(msgspec.structs.replace(result, **more))


def test_the_same_told_again_is_the_same_and_all_is_by_the_origin() -> None:
    first = report(split_run(), SPLIT)
    assert first == report(split_run(), SPLIT)
    other = report(split_run(), SPLIT, origin="mine")
    for kind in ("checkouts", "builds", "tests", "issues", "incidents"):
        assert all(one["id"].startswith("ci:") and one["origin"] == "ci" for one in first[kind])
        assert ids(first, kind).isdisjoint(ids(other, kind))


def test_a_run_that_goes_on_adds_what_is_new_and_another_kernel_is_another() -> None:
    timed: dict[str, Any] = {"seconds": {"build": 8.45, "boot": 1.91}, "checks": checks(p__works=PASS)}
    result = run(state("base", **timed), state("prefix-1", 1, outcome=Outcome.NOT_TRIED), partial=True)
    part, whole = report(result), again(result, states=(result.states[0], state("prefix-1", 1)), partial=False)
    for kind in ("checkouts", "builds", "tests"):
        assert ids(part, kind) < ids(whole, kind)
    later = again(result, states=(msgspec.structs.replace(result.states[0], seconds={"build": 8.46}),))
    assert ids(later, "checkouts") == ids(part, "checkouts")
    assert ids(later, "builds").isdisjoint(ids(part, "builds")) and ids(later, "tests").isdisjoint(ids(part, "tests"))
    for name in ("label", "arch", "toolchain", "config_hash", "make"):
        changed = "other" if name != "make" else ("W=1",)
        variant = again(result, variant=msgspec.structs.replace(VARIANT, **{name: changed}))
        assert ids(variant, "builds").isdisjoint(ids(part, "builds")), name
        assert ids(variant, "checkouts") == ids(part, "checkouts"), name


def test_what_a_host_could_not_do_twice_was_missed_twice() -> None:
    result = run(state("base", outcome=Outcome.INFRA_ERROR), began="2026-01-01T00:00:00+00:00")
    assert ids(report(result), "builds").isdisjoint(ids(again(result, began="2026-01-02T00:00:00+00:00"), "builds"))


def test_it_is_told_when_a_run_began_and_when_it_built() -> None:
    stage = TimedStage(state="base", stage=Stage.BUILD, began=61.5, ended=70.0)
    made = report(run(state("base"), began="2026-01-01T01:00:00+01:00", timeline=(stage,)))
    assert made["checkouts"][0]["start_time"] == "2026-01-01T00:00:00+00:00"
    assert made["builds"][0]["start_time"] == "2026-01-01T00:01:01+00:00"


LINKED = ("same_as", "built_as", "booted_as")
NAMES = ("base", "prefix-1", "prefix-2")


@given(st.tuples(*3 * [st.fixed_dictionaries({one: st.sampled_from((None, *NAMES)) for one in LINKED})]))
@example(({"built_as": "prefix-1"}, {"booted_as": "base"}, {}))
@settings(max_examples=60, deadline=None)
def test_states_that_say_in_a_circle_what_they_are_the_same_as_are_told_once(links: Sequence[dict[str, Any]]) -> None:
    states = [
        msgspec.structs.replace(state(name, number, checks=checks(p__works=PASS)), **linked)
        for number, (name, linked) in enumerate(zip(NAMES, links, strict=True))
    ]
    told = finding(FindingKind.REGRESSION, "base", "p.works")
    assert report(run(*states, findings=(told,)))["issues"]


# --- what anybody may write ---------------------------------------------------------------------


@given(st.sets(st.one_of(hostile, st.text("a./: _-", max_size=6), st.from_regex("a-[0-9a-f]{12}")), min_size=2))
def test_no_two_checks_have_one_path(names: set[str]) -> None:
    paths = {kcidbnames.path(name) for name in names}
    assert len(paths) == len(names)
    assert all(re.fullmatch(LATEST.json["$defs"]["path"]["pattern"].strip("^$"), path) for path in paths)


def test_a_path_is_what_the_check_is_called_where_that_can_be() -> None:
    assert kcidbnames.path("kvm.set_memory_region-2") == "kseries.kvm.set_memory_region-2"
    assert re.fullmatch("kseries.kvm.x86_64.state_test-[0-9a-f]{12}", kcidbnames.path("kvm.x86_64/state_test"))
    made = kcidbnames.path("a b")
    assert kcidbnames.path(made.removeprefix("kseries.")) != made, "who knows the digest takes no other's path"


@given(
    texts=st.lists(hostile, min_size=4, max_size=12),
    long=st.sampled_from([1, 4000]),
    outcome=st.sampled_from(Outcome),
    kind=st.sampled_from([FindingKind.FLAKY, FindingKind.REGRESSION]),
)
@settings(max_examples=60)
def test_kcidb_takes_whatever_a_stranger_has_written(
    texts: list[str], long: int, outcome: Outcome, kind: FindingKind
) -> None:
    told = (text * long for text in itertools.cycle(texts)).__next__
    some = tuple(msgspec.structs.replace(one, id=told(), detail=told()) for one in checks(a=PASS, b=FAIL, c=MISSING))
    seen = Evidence(kind=EvidenceKind.CHECK, name=some[0].id, status=FAIL, said=told())
    broken = state("prefix-1", 1, outcome=outcome, ending=Ending.PANIC, checks=some, detail=told(), log_tail=told(),
                   caps={told(): 1}, logs={"build": told()})  # fmt: skip
    result = run(
        state("base"),
        broken,
        findings=(Finding(kind=kind, state="prefix-1", patch=1, partner=None, contract=told(), evidence=(seen,)),),
        base=Base(name=told(), version=told(), tree=TREES[0], prerequisites=(told(),), commit=told()),
        variant=msgspec.structs.replace(VARIANT, label=told(), arch=told(), toolchain=told(), make=(told(),)),
    )
    patches = tuple(msgspec.structs.replace(one, subject=told(), message_id=told()) for one in result.series.patches)
    series = msgspec.structs.replace(result.series, name=told(), patches=patches, cover_id=told())
    made = report(msgspec.structs.replace(result, series=series))
    for kind_of in ("checkouts", "builds", "tests"):
        assert all(len(one.get("log_excerpt", "")) <= 16384 for one in made[kind_of])


# --- the command line ---------------------------------------------------------------------------


def test_the_file_is_written_and_printed_the_same(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kcidbnames.VARIABLE, "my_ci")
    assert cli.main(["publish", str(SPLIT), "--to", f"kcidb={tmp_path / 'x.json'}"]) == 0
    assert cli.main(["report", str(SPLIT), "--format", "kcidb"]) == 0
    told = (tmp_path / "x.json").read_bytes()
    assert capfdbinary.readouterr().out == told
    LATEST.validate(json.loads(told))
    assert json.loads(told)["checkouts"][0]["origin"] == "my_ci"


@pytest.mark.parametrize("name", ["My", "a-b", "a\x1b[2J", "a" * 65, "ä", "a\n"])
def test_an_origin_that_kcidb_would_not_take_is_refused_before_anything_is_done(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(kcidbnames.VARIABLE, name)
    assert cli.main(["publish", str(SPLIT), "--to", "kcidb=/dev/null"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kseries: {kcidbnames.VARIABLE}=") and len(said.splitlines()) == 2 and "\x1b" not in said


def test_without_the_extra_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(extras.EXTRAS, "publish", Extra("kseries_no_such_module", "x"))
    assert cli.main(["publish", str(SPLIT), "--to", "kcidb=/dev/null"]) == 3
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("kseries: the extra publish is not installed: ") and said.endswith("kseries extra publish")


def test_who_asks_for_no_kcidb_does_not_wait_for_its_schema() -> None:
    code = "import sys, kseries.cli; sys.exit('kcidb_io' in sys.modules or 'jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_what_kcidb_would_not_take_is_a_fault_of_ours_and_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kcidb, "document", lambda *_: {"version": {"major": 5, "minor": 3}, "builds": [{"id": "\x1b"}]})
    with pytest.raises(InfraError, match=r"internal error in kseries, .*: KCIDB does not take builds/0"):
        kcidb.KCIDB.report(FinishedRun(split_run(), SPLIT), str(tmp_path / "x.json"))
    assert not [*tmp_path.iterdir()]


def test_a_name_of_an_origin_is_told_where_none_is_given() -> None:
    assert kcidbnames.origin({}) == kcidbnames.origin({kcidbnames.VARIABLE: ""}) == "kseries"
    with pytest.raises(InputError, match="it has small letters, digits and _"):
        kcidbnames.origin({kcidbnames.VARIABLE: "A"})


@pytest.mark.parametrize(
    "url", ["https://ci.example.org:8080/a%20b/~me/", "http://[::1]/x", "file:///srv/runs", "HTTP://x"]
)
def test_each_url_that_is_taken_for_links_is_one_to_kcidb(url: str, tmp_path: Path) -> None:
    assert cli.main(["publish", str(SPLIT), "--to", f"kcidb={tmp_path / 'x.json'}", "--url", url]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["issues"][0]["report_url"] == f"{url.rstrip('/')}/report.html"


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "//x", "https://", "https://me:secret@x/", "https://x/?a=b", "https://x/#a", "https://x:port/",
     "https://x/{}", "https://x/%zz", "https://x/a b", "https://x/\x1b[2J", "https://ä/"],
)  # fmt: skip
def test_what_is_no_prefix_for_links_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["publish", str(SPLIT), "--to", "kcidb=/dev/null", "--url", url])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "is no URL, as https://ci.example.org/42 is" in said and "\x1b" not in said
