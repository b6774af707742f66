# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs: a cpio archive in "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kseries.host import files
from kseries.kbuild import artifacts
from kseries.model import Origin, Probe

DIRECTORY = 0o040755
PROGRAM = 0o100755
_TEXT = 0o100644
LINK = 0o120777
_CHARACTER = 0o020600
_CONSOLE = (5, 1)
_HEADER = 110
"""Bytes before a member's name: six of magic, and thirteen fields of eight hexadecimal digits each."""
_SIZE_AT, _NAME_SIZE_AT = 6 + 6 * 8, 6 + 11 * 8
_FOLDERS = ("probes", "programs")
_LIST = "probes.list"
_USERLAND = "userland.squashfs"
_MODPROBE = "sbin/modprobe"
"""What the kernel runs where it wants a module: init, which runs that of the userland."""
_MOST_MODULES = 256 << 20
"""Bytes of all modules: an initramfs is in the guest's memory, twice while it is unpacked."""
_BEGINS = {Origin.OURS: "probe", Origin.COMMAND: "command"}
"""What a probe's lines in that list begin with; of all others "program"."""


def write(path: Path, guests: Path, more: Iterable[bytes] = ()) -> None:
    """Pack ``guests``/init, and what is in its probes/ and programs/, with /dev/console, into ``path``, and behind them
    ``more`` members. Raises NotRegularError.
    """
    members = [member("dev", DIRECTORY), member("dev/console", _CHARACTER, device=_CONSOLE)]
    members += [member(name, DIRECTORY) for name in ("proc", "sys", "tmp", *_FOLDERS)]
    members += [member("init", PROGRAM, artifacts.read(guests, "init"))]
    names = [f"{folder}/{one.name}" for folder in _FOLDERS for one in sorted(guests.joinpath(folder).glob("*"))]
    programs = {name: artifacts.read(guests, name) for name in names if os.access(guests / name, os.X_OK)}
    path.write_bytes(archive((*members, *_linked(programs), *more)))


def _linked(programs: Mapping[str, bytes]) -> Iterator[bytes]:
    """Programs, of which those with the same bytes are one file under several names: ours all are (guests/Makefile).

    The kernel links a member to the one with its inode before it (init/initramfs.c: maybe_link).
    """
    counts, inodes = Counter(programs.values()), dict[bytes, int]()
    for name, data in programs.items():
        first = data not in inodes
        inode = inodes.setdefault(data, len(inodes) + 1)
        yield member(name, PROGRAM, data if first else b"", links=(inode, counts[data]))


def modules(top: Path) -> Iterator[bytes]:
    """What is installed of a kernel's modules below ``top``: the folders and files of lib/modules, without links, which
    lead to where the kernel was built. Raises NotRegularError.
    """
    left, place = _MOST_MODULES, top / "lib" / "modules"
    if any(one.is_symlink() for one in (top, place.parent, place)):
        raise artifacts.NotRegularError("the modules are behind a link")
    for folder in ("lib", "lib/modules", "sbin"):
        yield member(folder, DIRECTORY)
    yield member(_MODPROBE, LINK, b"/init")
    for entry in sorted(files.walk(place), key=lambda one: one.path):
        name = os.path.relpath(entry.path, top)
        if entry.is_dir(follow_symlinks=False):
            yield member(name, DIRECTORY)
        elif not entry.is_symlink():
            data = artifacts.read(top, name)
            left -= len(data)
            if left < 0:
                raise artifacts.NotRegularError(f"the modules have more than {_MOST_MODULES >> 20} MiB")
            yield member(name, _TEXT, data)


def listing(probes: Iterable[Probe], seconds: int) -> bytes:
    """An archive to stand behind such a one, with the list of ``told``."""
    return archive([member(_LIST, _TEXT, told(probes, seconds).encode())])


def userland(image: Path | None) -> bytes:
    """An archive to stand behind such a one, too, with the image of a userland; nothing where there is none."""
    return archive([member(_USERLAND, _TEXT, image.read_bytes())]) if image is not None else b""


def told(probes: Iterable[Probe], seconds: int) -> str:
    """What init is told of the probes that it is to run, in their order, each for ``seconds`` unless it has its own.

    guests/init/init.c says what the lines mean.
    """
    return "".join(f"{line}\n" for probe in probes for line in _lines(probe, seconds))


def _lines(probe: Probe, seconds: int) -> Iterator[str]:
    yield f"{_BEGINS.get(probe.origin, 'program')} {probe.name}"
    yield f"seconds {probe.seconds or seconds}"
    yield from (f"arg {word}" for word in probe.argv)
    yield from (f"env {name}={value}" for name, value in probe.environment.items())


def archive(members: Iterable[bytes]) -> bytes:
    """A whole archive; the kernel unpacks one after the other where several stand in a file."""
    return b"".join((*members, member("TRAILER!!!", 0)))


def member(
    name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0), links: tuple[int, int] = (0, 1)
) -> bytes:
    """A file of an archive; of a link, ``data`` is where it leads.

    ``links`` are its inode, and how many names that has: of several, the first has the data.
    """
    encoded = os.fsencode(name) + b"\0"
    #         inode mode uid gid links mtime size      devmajor, devminor, rdevmajor, rdevminor, namesize, check
    inode, count = links
    fields = (inode, mode, 0, 0, count, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + encoded) + _padded(data)


def places(members: bytes) -> dict[str, tuple[int, int]]:
    """Where the data of each of some members begins, and how many bytes it has: of what ``member`` has made."""
    found, at = {}, 0
    while at < len(members):
        size, name_size = (int(members[at + one : at + one + 8], 16) for one in (_SIZE_AT, _NAME_SIZE_AT))
        name = members[at + _HEADER : at + _HEADER + name_size - 1]
        data = at + len(_padded(bytes(_HEADER + name_size)))
        found[os.fsdecode(name)] = (data, size)
        at = data + len(_padded(bytes(size)))
    return found


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
