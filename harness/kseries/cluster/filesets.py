# SPDX-License-Identifier: GPL-2.0-only
"""The files that jobs name by a digest, on their way from one cache to another: programs, tests, images, libraries.

Each set is named ``KIND/DIGEST`` or ``KIND/DIGEST/NAME``, and goes as members of a tar archive below that name. There,
it is looked at by the very function that finds it for a job, before it has its place in the cache.
"""

import contextlib
import errno
import itertools
import os
import re
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.guest import added, sysroot, userland
from kseries.host import disk, files
from kseries.kbuild import keptselftests
from kseries.model import Conditions
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import line, shortened
from kseries.probes import hosttests, programs

_CHUNK = 1 << 20
_NAME = re.compile(r"(?P<kind>[a-z-]+)/(?P<digest>[0-9a-f]{64})(?:/(?P<name>\w[\w.+-]*))?", re.ASCII)
_END = "end"
"""The last member: an archive that is cut short between two others would else look whole."""
_DEEPEST = 100
"""Folders above each other."""
_SHOWN = 100
_THERE = (errno.ENOTEMPTY, errno.EEXIST)


@dataclass(frozen=True)
class _Kind:
    """A kind of files: where they lie below a cache, and who knows whether they are there as they were."""

    place: str
    find: Callable[[Path, str, str], object]
    """Of a cache, a digest and a name; raises InputError."""
    is_named: bool = False
    has_links: bool = False


def _libraries(cache: Path, digest: str, _: str) -> None:
    if not sysroot.is_whole(sysroot.kept(digest, cache)):
        raise InputError("the libraries of a userland are not as they were")


_KINDS = {
    "program": _Kind("programs/{}", lambda cache, digest, name: programs.kept(cache / "programs", name, digest), True),
    "host-test": _Kind(
        "programs/{}", lambda cache, digest, name: hosttests.kept(cache / "programs", name, digest), True
    ),
    "added": _Kind("programs/{}", lambda cache, digest, _: added.kept(digest, cache / "programs")),
    "selftests": _Kind("programs/{}", lambda cache, digest, _: keptselftests.kept(digest, cache / "programs")),
    "userland": _Kind(f"{userland.NAME}/{{}}{userland.IMAGE}", lambda cache, digest, _: userland.path(cache, digest)),
    "sysroot": _Kind(f"{userland.NAME}/sysroot-{{}}", _libraries, has_links=True),
}


@dataclass(frozen=True)
class _Set:
    """Files that a job names."""

    kind: _Kind
    digest: str
    name: str

    @property
    def place(self) -> str:
        """Where they lie, from a cache on: a folder, or one file."""
        return self.kind.place.format(self.digest)

    def check(self, cache: Path) -> None:
        """Raise InputError where they are not there, or not as they were."""
        try:
            self.kind.find(cache, self.digest, self.name)
        except OSError as error:
            raise InputError(f"cannot read {error.filename}: {in_words(error)}") from error

    def is_there(self, cache: Path) -> bool:
        try:
            self.check(cache)
        except InputError:
            return False
        return True


def wanted(conditions: Conditions) -> tuple[str, ...]:
    """The names of all files that jobs under some conditions need of a cache."""
    return tuple(
        dict.fromkeys(
            [
                *(f"program/{one.digest}/{one.name}" for one in conditions.programs),
                *(f"host-test/{one.digest}/{one.name}" for one in conditions.host_tests or ()),
                *([f"added/{conditions.added}"] if conditions.added else ()),
                *([f"selftests/{conditions.installed}"] if conditions.installed else ()),
                *([f"userland/{conditions.userland}"] if conditions.userland else ()),
                *([f"sysroot/{conditions.sysroot}"] if conditions.sysroot else ()),
            ]
        )
    )


def missing(names: Iterable[str], cache: Path) -> tuple[str, ...]:
    """Those that a cache has not, or not as they were. Raises InfraError for what is no such name."""
    return tuple(name for name in names if not _set(name).is_there(cache))


def _set(name: str) -> _Set:
    found = _NAME.fullmatch(name)
    kind = _KINDS.get(found["kind"]) if found is not None else None
    if found is None or kind is None or kind.is_named != (found["name"] is not None):
        raise InfraError(
            f"no files of a job are called {shortened(line(name), _SHOWN)}: is it another kseries that asks?"
        )
    return _Set(kind, found["digest"], found["name"] or "")


# --- from here ----------------------------------------------------------------------------------


def pack(names: Iterable[str], cache: Path) -> Iterator[bytes]:
    """An archive of some sets of files, bit by bit. Raises InfraError where this cache has not all of them."""
    try:
        for name in names:
            found = _set(name)
            found.check(cache)
            yield from _packed(name, cache / found.place)
    except (OSError, InputError) as error:
        said = in_words(error) if isinstance(error, OSError) else str(error)
        raise InfraError(f"cannot send the files of a job: {said}") from error
    yield _head(_END, stat.S_IFREG) + bytes(2 * tarfile.BLOCKSIZE)


