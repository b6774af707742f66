# SPDX-License-Identifier: GPL-2.0-only
"""A server that is asked several things: with our token, and with patience for what only reads."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kseries.model.errors import InfraError, InputError
from kseries.publish import exchange
from kseries.publish.address import Address
from kseries.publish.exchange import AlienError, Answer, FailedError, ProxyError, RefusedError
from kseries.publish.patience import Patience

_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
"""A further page (RFC 8288), as Patchwork and GitHub tell of one."""


def unanswered(host: str, error: FailedError, kind: str) -> InfraError:
    """What is told where there is no answer to go on with; ``kind`` is as in "the Patchwork"."""
    if isinstance(error, ProxyError):
        return InfraError(f"{host}: {error}\n  https_proxy names it: does it want to know who you are?")
    return InfraError(f"{host}: {error}\n  is it the {kind} that you mean?")


def refused(host: str, what: str, error: RefusedError, todo: Mapping[int, str], otherwise: str) -> InputError:
    """What is told where a server does not take something: by its status, what to do."""
    advice = todo.get(error.status or 0, otherwise)
    return InputError(f"{host} does not take {what} ({error})\n  {advice}")


class Client:
    """``kind`` is what the server is expected to be: a Patchwork."""

    def __init__(self, server: Address, headers: Mapping[str, str], patience: Patience, kind: str) -> None:
        self._server = server
        self._headers = headers
        self._patience = patience
        self._kind = kind

    def pages(self, url: str, kind: Any, limit: int) -> Iterator[Any]:
        """What a list has, as records of a kind, page by page. Raises RefusedError or AlienError, else InfraError."""
        following: str | None = url
        for _ in range(limit):
            if following is None:
                return
            answer = self._get(following)
            yield self._read(answer, kind)
            found = _NEXT.search(answer.headers.get("link", ""))
            following = found[1] if found is not None else None

    def send(self, method: str, url: str, document: Any, kind: Any) -> Any:
        """Have the server take a document; its answer. Raises FailedError, and does not try again."""
        return self._read(exchange.ask(self._server, method, url, self._headers, document), kind)

    def _get(self, url: str) -> Answer:
        return self._patience.until_done(
            self._server.host, lambda: exchange.ask(self._server, "GET", url, self._headers)
        )

    def _read(self, answer: Answer, kind: Any) -> Any:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AlienError(f"it does not answer as {self._kind} does") from None
