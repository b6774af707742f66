# SPDX-License-Identifier: GPL-2.0-only
"""A project of a Patchwork: the series that its events say are complete (https://patchwork.readthedocs.io, REST API).

Its position is the date of the last event that was read, as the server has it, and the series of that date: whatever
our clock says, none is missed or read twice. A series' mbox has its patches; its cover letter is asked for beside it.
"""

import http
import http.client
import io
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kseries.model import Record
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line, shortened
from kseries.watch.posted import LARGEST
from kseries.watch.sources import mboxes as mboxes_of
from kseries.watch.sources.source import Batch

PREFIX = "patchwork="
_URL = re.compile(
    r"(?P<host>https?://[\w.:\[\]-]{1,253}(?:/[\w./~-]*)?)/project/(?P<project>[\w.-]{1,100})/?(?:list/?)?"
)
_API = "/api/1.3"
_SECONDS = 60
"""Without a byte."""
_WHOLE = 300
"""Seconds of a whole answer."""
_TRIES = 5
"""In how many looks a series may fail to come, while those behind it wait."""
_ANSWER = 8 << 20
"""Bytes of a list of events."""
_MBOX = 64 << 20
"""Bytes of a series."""
_PIECE = 64 << 10
_PAGES = 100
_SAID = 200
_GONE = (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE)
_TROUBLE = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


class _GoneError(Exception):
    """The server says that it has no such thing: it was removed."""


class _Named(Record, frozen=True):
    """What an event tells of a series, and a series of its cover letter."""

    id: int
    mbox: str = ""


class _Payload(Record, frozen=True):
    series: _Named


class _Event(Record, frozen=True):
    date: str
    payload: _Payload


class _Series(Record, frozen=True):
    cover_letter: _Named | None = None


class _Position(Record, frozen=True):
    since: str = ""
    read: tuple[int, ...] = ()
    """The series of that date."""
    failing: int = 0
    """The next series, where it did not come when it was asked for last."""
    tries: int = 0


class Patchwork:
    """A project of one."""

    def __init__(self, host: str, project: str) -> None:
        self._host = host
        self._project = project

    @classmethod
    def of(cls, named: str) -> "Patchwork":
        """The one that ``patchwork=https://HOST/project/NAME`` names. Raises InputError."""
        found = _URL.fullmatch(named.removeprefix(PREFIX))
        if found is None:
            said = shortened(line(named), _SAID)
            raise InputError(f"{said} names no project of a Patchwork\n  as in {PREFIX}https://HOST/project/NAME")
        return cls(found["host"], found["project"])

    @property
    def name(self) -> str:
        return f"patchwork {self._host} {self._project}"

    def new(self, position: str, since: float | None) -> Iterator[Batch]:
        """As Source has it; a batch is a series."""
        at = msgspec.json.decode(position, type=_Position) if position else _Position(since=_iso(since))
        for event in self._events(at):
            number = event.payload.series.id
            if event.date == at.since and number in at.read:
                continue
            try:
                mails, told = self._mails(number)
            except InfraError as error:
                tries = at.tries + 1 if at.failing == number else 1
                if tries < _TRIES:
                    yield Batch((), _encoded(msgspec.structs.replace(at, failing=number, tries=tries)))
                    raise
                mails, told = (), (f"series {number} of {self._host}, which did not come {tries} times: {error}",)
            read = at.read if event.date == at.since else ()
            at = _Position(since=event.date, read=(*read, number))
            yield Batch(mails, _encoded(at), told)

    def _events(self, at: _Position) -> list[_Event]:
        """The events since a position, the oldest first: servers have an order and pages of their own."""
        asked = {"category": "series-completed", "project": self._project, "order": "date"}
        found: list[_Event] = []
        for page in range(1, _PAGES + 1):
            words = urllib.parse.urlencode({**asked, "page": page, **({"since": at.since} if at.since else {})})
            url = f"{self._host}{_API}/events/?{words}"
            try:
                data, more = _get(url, _ANSWER)
            except _GoneError as error:
                raise InfraError(f"{error}: it has no project {self._project}, or no REST API 1.3") from error
            found += _decoded(url, data, list[_Event])
            if not more:
                break
        return sorted(found, key=lambda event: event.date)

    def _here(self, url: str) -> str:
        """What a server names, at the address that the user named: it may know itself by another."""
        top = urllib.parse.urlsplit(self._host)
        return urllib.parse.urlunsplit((top.scheme, top.netloc, urllib.parse.urlsplit(url).path, "", ""))

    def _mails(self, number: int) -> tuple[tuple[tuple[bytes, str], ...], tuple[str, ...]]:
        """The mails of a series, its cover letter first; what could not be had of it for good, told."""
        origin = f"series {number} of {self._host}"
        told: list[str] = []
        mboxes: list[bytes] = []
        try:
            url = f"{self._host}{_API}/series/{number}/"
            cover = _decoded(url, _get(url, _ANSWER)[0], _Series).cover_letter
            if cover is not None:
                mboxes.append(_get(self._here(cover.mbox), _MBOX)[0])
            mboxes.append(_get(f"{self._host}/series/{number}/mbox/", _MBOX)[0])
        except _GoneError as error:
            told.append(f"{origin} is not there any more: {error}")
        except ValueError as error:  # a URL that is none, or not of ASCII
            told.append(f"{origin} cannot be fetched: {shortened(line(str(error)), _SAID)}")
        split = [data for mbox in mboxes for _, data in mboxes_of.split(io.BytesIO(mbox), 0)]
        if None in split:
            told.append(f"{origin}: a mail of it has more than {LARGEST >> 20} MiB")
        return tuple((data, origin) for data in split if data is not None), tuple(told)


def _encoded(position: _Position) -> str:
    return msgspec.json.encode(position).decode()


def _decoded(url: str, data: bytes, kind: type[Any]) -> Any:
    """What a server answers, as JSON. Raises InfraError."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = shortened(line(data[:_SAID].decode(errors="replace")), _SAID)
        raise InfraError(f"{url} does not answer as a Patchwork does: {line(str(error))}: {said}") from error


def _get(url: str, limit: int) -> tuple[bytes, bool]:
    """What a server answers, and whether it has another page (RFC 8288). Raises InfraError, _GoneError."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            data = _read(answer, limit)
            more = 'rel="next"' in str(answer.headers.get("Link", ""))
    except urllib.error.HTTPError as error:
        if error.code in _GONE:
            raise _GoneError(f"{url}: {error.code}") from error
        raise InfraError(f"cannot fetch {url}: {error.code} {line(str(error.reason))}") from error
    except _TROUBLE as error:
        raise InfraError(f"cannot fetch {url}: {line(str(getattr(error, 'reason', error)))}") from error
    if len(data) > limit:
        raise InfraError(f"{url} has more than {limit >> 20} MiB")
    return data, more


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    """The bytes of an answer, and one more than the limit of one that is longer. Raises TimeoutError."""
    data = bytearray()
    until = time.monotonic() + _WHOLE
    while len(data) <= limit and (piece := answer.read1(_PIECE)):
        data += piece
        if time.monotonic() > until:
            raise TimeoutError(f"it has not ended in {_WHOLE} s")
    return bytes(data)


def _iso(since: float | None) -> str:
    return datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S") if since is not None else ""
