# SPDX-License-Identifier: GPL-2.0-only
"""What a state's consoles said, and what was typed at them, as a recording that asciinema and its web player play.

https://docs.asciinema.org/manual/asciicast/v2/: a header in a line, and an event in each that follows. The boots of a
state follow one another as they do in its console log. Each begins with a marker, and so does each host-side test, so
that a player finds them.

A guest may print anything. What it prints is for a terminal that plays it. The file itself is ASCII alone: who looks at
it with cat(1) sends a terminal nothing that means something to it.
"""

import codecs
import json
import time
from collections.abc import Callable

FILE = "recording.cast"
LIMIT = 32 * 1024 * 1024
"""Bytes of the recording of a state. Whoever prints without end fills 16 MiB of a console's log (channel.py)."""
COLUMNS, ROWS = 120, 36
"""Of the terminal that plays it: a serial console has no size, and a kernel's lines are seldom longer."""
_TOGETHER_SECONDS = 0.02
"""What comes within this is one event, as it is one picture to the eye: QEMU may hand on each byte by itself."""
_LONGEST = 64 * 1024
"""Characters of an event, from which on the next begins."""
_CUT = "kseries: cut here, the recording is full"


class Cast:
    """The consoles of the boots of one state, one boot after the other; ``title`` says of which kernel.

    Times are seconds since the first boot began. ``clock`` is monotonic, and ``limit`` the most bytes of it all.
    """

    def __init__(self, title: str, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock, self._left = title, clock, limit
        self._lines: list[str] = []
        self._boots = 0
        self._began = 0.0
        self._full = False
        self._kind, self._at, self._text = "", 0.0, ""
        """The event that is still growing: what it is, when it began, and its text."""
        self._decoders = _decoders()

    def boot(self) -> None:
        """The next boot begins. Half a character that the one before has left is its own."""
        if not self._boots:
            self._began = self._clock()
            self._lines.append(_header(self._title, int(time.time())))
        self._finish()
        self._boots += 1
        self.mark(f"boot {self._boots}")

    def said(self, piece: bytes) -> None:
        """The guest has printed this."""
        self._add("o", self._decoders["o"].decode(piece))

    def typed(self, piece: bytes) -> None:
        """Somebody has typed this at it; where the guest echoes it, it comes as what is printed, too."""
        self._add("i", self._decoders["i"].decode(piece))

    def mark(self, what: str) -> None:
        """A place to be found again."""
        self._put()
        self._add("m", what)
        self._put()

    def end(self) -> str:
        """All of it, once no more comes; empty where nothing was booted."""
        self._finish()
        return "".join(self._lines)

    def _finish(self) -> None:
        """Have what comes next be of another boot."""
        for kind, decoder in self._decoders.items():
            self._add(kind, decoder.decode(b"", final=True))
        self._put()
        self._decoders = _decoders()

    def _add(self, kind: str, text: str) -> None:
        if not text or self._full:
            return
        now = self._clock() - self._began
        if kind != self._kind or now - self._at > _TOGETHER_SECONDS or len(self._text) > _LONGEST:
            self._put()
            self._kind, self._at = kind, now
        self._text += text

    def _put(self) -> None:
        """Write the event that was growing; the first for which there is no room is the last of all."""
        text, self._text = self._text, ""
        if not text or self._full:
            return
        line = _event(self._at, self._kind, text)
        self._left -= len(line)
        self._full = self._left < 0
        if self._full:  # a player shows no markers while it plays, and a guest can write none
            line = _event(self._at, "m", _CUT) + _event(self._at, "o", f"\r\n--- {_CUT}\r\n")
        self._lines.append(line)


def _decoders() -> dict[str, codecs.IncrementalDecoder]:
    """For each direction of a boot: a character may come in two pieces."""
    return {kind: codecs.getincrementaldecoder("utf-8")("replace") for kind in ("o", "i")}


def _header(title: str, moment: int) -> str:
    about = {"version": 2, "width": COLUMNS, "height": ROWS, "timestamp": moment, "title": title}
    return f"{json.dumps(about)}\n"


def _event(at: float, kind: str, text: str) -> str:
    """``at`` is in seconds."""
    return f'[{at:.6f}, "{kind}", {json.dumps(text)}]\n'
