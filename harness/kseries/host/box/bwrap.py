# SPDX-License-Identifier: GPL-2.0-only
"""The box in which whatever comes from a series runs: what it sees of this host, as whom, and how much it may use.

A command line for bwrap(1), which makes namespaces and mounts; setpriv(1), choom(1) and prlimit(1) do in it what bwrap
does not. Only what is named here is seen; host/processes/ starts it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseries.host.box import epilogue
from kseries.host.box.layout import OWN, Layout

UID = 65533
"""Who runs in a box that root makes, user and group. Debian Policy (9.2.2) reserves 65000-65533, systemd gives out
others (systemd's UIDS-GIDS): nobody else's. Limits of processes do not hold for root (setrlimit(2))."""
HOME = "/tmp"
"""The home folder of who runs in it."""

_GIB = 1 << 30
_TOOLS = tuple(f"/{name}" for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix", "gnu"))
"""Where distributions have programs, and all that these read; of /etc only the files below."""
_ETC = tuple(
    f"/etc/{name}"
    for name in ("alternatives", "ld.so.cache", "passwd", "group", "nsswitch.conf", "perl", "ssl/openssl.cnf")
)


@dataclass(frozen=True)
class Limits:
    """What what runs in a box may use. Reached by a build, they say nothing of its tree but that somebody look."""

    processes: int = 256
    """Of all boxes together where root makes them, since they have one user: see setrlimit(2), RLIMIT_NPROC."""
    memory: int = 4 * _GIB
    """Bytes of address space of each process; when memory runs out, what is in a box is killed first."""
    together: int = 16 * _GIB
    """Bytes of memory of all processes of a build; see kbuild/limits.py."""
    file: int = _GIB
    """Bytes of one file."""
    temporary: int = _GIB
    """Bytes of all that is in /tmp, which is memory."""


@dataclass(frozen=True)
class Host:
    """What a box has to know of this host."""

    drops: bool
    """True where we are root and can be somebody else in the box."""
    tools: tuple[Path, ...] = ()
    """Folders of PATH that are in nobody's list."""

    @classmethod
    def here(cls) -> "Host":
        """This host, as we are on it."""
        return cls(os.geteuid() == 0 and _has_uid(), tuple(_tools(os.environ.get("PATH", ""))))


@dataclass(frozen=True)
class Box:
    """What a process of the series under test may touch.

    All else is not there: no home, no network, no process of the host. What it may only read is ``readable``. Folders
    that are ``writable`` are given to the user of the box.
    """

    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    layout: Layout = OWN
    """Under which path each of these places is seen, where that is not its own."""
    cwd: Path = Path("/")
    """A folder of this host."""
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    tells: bool = False
    """Whether what is known of the command when it has ended is printed: see epilogue.py."""

    def argv(self, command: Sequence[str | Path], host: Host) -> list[str]:
        """The command line for ``command``: a pure function, so that a test can read it."""
        words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        words += ["--die-with-parent", "--new-session"]
        words += ["--cap-drop", "ALL"]  # root with its capabilities could mount its way out
        if host.drops:
            words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # setpriv leaves them behind
        words += ["--dev", "/dev", "--proc", "/proc"]
        words += ["--perms", "1777", "--size", str(self.limits.temporary), "--tmpfs", "/tmp"]
        for tool in (*map(Path, (*_TOOLS, *_ETC)), *host.tools):
            words += [*_way_to(tool), "--ro-bind-try", str(tool), str(tool)]
        for device in self.devices:
            words += ["--dev-bind", str(device), str(self.layout.inside(device))]
        for place in self.readable:
            words += self._showing("--ro-bind", place)
        for place in self.writable:
            words += self._showing("--bind", place)
        # What they are mounted on is memory, too, without a limit of its own.
        words += ["--remount-ro", "/dev", "--remount-ro", "/"]
        for name, value in {"HOME": HOME, **self.env}.items():
            words += ["--setenv", name, value]
        words += ["--"]
        if host.drops:
            words += self._becoming()
        words += self._limiting()
        if self.cwd != Path("/"):
            words += ["env", f"--chdir={self.layout.inside(self.cwd)}"]  # not bwrap, to whom the folder may be closed
        told = list(map(str, command))
        return [*words, *(epilogue.around(told) if self.tells else told)]

    def _showing(self, how: str, place: Path) -> list[str]:
        inside = self.layout.inside(place)
        return [*_way_to(inside), how, str(place), str(inside)]

    def _becoming(self) -> list[str]:
        groups = ",".join(str(device.stat().st_gid) for device in self.devices)
        return [
            "setpriv", f"--reuid={UID}", f"--regid={UID}", f"--groups={groups}" if groups else "--clear-groups", "--"
        ]  # fmt: skip

    def _limiting(self) -> list[str]:
        limits = self.limits
        words = [f"--nproc={limits.processes}", f"--as={limits.memory}", f"--fsize={limits.file}", "--core=0"]
        return ["choom", "--adjust", "1000", "--", "prlimit", *words, "--"]


def _way_to(place: Path) -> list[str]:
    """The folders above a place, open to whom they are made for; by itself bwrap gives them the place's own mode."""
    return ["--perms", "0755", "--dir", str(place.parent)] if place.parent != Path("/") else []


def build_limits(jobs: int) -> Limits:
    """What make may use that is given so many jobs: some times what a kernel takes, so that only excess meets it."""
    return Limits(processes=512 + 32 * jobs, memory=16 * _GIB, together=(16 + 2 * jobs) * _GIB, file=4 * _GIB)


def _has_uid() -> bool:
    """True where there is such a user: in a user namespace there may be few (user_namespaces(7))."""
    rows = Path("/proc/self/uid_map").read_text().splitlines()
    spans = [(int(first), int(count)) for first, _, count in map(str.split, rows)]
    return any(first <= UID < first + count for first, count in spans)


def _tools(path: str) -> list[Path]:
    """The folders of a PATH that no list above has, but for any in which a home folder is."""
    home = Path.home()
    places = [Path(word) for word in path.split(":") if word.startswith("/")]
    return [
        place
        for place in dict.fromkeys(places)
        if place.is_dir()
        and not any(place.is_relative_to(known) for known in _TOOLS)
        and not home.is_relative_to(place.resolve())
    ]
