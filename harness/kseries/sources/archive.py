# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel sources Debian's archive carries, in all of its suites, and those packages themselves.

By an apt of our own: its lists, its settings and its lock are in the cache, and of the host's it takes only how a
network is reached (proxies) and which mirror. Debian's keyring alone is trusted, whatever the host trusts.
"""

import functools
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from kseries.host import cachelock, checksummed, files, processes
from kseries.model import Record, events
from kseries.model.errors import InfraError, UnavailableError
from kseries.model.sanitize import few, shortened

MIRROR = "http://deb.debian.org"
"""Where Debian's archives are; $KSERIES_DEBIAN_MIRROR names a copy of it, with debian/ and debian-security/ in it."""

KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
"""Where debian-archive-keyring has its keys: Debian 13 renamed them."""


class Suite(Record, frozen=True):
    """A part of the archive that has package lists of its own, and in which of its folders."""

    name: str
    folder: str = "debian"


SUITES = (
    *(Suite(name=f"bookworm{part}") for part in ("", "-updates", "-proposed-updates", "-backports")),
    *(Suite(name=f"trixie{part}") for part in ("", "-updates", "-proposed-updates", "-backports")),
    *(Suite(name=name) for name in ("forky", "sid", "experimental")),
    *(Suite(name=f"{name}-security", folder="debian-security") for name in ("bookworm", "trixie", "forky")),
)
"""Those that may have a kernel from 6.1 on. By their code names, which stay theirs when one becomes stable."""

NAME = "debian"
"""The folder of the cache that all of this is in."""
LISTS = ("lists", "catalogue.json")
"""What of it takes room, and can be had again."""
DAY = 24 * 3600.0
"""Seconds after which the newest version may be another."""
_HOUR = 3600.0
"""Seconds in which a mirror brings nothing new that would be worth to be asked for."""

HELPER = "/usr/lib/apt/apt-helper"
"""Fetches a file, and checks it against a hash (apt-helper: download-file)."""
_SECONDS = 1800
"""For a package, or for all lists, on a slow line; apt itself gives up on a server that says nothing."""
_PACKAGE = re.compile(r"linux-source-[0-9]+\.[0-9.]*[0-9]")
_ALL = "all"
"""Packages for any architecture have an index of their own, half as large; a partial mirror may lack it."""

# Of the host's apt.conf(5): how it reaches a network, and whether its mirror may be an old one.
_OF_HOST = re.compile(r"Acquire::(https?|ForceIPv[46]|Check-Valid-Until|Check-Date|By-Hash)\b")
_RELEASE = re.compile(r"^'(?P<uri>\S+/(?P<folder>debian|debian-security))/*/dists/[^/']+/InRelease'", re.MULTILINE)
_GONE = ("404  Not Found", "File not found", "Hash Sum mismatch", "unexpected size")
"""What apt says of a file that a mirror does not have, or not any more as its list has it."""
_NOT_THERE = "Release: 404"
"""What a suite failed with that a mirror does not have."""
_ERROR = re.compile(r"^Err:\d+ \S+ ([^\s/]+)(?:/main)? (.+)\n +(.+)$", re.MULTILINE)
_IP = re.compile(r" \[IP: .*\]$")


class Offer(Record, frozen=True):
    """A version of a package that a suite has."""

    package: str
    version: str
    suite: str
    uri: str
    sha256: str
    size: int
    """Bytes."""

    @property
    def release(self) -> str:
        """The series of kernels that it is of: 6.12."""
        return self.package.removeprefix("linux-source-")

    @property
    def told(self) -> str:
        return f"{self.version}, {self.suite}"


class Place(Record, frozen=True):
    """Where a suite was read, and which of its indices."""

    uri: str
    index: str


class Catalogue(Record, frozen=True):
    """What the lists had when they were read, at a time of time.time()."""

    read: float
    offers: tuple[Offer, ...]
    """Newest first, as dpkg --compare-versions has it."""
    places: dict[str, Place]
    lacking: dict[str, str]
    """The suites that could not be read, and why."""

    def newest(self) -> tuple[Offer, ...]:
        """The newest version of each package, the newest kernel first."""
        found: dict[str, Offer] = {}
        for offer in self.offers:
            found.setdefault(offer.package, offer)
        return tuple(found.values())

    def of(self, package: str) -> tuple[Offer, ...]:
        return tuple(offer for offer in self.offers if offer.package == package)

    @property
    def age(self) -> float:
        """Seconds; of what a wrong clock dates in the future as many, so that it does not stay new until then."""
        return abs(time.time() - self.read)

    @property
    def told_lacking(self) -> str:
        return f"not read: {few(sorted(self.lacking))}" if self.lacking else ""


