# SPDX-License-Identifier: GPL-2.0-only
"""``--publish kcidb=URL`` submits a run to KCIDB (github.com/kernelci/kcidb-ng); ``kcidb=FILE`` writes what would be.

KCIDB cannot be asked what it has. It knows each object by an id, which is made of what the object is: what is submitted
twice is there once. So after a connection that was cut, the same is submitted again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kseries.host import checksums
from kseries.model import Record
from kseries.model.errors import InputError
from kseries.publish import address, ledger, tokens
from kseries.publish.address import Address
from kseries.publish.client import Client, refused, unanswered
from kseries.publish.exchange import AlienError, FailedError, RefusedError
from kseries.publish.ledger import Source
from kseries.publish.patience import Patience
from kseries.publish.words import quoted, say
from kseries.report import json, kcidb, kcidbnames
from kseries.report.reporter import FinishedRun

VARIABLES = ("KSERIES_KCIDB_TOKEN",)
_SUBMIT = "/submit"
_OK = "ok"


class Submission(Record, frozen=True):
    """The answer to one (kcidb-restd-rs/src/main.rs)."""

    status: str
    """"ok", or else it was not taken."""
    id: str = ""
    message: str = ""


@dataclass(frozen=True)
class Kcidb:
    """The reporter."""

    patience: Patience = field(default_factory=Patience)
    file: str = kcidb.KCIDB.file

    def check(self, to: str | None) -> None:
        if to is None or not address.is_url(to):
            kcidb.KCIDB.check(to)
            return
        server = _server(to)
        tokens.get(server, VARIABLES)
        kcidb.KCIDB.check(None)

    def report(self, run: FinishedRun, to: str | None) -> None:
        if to is None or not address.is_url(to):
            kcidb.KCIDB.report(run, to)
            return
        document = kcidb.document(run, kcidbnames.origin())
        kcidb.check(document)
        self._submit(_server(to), document)

    def _submit(self, server: Address, document: dict[str, Any]) -> None:
        token = tokens.get(server, VARIABLES)
        client = Client(server, {"Authorization": token.header("Bearer")}, self.patience, "KCIDB")
        url = f"{server.origin}{server.path.removesuffix(_SUBMIT)}{_SUBMIT}"
        digest = checksums.of_bytes(json.document(document).encode())
        with ledger.opened(url) as known:
            if (before := known.last(digest)) is not None:
                say(f"{server.host}: there before{_named(before.said)}")
                return
            submitted = self._patiently(server, lambda: _taken(client.send("POST", url, document, Submission)))
            known.note(digest, submitted.id, Source())
            say(f"{server.host}: submitted{_named(submitted.id)}")

    def _patiently(self, server: Address, submit: Callable[[], Submission]) -> Submission:
        try:
            return self.patience.until_done(server.host, submit)
        except RefusedError as error:
            raise _refused(server, error) from None
        except FailedError as error:
            raise unanswered(server.host, error, "KCIDB") from None


def _server(to: str) -> Address:
    """KCIDB, by its URL with or without the /submit that all of it goes to."""
    return address.read(to, "kcidb")


def _taken(answer: Submission) -> Submission:
    """What was submitted, by its id. Raises FailedError: 200 alone does not say that it was."""
    if answer.status != _OK:
        raise RefusedError(None, quoted(f"{answer.status}: {answer.message}"))
    if not answer.id:
        raise AlienError("it does not answer as KCIDB does")
    return answer


def _named(submission: str) -> str:
    return f" as {quoted(submission)}" if submission else ""


def _refused(server: Address, error: RefusedError) -> InputError:
    todo = {
        401: f"put the token that the KernelCI team has given you into {VARIABLES[0]}",
        403: "does the token belong to the origin? KSERIES_KCIDB_ORIGIN says whose results they are",
        404: "is it the KCIDB that you mean? https://db.kernelci.org/submit is one",
        413: "the run is more than it takes at once",
    }
    return refused(server.host, "the run", error, todo, "the words are its own")


KCIDB = Kcidb()
