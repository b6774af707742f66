# SPDX-License-Identifier: GPL-2.0-only
"""``debian:linux-source-VERSION``: a kernel as Debian packages its source, in whatever suite, imported once.

What was imported is used from then on, without apt and without a network. Where Debian's archive cannot be read, it
is what the host's own apt has under that name, or kernel.org's newest of the same series.
"""

import difflib
import math
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kseries.host import cachelock, checksummed, processes
from kseries.model import Base, events
from kseries.model.errors import InfraError, InputError, UnavailableError
from kseries.model.sanitize import shortened, word
from kseries.sources import TreeStore, archive, hostapt, kernelorg
from kseries.sources.archive import Archive, Catalogue, Offer

PREFIX = "debian:"
_DEFAULT = "linux-source-6.12"
DEFAULT = f"{PREFIX}{_DEFAULT}"

_SECONDS = 300
_WANTED = re.compile(
    r"(?P<package>linux-source-(?P<release>[0-9]+\.[0-9]+))"
    r"(?:\.(?P<point>[0-9]+)|=(?P<version>[0-9][\w.+~:-]*))?",
    re.ASCII,
)
_HOW = "expected debian:linux-source-VERSION"
_LIST = "--tree debian: lists all"
_FULL = 1000
"""More than the second number of any kernel's version, or its third."""

AsBase = Callable[[str, str, TreeStore], Base]
"""Makes a base of a name and a tree in the store. Raises InputError where that is no kernel's."""


@dataclass(frozen=True)
class Wanted:
    """What ``debian:`` names: the newest of a series (6.12), of a point release (6.12.107), or one version."""

    package: str
    release: str
    version: str | None = None
    """As dpkg has it, or without Debian's revision, which stands for its newest."""

    @property
    def note(self) -> str:
        """The file that tells of the import, below bases/."""
        return f"{self.package}{f'_{self.version}' if self.version else ''}.json"

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.package}{f'={self.version}' if self.version else ''}"

    @property
    def told(self) -> str:
        return f"{self.package}{f' {self.version}' if self.version else ''}"

    def fits(self, version: str) -> bool:
        return self.version in (None, version, _upstream(version))


def read(words: str, known: Catalogue | None = None) -> Wanted:
    """What is behind ``debian:``. Raises InputError, with what is nearest to it."""
    found = _WANTED.fullmatch(words)
    if found is None:
        names = [offer.package for offer in known.newest()] if known and known.offers else [_DEFAULT]
        near = difflib.get_close_matches(words, names, n=1, cutoff=0.0)[0]
        raise InputError(f"{PREFIX}{shortened(word(words), 60)}: {_HOW}\n  as in {PREFIX}{near}; {_LIST}")
    version = f"{found['release']}.{found['point']}" if found["point"] else found["version"]
    return Wanted(found["package"], found["release"], version)


def get(words: str, store: TreeStore, cache: Path, tell: events.Listener, as_base: AsBase) -> Base:
    """The kernel that ``debian:WORDS`` names; ``debian:`` alone lists what there is, as an InputError.

    Raises UnavailableError where it is not to be had, InfraError where what came is not to be unpacked.
    """
    if not words:
        raise InputError(_listing(cache, tell))
    wanted = read(words, Archive(cache).known())
    note = cache / "bases" / wanted.note
    if (known := _known(note, store)) is not None:
        _tell_newer(known, wanted, cache, tell)
        return known

    def wait() -> None:
        tell(events.Preparing(f"waiting for another run to import {wanted.told}"))

    with cachelock.one_at_a_time(note.with_name(f"{note.stem}.lock"), wait):
        return _known(note, store) or _imported(wanted, note, store, tell, as_base)


def imported(cache: Path) -> tuple[str, ...]:
    """The names of the bases that were imported; whether their trees are still there is not looked at."""
    notes = filter(None, map(checksummed.read, sorted((cache / "bases").glob("linux-source-*.json"))))
    return tuple(dict.fromkeys(msgspec.json.decode(note, type=Base).name for note in notes))


