# SPDX-License-Identifier: GPL-2.0-only
"""One request and its answer: what each way to fail means, and that none of them takes for ever."""

import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from kseries.model.errors import InfraError
from kseries.publish import address, exchange, limit
from kseries.publish.client import Client, unanswered
from kseries.publish.exchange import AlienError, FailedError, LaterError, ProxyError, RefusedError, UnsureError
from kseries.publish.limit import Limit
from kseries.publish.patience import LONGEST, WAITS, Patience
from tests.support.fakeserver import Fake, Fault, Reply, Request, Way, paged, serving

TOKEN = "s3cr3t-0123456789"
HEADERS = {"Authorization": f"Token {TOKEN}"}


class Echo(Fake):
    """Answers with what it was sent, and keeps what is posted."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[object] = []

    def reply(self, request: Request) -> Reply:
        if request.path == "/list":
            page, link = paged(request, list(range(7)), self.url, 3, 3)
            return Reply(200, page, link)
        if request.method == "POST":
            self.kept.append(request.document)
        return Reply(200, {"sent": request.document, "path": request.path})


@pytest.fixture
def echo() -> Iterator[Echo]:
    with serving(Echo()) as fake:
        yield fake


def ask(echo: Fake, method: str = "POST", path: str = "/x", seconds: float = 30.0) -> exchange.Answer:
    server = address.read(echo.url, "echo")
    document = {"a": 1} if method == "POST" else None
    return exchange.ask(server, method, f"{echo.url}{path}", HEADERS, document, seconds)


def client(echo: Fake, waits: list[float]) -> Client:
    return Client(address.read(echo.url, "echo"), HEADERS, Patience(waits.append), "an echo")


def test_a_document_is_sent_as_json_with_the_token(echo: Echo) -> None:
    assert ask(echo).body == b'{"sent": {"a": 1}, "path": "/x"}'
    (request,) = echo.requests
    assert request.headers["authorization"] == f"Token {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("kseries/")


@pytest.mark.parametrize(
    ("fault", "kind", "said", "kept"),
    [
        (Fault(400), RefusedError, "400: as it was told", 0),
        (Fault(401), RefusedError, "401: as it was told", 0),
        (Fault(403), RefusedError, "403: as it was told", 0),
        (Fault(403, {"X-RateLimit-Remaining": "0"}), LaterError, "it asks for patience (403)", 0),
        (Fault(404), RefusedError, "404: as it was told", 0),
        (Fault(301, {"Location": "https://evil.example.org/"}), RefusedError, "it leads on to https://evil", 0),
        (Fault(302), RefusedError, "it leads on to nowhere", 0),
        (Fault(429), LaterError, "it asks for patience (429)", 0),
        (Fault(503), LaterError, "it asks for patience (503)", 0),
        (Fault(500), UnsureError, "it failed (500)", 0),
        (Fault(504), UnsureError, "it failed (504)", 0),
        (Fault(Way.CUT_BEFORE), UnsureError, "the connection was cut", 0),
        (Fault(Way.CUT_AFTER), UnsureError, "the connection was cut", 1),
        (Fault(Way.ENDS_EARLY), UnsureError, "the connection was cut", 1),
        (Fault(Way.HTML), AlienError, "it does not answer in JSON (text/html; charset=utf-8)", 0),
    ],
)
def test_each_failure_is_told_by_what_it_means(
    echo: Echo, fault: Fault, kind: type[FailedError], said: str, kept: int
) -> None:
    echo.misbehave("POST", fault)
    with pytest.raises(kind) as caught:
        ask(echo)
    assert type(caught.value) is kind and said in str(caught.value)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert len(echo.kept) == kept and len(echo.requests) == 1, "nothing is sent twice, or elsewhere"


def test_an_answer_byte_by_byte_comes_to_an_end(echo: Echo) -> None:
    echo.misbehave("GET", Way.DRIPS)
    with pytest.raises(UnsureError, match="no answer in 0 s"):
        ask(echo, "GET", seconds=0.4)


def test_a_connection_that_comes_too_late_comes_to_an_end(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server, or an address that does not answer, took all of the time."""
    times: list[float] = []

    def late(address: tuple[str, int], timeout: float, *more: Any) -> socket.socket:
        times.append(timeout)
        over.wait(60)
        return connect(address, 60, *more)

    def ending(self: Limit) -> None:
        end(self)
        over.set()

    connect, end, over = socket.create_connection, Limit._end, threading.Event()
    monkeypatch.setattr(socket, "create_connection", late)
    monkeypatch.setattr(Limit, "_end", ending)
    echo.misbehave("GET", Way.DRIPS)
    with pytest.raises(UnsureError, match="no answer in 0 s"):
        ask(echo, "GET", seconds=0.4)
    assert 0 < times[0] <= 0.4


def test_of_several_addresses_each_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("kseries.publish.limit.time.monotonic", lambda: now[0])
    with Limit(60.0, "x") as bound:
        now[0] += 45.0
        assert bound.left == 15.0
        now[0] += 45.0
        assert bound.left > 0, "0 would mean not to wait at all"


