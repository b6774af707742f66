# SPDX-License-Identifier: GPL-2.0-only
"""A server on loopback for what is posted: it misbehaves when it is told to, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit


class Way(Enum):
    """In which way a request goes wrong, beside with a status."""

    CUT_BEFORE = "the connection is cut before anything is done"
    CUT_AFTER = "it is done, and the connection cut"
    ENDS_EARLY = "it is done, and half of the answer comes"
    HTML = "somebody else answers, with a page"
    DRIPS = "the answer comes byte by byte, and never ends"
    FLOODS = "the answer never ends"
    HELD = "it is done, and the answer comes when release() is called"


@dataclass(frozen=True)
class Fault:
    """What becomes of one request: a status that it is answered with, or a Way."""

    how: int | Way
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    document: Any


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


class Fake(ThreadingHTTPServer):
    """Subclasses say what it answers. ``requests`` are those that came, ``url`` is where it is.

    ``tunnel`` is its status where it is taken for a proxy.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.held = threading.Event()
        self.tunnel = 502
        self._released = threading.Event()
        self._faults: dict[str, list[Fault | None]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def misbehave(self, method: str, *faults: Fault | Way | int | None) -> None:
        """What becomes of the next requests of a method, one after the other; None lets one through."""
        made = [one if one is None or isinstance(one, Fault) else Fault(one) for one in faults]
        self._faults.setdefault(method, []).extend(made)

    def release(self) -> None:
        self._released.set()

    def asked(self, method: str) -> list[Request]:
        """The requests of a method, in their order."""
        return [one for one in self.requests if one.method == method]

    def reply(self, request: Request) -> Reply:
        """Do what a request asks for. One at a time."""
        raise NotImplementedError

    # --- for the handler --------------------------------------------------------------------

    def next_fault(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            left = self._faults.get(request.method, [])
            return left.pop(0) if left else None

    def done(self, request: Request) -> Reply:
        with self._lock:
            return self.reply(request)

    def wait(self) -> None:
        self.held.set()
        self._released.wait(60)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_CONNECT(self) -> None:
        """What a proxy is asked for; this one lets nobody through."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        cast(Fake, self.server).requests.append(Request(self.command, self.path, {}, headers, None))
        self._answer(Reply(cast(Fake, self.server).tunnel))

    def log_message(self, *_: object) -> None:
        """Nothing: a token may be in it."""

    def _serve(self) -> None:
        server = cast(Fake, self.server)
        request = self._request()
        fault = server.next_fault(request)
        if fault is None:
            self._answer(server.done(request))
        elif isinstance(fault.how, int):
            self._answer(Reply(fault.how, {"detail": "as it was told"}, fault.headers))
        else:
            self._go_wrong(server, request, fault.how)

    def _request(self) -> Request:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        is_json = self.headers.get("Content-Type") == "application/json"
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            document=json.loads(data) if data and is_json else None,
        )

    def _go_wrong(self, server: Fake, request: Request, way: Way) -> None:
        self.close_connection = True
        if way in (Way.CUT_AFTER, Way.ENDS_EARLY, Way.HELD):
            reply = server.done(request)
            if way is Way.HELD:
                server.wait()
                self._answer(reply)
            elif way is Way.ENDS_EARLY:
                self._head(reply.status, "application/json", {"Content-Length": "1000"})
                self.wfile.write(b'{"id": ')
        elif way is Way.HTML:
            page = b"<html><body>Are you a robot?</body></html>"
            self._head(200, "text/html; charset=utf-8", {"Content-Length": str(len(page))})
            self.wfile.write(page)
        elif way in (Way.DRIPS, Way.FLOODS):
            self._head(200, "application/json", {})
            while True:  # until the other end has enough
                self.wfile.write(b" " if way is Way.DRIPS else b" " * (1 << 20))
                time.sleep(0.02 if way is Way.DRIPS else 0)

    def _answer(self, reply: Reply) -> None:
        data = json.dumps(reply.document).encode()
        self._head(reply.status, reply.kind, {"Content-Length": str(len(data)), **reply.headers})
        self.wfile.write(data)

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


F = TypeVar("F", bound=Fake)


@contextmanager
def serving(fake: F) -> Iterator[F]:
    """A fake at work."""
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.release()
        fake.shutdown()
        fake.server_close()
        thread.join()


def paged(request: Request, found: list[Any], url: str, usual: int, most: int) -> tuple[list[Any], dict[str, str]]:
    """A page of a list, and the header that tells of the next (RFC 8288)."""
    size = min(int(request.query.get("per_page", usual)), most)
    page = int(request.query.get("page", 1))
    more = len(found) > page * size
    asked = "&".join(f"{name}={value}" for name, value in {**request.query, "page": str(page + 1)}.items())
    link = {"Link": f'<{url}{request.path}?{asked}>; rel="next"'} if more else {}
    return found[(page - 1) * size : page * size], link
