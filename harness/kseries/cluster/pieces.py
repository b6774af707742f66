# SPDX-License-Identifier: GPL-2.0-only
"""A stream in pieces, as they go over the wire, and what a worker makes of them: a file, taken in at the last piece.

The file is all that is known of a stream that is on its way: by its length it tells which piece is next. So a worker
that was started anew goes on with it, and what it lost is noticed.
"""

import contextlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.cluster import filesets, ownstore
from kseries.cluster.address import PIECE
from kseries.host import cachelock, disk, files, paths
from kseries.model.errors import InfraError, in_words
from kseries.model.sanitize import line, shortened
from kseries.sources import TreeStore, packs

UNKNOWN = -1
"""How many pieces a stream has, until its last one."""
_FOLDER = "pieces"
"""Of the cache."""
_DEAD = 3600.0
"""Seconds after which nobody sends the next piece any more."""
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
_SHOWN = 100
_ANEW = "it has to be sent from its beginning"


@dataclass(frozen=True)
class Piece:
    """A part of a stream, by its number from 0 on; ``of`` is how many there are, in the last one, and else UNKNOWN."""

    number: int
    of: int
    data: bytes


def cut(stream: Iterable[bytes]) -> Iterator[Piece]:
    """A stream, bit by bit as it comes, in pieces of PIECE bytes; the last has what is left, which may be nothing."""
    held = bytearray()
    number = 0
    for chunk in stream:
        held += chunk
        while len(held) > PIECE:
            yield Piece(number, UNKNOWN, bytes(held[:PIECE]))
            del held[:PIECE]
            number += 1
    yield Piece(number, number + 1, bytes(held))


def name() -> str:
    """A name for a stream that no other has."""
    return uuid.uuid4().hex


# --- where they come to -------------------------------------------------------------------------


def _take_pack(stream: IO[bytes], cache: Path) -> None:
    packs.take(TreeStore(cache / "trees.git"), stream)


_TAKE: dict[str, Callable[[IO[bytes], Path], object]] = {"pack": _take_pack, "files": filesets.take}


def receive(kind: str, name: str, number: int, of: int, piece: bytes) -> None:
    """Put a piece to those of the same name before it; with the last one, have the cache hold what they bring.

    Piece 0 begins a stream, also one that was begun before. Raises InfraError for a piece that does not follow the one
    before it, and for what ``packs.take`` or ``filesets.take`` refuse: nothing of the stream stays, and it has to be
    sent from its beginning.
    """
    cache = paths.cache()
    if kind not in _TAKE or not _NAME.fullmatch(name) or not (of == UNKNOWN or 0 <= number < of):
        raise InfraError(f"nothing is received as {shortened(line(f'{kind} {name} {number} {of}'), _SHOWN)}")
    place = cache / _FOLDER / f"{kind}-{name}"
    try:
        with ownstore.at_work(), disk.named(cache), _opened(place, number) as file, _or_gone(place):
            _add(file, number, piece, is_last=number + 1 == of)
            if number + 1 == of:
                file.seek(0)
                _TAKE[kind](file, cache)
                place.unlink(missing_ok=True)
    except OSError as error:
        raise InfraError(f"cannot write to {cache}: {in_words(error)}") from error


@contextlib.contextmanager
def _opened(place: Path, number: int) -> Iterator[IO[bytes]]:
    """The file of a stream, which is ours alone meanwhile; an empty one for its first piece."""
    if number == 0:
        place.parent.mkdir(parents=True, exist_ok=True)
        _forget_dead(place.parent)
        place.touch()
    try:
        file = place.open("r+b")
    except FileNotFoundError as error:
        raise InfraError(f"piece {number} of a stream came, and nothing of it before\n  {_ANEW}") from error
    with file:
        if not cachelock.taken(file):
            raise InfraError(f"piece {number} of a stream came while another was at work on it\n  {_ANEW}")
        if number == 0:
            file.truncate()
        yield file


@contextlib.contextmanager
def _or_gone(place: Path) -> Iterator[None]:
    """Have nothing stay of a stream that comes to no good."""
    try:
        yield
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def _add(file: IO[bytes], number: int, piece: bytes, is_last: bool) -> None:
    there = file.seek(0, os.SEEK_END)
    if there != number * PIECE:
        raise InfraError(f"piece {number} of a stream came where {there // PIECE} would be next\n  {_ANEW}")
    if len(piece) > PIECE or (len(piece) < PIECE and not is_last):
        raise InfraError(f"piece {number} of a stream has {len(piece)} bytes\n  {_ANEW}")
    file.write(piece)
    file.flush()


def _forget_dead(folder: Path) -> None:
    """Remove what nobody sends the rest of any more."""
    for place in folder.iterdir():
        if files.last_use(place) < time.time() - _DEAD:
            place.unlink(missing_ok=True)
