# SPDX-License-Identifier: GPL-2.0-only
"""Other people's programs as probes: C source that is built for each state, or a static binary."""

import contextlib
import os
import re
import shutil
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.host import checksums, files, untrusted
from kseries.model.errors import InputError, in_words
from kseries.model.sanitize import line, shortened

_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHOWN = 100
"""Characters of what is no name that an error repeats."""
_SOURCE = ".c"
_BINARY = ".elf"
"""What a binary is called on its way, so that its name may have dots."""
_LIMIT = 128 << 20
"""Bytes of one program or header: what ``--add`` lets into a guest, too."""
# ELF-64 (elf(5)): magic; e_phoff, e_phentsize and e_phnum; p_type of a program header that names an interpreter.
_ELF = b"\x7fELF\x02"
_PT_INTERP = 3


@dataclass(frozen=True)
class Program:
    """A program that is run as a probe. ``digest`` is of all that it is made of."""

    name: str
    path: Path
    digest: str

    @property
    def is_source(self) -> bool:
        return self.path.suffix == _SOURCE

    @property
    def headers(self) -> tuple[Path, ...]:
        """The headers that lie beside a source."""
        return tuple(sorted(self.path.parent.glob("*.h"))) if self.is_source else ()


def is_file(word: str) -> bool:
    """Whether a word of --probe is a file, and not the name of a probe."""
    return "/" in word or word.endswith(_SOURCE)


def read(paths: Iterable[Path], taken: Iterable[str]) -> tuple[Program, ...]:
    """The programs in some files, none of which may have a name that is ``taken``. Raises InputError."""
    found = tuple(_read(path) for path in dict.fromkeys(map(_real, paths)))
    names = [*taken]
    for program in found:
        if program.name in names:
            raise InputError(f"{program.path}: there is a probe {program.name} already\n  give the file another name")
        names.append(program.name)
    return found


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve() raises RuntimeError where links lead in a circle


def _read(path: Path) -> Program:
    name = path.stem if path.suffix == _SOURCE else path.name
    if not _NAME.fullmatch(name):
        raise InputError(f"{path}: a probe is called by letters, digits, _ + - and dots\n  give the file another name")
    try:
        if path.suffix != _SOURCE:
            _check_static(path, untrusted.read(path, _LIMIT))
        files = (path, *Program(name, path, "").headers)
        words = (word for file in files for word in (file.name, checksums.of_bytes(untrusted.read(file, _LIMIT))))
        digest = checksums.of_words([name, *words])
    except OSError as error:
        raise InputError(f"cannot read the probe {path}: {in_words(error)}") from error
    return Program(name, path, digest)


def keep(program: Program, home: Path) -> Program:
    """The same program, of files in a folder of our own by the name of its digest: they stay as they were read.

    Raises InputError where they are no longer so.
    """
    place = home / program.digest
    if not place.exists():
        files.fill(place, lambda made: _copy(program, made))
    return kept(home, program.name, program.digest)


def _copy(program: Program, into: Path) -> None:
    for file in (program.path, *program.headers):
        (into / file.name).write_bytes(untrusted.read(file, _LIMIT))


def kept(home: Path, name: str, digest: str) -> Program:
    """A program that is kept. Raises InputError where it is not, or not as it was: then it is removed.

    Name and digest may be anybody's: neither leads out of ``home``.
    """
    if not (_NAME.fullmatch(name) and _DIGEST.fullmatch(digest)):
        raise InputError(f"no program is kept as {shortened(line(f'{digest}/{name}'), _SHOWN)}")
    files = [home / digest / f"{name}{_SOURCE}", home / digest / name]
    found = next((_read(file) for file in files if file.exists()), None)
    with contextlib.suppress(OSError):
        os.utime(home / digest)  # used now: kseries gc takes first what was used longest ago
    if found is None or found.digest != digest:
        shutil.rmtree(home / digest, ignore_errors=True)
        raise InputError(f"the probe {name} is not as it was\n  run it again")
    return found


def _check_static(path: Path, data: bytes) -> None:
    """Raise InputError for what does not run where there is nothing but the kernel: no shell, no libraries."""
    if not data.startswith(_ELF):
        raise InputError(f"{path} is neither C source nor a program\n  --probe takes FILE.c, or a static binary")
    try:
        (offset,) = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        kinds = [struct.unpack_from("<I", data, offset + number * size)[0] for number in range(count)]
    except struct.error as error:
        raise InputError(f"{path} is cut short") from error
    if _PT_INTERP in kinds:
        raise InputError(f"{path} needs shared libraries, which a guest has not\n  link it with -static")


def stage(programs: Iterable[Program], into: Path) -> tuple[Path, ...]:
    """Put programs where a build can read them, and nothing else; what has not changed keeps its date."""
    staged = {program.name: program for program in programs}
    for place in into.iterdir() if into.exists() else ():
        if place.name not in staged:
            shutil.rmtree(place)
    return tuple(_stage(program, into / name) for name, program in staged.items())


def _stage(program: Program, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    into.chmod(0o755)
    target = into / f"{program.name}{_SOURCE if program.is_source else _BINARY}"
    wanted = {into / header.name: header for header in program.headers} | {target: program.path}
    for place in into.iterdir():
        if place not in wanted:
            place.unlink()
    for place, file in wanted.items():
        data = untrusted.read(file, _LIMIT)
        if not place.exists() or place.read_bytes() != data:
            place.write_bytes(data)
        place.chmod(0o755 if place == target else 0o644)
    return target
