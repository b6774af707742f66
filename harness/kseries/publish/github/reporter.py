# SPDX-License-Identifier: GPL-2.0-only
"""``--publish github=OWNER/REPO@COMMIT``: one check run of a commit, the same one however often it is published.

GitHub is asked first for the check run of that name. Annotations can be added to it and never taken away, fifty at a
time: those that are there are asked for, and the others added. Where it has some that no longer hold, a new check run
takes its place, as GitHub has it: of a name, the newest is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kseries.host import checksums
from kseries.model.errors import InputError
from kseries.publish import ledger
from kseries.publish.client import refused, unanswered
from kseries.publish.exchange import FailedError, RefusedError
from kseries.publish.github import checkrun
from kseries.publish.github.checkrun import Wanted
from kseries.publish.github.records import Annotation, CheckRun, Status
from kseries.publish.github.server import VARIABLES, Server
from kseries.publish.ledger import Ledger, Noted, Source
from kseries.publish.patience import Patience
from kseries.publish.words import say
from kseries.report.reporter import FinishedRun

BATCH = 50
"""Annotations of one request."""


@dataclass(frozen=True)
class GitHub:
    """The reporter."""

    patience: Patience = field(default_factory=Patience)
    file: str = ""

    def check(self, to: str | None) -> None:
        Server(to, self.patience)

    def report(self, run: FinishedRun, to: str | None) -> None:
        server = Server(to, self.patience)
        wanted = checkrun.of(run)
        with ledger.opened(server.place) as known:
            try:
                said = self._publish(server, known, wanted, ledger.source(run.result))
            except RefusedError as error:
                raise _refused(server, error) from None
            except FailedError as error:
                raise unanswered(server.host, error, "GitHub") from None
        say(f"{server.host}: {wanted.name}: {said}")

    def _publish(self, server: Server, known: Ledger, wanted: Wanted, source: Source) -> str:
        """Have the commit have it; what was done for that."""
        digest = _digest(wanted)
        last = known.last(wanted.external_id) or Noted("", source)
        if last.source.is_of_another_configuration(source):
            say(f"{server.host}: {wanted.name} was of another configuration: {ledger.LABELS}")
        if last.said == digest:
            if source.is_later(last.source):
                known.note(wanted.external_id, digest, source)
            return "there before"
        if last.source.is_later(source):
            return "left as it was: it is of a run that began later"
        done = self.patience.until_done(server.host, lambda: _bring(server, wanted))
        known.note(wanted.external_id, digest, source)
        return done


def _bring(server: Server, wanted: Wanted) -> str:
    """Bring the commit from what it has to what it is to have. Raises FailedError."""
    found = (one for one in server.check_runs(wanted.name) if one.external_id == wanted.external_id)
    last = max(found, key=lambda one: one.id, default=None)
    if last is None:
        _create(server, wanted)
        return "posted"
    there = server.annotations(last.id)
    missing = [one for one in wanted.annotations if one not in there]
    if _says(last, wanted) and not missing and set(there) <= set(wanted.annotations):
        return "there before"
    if wanted.status is Status.AT_WORK and last.status == Status.COMPLETED:
        return "left as it was: it is completed, and this run is not"
    if not set(there) <= set(wanted.annotations):
        _create(server, wanted)
        return "posted anew"
    for batch in _batches(missing) or [[]]:
        server.update(last.id, _document(wanted, batch))
    return "brought up to date"


def _create(server: Server, wanted: Wanted) -> None:
    first, *others = _batches(wanted.annotations) or [[]]
    document = {"name": wanted.name, "head_sha": server.commit, "external_id": wanted.external_id}
    made = server.create({**document, **_document(wanted, first)})
    for batch in others:
        server.update(made.id, _document(wanted, batch))


def _batches(annotations: Sequence[Annotation]) -> list[Sequence[Annotation]]:
    return [annotations[at : at + BATCH] for at in range(0, len(annotations), BATCH)]


def _document(wanted: Wanted, annotations: Sequence[Annotation]) -> dict[str, Any]:
    """All that GitHub lets one say of a check run, with some of its annotations."""
    output = {"title": wanted.title, "summary": wanted.summary, "annotations": msgspec.to_builtins(annotations)}
    document: dict[str, Any] = {"status": str(wanted.status), "output": output}
    if wanted.conclusion is not None:
        document["conclusion"] = str(wanted.conclusion)
    if wanted.details_url:
        document["details_url"] = wanted.details_url
    return document


def _says(last: CheckRun, wanted: Wanted) -> bool:
    """Whether one says what is to be said; the link, and blanks at an end, which GitHub may drop, are no news."""
    told = [(part or "").strip() for part in (last.output.title, last.output.summary)]
    same = told == [wanted.title.strip(), wanted.summary.strip()]
    return same and (last.status, last.conclusion) == (wanted.status, wanted.conclusion)


def _digest(wanted: Wanted) -> str:
    told = [wanted.status, wanted.conclusion or "", wanted.title, wanted.summary]
    return checksums.of_words([*told, msgspec.json.encode(wanted.annotations).decode()])


def _refused(server: Server, error: RefusedError) -> InputError:
    todo = {
        401: f"put one that GitHub knows into {VARIABLES[0]}",
        403: "it has to be of a GitHub App, as Actions' GITHUB_TOKEN is, with checks: write",
        404: "is the repository right, and may the token see it?",
        422: "does the repository have that commit?",
    }
    return refused(server.host, "the check run", error, todo, "the words are GitHub's")


GITHUB = GitHub()