def name(offer: Offer) -> str:
    """What a base is called that was made of a package."""
    return f"{PREFIX}{offer.package} {offer.version}"


def _known(note: Path, store: TreeStore) -> Base | None:
    """The base of which an earlier import has left a note, if its tree is there."""
    if (data := checksummed.read(note)) is None:
        return None
    known = msgspec.json.decode(data, type=Base)
    return known if store.has(known.tree) else None


def _tell_newer(base: Base, wanted: Wanted, cache: Path, tell: events.Listener) -> None:
    """Say that Debian has a newer one than what was imported, as far as its lists were read."""
    known = Archive(cache).known()
    offers = () if known is None or wanted.version else known.of(wanted.package)
    if offers and base.name.startswith(f"{PREFIX}{wanted.package} ") and base.name != name(offers[0]):
        newer = f"{PREFIX}{wanted.package}={offers[0].version}"
        tell(events.Preparing(f"base: {base.name}, as it was imported; Debian has {newer}, too"))


def _listing(cache: Path, tell: events.Listener) -> str:
    """The newest version of each package that Debian's archive has, for who does not say which."""
    if (why := archive.missing()) is not None:
        raise UnavailableError(f"Debian's archive cannot be read: {why}")
    found, here = Archive(cache).read(tell), imported(cache)
    rows = [
        (f"{PREFIX}{one.package}", one.version, one.suite, "imported" if name(one) in here else "")
        for one in found.newest()
    ]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{text:<{width}}" for text, width in zip(row, wide, strict=True)).rstrip() for row in rows]
    head = f"{PREFIX} does not say which kernel; of each series the newest that Debian has:"
    return "\n  ".join((head, *lines, *filter(None, [found.told_lacking])))


# --- import -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tarball:
    """A kernel's source as it came, and what a base that is made of it is called."""

    name: str
    path: Path


def _imported(wanted: Wanted, note: Path, store: TreeStore, tell: events.Listener, as_base: AsBase) -> Base:
    base = _same_version(wanted, note.parent, store)
    if base is None:
        with tempfile.TemporaryDirectory(prefix="kseries-base-", dir=note.parent) as scratch:
            tarball = _fetched(wanted, note.parents[1], Path(scratch), tell)
            tell(events.Preparing(f"importing {tarball.name}"))
            base = as_base(tarball.name, store.add_tarball(tarball.path), store)
    checksummed.write(note, msgspec.json.encode(base))
    return base


def _same_version(wanted: Wanted, bases: Path, store: TreeStore) -> Base | None:
    """A version that was imported under another name: as the newest of its series, or without its revision."""
    notes = bases.glob(f"{wanted.package}*.json") if wanted.version else ()
    found = filter(None, (_known(note, store) for note in notes))
    return next((base for base in found if base.name == f"{PREFIX}{wanted.package} {wanted.version}"), None)


def _fetched(wanted: Wanted, cache: Path, scratch: Path, tell: events.Listener) -> _Tarball:
    """From Debian's archive, or where that cannot be read from where the host's apt looks, or from kernel.org."""
    if (why := archive.missing()) is None:
        try:
            debian = Archive(cache)
            known = debian.read(tell, math.inf if wanted.version else archive.DAY)
        except UnavailableError as error:
            why = str(error).replace("\n  ", ": ")
        else:
            return _of_debian(wanted, debian, known, scratch, tell)
    return _of_host(wanted, (False, True), scratch, tell) or _of_kernel_org(wanted, why, scratch, tell)