def _packed(name: str, place: Path) -> Iterator[bytes]:
    below = sorted(entry.path for entry in files.walk(place)) if place.is_dir() else ()
    for path in (place, *map(Path, below)):
        mode = path.lstat().st_mode
        full = f"{name}/{path.relative_to(place)}" if path != place else name
        if stat.S_ISREG(mode):
            yield from _file(full, path)
        elif stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
            yield _head(full, mode, link=os.readlink(path) if stat.S_ISLNK(mode) else "")


def _file(name: str, path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        seen = os.fstat(file.fileno())
        yield _head(name, seen.st_mode, seen.st_size)
        left = seen.st_size
        while left:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise InputError(f"{path} became shorter while it was read")
            left -= len(chunk)
            yield chunk
        yield bytes(-seen.st_size % tarfile.BLOCKSIZE)


def _head(name: str, mode: int, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type = {stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE}.get(stat.S_IFMT(mode), tarfile.REGTYPE)
    info.mode = 0o755 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o644
    info.size, info.linkname = size, link
    return info.tobuf(tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")


# --- to there -----------------------------------------------------------------------------------


def take(stream: IO[bytes], cache: Path) -> tuple[str, ...]:
    """Have a cache hold the sets of files that an archive brings, each of which appears whole or not at all.

    Their names. Raises InfraError for an archive that is cut short, or that brings other files than it names; no file
    of it comes to lie elsewhere than those of its set do. Two may do so at once.
    """
    try:
        with (
            disk.named(cache),
            tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as tar,
        ):
            taken: list[str] = []
            for name, members in itertools.groupby(tar, key=_owner):
                if name == _END:
                    return tuple(taken)
                _take(name, members, tar, cache)
                taken.append(name)
            raise _damaged("they are cut short")
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(str(error)) from error
    except OSError as error:
        raise InfraError(f"cannot write to {cache}: {in_words(error)}") from error


def _damaged(what: str) -> InfraError:
    return InfraError(f"files of a job did not come as they were sent: {what}\n  they have to be sent anew")


def _owner(member: tarfile.TarInfo) -> str:
    """The name of the set that a member is of."""
    kind, *rest = member.name.split("/")
    named = kind in _KINDS and _KINDS[kind].is_named
    return "/".join([kind, *rest[: 2 if named else 1]])


def _take(name: str, members: Iterable[tarfile.TarInfo], tar: tarfile.TarFile, cache: Path) -> None:
    found = _set(name)
    place = cache / found.place
    place.parent.mkdir(parents=True, exist_ok=True)
    # On the disk where they are to be: a part of a cache may be a link to another.
    with tempfile.TemporaryDirectory(prefix="kseries-files-", dir=place.parent) as scratch:
        made = Path(scratch, found.place)
        made.parent.mkdir()
        _unpack(name, members, tar, made, found.kind.has_links)
        try:
            found.check(Path(scratch))
        except InputError as error:
            raise _damaged(f"{name}: {error}") from error
        _put(found, made, cache)


def _unpack(name: str, members: Iterable[tarfile.TarInfo], tar: tarfile.TarFile, made: Path, has_links: bool) -> None:
    """Write a set: a folder, which its first member is, and what is below it; or a file, which is its only one."""
    folders: set[str] = set()
    for member in members:
        path = member.name
        above, _, last = path.rpartition("/")
        if path != name and (above not in folders or last in ("", ".", "..") or path.count("/") > _DEEPEST):
            raise _damaged(f"{shortened(line(path), _SHOWN)} is in no folder of theirs")
        target = made / path[len(name) + 1 :]
        if member.isdir():
            target.mkdir()
            target.chmod(0o755)
            folders.add(path)
        elif member.type == tarfile.REGTYPE and not member.issparse():
            _write(target, member, tar)
        elif member.issym() and has_links and _is_inside(member.linkname, path.count("/") - name.count("/") - 1):
            target.symlink_to(member.linkname)
        else:
            raise _damaged(f"{shortened(line(path), _SHOWN)} is no file that could be among them")


def _write(target: Path, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
    data = tar.extractfile(member)
    assert data is not None
    with target.open("xb") as file:
        while chunk := data.read(_CHUNK):
            file.write(chunk)
    target.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)


def _is_inside(link: str, depth: int) -> bool:
    """Whether a link stays below the top that it is ``depth`` folders below. They are folders, and no links: it may
    lead up as often, but not once it went down, where a link could be.
    """
    parts = link.split("/")
    up = sum(1 for _ in itertools.takewhile("..".__eq__, parts))
    return not link.startswith("/") and up <= depth and ".." not in parts[up:]


def _put(found: _Set, made: Path, cache: Path) -> None:
    """Give a set its place, unless another has done so meanwhile. Raises OSError."""
    place = cache / found.place
    files.sync(made)
    try:
        files.rename(made, place)
    except OSError as error:
        if error.errno not in _THERE:
            raise
        if not found.is_there(cache):
            with contextlib.suppress(FileNotFoundError):  # who looks for it may have removed it, as it is not whole
                files.remove_whole(place)
            files.rename(made, place)
