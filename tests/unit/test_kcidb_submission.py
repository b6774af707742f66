# SPDX-License-Identifier: GPL-2.0-only
"""Runs submitted to KCIDB: once, and what cannot be is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.model import Outcome
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.publish import ledger
from kseries.publish.kcidb import Kcidb
from kseries.publish.patience import WAITS, Patience
from kseries.report import kcidb
from kseries.report.reporter import FinishedRun
from tests.support.fakekcidb import TOKEN, FakeKcidb
from tests.support.fakeserver import Fault, Reply, Way, serving
from tests.support.published import judged, written


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KSERIES_KCIDB_TOKEN", TOKEN)


@pytest.fixture
def database() -> Iterator[FakeKcidb]:
    with serving(FakeKcidb()) as fake:
        yield fake


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return FinishedRun(judged(prefix_2=Outcome.CRASHED), written(judged(), tmp_path / "out"))


def publish(run: FinishedRun, to: str) -> float:
    """Publish a run; the seconds that it would have waited."""
    waits: list[float] = []
    made = Kcidb(Patience(waits.append))
    made.check(to)
    made.report(run, to)
    return sum(waits)


def whole(run: FinishedRun) -> set[tuple[str, str]]:
    made = kcidb.document(run, "kseries")
    return {(kind, one["id"]) for kind, some in made.items() if kind != "version" for one in some}


@pytest.mark.parametrize("path", ["", "/", "/submit", "/submit/"])
def test_a_run_is_submitted_as_it_is_written(database: FakeKcidb, run: FinishedRun, tmp_path: Path, path: str) -> None:
    publish(run, f"{database.url}{path}")
    publish(run, str(tmp_path / "kcidb.json"))
    (request,) = database.requests
    assert request.document == json.loads((tmp_path / "kcidb.json").read_text())
    assert database.objects.keys() == whole(run)


def test_the_same_is_not_submitted_twice(
    database: FakeKcidb, run: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        publish(run, database.url)
    assert len(database.requests) == 1
    first, again = capsys.readouterr().err.splitlines()
    assert first.endswith(f": submitted as {1:032}") and again.endswith(f": there before as {1:032}")


def test_what_is_submitted_twice_for_want_of_a_ledger_is_there_once(database: FakeKcidb, run: FinishedRun) -> None:
    publish(run, database.url)
    paths.cache(ledger.NAME).unlink()
    publish(run, database.url)
    assert len(database.requests) == 2 and database.objects.keys() == whole(run)


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (500, WAITS[0]),
        (503, WAITS[0]),
        (Fault(429, {"Retry-After": "33"}), 33.0),
        (Way.CUT_BEFORE, WAITS[0]),
        (Way.CUT_AFTER, WAITS[0]),
        (Way.ENDS_EARLY, WAITS[0]),
    ],
)
def test_a_fault_that_passes_leaves_each_object_once(
    database: FakeKcidb, run: FinishedRun, fault: Fault | Way | int, waits: float
) -> None:
    database.misbehave("POST", fault)
    assert publish(run, database.url) == waits
    assert database.objects.keys() == whole(run)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (401, InputError, "(401: as it was told)\n  put the token that the KernelCI team has given you into KSERIES_"),
        (403, InputError, "(403: as it was told)\n  does the token belong to the origin?"),
        (404, InputError, "(404: as it was told)\n  is it the KCIDB that you mean?"),
        (413, InputError, "(413: as it was told)\n  the run is more than it takes at once"),
        (Way.HTML, InfraError, "it does not answer in JSON"),
    ],
)
def test_a_fault_that_stays_is_told_and_the_next_publish_goes_on(
    database: FakeKcidb, run: FinishedRun, fault: Way | int, kind: type[KseriesError], said: str
) -> None:
    database.misbehave("POST", fault)
    with pytest.raises(kind) as caught:
        publish(run, database.url)
    assert said in str(caught.value) and TOKEN not in str(caught.value) and database.objects == {}
    publish(run, database.url)
    assert database.objects.keys() == whole(run)


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        ({"id": "7", "status": "error", "message": "bad\x1b[31m"}, InputError, "does not take the run (error: bad"),
        ({"status": "error", "message": "bad"}, InputError, "does not take the run (error: bad)\n"),
        ({"id": "7"}, InfraError, "it does not answer as KCIDB does"),
        ({"status": "ok"}, InfraError, "it does not answer as KCIDB does"),
        ({"id": "", "status": "ok"}, InfraError, "it does not answer as KCIDB does"),
        ({}, InfraError, "it does not answer as KCIDB does"),
    ],
)
def test_what_was_not_taken_is_told_and_not_remembered(
    database: FakeKcidb,
    run: FinishedRun,
    told: dict[str, str],
    kind: type[KseriesError],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as lying:
        lying.setattr(database, "reply", lambda _: Reply(200, told))
        with pytest.raises(kind) as caught:
            publish(run, database.url)
    assert said in str(caught.value) and len(str(caught.value).splitlines()) == 2 and "\x1b" not in str(caught.value)
    publish(run, database.url)
    assert database.objects.keys() == whole(run)


def test_a_token_in_the_url_is_refused_before_anything_is_built(database: FakeKcidb) -> None:
    with pytest.raises(InputError, match="has a user or a token in it") as caught:
        Kcidb().check(f"https://{TOKEN}@db.kernelci.org/")
    assert TOKEN not in str(caught.value)


def test_a_missing_token_is_told_before_anything_is_built(database: FakeKcidb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KSERIES_KCIDB_TOKEN")
    with pytest.raises(InputError, match="no token for 127"):
        Kcidb().check(database.url)