def test_an_answer_without_an_end_takes_bounded_room(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_LIMIT", 1 << 20)
    echo.misbehave("GET", Way.FLOODS)
    with pytest.raises(AlienError, match="its answer has more than 1 MiB"):
        ask(echo, "GET")


def test_who_waits_for_long_is_told_what_for(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def tell(said: str) -> None:
        told.append(said)
        echo.release()

    monkeypatch.setattr(limit, "say", tell)
    monkeypatch.setattr(limit, "SAY_SECONDS", 0.05)
    echo.misbehave("GET", Way.HELD)
    assert ask(echo, "GET").status == 200
    assert told == [f"waiting for {echo.url.removeprefix('http://')}"]


def test_where_nobody_listens_nothing_was_done(echo: Echo) -> None:
    with serving(Echo()) as gone:
        pass
    with pytest.raises(LaterError, match="nobody listens there"):
        ask(gone)


def test_this_host_is_not_spoken_to_by_a_proxy(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would read a token that is sent in the clear."""
    with serving(Echo()) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        ask(echo)
        assert proxy.requests == [] and len(echo.requests) == 1


def test_a_proxy_of_the_users_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel, in which TLS is spoken."""
    with serving(Echo()) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        server = address.read("https://patchwork.example.org", "patchwork")
        with pytest.raises(FailedError):
            exchange.ask(server, "GET", "https://patchwork.example.org/api/", HEADERS)
        (request,) = proxy.requests
        assert (request.method, request.path) == ("CONNECT", "patchwork.example.org:443")
        assert "authorization" not in request.headers


@pytest.mark.parametrize("status", [407, 403])
def test_a_proxy_that_lets_nobody_through_is_named(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with serving(Echo()) as proxy:
        monkeypatch.setattr(proxy, "tunnel", status)
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", f"//me:{TOKEN}@"))
        monkeypatch.delenv("no_proxy", raising=False)
        server = address.read("https://patchwork.example.org", "patchwork")
        with pytest.raises(ProxyError) as caught:
            exchange.ask(server, "GET", "https://patchwork.example.org/api/", HEADERS)
    what, todo = str(unanswered(server.host, caught.value, "Patchwork")).splitlines()
    assert what == f"patchwork.example.org: the proxy does not let us through ({status})"
    assert todo == "  https_proxy names it: does it want to know who you are?"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 400}, 999999999.0),
        ({"X-RateLimit-Reset": "1"}, 0.0),
        ({"X-RateLimit-Reset": "x"}, None),
    ],
)
def test_a_server_may_say_how_long(echo: Echo, headers: dict[str, str], seconds: float | None) -> None:
    echo.misbehave("GET", Fault(429, headers))
    with pytest.raises(LaterError) as caught:
        ask(echo, "GET")
    assert caught.value.seconds == seconds


# --- several requests ---------------------------------------------------------------------------


def test_what_only_reads_is_asked_again_until_it_is_answered(echo: Echo, capsys: pytest.CaptureFixture[str]) -> None:
    waits: list[float] = []
    echo.misbehave("GET", 500, Way.CUT_BEFORE, Fault(429, {"Retry-After": "60"}), 503)
    pages = list(client(echo, waits).pages(f"{echo.url}/list", list[int], 10))
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]
    assert waits == [WAITS[0], WAITS[1], 60.0, WAITS[3]]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3, "of the first, which was short, nobody needs to know"
    assert said[1].endswith("it asks for patience (429): trying again in 60 s")


@pytest.mark.parametrize(
    ("faults", "said", "waits"),
    [
        ([500] * 9, "it failed (500)\n  the same command goes on", list(WAITS)),
        ([Fault(429, {"Retry-After": f"{LONGEST + 1:.0f}"})], "it asks for patience (429), for 121 s", []),
    ],
)
def test_patience_ends(echo: Echo, faults: list[Fault | int], said: str, waits: list[float]) -> None:
    slept: list[float] = []
    echo.misbehave("GET", *faults)
    with pytest.raises(InfraError) as caught:
        list(client(echo, slept).pages(f"{echo.url}/list", list[int], 10))
    assert said in str(caught.value) and slept == waits


@pytest.mark.parametrize("how", [404, Way.HTML])
def test_what_will_not_change_is_asked_once(echo: Echo, how: int | Way) -> None:
    echo.misbehave("GET", how)
    with pytest.raises((RefusedError, AlienError)):
        list(client(echo, []).pages(f"{echo.url}/list", list[int], 10))
    assert len(echo.requests) == 1


def test_json_of_something_else_is_alien(echo: Echo) -> None:
    with pytest.raises(AlienError, match="it does not answer as an echo does"):
        list(client(echo, []).pages(f"{echo.url}/x", list[int], 10))


def test_a_page_of_another_server_is_not_asked_for(echo: Echo) -> None:
    """It would be shown the token."""
    with serving(Echo()) as other:
        echo.misbehave("GET", Fault(200, {"Link": f'<{other.url}/list?page=2>; rel="next"'}))
        with pytest.raises(AlienError):
            list(client(echo, []).pages(f"{echo.url}/list", dict[str, str], 10))
        assert other.requests == []
