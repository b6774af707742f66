# SPDX-License-Identifier: GPL-2.0-only
"""Debian's binary packages for a userland: what a few of them depend on in a suite, and the packages themselves.

By an apt of our own (archive.py), one for each suite and architecture, which has nothing installed: so what it would
install is all that is needed. Debian's keyring alone is trusted.
"""

import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from kseries.host import cachelock, files, processes
from kseries.model import Record, events
from kseries.model.errors import InfraError, InputError, UnavailableError
from kseries.model.sanitize import line, shortened
from kseries.sources import archive

SUITES = tuple(suite.name for suite in archive.SUITES if "-" not in suite.name and suite.name != "experimental")
"""Those that are whole by themselves."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
"""deb-control(5), "Package"."""
_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+)\.deb (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE)
_NO_SUCH = re.compile(r"(?:Unable to locate package|Package) '?(?P<name>[a-z0-9+.-]+)")
_SHOWN = 100
_PREFERENCES = "preferences"
_UNWANTED = ("usrmerge",)
"""What apt would take of several that do, where a small one does, too: bookworm's init-system-helpers depends on
usrmerge, which needs all of Perl to move the files of a system that we put together as moved, or on usr-is-merged.
"""


class Package(Record, frozen=True):
    """A package that apt would install."""

    name: str
    version: str
    uri: str
    sha256: str
    size: int
    """Bytes."""


class Suite:
    """A suite for one architecture, as its lists in ``home`` have it; ``debian`` is Debian's name of that one."""

    def __init__(self, home: Path, name: str, debian: str) -> None:
        self._home = home / f"{name}-{debian}"
        self._name = name
        self._debian = debian

    def closure(self, names: Sequence[str], tell: events.Listener) -> tuple[Package, ...]:
        """These packages and all that they depend on, by name, as the suite has them now.

        Raises InputError for one that it does not have, UnavailableError where it cannot be read.
        """
        for name in names:
            if not _NAME.fullmatch(name):
                raise InputError(f"--package {shortened(line(name), _SHOWN)}: no name of a Debian package")

        def wait() -> None:
            tell(events.Preparing("waiting for another run to read Debian's package lists"))

        with cachelock.one_at_a_time(self._home / "lock", wait):
            self._update(tell)
            # Of the hashes that the lists have, it tells MD5 unless it is told otherwise.
            force = ("-o", "Acquire::ForceHash=SHA256")
            words = (*force, "-y", "--no-install-recommends", "--print-uris", "install", *names)
            done = self._apt("apt-get", *self._preferring(names), *words)
        if done.returncode != 0:
            raise InputError(self._lack(archive.failure(done)))
        found = tuple(map(_package, _URI.finditer(done.stdout.decode(errors="replace"))))
        if not set(names) <= {one.name for one in found}:
            raise InfraError(f"apt does not tell where the packages of Debian's {self._name} are")
        return tuple(sorted(found, key=lambda one: one.name))

    def fetch(self, packages: Sequence[Package], into: Path, tell: events.Listener) -> tuple[Path, ...]:
        """The packages as files, each as the signed list has it. Raises UnavailableError."""
        paths = tuple(into / f"{one.sha256}.deb" for one in packages)
        size = sum(one.size for one in packages) / 1e6
        tell(events.Preparing(f"fetching {len(packages)} packages of Debian's {self._name} ({size:.0f} MB)"))
        wanted = [
            word
            for one, path in zip(packages, paths, strict=True)
            for word in (one.uri, str(path), f"SHA256:{one.sha256}")
        ]
        done = self._apt(archive.HELPER, "download-file", *wanted)
        if done.returncode != 0 or not all(path.exists() for path in paths):
            raise UnavailableError(
                f"cannot fetch the packages of a userland from Debian's {self._name}\n  {archive.failure(done)}"
            )
        return paths

    def _preferring(self, names: Sequence[str]) -> tuple[str, ...]:
        """A package that is asked for may be installed, whichever it is."""
        pins = (f"Package: {one}\nPin: release *\nPin-Priority: -1\n\n" for one in _UNWANTED if one not in names)
        place = self._home / _PREFERENCES
        files.write(place, "".join(pins).encode())
        return ("-o", f"Dir::Etc::Preferences={place}")

    def _update(self, tell: events.Listener) -> None:
        tell(events.Preparing(f"reading the package lists of Debian's {self._name}, {self._debian}"))
        why = ""
        for site in archive.mirrors():
            signed = f"deb [signed-by={archive.keyring()} arch={self._debian}]"
            parts = [f"{signed} {site[suite.folder]} {suite.name} main" for suite in self._parts]
            done = archive.apt(self._home, *self._words("apt-get", "-q", "update"), sources=tuple(parts))
            if done.returncode == 0 and self._has_lists:
                return
            why = archive.failure(done)
        if not self._has_lists:
            raise UnavailableError(f"Debian's {self._name} cannot be read\n  {shortened(why, 200)}")
        tell(events.Preparing(f"the package lists cannot be read again, and are as they were: {shortened(why, 200)}"))

    @property
    def _parts(self) -> tuple[archive.Suite, ...]:
        """The suite, and what corrects it, as far as there is that."""
        released = self._name in ("bookworm", "trixie")
        names = (self._name, *((f"{self._name}-updates", f"{self._name}-security") if released else ()))
        return tuple(suite for suite in archive.SUITES if suite.name in names)

    @property
    def _has_lists(self) -> bool:
        return any(self._home.glob(f"lists/*_dists_{self._name}_main_binary-{self._debian}_Packages*"))

    def _apt(self, *words: str) -> processes.Done:
        return archive.apt(self._home, *self._words(*words))

    def _words(self, program: str, *words: str) -> tuple[str, ...]:
        """With what apt would else ask the host's dpkg; that it has no index of all packages is for who lists few."""
        ours = (f"APT::Architecture={self._debian}", f"APT::Architectures::={self._debian}", "pkgCacheFile::Generate=1")
        return (program, *(word for one in ours for word in ("-o", one)), *words)

    def _lack(self, said: str) -> str:
        found = _NO_SUCH.search(said)
        if found is None:
            return f"--package: Debian's {self._name} cannot have these together\n  {shortened(said, 200)}"
        return (
            f"--package {found['name']}: Debian's {self._name} has no such package for {self._debian}\n"
            f"  https://packages.debian.org/{self._name}/ lists them"
        )


def _package(found: re.Match[str]) -> Package:
    """NAME_VERSION_ARCHITECTURE, in which a colon is written as in an address."""
    name, version, _ = found["file"].rsplit("_", 2)
    return Package(
        name=name,
        version=urllib.parse.unquote(version),
        uri=found["uri"],
        sha256=found["sha256"],
        size=int(found["size"]),
    )