def missing() -> str | None:
    """Why this host cannot read Debian's archive, and what would help; None where it can, if there is a network."""
    for tool in ("apt-get", "apt-config", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            return f"there is no {tool} here"
    if not Path(HELPER).exists():
        return f"there is no {HELPER} here"
    if keyring() is None:
        return "Debian's keyring is not here (apt-get install debian-archive-keyring)"
    return None


def keyring() -> Path | None:
    return next((path for path in KEYRINGS if path.is_file()), None)


class Archive:
    """Debian's archive as lists in the cache have it; nothing is fetched before it is asked for."""

    def __init__(self, cache: Path) -> None:
        self._home = cache / NAME
        self._note = self._home / "catalogue.json"

    def known(self) -> Catalogue | None:
        """What was read last, whenever that was."""
        data = checksummed.read(self._note)
        return None if data is None else msgspec.json.decode(data, type=Catalogue)

    def read(self, tell: events.Listener, age: float = DAY) -> Catalogue:
        """What the archive has, by lists that are no older than ``age`` seconds or, without a network, than they are.

        Raises UnavailableError where there are none, with apt's reason.
        """

        def wait() -> None:
            tell(events.Preparing("waiting for another run to read Debian's package lists"))

        if (known := self._younger(age)) is not None:
            return known
        with cachelock.one_at_a_time(self._home / "lock", wait):
            return self._younger(age) or self._updated(self.known(), tell)

    def read_again(self, known: Catalogue, tell: events.Listener) -> Catalogue | None:
        """What it has by now, where that may be more; None where it was read just before, or cannot be."""
        if known.age < _HOUR:
            return None
        again = self.read(tell, _HOUR)
        return again if again.read > known.read else None

    def fetch(self, offer: Offer, into: Path, tell: events.Listener) -> Path | None:
        """A package, checked against the signed list; None where its mirror does not have it, or not any more.

        Raises UnavailableError where none can be reached.
        """
        path = into / "linux-source.deb"
        what = f"{offer.package} {offer.version} from Debian's {offer.suite} ({offer.size / 1e6:.0f} MB)"
        tell(events.Preparing(f"fetching {what}"))
        done = self._apt(HELPER, "download-file", offer.uri, path, f"SHA256:{offer.sha256}", places=None)
        if done.returncode == 0 and path.exists():
            return path
        why = failure(done)
        for left in into.glob(f"{path.name}*"):
            left.unlink()
        if not any(word in why for word in _GONE):
            raise UnavailableError(f"cannot fetch {offer.package} {offer.version} from Debian\n  {why}")
        tell(events.Preparing(f"the mirror does not have {offer.package} {offer.version}: trying the next"))
        return None

    # --- lists --------------------------------------------------------------------------------

    def _younger(self, age: float) -> Catalogue | None:
        known = self.known()
        return known if known is not None and known.age < age else None

    def _updated(self, known: Catalogue | None, tell: events.Listener) -> Catalogue:
        """Read the lists, those that have changed; what was known where none can be read."""
        size = "" if known is not None else ", 20 to 40 MB the first time"
        tell(events.Preparing(f"reading Debian's package lists ({len(SUITES)} suites{size})"))
        sites = mirrors()
        places = _first_places(sites, known)
        failed = self._update(places)
        while self._move(places, sites, failed):
            failed = self._update(places)
        for left in (self._home / "lists" / "partial").iterdir():  # apt keeps what was not as it should be
            left.unlink()
        if len(failed) == len(SUITES):
            return self._old(known, shortened(next(iter(failed.values())), 200), tell)
        offers = [offer for suite in SUITES for offer in self._offers(suite, places[suite.name])]
        lacking = {name: why for name, why in failed.items() if not self._has_release(name)}
        found = Catalogue(read=time.time(), offers=_newest_first(offers), places=places, lacking=lacking)
        checksummed.write(self._note, msgspec.json.encode(found))
        for name, why in lacking.items():
            if _NOT_THERE not in why:  # a mirror need not have all
                tell(events.Preparing(f"Debian's {name} cannot be read: {shortened(why, 200)}"))
        for name in (name for name in failed if name not in lacking):
            why = shortened(failed[name], 200)
            tell(events.Preparing(f"Debian's {name} cannot be read again, and is as it was: {why}"))
        return found

    def _old(self, known: Catalogue | None, why: str, tell: events.Listener) -> Catalogue:
        if known is None:
            raise UnavailableError(f"Debian's package lists cannot be read\n  {why}")
        old = f"as of {known.age / DAY:.0f} days ago" if known.age > DAY else "as of today"
        tell(events.Preparing(f"Debian's package lists cannot be read again, and are {old}: {why}"))
        return known

    def _update(self, places: Mapping[str, Place]) -> dict[str, str]:
        """Have apt bring the lists up to date; the suites with which it failed, and its words for it."""
        done = self._apt("apt-get", "-q", "update", places=places)
        failed = _failures(done)
        if done.returncode != 0 and not failed:
            return dict.fromkeys((suite.name for suite in SUITES), failure(done))
        return failed

    def _move(self, places: dict[str, Place], sites: tuple[dict[str, str], ...], failed: Mapping[str, str]) -> bool:
        """Have the suites that were not read looked for elsewhere; False where there is nowhere else."""
        moved = False
        for suite in SUITES:
            place, uris = places[suite.name], [site[suite.folder] for site in sites]
            if place.index == _ALL and self._lacks_index(suite.name, failed.get(suite.name, "")):
                places[suite.name] = Place(uri=place.uri, index=_architecture())
                moved = True
            elif not self._has_release(suite.name) and place.uri != uris[-1]:
                places[suite.name] = Place(uri=uris[uris.index(place.uri) + 1], index=_ALL)
                moved = True
        return moved

    def _lacks_index(self, suite: str, failure: str) -> bool:
        """Whether a mirror has a suite, and not its index of packages for any architecture, or another than it says."""
        if failure.startswith(f"{_ALL} Packages: "):
            return any(word in failure for word in _GONE)
        return self._has_release(suite) and not self._lists(suite) and not self._is_empty(suite)

    def _has_release(self, suite: str) -> bool:
        return bool(self._releases(suite))

    def _is_empty(self, suite: str) -> bool:
        """Whether a suite has no packages at all, of which apt keeps no list."""
        nothing = re.compile(rf"^ [0-9a-f]{{64}} +0 main/binary-{_ALL}/Packages$", re.MULTILINE)
        return all(nothing.search(release.read_text()) for release in self._releases(suite))

    def _releases(self, suite: str) -> list[Path]:
        """What a suite says that it has; of a mirror from before, too, where apt has not removed it yet."""
        return sorted((self._home / "lists").glob(f"*_dists_{suite}_InRelease"))

    def _lists(self, suite: str) -> list[Path]:
        """The lists of a suite: apt puts them there once they are verified, and not before."""
        return sorted((self._home / "lists").glob(f"*_dists_{suite}_main_binary-*_Packages*"))

    def _offers(self, suite: Suite, place: Place) -> Iterator[Offer]:
        for path in self._lists(suite.name):
            text = self._apt(HELPER, "cat-file", path, places=None).stdout.decode(errors="replace")
            for paragraph in text.split("\n\n"):
                if paragraph.startswith("Package: linux-source-") and (offer := _offer(paragraph, suite, place)):
                    yield offer

    # --- apt ----------------------------------------------------------------------------------

    def _apt(self, *words: str | Path, places: Mapping[str, Place] | None) -> processes.Done:
        """Run a program of apt's on our state, with these sources if they are to be others than before."""
        if places is None:
            return apt(self._home, *words)
        signed = f"signed-by={keyring()} target=Packages"
        lines = (f"deb [{signed} arch={place.index}] {place.uri} {name} main" for name, place in places.items())
        return apt(self._home, *words, sources=tuple(lines))


def apt(home: Path, *words: str | Path, sources: tuple[str, ...] | None = None) -> processes.Done:
    """Run a program of apt's on a state of our own in ``home``, with these sources if they are to be others than
    before. Raises UnavailableError where it gives no answer.
    """
    for folder in ("lists/partial", "archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    if sources is not None:
        files.write(home / "sources.list", "".join(f"{line}\n" for line in sources).encode())
    config = home / "apt.conf"
    files.write(config, "".join(f"{line}\n" for line in (*_of_host(), *_settings(home))).encode())
    try:
        return processes.run(words, seconds=_SECONDS, env={"APT_CONFIG": str(config)})
    except InfraError as error:
        raise UnavailableError(f"Debian's archive cannot be read: {error}") from error


def _settings(home: Path) -> Iterator[str]:
    """apt.conf(5): nothing of the host's, neither what it keeps nor whom it trusts nor what it does afterwards.

    The file is read before those that it names, so that there are none.
    """
    values = {
        "Dir::Etc::Main": "/dev/null",
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::SourceList": home / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Trusted": "/dev/null",
        "Dir::Etc::TrustedParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": home,
        "Dir::State::lists": home / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": home,
        "Dir::Cache::archives": home / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Log": home,
        "pkgCacheFile::Generate": "false",  # the index of all packages, of which we read a handful
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::AllowReleaseInfoChange": "true",  # testing becomes stable
        "Acquire::Languages": "none",
        "Acquire::GzipIndexes": "true",  # they are kept as they came
        "Acquire::IndexTargets::deb::Packages::KeepCompressedAs": "xz",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
    }
    return (f'{name} "{value}";' for name, value in values.items())


def _of_host() -> tuple[str, ...]:
    """What of the host's settings holds for us, too."""
    done = processes.run(["apt-config", "dump"], seconds=_SECONDS)
    return tuple(line for line in done.text.splitlines() if _OF_HOST.match(line))


def _architecture() -> str:
    return processes.run(["dpkg", "--print-architecture"], seconds=_SECONDS).text


def mirrors() -> tuple[dict[str, str], ...]:
    """Where to look for each folder of the archive: at the host's mirror first, if it has one."""
    if (mirror := os.environ.get("KSERIES_DEBIAN_MIRROR")) is not None:
        return (_folders(mirror),)
    # The host's sources, whichever way they are written, and without looking for them.
    said = processes.run(["apt-get", "--print-uris", "update"], seconds=_SECONDS).text
    ours = _folders(MIRROR)
    of_host = {found["folder"]: found["uri"] for found in reversed(list(_RELEASE.finditer(said)))}
    first = {**ours, **of_host}
    return (first,) if first == ours else (first, ours)


def _folders(mirror: str) -> dict[str, str]:
    return {suite.folder: f"{mirror.rstrip('/')}/{suite.folder}" for suite in SUITES}


def _first_places(sites: tuple[dict[str, str], ...], known: Catalogue | None) -> dict[str, Place]:
    """Where to look first: where a suite was found before, if that is still one of the sites."""
    places = {}
    for suite in SUITES:
        before = known.places.get(suite.name) if known is not None else None
        still = before is not None and before.uri in [site[suite.folder] for site in sites]
        places[suite.name] = before if before and still else Place(uri=sites[0][suite.folder], index=_ALL)
    return places


def _offer(paragraph: str, suite: Suite, place: Place) -> Offer | None:
    """A package that is a kernel's source: linux-source alone has nothing but a dependency."""
    fields = dict(re.findall(r"^([\w-]+): *(.*)$", paragraph, re.MULTILINE))
    if not _PACKAGE.fullmatch(fields["Package"]) or not {"Version", "Filename", "SHA256", "Size"} <= fields.keys():
        return None
    return Offer(
        package=fields["Package"],
        version=fields["Version"],
        suite=suite.name,
        uri=f"{place.uri}/{fields['Filename']}",
        sha256=fields["SHA256"],
        size=int(fields["Size"]),
    )


def _newest_first(offers: list[Offer]) -> tuple[Offer, ...]:
    """By version, of which a suite that is listed earlier has the first word."""

    def by_version(one: Offer, other: Offer) -> int:
        return _compare(other.version, one.version)

    return tuple(sorted(offers, key=functools.cmp_to_key(by_version)))


@functools.cache
def _compare(one: str, other: str) -> int:
    """Versions as Debian orders them (deb-version(7))."""
    if one == other:
        return 0
    done = processes.run(["dpkg", "--compare-versions", one, "gt", other], seconds=_SECONDS)
    return 1 if done.returncode == 0 else -1


def _failures(done: processes.Done) -> dict[str, str]:
    """By each suite that apt-get update failed with, of what it was, and why."""
    found = {suite: f"{what}: {why}" for suite, what, why in _ERROR.findall(done.text)}
    # Of a suite that is out of date it speaks at the end alone, where it leaves out those that cannot be had.
    lines = done.stderr.decode(errors="replace").splitlines()
    for suite in (suite.name for suite in SUITES if suite.name not in found):
        of_it = re.compile(rf"[EW]: .*(/dists/|\s){suite}[/\s]")
        if said := next(filter(of_it.match, lines), None):
            found[suite] = said[3:]
    return {suite: _IP.sub("", why) for suite, why in found.items()}


def failure(done: processes.Done) -> str:
    """What apt says of a download that failed."""
    lines = done.stderr.decode(errors="replace").splitlines()
    said = next((line[3:] for line in lines if line.startswith("E: ")), "") or f"exit status {done.returncode}"
    return _IP.sub("", said)
