# SPDX-License-Identifier: GPL-2.0-only
"""What programs for a userland are compiled against: the headers and libraries of its own suite, not the host's.

The -dev packages that kselftest's programs ask for most, and those that the user names with --package; of what is in
them only headers and libraries. It lies unpacked in the cache, by a digest of all its bytes; a build sees it read-only.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.guest import rootfs
from kseries.guest.rootfs import Node, Root
from kseries.guest.userland import APT, NAME, PREFIX, opened
from kseries.host import cachelock, checksummed, checksums, disk, files
from kseries.model import events
from kseries.model.errors import InfraError, InputError
from kseries.sources.packages import Suite

LIBRARIES = ("libcap-ng0", "libcap2", "libmnl0", "libnuma1")
"""The packages of a userland that has what is linked against PACKAGES."""
PACKAGES = ("libc6-dev", "libcap-dev", "libcap-ng-dev", "libmnl-dev", "libnuma-dev")
_DEV = "-dev"
_FORM = "2"
"""What is taken of a package, and how that is called: another form is another sysroot."""
_ABOVE = ("usr", "lib", "lib64")
_TAKEN = re.compile(
    r"usr/include(?:/.*)?|usr/lib(?:64)?|usr/lib/\w+-linux-\w+"
    r"|usr/lib(?:64)?/(?:\w+-linux-\w+/)?[^/]+\.(?:so(?:\.[\w.]+)?|a|o)"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Sysroot:
    """A folder of the cache that gcc's --sysroot takes."""

    digest: str
    path: Path


def find(userland: str, packages: tuple[str, ...], arch: Arch, cache: Path, tell: events.Listener) -> Sysroot | None:
    """That of a userland of Debian's, made where it is not there yet; None for one of the user's own.

    Raises InputError for a package that is not there, UnavailableError without a network, InfraError.
    """
    if not userland.startswith(PREFIX):
        return None
    home = cache / NAME
    home.mkdir(parents=True, exist_ok=True)
    suite = userland.removeprefix(PREFIX)
    names = tuple(sorted({*PACKAGES, *(one for one in packages if one.endswith(_DEV))}))
    note = home / f"sysroot-{suite}-{arch.debian}-{checksums.of_words([_FORM, *names])[:16]}.json"

    def wait() -> None:
        tell(events.Preparing("waiting for another run to unpack the same libraries"))

    with cachelock.one_at_a_time(note.with_suffix(".lock"), wait):
        return _known(note, cache) or _made(Suite(home / APT, suite, arch.debian), names, note, tell)


def kept(digest: str, cache: Path) -> Sysroot:
    """One that is in the cache. Raises InputError where it is not; ``digest`` may be anybody's."""
    place = _place(cache / NAME, digest)
    if not _DIGEST.fullmatch(digest) or not place.is_dir():
        raise InputError("the libraries of the job's userland are not in the cache\n  name its userland again")
    with contextlib.suppress(OSError):
        os.utime(place)  # used now: kseries gc takes first what was used longest ago
    return Sysroot(digest, place)


def is_whole(found: Sysroot) -> bool:
    """Whether all of one is as its digest says; it reads each file. Raises OSError."""
    return _digest(found.path) == found.digest


def _place(home: Path, digest: str) -> Path:
    return home / f"sysroot-{digest}"


def _known(note: Path, cache: Path) -> Sysroot | None:
    if (data := checksummed.read(note)) is None:
        return None
    with contextlib.suppress(InputError):
        return kept(data.decode(), cache)
    return None


def _made(suite: Suite, names: tuple[str, ...], note: Path, tell: events.Listener) -> Sysroot:
    home = note.parent
    closure = suite.closure(names, tell)
    with (
        disk.named(home),
        tempfile.TemporaryDirectory(prefix="kseries-userland-", dir=home) as scratch,
        contextlib.ExitStack() as stack,
    ):
        debs = suite.fetch(closure, Path(scratch), tell)
        tell(events.Preparing(f"unpacking the headers and libraries of {len(closure)} packages"))
        tars = {one.name: stack.enter_context(opened(one.name, deb)) for one, deb in zip(closure, debs, strict=True)}
        root = _taken(rootfs.of_packages(tars))
        place = Path(scratch) / "root"
        place.mkdir()
        found = _place(home, _unpacked(root, place))
        place.chmod(0o755)
        shutil.rmtree(found, ignore_errors=True)
        files.place(place, found)
    digest = found.name.removeprefix("sysroot-")
    checksummed.write(note, digest.encode())
    return Sysroot(digest, found)


def _taken(root: Root) -> Root:
    """Headers, libraries, the folders that these are in, and the links that lead there."""
    return {path: node for path, node in sorted(root.items()) if path in _ABOVE or _TAKEN.fullmatch(path)}


def _unpacked(root: Root, top: Path) -> str:
    """Write a root, whose paths lead nowhere else (rootfs.py); the digest of all that it holds."""
    for path, node in root.items():
        _write(top / path, node, path)
    return _digest(top)


def _write(place: Path, node: Node, path: str) -> None:
    if stat.S_ISLNK(node.mode):
        place.symlink_to(_inside(node.link, path))
    elif stat.S_ISDIR(node.mode):
        place.mkdir()
        place.chmod(0o755)  # who is in a box is somebody else
    elif stat.S_ISREG(node.mode):
        with node.opened() as file:
            place.write_bytes(file.read())
        place.chmod(0o644)
    else:
        raise InfraError(f"a package has something else than a file at {path}")


def _digest(top: Path) -> str:
    """Of all that lies in a folder: names, kinds, where links lead, contents. Raises OSError."""
    found = {os.path.relpath(entry.path, top): entry for entry in files.walk(top)}
    return checksums.of_words(word for path in sorted(found) for word in (path, _word(found[path])))


def _word(entry: "os.DirEntry[str]") -> str:
    """What lies at a path."""
    if entry.is_symlink():
        return f"link to {os.readlink(entry.path)}"
    return "folder" if entry.is_dir() else f"file {checksums.of_file(Path(entry.path))}"


def _inside(link: str, path: str) -> str:
    """Where a link leads, so that it leads there wherever its root is."""
    above = "../" * path.count("/")
    return f"{above}{link.lstrip('/')}" if link.startswith("/") else link
