# SPDX-License-Identifier: GPL-2.0-only
"""The userland of a guest: one squashfs image, made of Debian packages or of the user's files, kept by its digest.

``tar2sqfs`` makes it, of squashfs-tools-ng: unlike mksquashfs it was written to make the same bytes of the same
archive, and it reads that archive from a pipe, so that nothing is unpacked on this host.
"""

import contextlib
import os
import re
import shlex
import stat
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kseries.arch import Arch
from kseries.guest import rootfs
from kseries.guest.rootfs import Node, Root
from kseries.host import cachelock, checksummed, checksums, disk, files, processes, untrusted
from kseries.model import Machine, Userland, events
from kseries.model.errors import InfraError, InputError, UnavailableError, in_words
from kseries.model.sanitize import line, shortened
from kseries.sources import archive, packages
from kseries.sources.packages import Suite

NAME = "userland"
"""The folder of the cache."""
APT = "apt"
"""In it, the state of an apt for each suite and architecture."""
PREFIX = "debian:"
IMAGE = ".squashfs"
TOOLS = "squashfs-tools-ng"
"""The Debian package of the programs that make and read an image."""

BASE = (
    "bash coreutils dash debianutils diffutils findutils grep gzip hostname iproute2 kmod libc-bin mawk mount"
    " ncurses-bin procps sed tar util-linux"
)
"""What scripts of the kernel's tree take for granted; --package adds to it."""

