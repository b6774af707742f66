# SPDX-License-Identifier: GPL-2.0-only
"""One request to a server, and its answer, in bounded time and room.

What fails is told apart by what it means for whoever has posted something:

    FailedError
    ├── RefusedError   it was not done, and will not be: 4xx, or a redirection
    ├── LaterError     it was not done, and may be later: 429, 503, nobody listens there
    ├── UnsureError    it may have been done: 500, the connection was cut, no answer in time. Ask the server first
    └── AlienError     an answer, but not of the server that was expected: HTML, too much of it
        └── ProxyError it is a proxy's, that lets nobody through

A redirection is not followed: it would take the token elsewhere. ``http://`` goes to this host alone, past any proxy.
"""

import email.utils
import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kseries import __version__
from kseries.publish.address import Address
from kseries.publish.limit import Limit
from kseries.publish.words import quoted

SECONDS = 60.0
"""From the connection's begin to the last byte of the answer; what is sent may take its time beside."""
_SLOWEST = 1 << 16
"""Bytes that a slow line sends in a second."""
_LIMIT = 64 << 20
"""Bytes of an answer."""
_CHUNK = 1 << 16
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")
"""What http.client says of a proxy; the rest of it is the proxy's own."""


class FailedError(Exception):
    """A request that has no answer to go on with. The text is fit to be shown: it names no token."""


class RefusedError(FailedError):
    """The server will not do it, however often it is asked. ``status`` is None where it refuses with a 200."""

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(": ".join(one for one in (str(status or ""), said) if one))
        self.status = status


class LaterError(FailedError):
    """The server has not done it, and may do so after some seconds; None where it does not say how many."""

    def __init__(self, said: str, seconds: float | None = None) -> None:
        super().__init__(said)
        self.seconds = seconds


class UnsureError(FailedError):
    """Nobody knows whether it was done."""


class AlienError(FailedError):
    """The answer is not of the kind of server that was expected."""


class ProxyError(AlienError):
    """The user's proxy refuses: the server has seen nothing."""


@dataclass(frozen=True)
class Answer:
    """What came back, of a request that was done."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    server: Address, method: str, url: str, headers: Mapping[str, str], document: Any = None, seconds: float = SECONDS
) -> Answer:
    """Send one request, with a document as JSON, and wait for its answer, which is JSON. Raises FailedError."""
    if not server.has(url):
        raise AlienError("it speaks of another server")
    data = None if document is None else json.dumps(document).encode()
    given = {"Accept": "application/json", "User-Agent": f"kseries/{__version__}", **headers}
    if data is not None:
        given["Content-Type"] = "application/json"
        seconds += len(data) / _SLOWEST
    request = urllib.request.Request(url, data, given, method=method)
    with Limit(seconds, f"waiting for {server.host}") as limit:
        try:
            answer = _answer(_opener(server, limit), request, seconds)
        except FailedError:
            raise
        except Exception as error:
            raise _failure(error, limit, seconds) from None
        if limit.over:  # it may be half of one, whose end only the connection's end tells
            raise UnsureError(f"no answer in {seconds:.0f} s")
    return _sorted(answer)


def _opener(server: Address, limit: Limit) -> urllib.request.OpenerDirector:
    """No handler for redirections, errors, files or passwords: what is not here is not done."""

    def connect(address: tuple[str, int], _: float, *more: Any) -> socket.socket:
        """Of several addresses of a host, each may take what is left, and the next one is tried."""
        return limit.watched(socket.create_connection(address, limit.left, *more))

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            self._create_connection = connect
            super().connect()

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            self._create_connection = connect
            super().connect()

    class Handler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, request)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, request, context=ssl.create_default_context())

    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler({} if server.local else None))
    opener.add_handler(Handler())
    opener.add_handler(SecureHandler())
    return opener


def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request, seconds: float) -> Answer:
    with opener.open(request, timeout=seconds) as response:
        assert isinstance(response, http.client.HTTPResponse)
        body = bytearray()
        while chunk := response.read(_CHUNK):
            body += chunk
            if len(body) > _LIMIT:
                raise AlienError(f"its answer has more than {_LIMIT >> 20} MiB")
        if response.length:  # read() of so many bytes does not tell where they end too early
            raise http.client.IncompleteRead(b"", response.length)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(body))


def _failure(error: Exception, limit: Limit, seconds: float) -> FailedError:
    """What an exception of urllib means, whose own text may show what was sent."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if limit.over or isinstance(reason, TimeoutError):
        return UnsureError(f"no answer in {seconds:.0f} s")
    if isinstance(reason, ssl.SSLError):
        return AlienError(f"no safe connection: {quoted(reason.reason or 'TLS failed')}")
    if isinstance(reason, socket.gaierror):
        return LaterError("no such host, or no network")
    if isinstance(reason, ConnectionRefusedError):
        return LaterError("nobody listens there")
    if (found := _TUNNEL.match(str(reason))) is not None:
        return _proxys(int(found[1]))
    return UnsureError(f"the connection was cut ({type(reason).__name__})")


def _proxys(status: int) -> FailedError:
    """What a proxy's answer means, that has made no tunnel: the server has seen nothing of it."""
    if status >= 500:
        return LaterError(f"the proxy failed ({status})")
    return ProxyError(f"the proxy does not let us through ({status})")


def _sorted(answer: Answer) -> Answer:
    """An answer of 2xx in JSON; whatever else it is, as an error."""
    status = answer.status
    if status in (429, 503) or (status == 403 and _is_limited(answer)):
        raise LaterError(f"it asks for patience ({status})", _patience(answer))
    if 300 <= status < 400:
        raise RefusedError(status, f"it leads on to {quoted(answer.headers.get('location', 'nowhere'))}")
    if 400 <= status < 500:
        raise RefusedError(status, _said(answer))
    if status >= 500:
        raise UnsureError(f"it failed ({status})")
    if not _is_json(answer):
        raise AlienError(f"it does not answer in JSON ({quoted(answer.headers.get('content-type', 'of no type'))})")
    return answer


def _is_json(answer: Answer) -> bool:
    """Whether an answer is JSON, or looks so where it is said to be text: KCIDB's are (kcidb-restd-rs/src/main.rs)."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.endswith("json") or (kind in ("", "text/plain") and answer.body[:1] in (b"{", b"["))


def _said(answer: Answer) -> str:
    """Why a server refuses, in its own words; of a page in HTML, nothing."""
    if not _is_json(answer):
        return ""
    text = answer.body[:_CHUNK].decode(errors="replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return quoted(text)
    words = [told.get(key) for key in ("detail", "message")] if isinstance(told, dict) else []
    return quoted(next((one for one in words if isinstance(one, str)), text))


def _is_limited(answer: Answer) -> bool:
    """Whether a 403 is only a limit of how often one may ask (docs.github.com, "Rate limits for the REST API")."""
    return "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"


def _patience(answer: Answer) -> float | None:
    """Seconds that a server asks for: Retry-After (RFC 9110, 10.2.3), or when GitHub's limit ends."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdecimal():
        return float(told[:9])
    if told:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    until = answer.headers.get("x-ratelimit-reset", "")
    return max(0.0, float(until[:12]) - time.time()) if until.isascii() and until.isdecimal() else None
