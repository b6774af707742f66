# SPDX-License-Identifier: GPL-2.0-only
"""A check run on GitHub: one for each commit and variant, with each annotation once, whatever goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from kseries.host import paths
from kseries.model import AppliedPatch, ChangedLines, FindingKind, Outcome, RunResult
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.publish import ledger
from kseries.publish.github import checkrun, reporter
from kseries.publish.github.records import Conclusion, Status
from kseries.publish.github.reporter import BATCH, GitHub
from kseries.publish.patience import WAITS, Patience
from kseries.report.reporter import FinishedRun
from tests.support import runs
from tests.support.fakegithub import COMMIT, REPOSITORY, TOKEN, FakeGitHub
from tests.support.fakeserver import Fault, Way, serving
from tests.support.published import LINKS, begun, judged

TO = f"{REPOSITORY}@{COMMIT}"
PLACE = Path("/nowhere")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KSERIES_GITHUB_TOKEN", TOKEN)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with serving(FakeGitHub()) as fake:
        monkeypatch.setenv("GITHUB_API_URL", fake.url)
        yield fake
        assert fake.wrongs == []


def publish(result: RunResult, to: str | None = TO, links: str = LINKS) -> float:
    """Publish a run; the seconds that it would have waited."""
    waits: list[float] = []
    made = GitHub(Patience(waits.append))
    made.check(to)
    made.report(FinishedRun(result, PLACE, links), to)
    return sum(waits)


def refusal(result: RunResult, kind: type[KseriesError] = InputError, to: str | None = TO) -> str:
    with pytest.raises(kind) as caught:
        publish(result, to)
    said = str(caught.value)
    assert len(said.splitlines()) == 2 and TOKEN not in said
    return said


def found(count: int, first: int = 1) -> RunResult:
    """A run with so many findings, each of a patch of its own, at a line of its own."""
    base = judged()
    lines = tuple(
        ChangedLines(file=f"mm/file{number}.c", first=number, last=number, compiled=True)
        for number in range(first, first + count)
    )
    known = tuple(
        msgspec.structs.replace(base.patches[0], number=number, changed=(one,)) for number, one in enumerate(lines, 1)
    )
    patches = tuple(
        AppliedPatch(number=number, subject=f"mm: Patch {number}", tree_before="", tree_after="")
        for number in range(1, count + 1)
    )
    findings = tuple(runs.finding(FindingKind.REGRESSION, "prefix-2", "x.y: fail", patch=one.number) for one in patches)
    series = msgspec.structs.replace(base.series, patches=patches)
    return msgspec.structs.replace(base, series=series, patches=known, findings=findings)


# --- what is said -------------------------------------------------------------------------------


def test_a_good_run_is_a_success(github: FakeGitHub) -> None:
    publish(judged())
    (made,) = github.check_runs
    assert (made["name"], made["external_id"], made["head_sha"]) == ("kseries (x86_64)", "kseries/x86_64", COMMIT)
    assert (made["status"], made["conclusion"]) == ("completed", "success")
    assert made["details_url"] == f"{LINKS}/report.html"
    assert "| 1/2 `KVM: Patch 1` |" in made["output"]["summary"]


@pytest.mark.parametrize(
    ("states", "conclusion"),
    [
        ({"prefix_2": Outcome.CRASHED}, Conclusion.FAILURE),
        ({"prefix_2": Outcome.CRASHED, "without_2": Outcome.NOT_TRIED}, Conclusion.FAILURE),
        ({"prefix_2": Outcome.NOT_TRIED}, None),
        ({"prefix_2": Outcome.INFRA_ERROR}, None),
        ({"prefix_2": Outcome.NOT_BOOTED}, Conclusion.NEUTRAL),
        ({"without_2": Outcome.CONFLICT}, Conclusion.SUCCESS),
    ],
)
def test_a_conclusion_is_no_better_than_what_is_known(
    states: dict[str, Outcome], conclusion: Conclusion | None
) -> None:
    made = checkrun.of(FinishedRun(judged(**states), PLACE))
    assert made.conclusion is conclusion
    assert made.status is (Status.AT_WORK if conclusion is None else Status.COMPLETED)


def test_findings_stand_at_their_lines(github: FakeGitHub) -> None:
    publish(found(2))
    assert [(one["path"], one["start_line"], one["annotation_level"]) for one in github.annotations[1]] == [
        ("mm/file1.c", 1, "failure"),
        ("mm/file2.c", 2, "failure"),
    ]


@given(runs.hostile)
def test_a_subject_makes_nothing_of_the_summary_and_the_summary_fits(subject: str) -> None:
    base = judged()
    patch = msgspec.structs.replace(base.series.patches[0], subject=f"{subject} @torvalds `x` | {subject}")
    long = msgspec.structs.replace(base, series=msgspec.structs.replace(base.series, patches=(patch,)))
    made = checkrun.of(FinishedRun(long, PLACE))
    (row,) = [line for line in made.summary.splitlines() if line.startswith("| 1/1")]
    assert row.replace(r"\|", "").count("|") == 7 and row.count("`") == 2
    made.summary.encode()


def test_a_summary_is_cut_at_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = checkrun.of(FinishedRun(found(30), PLACE)).summary
    monkeypatch.setattr(checkrun, "SUMMARY", 2000)
    cut = checkrun.of(FinishedRun(found(30), PLACE)).summary
    assert 1800 < len(cut.encode()) <= 2000 < len(whole.encode())
    kept = cut.removesuffix("\n\nThe rest is in the report.\n")
    assert whole.startswith(f"{kept}\n")


# --- which commit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to", ["torvalds/linux", "torvalds@" + COMMIT, f"{REPOSITORY}@HEAD", f"../..@{COMMIT}", f"x/.@{COMMIT}", "x"]
)
def test_what_is_no_commit_is_refused(to: str) -> None:
    assert refusal(judged(), to=to).endswith("github=OWNER/REPO@COMMIT names one, by its whole id")


def test_actions_say_which_commit(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "which commit" in refusal(judged(), to=None)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("GITHUB_SHA", COMMIT)
    monkeypatch.delenv("KSERIES_GITHUB_TOKEN")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    publish(judged(), None)
    assert len(github.check_runs) == 1


# --- what is not said again ---------------------------------------------------------------------


def test_the_same_is_not_said_twice_nor_asked(github: FakeGitHub) -> None:
    publish(found(3))
    asked = len(github.requests)
    publish(found(3), links="https://elsewhere.example.org")
    assert len(github.requests) == asked
    paths.cache(ledger.NAME).unlink()
    publish(found(3))
    assert {one.method for one in github.requests[asked:]} == {"GET"}


def test_a_later_run_changes_the_same_check_run(github: FakeGitHub) -> None:
    for states in ({"prefix_2": Outcome.NOT_TRIED}, {"prefix_2": Outcome.CRASHED}, {}):
        publish(judged(**states))
    (made,) = github.check_runs
    assert made["conclusion"] == "success"


def test_a_completed_one_is_never_in_progress_again(github: FakeGitHub) -> None:
    publish(judged())
    publish(judged(prefix_2=Outcome.NOT_TRIED))
    assert github.shown["conclusion"] == "success" and len(github.check_runs) == 1


def test_an_annotation_that_no_longer_holds_is_shown_no_more(github: FakeGitHub) -> None:
    """GitHub takes none away; the newest check run of a name is shown."""
    publish(found(2))
    publish(found(1, first=7))
    assert [one["path"] for one in github.annotations[github.shown["id"]]] == ["mm/file7.c"]
    assert len(github.check_runs) == 2


EARLIER, LATER = "2026-01-01T10:00:00+00:00", "2026-01-01T12:00:00+01:00"


def test_a_run_does_not_overwrite_what_a_later_one_said(github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = begun(judged(), EARLIER), begun(judged(prefix_2=Outcome.CRASHED), LATER)
    for result in (old, new, old):
        publish(result)
    assert github.shown["conclusion"] == "failure"
    assert capsys.readouterr().err.endswith(": left as it was: it is of a run that began later\n")
    publish(begun(judged(prefix_2=Outcome.OK), LATER))
    assert github.shown["conclusion"] == "success"


def test_a_later_run_that_says_the_same_is_the_later_one(github: FakeGitHub) -> None:
    for result in (begun(judged(), EARLIER), begun(judged(), LATER)):
        publish(result)
    publish(begun(judged(prefix_2=Outcome.CRASHED), "2026-01-01T10:30:00+00:00"))
    assert github.shown["conclusion"] == "success"


def test_runs_of_two_configurations_under_one_label_are_told_of(
    github: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(begun(judged(), EARLIER, "aaaa"))
    assert "configuration" not in capsys.readouterr().err
    publish(begun(judged(prefix_2=Outcome.CRASHED), LATER, "bbbb"))
    assert "kseries (x86_64) was of another configuration" in capsys.readouterr().err
    assert github.shown["conclusion"] == "failure"


def test_a_check_run_of_somebody_else_is_left_alone(github: FakeGitHub) -> None:
    other = {"id": 1, "name": "kseries (x86_64)", "status": "completed", "conclusion": "failure", "output": {}}
    github.check_runs.append({**other, "external_id": "theirs"})
    github.annotations[1] = []
    publish(judged())
    assert [one["conclusion"] for one in github.check_runs] == ["failure", "success"]


# --- faults -------------------------------------------------------------------------------------

AT_ONCE, MANY = 3, 8
PASSING = [
    (500, WAITS[0]),
    (503, WAITS[0]),
    (Fault(429, {"Retry-After": "33"}), 33.0),
    (Fault(403, {"X-RateLimit-Remaining": "0", "Retry-After": "44"}), 44.0),
    (Way.CUT_BEFORE, WAITS[0]),
    (Way.CUT_AFTER, WAITS[0]),
    (Way.ENDS_EARLY, WAITS[0]),
]


@pytest.mark.parametrize(("method", "at"), [("GET", 0), ("POST", 0), ("PATCH", 0), ("PATCH", 1)])
@pytest.mark.parametrize(("fault", "waits"), PASSING)
def test_a_fault_that_passes_leaves_one_check_run_with_each_annotation_once(
    github: FakeGitHub, fault: Fault | Way | int, waits: float, method: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "BATCH", AT_ONCE)
    github.misbehave(method, *([None] * at), fault)
    assert publish(found(MANY)) == waits
    assert len(github.check_runs) == 1
    assert [one["start_line"] for one in github.annotations[1]] == [*range(1, MANY + 1)]


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (401, InputError, "(401: as it was told)\n  put one that GitHub knows into KSERIES_GITHUB_TOKEN"),
        (403, InputError, "(403: as it was told)\n  it has to be of a GitHub App"),
        (404, InputError, "(404: as it was told)\n  is the repository right"),
        (422, InputError, "(422: as it was told)\n  does the repository have that commit?"),
        (Way.HTML, InfraError, "it does not answer in JSON"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_fault_that_stays_is_told_and_the_next_publish_goes_on(
    github: FakeGitHub,
    fault: Way | int,
    kind: type[KseriesError],
    said: str,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporter, "BATCH", AT_ONCE)
    github.misbehave(method, fault)
    assert said in refusal(found(MANY), kind)
    publish(found(MANY))
    assert len(github.check_runs) == 1 and len(github.annotations[1]) == MANY


def test_a_token_that_is_no_apps_is_told_what_it_lacks(github: FakeGitHub) -> None:
    github.app = False
    assert "as Actions' GITHUB_TOKEN is, with checks: write" in refusal(judged())


def test_no_more_is_annotated_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkrun, "ANNOTATIONS", 7)
    assert len(checkrun.of(FinishedRun(found(9), PLACE)).annotations) == 7


def test_what_github_takes_at_once_is_what_it_gets() -> None:
    assert (BATCH, checkrun.SUMMARY) == (50, 65535)
