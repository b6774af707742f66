# SPDX-License-Identifier: GPL-2.0-only
"""The files of a bundle on the disk: as a folder, or as a .tar.gz, the same bytes each time."""

import contextlib
import gzip
import io
import itertools
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from kseries.app.bundle import File
from kseries.host import files
from kseries.model.errors import InputError, in_words
from kseries.model.sanitize import printable
from kseries.report.bundle import README, SCRIPT

_PACKED = (".tar.gz", ".tgz")
_BUNDLE = frozenset((SCRIPT, "base.sha256"))
"""By what we know a bundle of ours."""
_MADE = ("patches", "patched.sha256", "config", "initramfs.cpio", "checks.awk", "linux.tar.gz", "work")
_OURS = _BUNDLE | {README, *_MADE}
"""What one may have in it, and its script makes."""
_FIRST = 3
"""Members of a tarball that tell whether it is one: its folder, patches/, the script."""


def is_packed(path: Path) -> bool:
    """Whether a bundle of this name is a file."""
    return path.name.endswith(_PACKED)


def check(path: Path) -> None:
    """Raise InputError where a bundle cannot be put there, before anything is built. Makes the folder that it is in."""
    shown, there = printable(str(path)), False
    if path.name in ("", ".."):
        raise InputError(f"-o {shown}: it has no name of its own\n  name a folder that is to be made")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".kseries-bundle-", dir=path.parent):
            pass
        with contextlib.suppress(FileNotFoundError):
            path.lstat()
            there = True
        if not there:
            return
        if is_packed(path):
            _check_file(path, shown)
        else:
            _check_folder(path, shown)
    except OSError as error:
        raise InputError(f"-o {shown}: {in_words(error)}") from error


def _check_file(path: Path, shown: str) -> None:
    if path.is_dir():
        raise InputError(f"-o {shown}: it is a folder\n  name a file")
    if not path.is_file() or not _is_bundle(path):
        raise InputError(f"-o {shown}: the file is there, and no bundle\n  name another one, or remove it")


def _is_bundle(path: Path) -> bool:
    """Whether a tarball begins as ours do: a folder, and in it the script."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            first, *more = itertools.islice(tar, _FIRST)
            return first.isdir() and any(one.name == f"{first.name}/{SCRIPT}" for one in more)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, ValueError, zlib.error):
        return False


def _check_folder(path: Path, shown: str) -> None:
    if not path.is_dir():
        raise InputError(f"-o {shown}: it is a file\n  name a folder, or a file that ends in .tar.gz")
    there = {one.name for one in path.iterdir()}
    if there and not _BUNDLE <= there <= _OURS:
        what = "more than a bundle in it" if there >= _BUNDLE else "something else in it"
        raise InputError(f"-o {shown}: the folder is there, and has {what}\n  name another one, or remove it")


def write(path: Path, made: Iterable[File]) -> None:
    """Put a bundle there, in the place of an older one; it appears whole or not at all.

    Raises InputError where check() does, and OSError.
    """
    with tempfile.TemporaryDirectory(prefix=".kseries-bundle-", dir=path.parent) as beside:
        whole = Path(beside) / "whole"
        if is_packed(path):
            _pack(whole, _stem(path), made)
        else:
            _fill(whole, made)
        check(path)  # what has come to be there meanwhile
        if not is_packed(path):
            _remove(path)
        files.place(whole, path)


def _stem(path: Path) -> str:
    return next(path.name.removesuffix(end) for end in _PACKED if path.name.endswith(end)) or "bundle"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _fill(top: Path, made: Iterable[File]) -> None:
    top.mkdir(parents=True)
    (top / "patches").mkdir()
    for one in made:
        place = top / one.name
        if one.path is not None:
            shutil.copyfile(one.path, place)
        else:
            place.write_bytes(one.data)
        place.chmod(0o755 if one.program else 0o644)


def _pack(place: Path, top: str, made: Iterable[File]) -> None:
    with (
        place.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for folder in (top, f"{top}/patches"):
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, 0))
        for one in sorted(made, key=lambda one: (one.name != SCRIPT, one.name)):
            size = one.path.stat().st_size if one.path is not None else len(one.data)
            entry = _entry(f"{top}/{one.name}", tarfile.REGTYPE, 0o755 if one.program else 0o644, size)
            with one.path.open("rb") if one.path is not None else io.BytesIO(one.data) as data:
                archive.addfile(entry, data)


def _entry(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    """A member without an owner, and of no time."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.mtime = kind, mode, size, 0
    return entry
