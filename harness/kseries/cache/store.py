# SPDX-License-Identifier: GPL-2.0-only
"""Results and artifacts, found again by what they depend on. A finished state is never done twice."""

import contextlib
import errno
import functools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from kseries.cache import imports
from kseries.host import checksummed, checksums, disk, files, paths
from kseries.model import Observation
from kseries.model.errors import InfraError, in_words

LOGS = ("build.log", "console.log", "commands.log", "recording.cast")
OBSERVATION = "observation.json"
_SCRIPTS = (".sh", ".mk")
"""What is ours and runs, and is no module."""
_EVALUATE = ("evaluate/engine.py", "evaluate/local.py")
_SUMS = "sha256.json"
_PACKAGE = Path(__file__).parents[1]
_CODE = (".py", *_SCRIPTS)


def program() -> str:
    """This program, guests included, as one of the things that a result depends on.

    The same for a clone and for a wheel made of it. To find it out, all our modules are parsed, which takes a second:
    it is noted by the bytes of all files that it can be of.
    """
    of_guests, of_package = _files()
    note = paths.cache("program", _digest(of_guests, of_package))
    if (noted := checksummed.read(note)) is not None:
        return noted.decode()
    modules = evaluators()
    folders = {path.parent for path in modules}
    scripts = {one for folder in folders for one in folder.iterdir() if one.suffix in _SCRIPTS}
    made = {str(path.relative_to(_PACKAGE)) for path in modules | scripts}
    found = _digest(of_guests | {name: one for name, one in of_package.items() if name in made})
    with contextlib.suppress(OSError):  # it may not be ours to write to: then it is found out each time
        note.parent.mkdir(parents=True, exist_ok=True)
        checksummed.write(note, found.encode())
    return found


@functools.cache
def whole() -> str:
    """All our modules and scripts, guests included, as this process has begun with them: how we judge, too."""
    return _digest(*_files())


def _files() -> tuple[dict[str, str], dict[str, str]]:
    """The digests of all files of the guests, and of those of the package that are code."""
    return _below(paths.project("guests"), ""), _below(_PACKAGE, _CODE)


def _below(top: Path, suffixes: str | tuple[str, ...]) -> dict[str, str]:
    """The digests of files below a folder, by their paths from there; each is read once, unless it is another since."""
    found: dict[str, str] = {}
    for entry in files.walk(top):
        if entry.name.endswith(suffixes) and entry.is_file():
            now = entry.stat()
            digest = _read(entry.path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
            found[os.path.relpath(entry.path, top)] = digest
    return found


@functools.lru_cache(maxsize=4096)
def _read(path: str, *_as_it_is: int) -> str:
    return checksums.of_file(Path(path))


def _digest(*parts: dict[str, str]) -> str:
    return checksums.of_words(f"{name}: {one}" for part in parts for name, one in sorted(part.items()))


def evaluators() -> frozenset[Path]:
    """Our own modules that an observation is made by: how it is judged or printed does not change it.

    The engine knows of no executor, so that each is named beside it.
    """
    return frozenset[Path]().union(*(imports.closure(_PACKAGE, start) for start in _EVALUATE))


def key(tree: str, *inputs: str) -> str:
    """The name of a state's result, made of all that it depends on."""
    return checksums.of_words([tree, *inputs])


class Store:
    """Observations, a directory each: observation.json, the logs, and the hashes of them all.

    A disk that loses power can leave a file short, and a bit can flip; neither may change what is told of a patch.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def find(self, name: str) -> Observation | None:
        """A stored observation, or None; one that is not as it was kept counts as not there."""
        place = self._home / name
        path = place / OBSERVATION
        try:
            sums = msgspec.json.decode((place / _SUMS).read_bytes(), type=dict[str, str])
            data = path.read_bytes()
            if OBSERVATION not in sums or sums != {file: checksums.of_file(place / file) for file in sums}:
                return None
            seen = msgspec.json.decode(data, type=Observation)
        except (OSError, ValueError):  # a name in it may have become none
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now: kseries gc takes first what was found longest ago
        return seen

    def put(self, name: str, seen: Observation, logs: Path) -> Observation:
        """Keep an observation with the logs found in a directory, and return it with theirs. It appears whole or not at
        all.
        """
        beside = self._home / f"{name}.{os.getpid()}"
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            copy_logs(logs, beside)
            told = {place.name: checksums.of_file(place) for place in sorted(beside.iterdir())}
            seen = msgspec.structs.replace(seen, logs=told)
            (beside / OBSERVATION).write_bytes(msgspec.json.encode(seen))
            sums = {file.name: checksums.of_file(file) for file in sorted(beside.iterdir())}
            (beside / _SUMS).write_bytes(msgspec.json.encode(sums))
            files.sync(beside)
            _replace(self._home / name, beside)
            return seen
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            with disk.named(self._home):
                raise InfraError(f"cannot keep a result in {self._home}: {in_words(error)}") from error

    def place(self, name: str) -> Path:
        """The directory of a result."""
        return self._home / name

    def copy_logs(self, name: str, into: Path, logs: Iterable[str] = LOGS) -> None:
        """Put a stored state's logs into a directory of a run, as ``copy_logs`` does."""
        copy_logs(self.place(name), into, logs)


def _replace(place: Path, by: Path) -> None:
    """Have a folder, which is on the disk, stand in the place of another. Of two who do so at once, one does."""
    shutil.rmtree(place, ignore_errors=True)
    try:
        files.rename(by, place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(by, ignore_errors=True)  # what is there now has been seen of the same, a moment ago


def copy_logs(source: Path, into: Path, names: Iterable[str] = LOGS) -> None:
    """Have a directory hold the logs of another, each whole, and no others: an earlier run may have left some there."""
    into.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (source / name).exists():
            (into / name).unlink(missing_ok=True)
            continue
        files.copy(source / name, into / name)


def remove_logs(place: Path) -> None:
    """Have a directory of a run, which need not be there, hold no logs."""
    for name in LOGS:
        (place / name).unlink(missing_ok=True)
