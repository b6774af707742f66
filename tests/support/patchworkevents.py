# SPDX-License-Identifier: GPL-2.0-only
"""A Patchwork on loopback that has events, series and their mboxes, as its REST API 1.3 tells of them, and no more."""

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.mails import mbox

API = "/api/1.3"
A_PAGE = 30
"""Events of a page: whoever asks for more has no more (page_size_query_param in patchwork/api/event.py)."""


@dataclass
class _Series:
    date: str
    mails: Sequence[bytes]


@dataclass
class FakePatchwork:
    """``answers`` are in the place of what a path has: a status and a body."""

    project: str = "kvm"
    url: str = ""
    series: dict[int, _Series] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    own_order: bool = False
    """Whether it has the newest event first, whatever it is asked: some versions do."""

    @property
    def source(self) -> str:
        return f"patchwork={self.url}/project/{self.project}/"

    def complete(self, number: int, date: str, mails: Sequence[bytes]) -> None:
        """Have a series be complete at a date, which is ISO 8601 without a zone, as Patchwork has it."""
        self.series[number] = _Series(date, mails)

    def more(self, target: str) -> str:
        """The header Link: whether there is a page after this one."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
        whole = "page" in asked and len(self._events({**asked, "page": str(int(asked["page"]) + 1)}))
        return f'<{self.url}{API}/events/?page={int(asked["page"]) + 1}>; rel="next"' if whole else ""

    def answer(self, target: str) -> tuple[int, bytes]:
        """The status and the body of what is asked for."""
        url = urllib.parse.urlsplit(target)
        self.asked.append(url.path)
        if url.path in self.answers:
            return self.answers[url.path]
        if url.path == f"{API}/events/":
            return 200, json.dumps(self._events(dict(urllib.parse.parse_qsl(url.query)))).encode()
        match url.path.strip("/").split("/"):
            case ["api", "1.3", "series", number] if int(number) in self.series:
                return 200, json.dumps(self._told(int(number))).encode()
            case ["series", number, "mbox"] if int(number) in self.series:
                return 200, mbox([one for one in self.series[int(number)].mails if b"\ndiff --git " in one])
            case ["covers", number, "mbox"] if int(number) in self.series:
                return 200, mbox([one for one in self.series[int(number)].mails if b"\ndiff --git " not in one])
        return 404, b'{"detail": "Not found."}'

    def _events(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        assert asked["category"] == "series-completed"
        found = [
            {
                "id": 1000 + number,
                "category": "series-completed",
                "project": {"id": 1, "link_name": self.project},
                "date": one.date,
                "actor": None,
                "payload": {"series": {"id": number, "date": one.date, "mbox": f"{self.url}/series/{number}/mbox/"}},
            }
            for number, one in self.series.items()
            if asked["project"] == self.project and one.date >= asked.get("since", "")
        ]
        first = (int(asked["page"]) - 1) * A_PAGE
        newest_first = asked.get("order") != "date" or self.own_order
        return sorted(found, key=lambda event: str(event["date"]), reverse=newest_first)[first : first + A_PAGE]

    def _told(self, number: int) -> dict[str, Any]:
        covered = any(b"\ndiff --git " not in one for one in self.series[number].mails)
        cover = {"id": number, "mbox": f"{self.url}/covers/{number}/mbox/"}
        return {"id": number, "name": "x", "received_all": True, "cover_letter": cover if covered else None}


@contextlib.contextmanager
def served() -> Iterator[FakePatchwork]:
    """One that answers while the context lasts."""
    made = FakePatchwork()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 200 and (more := made.more(self.path)):
                self.send_header("Link", more)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