def _of_debian(wanted: Wanted, debian: Archive, known: Catalogue, scratch: Path, tell: events.Listener) -> _Tarball:
    """The newest that Debian has; what the host's apt has from elsewhere, where Debian has none."""
    found = _first(wanted, debian, known, scratch, tell)
    if found is None and (again := debian.read_again(known, tell)) is not None:
        known = again
        found = _first(wanted, debian, known, scratch, tell)
    found = found or _of_host(wanted, (False,), scratch, tell)
    if found is None:
        raise UnavailableError(_lack(wanted, known))
    return found


def _first(wanted: Wanted, debian: Archive, known: Catalogue, scratch: Path, tell: events.Listener) -> _Tarball | None:
    """The newest version that a mirror really has."""
    for offer in known.of(wanted.package):
        if wanted.fits(offer.version) and (deb := debian.fetch(offer, scratch, tell)) is not None:
            return _Tarball(name(offer), _unpacked(deb, scratch / "x"))
    return None


def _of_host(wanted: Wanted, updates: Sequence[bool], scratch: Path, tell: events.Listener) -> _Tarball | None:
    for update in updates:
        if (found := hostapt.download(wanted.package, wanted.version, scratch, update=update)) is not None:
            deb, version = found
            tell(events.Preparing(f"{wanted.package} {version} is what apt has here"))
            return _Tarball(f"{PREFIX}{wanted.package} {version}", _unpacked(deb, scratch / "x"))
    return None


def _of_kernel_org(wanted: Wanted, why: str, scratch: Path, tell: events.Listener) -> _Tarball:
    """The newest of a series, or one point release; Debian's revisions of one are not there."""
    branch = wanted.version or wanted.release
    if not re.fullmatch(r"[0-9.]+", branch):
        raise UnavailableError(f"{wanted.name} is not to be had: {why}")
    tell(events.Preparing(f"{why}: fetching linux-{branch}{'' if wanted.version else '.y'} from kernel.org"))
    try:
        tarball, version = kernelorg.fetch(branch, scratch)
    except InfraError as error:
        raise UnavailableError(f"{wanted.name} is not to be had: {why}\n  {error}") from error
    return _Tarball(f"kernel.org linux-{version}", tarball)


def _unpacked(deb: Path, into: Path) -> Path:
    """The source tarball in a linux-source package."""
    done = processes.run(["dpkg-deb", "-x", deb, into], seconds=_SECONDS)
    if done.returncode != 0:
        raise InfraError(f"cannot unpack {deb.name}: {done.stderr.decode(errors='replace').strip()}")
    tarballs = list((into / "usr" / "src").glob("linux-source-*.tar.*"))
    if len(tarballs) != 1:
        raise InfraError(f"{deb.name} holds {len(tarballs)} source tarballs, expected 1")
    return tarballs[0]


# --- what there is instead ------------------------------------------------------------------------


def _lack(wanted: Wanted, known: Catalogue) -> str:
    """That Debian does not have a kernel, and what is nearest to it."""
    offers = known.of(wanted.package) if wanted.version else ()
    near = _nearest(wanted.version or wanted.release, offers or known.newest())
    what = f"Debian's archive has no {wanted.told}, or not any more"
    if near is None:
        return what
    called = f"{PREFIX}{near.package}{f'={near.version}' if offers else ''}"
    cure = f"nearest: {called} ({near.suite if offers else near.told}); {_LIST}"
    return f"{what}\n  {'; '.join(filter(None, (cure, known.told_lacking)))}"


def _nearest(version: str, offers: Sequence[Offer]) -> Offer | None:
    return min(offers, key=lambda offer: abs(_number(offer.version) - _number(version)), default=None)


def _number(version: str) -> int:
    """The version of a kernel as one number, of which a release candidate has that of its release."""
    numbers = [int(number) for number in re.findall(r"\d+", _upstream(version).partition("~")[0])[:3]]
    first, second, third = (*numbers, 0, 0, 0)[:3]
    return (first * _FULL + second) * _FULL + third


def _upstream(version: str) -> str:
    """A version without Debian's revision (deb-version(7))."""
    return version.rpartition("-")[0] or version
