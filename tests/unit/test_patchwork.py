# SPDX-License-Identifier: GPL-2.0-only
"""Checks in a Patchwork: what a run says of each patch, and that no fault of a server or a network says it twice."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.host import paths
from kseries.model import Outcome, RunResult
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.publish import address, ledger, tokens
from kseries.publish.patchwork import checks
from kseries.publish.patchwork.checks import Check, News
from kseries.publish.patchwork.records import Posted, State, User
from kseries.publish.patchwork.reporter import Patchwork
from kseries.publish.patchwork.server import VARIABLES
from kseries.publish.patience import WAITS, Patience
from kseries.report import contexts
from kseries.report.reporter import FinishedRun
from tests.support import runs
from tests.support.fakepatchwork import TOKEN, USER, FakePatch, FakePatchwork
from tests.support.fakeserver import Fault, Way, serving
from tests.support.published import LINKS, begun, judged, patchwork_of, wanted
from tests.support.runs import mailed, message_id, split_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KSERIES_PATCHWORK_TOKEN", TOKEN)


@pytest.fixture
def patchwork() -> Iterator[FakePatchwork]:
    """One that has both patches in the project kvm."""
    with serving(patchwork_of(judged())) as fake:
        yield fake
        assert fake.wrongs == []


def publish(patchwork: FakePatchwork, result: RunResult, to: str = "/project/kvm/list/", links: str = LINKS) -> float:
    """Publish a run; the seconds that it would have waited."""
    waits: list[float] = []
    reporter = Patchwork(Patience(waits.append))
    reporter.check(f"{patchwork.url}{to}")
    reporter.report(FinishedRun(result, Path("/nowhere"), links), f"{patchwork.url}{to}")
    return sum(waits)


def refusal(patchwork: FakePatchwork, result: RunResult, kind: type[KseriesError] = InputError, to: str = "") -> str:
    """What the user is told, in a line or two that never has the token."""
    with pytest.raises(kind) as caught:
        publish(patchwork, result, to)
    said = str(caught.value)
    assert len(said.splitlines()) == 2 and TOKEN not in said
    return said


# --- what is said -------------------------------------------------------------------------------


def test_each_patch_and_question_has_a_check(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged(prefix_2=Outcome.CRASHED))
    told = {(patch, context): state for patch, context, state in patchwork.told()}
    assert (
        told[101, "kseries-apply"] == told[101, "kseries-build-x86_64"] == told[101, "kseries-boot-x86_64"] == "success"
    )
    assert told[102, "kseries-build-x86_64"] == "success" and told[102, "kseries-boot-x86_64"] == "fail"
    crash = next(one for one in patchwork.checks if one.state == "fail")
    assert crash.description.startswith("crashes") and crash.target_url == f"{LINKS}/report.html#patch-2"


def test_the_stored_run_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    result = mailed(split_run())
    with serving(patchwork_of(result)) as fake:
        publish(fake, result)
    failed = [(patch, context) for patch, context, state in fake.told() if state == "fail"]
    assert failed == [(103, "kseries-revert-x86_64")]
    assert capsys.readouterr().err.endswith(f": {len(fake.checks)} checks posted, 0 there before\n")


def test_what_is_open_is_pending_and_what_is_unknown_is_not_said(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged(prefix_2=Outcome.NOT_TRIED, without_1=Outcome.NOT_BOOTED))
    told = {(patch, context): state for patch, context, state in patchwork.told()}
    assert {told[102, f"kseries-{one}-x86_64"] for one in ("build", "boot", "contract")} == {"pending"}
    assert (101, "kseries-revert-x86_64") not in told


def test_a_pending_check_that_nobody_will_end_becomes_a_warning(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged(prefix_2=Outcome.NOT_TRIED))
    for _ in range(2):
        publish(patchwork, judged(prefix_2=Outcome.NOT_BOOTED))
    told = [state for patch, context, state in patchwork.told() if (patch, context) == (102, "kseries-boot-x86_64")]
    assert told == ["pending", "warning"]


@pytest.mark.parametrize(
    ("links", "url"),
    [
        ("", ""),
        (LINKS, f"{LINKS}/report.html#patch-1"),
        ("file:///srv/runs/42", ""),
        (f"https://ci.example.org/{'x' * 160}", f"https://ci.example.org/{'x' * 160}/report.html"),
        (f"https://ci.example.org/{'x' * 200}", ""),
    ],
)
def test_a_link_is_one_that_patchwork_takes(patchwork: FakePatchwork, links: str, url: str) -> None:
    publish(patchwork, judged(), links=links)
    assert {one.target_url for one in patchwork.checks if one.patch == 101} == {url}


@given(st.lists(st.text(max_size=70), unique=True, max_size=6))
def test_a_context_is_a_slug_that_no_other_label_has(labels: list[str]) -> None:
    slugs = [contexts.slug(label) for label in labels]
    assert len({*slugs}) == len(labels)
    assert all(len(one) <= 100 and set(one) <= {*"-_"} | {*map(chr, range(48, 123))} for one in slugs)
    assert all(contexts.slug(one) != one for one in slugs if one not in labels), "nor one that names it so"


@pytest.mark.parametrize("label", ["x86_64", "arm64", "clang", "no-kvm"])
def test_a_usual_label_stays_as_it_is(label: str) -> None:
    assert contexts.slug(label) == label
    assert contexts.slug(f"{label}.1").startswith(f"{label}-1-")


def test_each_variant_has_contexts_of_its_own_but_for_apply(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged())
    before = len(patchwork.checks)
    publish(patchwork, runs.of_arch(judged(), "arm64"))
    added = [context for _, context, _ in patchwork.told()[before:]]
    assert added and all(context.endswith("-arm64") for context in added)


# --- which patch --------------------------------------------------------------------------------


def test_a_mail_of_several_projects_asks_for_a_word(patchwork: FakePatchwork) -> None:
    patchwork.patches += (FakePatch(201, message_id(1), "lkml"),)
    said = refusal(patchwork, judged())
    assert "1/2: it is in several projects: kvm, lkml\n" in said
    assert {patch for patch, _, _ in patchwork.told()} == {102}, "the others have their checks"
    publish(patchwork, judged(), "/project/kvm")
    assert {patch for patch, _, _ in patchwork.told()} == {101, 102}


def test_the_number_of_a_mail_from_patchwork_chooses(patchwork: FakePatchwork) -> None:
    patchwork.patches += (FakePatch(201, message_id(1), "lkml"),)
    publish(patchwork, mailed(judged(), {1: 101}), "")
    assert {patch for patch, _, _ in patchwork.told()} == {101, 102}


def test_each_project_of_a_mail_has_its_own_checks(patchwork: FakePatchwork) -> None:
    patchwork.patches += (FakePatch(201, message_id(1), "lkml"), FakePatch(202, message_id(2), "lkml"))
    patchwork.maintained = ("kvm", "lkml")
    for project in ("kvm", "lkml"):
        publish(patchwork, judged(), f"/project/{project}")
    of = {top: sorted(one[1:] for one in patchwork.told() if one[0] // 100 == top) for top in (1, 2)}
    assert of[1] == of[2] != []


def test_a_number_that_chooses_another_patch_has_its_own_checks(patchwork: FakePatchwork) -> None:
    patchwork.patches += (FakePatch(201, message_id(1), "lkml"),)
    patchwork.maintained = ("kvm", "lkml")
    for number in (101, 201):
        publish(patchwork, mailed(judged(), {1: number}), "")
    assert {patch for patch, _, _ in patchwork.told()} == {101, 102, 201}


@pytest.mark.parametrize("number", [102, 999, 201])
def test_the_number_of_another_patch_or_patchwork_is_not_taken(patchwork: FakePatchwork, number: int) -> None:
    patchwork.patches += (FakePatch(201, "<other@example.com>", "kvm"),)
    publish(patchwork, mailed(judged(), {1: number}), "")
    assert {patch for patch, _, _ in patchwork.told()} == {101, 102}


def test_a_patch_that_is_not_there_is_told_and_the_others_have_their_checks(patchwork: FakePatchwork) -> None:
    patchwork.patches = patchwork.patches[1:]
    said = refusal(patchwork, judged(), to="/project/kvm")
    assert ": 1/2: no mail of that Message-ID is there in project kvm\n" in said
    assert {patch for patch, _, _ in patchwork.told()} == {102}


def test_an_old_patchwork_that_does_not_look_by_message_id_gets_nothing(patchwork: FakePatchwork) -> None:
    patchwork.patches = (FakePatch(301, "<other@example.com>", "kvm"),)
    patchwork.looks_by_message_id = False
    assert "no mail of that Message-ID" in refusal(patchwork, judged())
    assert patchwork.checks == []


def test_each_reason_is_told_once(patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]) -> None:
    patchwork.patches = (FakePatch(102, message_id(2), "kvm"), FakePatch(202, message_id(2), "lkml"))
    assert "2/2: it is in several projects: kvm, lkml\n" in refusal(patchwork, judged())
    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith(": 1/2: no mail of that Message-ID is there; was it sent to that list? Is it new?")


def test_a_series_of_commits_is_told_in_a_line(patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(patchwork, runs.run(*judged().states))
    assert said.startswith("the series came without Message-IDs") and capsys.readouterr().err == ""
    assert patchwork.requests == []


def test_a_project_that_is_not_there_is_told(patchwork: FakePatchwork) -> None:
    assert "project" in refusal(patchwork, judged(), to="/project/kmv")


# --- what is not said again ---------------------------------------------------------------------


def test_the_same_is_not_said_twice_nor_asked(patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]) -> None:
    publish(patchwork, judged())
    count, asked = len(patchwork.checks), len(patchwork.requests)
    publish(patchwork, judged(), links="https://elsewhere.example.org")
    assert len(patchwork.checks) == count and len(patchwork.requests) == asked
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"0 checks posted, {count} there before")


def test_without_a_ledger_the_server_is_asked(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged())
    paths.cache(ledger.NAME).unlink()
    told = patchwork.told()
    publish(patchwork, judged())
    assert patchwork.told() == told and len(patchwork.asked("POST")) == len(told)


def test_a_ledger_that_cannot_be_used_is_told_once_and_the_server_asked(
    patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.cache(ledger.NAME).mkdir(parents=True)
    for _ in range(2):
        publish(patchwork, judged())
    assert len(patchwork.told()) == len({*patchwork.told()}) > 0
    assert capsys.readouterr().err.count("what is posted cannot be noted") == 2, "once for each publish"


def test_a_ledger_of_somebody_else_is_put_aside(patchwork: FakePatchwork) -> None:
    paths.cache().mkdir(parents=True)
    with sqlite3.connect(paths.cache(ledger.NAME)) as other:
        other.execute("CREATE TABLE x (y)")
    publish(patchwork, judged())
    assert paths.cache(f"{ledger.NAME}.old").exists()


def test_a_finished_check_is_never_pending_again(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged())
    told = patchwork.told()
    publish(patchwork, judged(prefix_2=Outcome.NOT_TRIED, without_2=Outcome.INFRA_ERROR))
    assert patchwork.told() == told
    paths.cache(ledger.NAME).unlink()
    publish(patchwork, judged(prefix_2=Outcome.NOT_TRIED))
    assert patchwork.told() == told


def test_a_change_is_said(patchwork: FakePatchwork) -> None:
    for outcome in (Outcome.NOT_TRIED, Outcome.CRASHED, Outcome.OK):
        publish(patchwork, judged(prefix_2=outcome))
    told = [state for patch, context, state in patchwork.told() if (patch, context) == (102, "kseries-boot-x86_64")]
    assert told == ["pending", "fail", "success"]


def test_all_pages_of_checks_are_looked_at(patchwork: FakePatchwork) -> None:
    for number in range(300):
        patchwork.post(101, f"other-{number}", "success", user=3)
    publish(patchwork, judged())
    told = {(patch, context) for patch, context, _ in patchwork.told() if context.startswith("kseries-")}
    paths.cache(ledger.NAME).unlink()
    publish(patchwork, judged())
    assert len([one for one in patchwork.checks if one.user == USER]) == len(told)


def test_anothers_checks_are_not_ours_once_it_is_known_who_we_are(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged(prefix_2=Outcome.CRASHED))
    patchwork.post(102, "kseries-boot-x86_64", "success", "boots (x86_64, tcg)", user=3)
    publish(patchwork, judged())
    ours = [one.state for one in patchwork.checks if one.context == "kseries-boot-x86_64" and one.user == USER]
    assert ours[-1] == "success", "of each user the newest counts"


EARLIER, LATER = "2026-01-01T10:00:00+00:00", "2026-01-01T12:00:00+01:00"
BOOT = (102, "kseries-boot-x86_64")


def boots(patchwork: FakePatchwork) -> list[str]:
    """What was said of whether the second patch boots."""
    return [state for patch, context, state in patchwork.told() if (patch, context) == BOOT]


def test_a_run_does_not_overwrite_what_a_later_one_said(
    patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = begun(judged(), EARLIER), begun(judged(prefix_2=Outcome.CRASHED), LATER)
    for result in (old, new):
        publish(patchwork, result)
    told = patchwork.told()
    capsys.readouterr()
    publish(patchwork, old)
    assert patchwork.told() == told and boots(patchwork) == ["success", "fail"]
    first, last = capsys.readouterr().err.splitlines()
    assert first.endswith(" of a run that began later, left as they are") and last.endswith(" there before")


def test_a_later_run_that_says_the_same_is_the_later_one(patchwork: FakePatchwork) -> None:
    for result in (begun(judged(), EARLIER), begun(judged(), LATER)):
        publish(patchwork, result)
    publish(patchwork, begun(judged(prefix_2=Outcome.CRASHED), "2026-01-01T10:30:00+00:00"))
    assert boots(patchwork) == ["success"]


@pytest.mark.parametrize("began", ["", LATER])
def test_a_run_whose_begin_is_unknown_or_the_same_is_said(patchwork: FakePatchwork, began: str) -> None:
    publish(patchwork, begun(judged(), LATER))
    publish(patchwork, begun(judged(prefix_2=Outcome.CRASHED), began))
    assert boots(patchwork) == ["success", "fail"]


def test_runs_of_two_configurations_under_one_label_are_told_of(
    patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(patchwork, begun(judged(), EARLIER, "aaaa"))
    publish(patchwork, begun(judged(), EARLIER, "aaaa"))
    assert "configuration" not in capsys.readouterr().err
    publish(patchwork, begun(judged(prefix_2=Outcome.CRASHED), LATER, "bbbb"))
    (said,) = [one for one in capsys.readouterr().err.splitlines() if "configuration" in one]
    assert "x86_64" in said and boots(patchwork)[-1] == "fail"


def test_after_a_cut_a_token_of_another_user_says_nothing_twice(patchwork: FakePatchwork) -> None:
    publish(patchwork, judged())
    patchwork.user = 8
    patchwork.misbehave("POST", Way.CUT_AFTER)
    publish(patchwork, judged(prefix_2=Outcome.CRASHED))
    assert len({*patchwork.told()}) == len(patchwork.told())


def test_another_token_is_another_user(patchwork: FakePatchwork, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(patchwork, judged())
    known = ledger.Ledger(f"{patchwork.url}/api/1.2")
    ours = address.read(patchwork.url, "patchwork")
    assert known.who(tokens.get(ours, VARIABLES).digest) == USER
    monkeypatch.setenv("KSERIES_PATCHWORK_TOKEN", "another")
    assert known.who(tokens.get(ours, VARIABLES).digest) is None


@pytest.mark.parametrize(
    ("state", "description", "last", "news"),
    [
        (State.FAIL, "x", None, News.NEW),
        (State.FAIL, "x", ("fail", "x"), News.SAME),
        (State.FAIL, "x", ("fail", "y"), News.NEW),
        (State.FAIL, "x", ("pending", "x"), News.NEW),
        (State.PENDING, "x", ("pending", "x"), News.SAME),
        (State.PENDING, "x", ("pending", None), News.NEW),
        *((State.PENDING, "x", (finished, "x"), News.FINISHED) for finished in ("success", "warning", "fail")),
        (None, "x", None, News.NOTHING),
        (None, "x", ("fail", "x"), News.NOTHING),
        (None, "x", ("pending", "x"), News.NEW),
    ],
)
def test_what_is_news(state: State | None, description: str, last: tuple[str, str | None] | None, news: News) -> None:
    check = Check("kseries-boot-x", state, description, "")
    there = [Posted(id=3, context="kseries-boot-y", state="fail")]
    if last is not None:
        there.append(Posted(id=2, context=check.context, state=last[0], description=last[1], user=User(id=1)))
        there.append(Posted(id=1, context=check.context, state="warning", description="of before"))
    assert checks.news(check, there) is news


# --- faults -------------------------------------------------------------------------------------

PASSING = [
    (500, WAITS[0]),
    (502, WAITS[0]),
    (503, WAITS[0]),
    (429, WAITS[0]),
    (Fault(429, {"Retry-After": "33"}), 33.0),
    (Way.CUT_BEFORE, WAITS[0]),
    (Way.CUT_AFTER, WAITS[0]),
    (Way.ENDS_EARLY, WAITS[0]),
]


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("fault", "waits"), PASSING)
def test_a_fault_that_passes_leaves_each_check_once(
    patchwork: FakePatchwork, fault: Fault | Way | int, waits: float, method: str, at: int
) -> None:
    patchwork.misbehave(method, *([None] * at), fault)
    assert publish(patchwork, judged()) == waits
    assert sorted(patchwork.told()) == wanted(judged())


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (401, InputError, "does not know the token (401: as it was told)\n  copy it anew into KSERIES_PATCHWORK_TOKEN"),
        (403, InputError, "1/2: the token's user may post no checks (403: as it was told)\n  only a maintainer"),
        (404, InputError, "1/2: it is not there (404: as it was told)\n"),
        (400, InputError, "does not take that (400: as it was told)\n"),
        (302, InputError, "does not take that (302: it leads on to nowhere)\n"),
        (Way.HTML, InfraError, "it does not answer in JSON (text/html; charset=utf-8)\n  is it the Patchwork"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fault_that_stays_is_told_and_the_next_publish_goes_on(
    patchwork: FakePatchwork, fault: Way | int, kind: type[KseriesError], said: str, method: str
) -> None:
    patchwork.misbehave(method, None, fault)
    assert said in refusal(patchwork, judged(), kind)
    publish(patchwork, judged())
    assert sorted(patchwork.told()) == wanted(judged())


def test_a_server_that_fails_for_long_is_left_and_what_was_posted_is_told(
    patchwork: FakePatchwork, capsys: pytest.CaptureFixture[str]
) -> None:
    patchwork.misbehave("POST", None, None, *([500] * 5))
    assert refusal(patchwork, judged(), InfraError).endswith("it failed (500)\n  the same command goes on")
    assert capsys.readouterr().err.endswith(": 2 checks posted, 0 there before\n")
    publish(patchwork, judged())
    assert sorted(patchwork.told()) == wanted(judged())


def test_a_wrong_token_gets_nothing(patchwork: FakePatchwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSERIES_PATCHWORK_TOKEN", "another")
    assert "does not know the token" in refusal(patchwork, judged())
    assert patchwork.checks == []


def test_who_maintains_nothing_there_is_told_for_all_patches_at_once(patchwork: FakePatchwork) -> None:
    patchwork.maintained = ()
    assert ": 1/2, 2/2: the token's user may post no checks" in refusal(patchwork, judged(), to="/project/kvm")
    assert len(patchwork.asked("POST")) == 2, "one for each patch is enough"


def test_a_missing_token_is_told_before_anything_is_built(
    patchwork: FakePatchwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KSERIES_PATCHWORK_TOKEN")
    with pytest.raises(InputError, match="no token for 127"):
        Patchwork().check(patchwork.url)
    assert patchwork.requests == []


def test_one_has_to_say_which_patchwork() -> None:
    with pytest.raises(InputError, match="which Patchwork"):
        Patchwork().check(None)