_FORM = "4"
"""How an image is put together of packages (rootfs.py): another form is another image."""
_LIMIT = 1 << 30
"""Bytes of an image."""
_ROOM = 128
"""MiB that a guest needs beside an image, which it has twice over while it unpacks it."""
_SECONDS = 1800
_SHELL = "bin/sh"
_SHOWN = 100
_MAGIC = b"hsqs"
_COMPRESSIONS = {1: "gzip", 4: "xz", 5: "lz4", 6: "zstd"}
"""Those that kernels/userland.config lets a kernel read (fs/squashfs/squashfs_fs.h)."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wanted:
    """What --userland and --package ask for."""

    name: str
    packages: tuple[str, ...] = ()


def find(wanted: Wanted, arch: Arch, cache: Path, tell: events.Listener, *, fetch: bool = True) -> Userland:
    """The image that is asked for: the one that was made before, where it is of packages, and else made now.

    Without ``fetch`` packages that were not fetched before are those of a record without a digest, by which no result
    is found. Raises InputError for what is no userland for an architecture, UnavailableError without a network,
    InfraError.
    """
    home = cache / NAME
    home.mkdir(parents=True, exist_ok=True)
    if wanted.name.startswith(PREFIX):
        return _of_debian(wanted, arch, home, tell, fetch)
    if wanted.packages:
        raise InputError(f"--package {wanted.packages[0]}: only of --userland debian:SUITE can packages be chosen")
    path = Path(wanted.name)
    if path.is_dir():
        tell(events.Preparing(f"making a userland of {line(wanted.name)}"))
        with _named(wanted.name):
            return _kept(wanted.name, rootfs.of_folder(path), {}, arch, home)
    return _of_file(wanted.name, path, arch, home)


def path(cache: Path, digest: str) -> Path:
    """An image of the cache. Raises InputError where it is not there, or not as it was: then it is removed."""
    place = cache / NAME / f"{digest}{IMAGE}"
    if not _DIGEST.fullmatch(digest) or not place.exists():
        raise InputError(f"no userland is kept as {shortened(line(digest), _SHOWN)}\n  name it again with --userland")
    if checksums.of_file(place) != digest:
        place.unlink(missing_ok=True)
        raise InputError(f"the userland {digest[:12]} is not as it was\n  name it again with --userland")
    with contextlib.suppress(OSError):
        os.utime(place)  # used now: kseries gc takes first what was used longest ago
    return place


def made(arch: Arch, cache: Path) -> tuple[str, ...]:
    """The suites of which a cache has userlands for an architecture, as --userland names them."""
    home = cache / NAME
    notes = {suite: home.glob(f"{suite}-{arch.debian}-*.json") for suite in packages.SUITES}
    return tuple(f"{PREFIX}{suite}" for suite, found in notes.items() if any(_known(note, home) for note in found))


def check_memory(found: Userland, machine: Machine) -> None:
    """Raise InputError for a machine that has no room for an image."""
    least = _ROOM + 2 * (found.size >> 20)
    if machine.memory < least:
        raise InputError(f"--userland {found.name}: with its {found.size >> 20} MiB a guest needs --memory {least}")


# --- of Debian's packages -----------------------------------------------------------------------


def _of_debian(wanted: Wanted, arch: Arch, home: Path, tell: events.Listener, fetch: bool) -> Userland:
    suite = wanted.name.removeprefix(PREFIX)
    if suite not in packages.SUITES:
        raise InputError(
            f"--userland {shortened(line(wanted.name), _SHOWN)}: no suite that userlands are made of\n"
            f"  there are: {', '.join(f'{PREFIX}{one}' for one in packages.SUITES)}"
        )
    names = tuple(sorted({*BASE.split(), *wanted.packages}))
    note = home / f"{suite}-{arch.debian}-{checksums.of_words([_FORM, *names])[:16]}.json"
    if (known := _known(note, home)) is not None:
        return known
    if not fetch:
        tell(events.Preparing(f"the userland {wanted.name} is not made yet, so no result with it is known"))
        return Userland(name=wanted.name, digest="", size=0)

    def wait() -> None:
        tell(events.Preparing("waiting for another run to make the same userland"))

    with cachelock.one_at_a_time(note.with_suffix(".lock"), wait):
        return _known(note, home) or _made(wanted.name, suite, names, arch, note, tell)


def _known(note: Path, home: Path) -> Userland | None:
    if (data := checksummed.read(note)) is None:
        return None
    known = msgspec.json.decode(data, type=Userland)
    try:
        path(home.parent, known.digest)
    except InputError:
        return None
    return known


def _made(name: str, suite: str, names: tuple[str, ...], arch: Arch, note: Path, tell: events.Listener) -> Userland:
    processes.require("tar2sqfs", TOOLS)
    if (why := archive.missing()) is not None:
        raise UnavailableError(f"Debian's archive cannot be read: {why}")
    home = note.parent
    found = Suite(home / APT, suite, arch.debian)
    closure = found.closure(names, tell)
    with tempfile.TemporaryDirectory(prefix="kseries-userland-", dir=home) as scratch, contextlib.ExitStack() as stack:
        debs = found.fetch(closure, Path(scratch), tell)
        tell(events.Preparing(f"making a userland of {len(closure)} packages"))
        tars = {one.name: stack.enter_context(opened(one.name, deb)) for one, deb in zip(closure, debs, strict=True)}
        versions = {one.name: one.version for one in closure}
        made = _kept(name, rootfs.of_packages(tars), versions, arch, home)
    checksummed.write(note, msgspec.json.encode(made))
    return made


@contextlib.contextmanager
def opened(package: str, deb: Path) -> Iterator[tarfile.TarFile]:
    """The files of a package, as an archive."""
    done = processes.run(["dpkg-deb", "--fsys-tarfile", deb], seconds=_SECONDS)
    if done.returncode != 0:
        raise InfraError(f"cannot unpack {package}: {done.stderr.decode(errors='replace').strip()}")
    deb.write_bytes(done.stdout)  # in its place: all of them together may be larger than memory
    try:
        with tarfile.open(deb, "r:") as tar:
            yield tar
    except tarfile.TarError as error:
        raise InfraError(f"cannot read what is in {package}: {error}") from error


# --- images -------------------------------------------------------------------------------------


def _of_file(name: str, file: Path, arch: Arch, home: Path) -> Userland:
    with _named(name), tempfile.TemporaryDirectory(prefix="kseries-userland-", dir=home) as scratch:
        image = Path(scratch) / "image"
        data = untrusted.read(file, _LIMIT)
        _check_image(name, data)
        image.write_bytes(data)
        _check(name, _listed(name, image), arch, image)
        return _placed(name, image, {}, home)


def _kept(name: str, root: Root, versions: dict[str, str], arch: Arch, home: Path) -> Userland:
    """The image of a root, made and put where its digest says."""
    processes.require("tar2sqfs", TOOLS)
    _check(name, root, arch)
    with disk.named(home), tempfile.TemporaryDirectory(prefix="kseries-userland-", dir=home) as scratch:
        image = Path(scratch) / "image"
        # Without dates: it would else have when it was made.
        words = ("--quiet", "--compressor", "zstd", "--no-xattr", "--no-keep-time", image)
        with processes.feeding(["tar2sqfs", *words], {"SOURCE_DATE_EPOCH": "0"}, _SECONDS) as stream:
            rootfs.write(root, stream)
        if image.stat().st_size > _LIMIT:
            raise InputError(f"--userland {name}: its image has more than {_LIMIT >> 20} MiB")
        return _placed(name, image, versions, home)


def _placed(name: str, image: Path, versions: dict[str, str], home: Path) -> Userland:
    digest, size = checksums.of_file(image), image.stat().st_size
    image.chmod(0o644)
    files.place(image, home / f"{digest}{IMAGE}")
    return Userland(name=line(name), digest=digest, size=size, packages=versions)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"--userland {shortened(line(name), _SHOWN)}: cannot read it: {in_words(error)}") from error


def _check_image(name: str, data: bytes) -> None:
    """Raise InputError for what is no squashfs that a kernel of ours reads (Documentation/filesystems/squashfs.rst)."""
    if data[:4] != _MAGIC or len(data) < 96:
        raise InputError(f"--userland {name}: neither a folder nor a squashfs image, nor {PREFIX}SUITE")
    (kind,) = struct.unpack_from("<H", data, 20)
    if kind not in _COMPRESSIONS:
        raise InputError(f"--userland {name}: compressed by what no kernel here reads\n  mksquashfs -comp zstd")


def _listed(name: str, image: Path) -> Root:
    """What an image of the user's holds, without the contents."""
    processes.require("rdsquashfs", TOOLS)
    done = processes.run(["rdsquashfs", "--describe", image], seconds=_SECONDS)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix(f"{image}: ")
        raise InputError(f"--userland {name}: cannot be read: {shortened(line(said), _SHOWN)}")
    return dict(_nodes(done.stdout.decode(errors="surrogateescape")))


