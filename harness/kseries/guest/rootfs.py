# SPDX-License-Identifier: GPL-2.0-only
"""A root file system put together of Debian packages, or of a folder, as one tar archive: the same bytes each time.

Nothing is unpacked, so that neither root nor a maintainer script is needed, and no path leads out of anywhere: what
the scripts of a few packages would have made is made here by hand. Owners are root, dates the epoch, names sorted.
"""

import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.model.errors import InfraError, InputError, in_words

MOST = 4 << 30
"""Bytes of all files; and how many there may be."""
MOST_FILES = 500_000

_MOST_STEPS = 256
"""Of a path that is resolved: links may lead in a circle."""
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""What Debian has in /usr alone (usrmerge), and older packages still name without it."""
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
"""What nobody reads in a guest, where each MiB has to be loaded at every boot."""
_FOLDERS = {"": 0o755, "root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
_EMPTY = "boot dev etc home media mnt opt proc run srv sys usr usr/bin usr/lib usr/sbin var var/cache var/lib var/log"
_FOLDERS |= dict.fromkeys((*_EMPTY.split(), "var/lib/misc", "var/spool"), 0o755)
"""Also those that nothing is in: tests mount on /mnt."""
_TEXTS = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\ndisk:x:6:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "kseries\n",
}
_LINKS = {"etc/mtab": "../proc/self/mounts", "var/run": "../run"}
"""As base-files has them. mtab(5): what mount(8) and df(1) of older packages, and scripts, ask for what is mounted."""
_ALTERNATIVES = {
    "usr/bin/awk": "gawk mawk original-awk",
    "usr/bin/nc": "nc.openbsd nc.traditional",
    "usr/bin/sh": "dash bash busybox",
    "usr/bin/which": "which.debianutils",
    "usr/sbin/arptables": "arptables-nft",
    "usr/sbin/ebtables": "ebtables-nft",
    "usr/sbin/ip6tables": "ip6tables-nft ip6tables-legacy",
    "usr/sbin/iptables": "iptables-nft iptables-legacy",
}
"""Links that maintainer scripts make (update-alternatives(1)), each to the first that is there, beside it."""


@dataclass(frozen=True)
class Node:
    """A file, a folder or a link, and how the contents of a file are read."""

    mode: int
    link: str = ""
    size: int = 0
    opened: Callable[[], IO[bytes]] = io.BytesIO


Root = dict[str, Node]
"""By the path from the root, without a slash at its beginning."""


def of_packages(tars: Mapping[str, tarfile.TarFile]) -> Root:
    """What packages hold, each by its name, merged; of a path that two of them have the later one's counts.

    Raises InfraError for a path that leads out of the root.
    """
    root: Root = {path: Node(stat.S_IFDIR | mode) for path, mode in _FOLDERS.items()}
    for package in sorted(tars):
        for path, node in _members(package, tars[package]):
            if not (path in root and stat.S_ISDIR(root[path].mode)):
                root[path] = node
        # Empty, but there: commands tell by it which packages they have (probes/commands.py).
        root[f"usr/share/doc/{package}"] = Node(stat.S_IFDIR | 0o755)
    for path in tuple(root):
        for folder in map(str, Path(path).parents):
            root.setdefault("" if folder == "." else folder, Node(stat.S_IFDIR | 0o755))
    for path, text in _TEXTS.items():
        root[path] = _text(text)
    for path, to in _LINKS.items():
        root[path] = Node(stat.S_IFLNK | 0o777, link=to)
    for path, programs in _ALTERNATIVES.items():
        beside = path.rpartition("/")[0]
        found = next((one for one in programs.split() if f"{beside}/{one}" in root), None)
        if path not in root and found is not None:
            root[path] = Node(stat.S_IFLNK | 0o777, link=found)
    for name in _MERGED:
        if any(path == f"usr/{name}" or path.startswith(f"usr/{name}/") for path in root):
            root[name] = Node(stat.S_IFLNK | 0o777, link=f"usr/{name}")
    return root


def of_folder(top: Path) -> Root:
    """What is in a folder of the user's. Raises InputError where that cannot be read, or is too much."""
    root: Root = {"": Node(stat.S_IFDIR | 0o755)}
    left = MOST

    def fail(error: OSError) -> None:
        raise InputError(f"--userland {top}: cannot read {error.filename}: {in_words(error)}")

    for folder, folders, files in os.walk(top, onerror=fail):
        for name in (*folders, *files):
            path = Path(folder, name)
            kind = path.lstat()
            node = _of_disk(path, kind)
            if node is not None:
                root[str(path.relative_to(top))] = node
            left -= kind.st_size
            if left < 0 or len(root) > MOST_FILES:
                raise InputError(f"--userland {top}: it has more than {MOST >> 30} GiB or {MOST_FILES} files")
    return root


