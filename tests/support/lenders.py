# SPDX-License-Identifier: GPL-2.0-only
"""A kseries that lends machines which are none, for tests of what pytest makes of them."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kseries.hosttest.control import Control, line

STATES: list[dict[str, Any]] = [
    {"id": "base", "patches": [], "conflicts": []},
    {"id": "prefix-1", "patches": [1], "conflicts": []},
    {"id": "without-1", "patches": [2], "conflicts": ["a.c"]},
]
HELLO: dict[str, Any] = {
    "series": "a-series",
    "base": "a kernel",
    "arch": "x86_64",
    "userland": False,
    "states": STATES,
    "seconds": 60.0,
    "most": 900.0,
}


class FakeLender:
    """Has said ``whys`` of each test when it has ended, in turn, and boots none of ``broken``."""

    log = "[    0.0] Linux\n"

    def __init__(self, *, whys: tuple[tuple[str, ...], ...] = (), broken: str = "", deaf: bool = False) -> None:
        self.whys, self.broken, self.deaf = [*whys], broken, deaf
        self.boots: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.marks: list[str] = []
        self.ended = False
        self.words: tuple[str, ...] = ()
        self._open: list[socket.socket] = []
        self._state = ""

    def __call__(self, words: tuple[str, ...], folder: Path, heard: Callable[[str], None]) -> "FakeLender":
        """Be what lent.py makes."""
        self.words = words
        ours, theirs = socket.socketpair()
        self.control = Control(theirs)
        self._begin(self._serve, ours)
        heard("0:00  at work")
        return self

    def hello(self) -> dict[str, Any]:
        return HELLO

    def last_words(self) -> str:
        return "kseries: it fell"

    def end(self) -> None:
        self.ended = True

    def _begin(self, what: Callable[[socket.socket], None], wire: socket.socket) -> None:
        threading.Thread(target=what, args=(wire,), daemon=True).start()

    def _serve(self, wire: socket.socket) -> None:
        with wire, wire.makefile("rb") as lines:
            for said in lines:
                asked = json.loads(said)
                self.asked.append(asked)
                if asked["what"] == "die":
                    return
                files = self._boot(asked) if asked["what"] == "guest" else []
                data = line("answer", number=asked["number"], **self._answer(asked))
                socket.send_fds(wire, [data], [file.fileno() for file in files])
                for file in files:
                    file.close()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["what"]:
            case "guest" if asked["state"] == self.broken:
                return {"refused": f"{self.broken} does not build: a.c:1: error"}
            case "guest":
                return {"caps": {"X": 1}}
            case "log":
                return {"text": self.log}
            case "left":
                return {"why": self.whys.pop(0) if self.whys else (), "log": self.log}
        return {}

    def _boot(self, asked: dict[str, Any]) -> list[socket.socket]:
        if asked["state"] == self.broken or (asked["state"] == self._state and not asked["fresh"]):
            return []
        self._state = asked["state"]
        self.boots.append(self._state)
        pairs = [socket.socketpair() for _ in range(3)]
        self._open += [ours for ours, _ in pairs]
        self._begin(self._init, pairs[1][0])
        return [theirs for _, theirs in pairs]

    def _init(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError), wire.makefile("rb") as lines:
            for said in lines:
                what, number, *words = said.split()
                if what == b"mark":
                    self.marks.append(words[0].decode().replace("%20", " "))
                wire.sendall(b"ended %s 0\n" % number)
