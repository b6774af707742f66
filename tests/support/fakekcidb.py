# SPDX-License-Identifier: GPL-2.0-only
"""A KCIDB that takes what its schema takes, and has each object by its id (kcidb-ng: kcidb-restd-rs, SUBMITTERS.md).

Its answers are JSON, and it calls them plain text, as the real one does.
"""

from typing import Any

from kcidb_io.schema import V5_3

from tests.support.fakeserver import Fake, Reply, Request

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJvcmlnaW4iOiJrc2VyaWVzIn0.c2lnbmF0dXJl"


class FakeKcidb(Fake):
    """``objects`` are what is in the database, by kind and id."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}

    def reply(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _reply(401, "0", "JWT is required")
        if (request.method, request.path) != ("POST", "/submit"):
            return _reply(404, "0", "Not found")
        V5_3.validate(request.document)
        for kind, some in request.document.items():
            if kind != "version":
                self.objects |= {(kind, one["id"]): one for one in some}
        return _reply(200, f"{len(self.requests):032}", "Received")


def _reply(status: int, submission: str, message: str) -> Reply:
    told = {"id": submission, "status": "ok" if status == 200 else "error", "message": message}
    return Reply(status, told, kind="text/plain; charset=utf-8")