def _of_disk(path: Path, kind: os.stat_result) -> Node | None:
    """Of a device, a socket or a pipe nothing: the guest's /dev is the kernel's."""
    mode = kind.st_mode
    if stat.S_ISLNK(mode):
        return Node(stat.S_IFLNK | 0o777, link=str(path.readlink()))
    if stat.S_ISDIR(mode):
        return Node(mode)
    return Node(mode, size=kind.st_size, opened=lambda: path.open("rb")) if stat.S_ISREG(mode) else None


def write(root: Root, into: IO[bytes]) -> None:
    """The archive, as a stream."""
    with tarfile.open(fileobj=into, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path, node in sorted(root.items()):
            if path:
                _add(tar, path, node)


def _add(tar: tarfile.TarFile, path: str, node: Node) -> None:
    info = tarfile.TarInfo(path)
    info.mode = stat.S_IMODE(node.mode)
    info.type = {stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE}.get(
        stat.S_IFMT(node.mode), tarfile.REGTYPE
    )
    info.linkname, info.size = node.link, node.size
    if info.isreg():
        with node.opened() as file:
            tar.addfile(info, file)
    else:
        tar.addfile(info)


def _text(text: str) -> Node:
    data = text.encode()
    return Node(stat.S_IFREG | 0o644, size=len(data), opened=lambda: io.BytesIO(data))


def _members(package: str, tar: tarfile.TarFile) -> Iterator[tuple[str, Node]]:
    for member in tar:
        path = _place(package, member.name)
        if path in ("", *_MERGED) or _is_left_out(path):
            continue
        if (node := _of_member(package, tar, member)) is not None:
            yield path, node


def _of_member(package: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> Node | None:
    """Of a hard link the file that it is another name of: squashfs keeps the same contents once."""
    if member.issym():
        return Node(stat.S_IFLNK | 0o777, link=member.linkname)
    if member.isdir():
        return Node(stat.S_IFDIR | stat.S_IMODE(member.mode))
    if member.islnk():
        try:
            member = tar.getmember(member.linkname)
        except KeyError as error:
            raise InfraError(f"the package {package} links to {member.linkname}, which it does not hold") from error
    return Node(stat.S_IFREG | stat.S_IMODE(member.mode), size=member.size, opened=_reader(tar, member))


def _reader(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        file = tar.extractfile(member)
        assert file is not None, "only files are read"
        return file

    return opened


def _place(package: str, name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InfraError(f"the package {package} has a path that leads out of the root: {name}")
    return "/".join(("usr", *parts) if parts[1:] and parts[0] in _MERGED else parts)


def _is_left_out(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in _LEFT_OUT)


def resolve(root: Mapping[str, Node], path: str) -> str | None:
    """Where a path leads when links are followed as by a process that is chrooted there; None where nothing is."""
    todo, at = path.strip("/").split("/"), list[str]()
    for _ in range(_MOST_STEPS):
        if not todo:
            return "/".join(at)
        part = todo.pop(0)
        if part in ("", "."):
            continue
        at = at[:-1] if part == ".." else [*at, part]
        node = root.get("/".join(at))
        if node is None and at:
            return None
        if node is not None and stat.S_ISLNK(node.mode):
            todo = node.link.split("/") + todo
            at = [] if node.link.startswith("/") else at[:-1]
    return None