def _nodes(listing: str) -> Iterator[tuple[str, Node]]:
    kinds = {"dir": stat.S_IFDIR, "file": stat.S_IFREG, "slink": stat.S_IFLNK}
    for said in listing.splitlines():
        with contextlib.suppress(ValueError, IndexError):  # a name with a quote or a line's end in it is not looked for
            kind, place, mode, *rest = shlex.split(said)
            if kind in kinds:
                yield place.strip("/"), Node(kinds[kind] | int(mode, 8), link=rest[2] if kind == "slink" else "")


def _check(name: str, root: Root, arch: Arch, image: Path | None = None) -> None:
    """Raise InputError for a root in which no command could run: it has no shell, or another machine's."""
    shell = rootfs.resolve(root, _SHELL)
    if not shell or not stat.S_ISREG(root[shell].mode):
        raise InputError(f"--userland {name}: it has no shell, /{_SHELL}, that commands could be run by")
    head = _head(root[shell], shell, image)
    if head[:4] != b"\x7fELF" or len(head) < 20 or struct.unpack_from("<H", head, 18)[0] != arch.elf_machine:
        raise InputError(f"--userland {name}: its /{_SHELL} is no program for {arch.name}")


def _head(node: Node, shell: str, image: Path | None) -> bytes:
    if image is not None:
        return processes.run(["rdsquashfs", "--cat", shell, image], seconds=_SECONDS).stdout[:64]
    with node.opened() as file:
        return file.read(64)
