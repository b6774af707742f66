# SPDX-License-Identifier: GPL-2.0-only
"""A build folder that persists: whose patches were built in it, what is noted of it, and when to begin anew.

What a Makefile has left in it runs in later builds, so that it serves one series, and that of base alone is kept apart.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kseries.host import checksummed, files, processes
from kseries.kbuild import guests, headers, manifest, warnings
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.manifest import Manifest
from kseries.model import Dependencies
from kseries.model.errors import InfraError

OBJECTS = "obj"
"""What a box has of it to build in, beside its ccache."""
_SERIES = "series"
"""A note: whose patches were built in the folder."""
_BASES = "base alone"
_REACHED_OUT = "one that reaches out"
_BOOT = "boot"
"""A note: since which boot of this host it has been built in."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CONFIGURED = "configured"
_READ = "configuring.json"
_REFUSED = "refused.json"
_LOOKED = "looked"
_HOST = "host"
"""A note: what of this host has built in it."""
_OF_OBJECTS = (
    *(_CONFIGURED, _READ, "dependencies.json", "said.json", _REFUSED, _LOOKED),
    *(manifest.NOTE, headers.NOTE, guests.NOTE),
)
"""Notes that are of no use without the objects that they are about."""
_COPY_SECONDS = 600.0


class Folder:
    """The place ``kind`` of a worker's home. It is ours; of what is in it, a box has ``obj`` and ``ccache``.

    ``source`` is the source folder as builds see it. ``series`` names whose patches are built, a line for each, from
    the first on. ``always`` is as for FolderDependencies.
    """

    def __init__(self, home: Path, kind: str, source: Path, series: str, always: tuple[str, ...]) -> None:
        self._home = home
        self._series = series
        # As base alone has left it: what every series begins with.
        self._pristine = home / f"{kind}.pristine"
        self.place = home / kind
        self.obj = self.place / OBJECTS
        self.ccache = self.place / "ccache"
        self.staged = self.place / "programs"
        self.dependencies = FolderDependencies(self.obj, source, self.place, always)
        self.said = warnings.Kept(self.place)
        self._manifest = Manifest(self.obj, self.place)
        self._valid = False
        if self._foreign(series):
            self.dependencies.reload(self._pristine)

    @property
    def configured(self) -> str | None:
        """The tree that the folder, as the series will find it, was last configured for."""
        return _configured(self._pristine if self._foreign(self._series) else self.place)

    def begins_with(self, base: str) -> bool:
        """Whether the series will find here what a base alone has left, or what its own patches have."""
        own = not self._foreign(self._series)
        if own and self._is_unsound():
            return False
        if own and self._of() != _BASES:
            return self.configured is not None
        return self.configured == _configured(self._pristine) == base

    def configure(self, tree: str | None) -> None:
        """Note for which tree it is configured; None while nobody knows."""
        if tree is None:
            for note in (_CONFIGURED, _READ):
                (self.place / note).unlink(missing_ok=True)
        else:
            checksummed.write(self.place / _CONFIGURED, tree.encode())

    def forget_configuration(self) -> None:
        """Have it configured the next time, whatever is there by then: base's, which other series begin with, too."""
        self.configure(None)
        if self._pristine.exists():
            for note in (_CONFIGURED, _READ):
                (self._pristine / note).unlink(missing_ok=True)

    @property
    def configuring_read(self) -> Dependencies | None:
        """What was read when it was configured last, with all Makefiles; None where nobody knows."""
        try:
            return msgspec.json.decode(checksummed.read(self.place / _READ) or b"", type=Dependencies)
        except msgspec.DecodeError:
            return None

    def note_configuring(self, read: Dependencies) -> None:
        """Note that; it holds until it is configured again."""
        checksummed.write(self.place / _READ, msgspec.json.encode(read))

    @property
    def began(self) -> int:
        """When the build that is at work began: nanoseconds, as of what it writes (st_mtime_ns)."""
        return (self.place / _BOOT).stat().st_mtime_ns

    def enter(self, base: str | None) -> None:
        """Have it hold nothing that another series has made: its objects and tools would run in ours.

        ``base`` is the tree to build, if that is nobody's.
        """
        wanted = _BASES if base is not None else self._series
        if foreign := self._foreign(wanted):
            files.remove(self.place)
            self._copy(self._pristine, self.place)
            self.dependencies.reload(self.place)
        for place in (self.obj, self.ccache, self.staged):
            place.mkdir(parents=True, exist_ok=True)
        if foreign or not self._valid:
            self._check(foreign)
        checksummed.write(self.place / _SERIES, wanted.encode())
        if base is not None and self.configured != base and self._refused():
            self.empty()  # what was refused to one base is not to be told of another

    def _check(self, copied: bool) -> None:
        """Begin anew where a file is not as a build has left it. Once in a run, for nobody else writes to it then."""
        if not self._manifest.hold():
            self.empty()
            if copied:
                files.remove(self._pristine)
        self._valid = True

    def note(self) -> None:
        """Note what a build that has ended has left in it."""
        self._manifest.update()

    def keep_pristine(self) -> None:
        """Keep a copy of it as base alone has left it: to copy it takes a second, to fill it half a minute."""
        files.remove(self._pristine)
        self._copy(self.place, self._pristine)
        if self._pristine.exists():
            (self._pristine / _BOOT).unlink(missing_ok=True)  # it is on the disk, whatever befalls the host

    def looked(self, digest: str) -> None:
        """Begin anew where its objects were made beside other files that scripts could look for than are there now.

        Nobody notes that a script has looked for a file, or read all of a folder, and make does not ask. ``digest`` is
        that of those files' paths (names.Looked), and of what notes where a compiler has looked (names.script).
        """
        if checksummed.read(self.place / _LOOKED) != digest.encode():
            if any(self.obj.iterdir()):
                self.empty()
            checksummed.write(self.place / _LOOKED, digest.encode())

    def made_by(self, host: str) -> None:
        """Begin anew where something else of this host has made what is there: make and Kconfig would leave it so.

        ``host`` is the digest of what does now (compilers.host).
        """
        if self._pristine.exists() and checksummed.read(self._pristine / _HOST) != host.encode():
            files.remove(self._pristine)
        if checksummed.read(self.place / _HOST) != host.encode():
            if any(self.obj.iterdir()):
                self.empty()
            checksummed.write(self.place / _HOST, host.encode())

    def forget_headers(self) -> None:
        """Have the archive of headers made again, whose script goes by their dates to the minute (gen_kheaders.sh)."""
        place = self.obj / "kernel"
        if place.is_dir() and not place.is_symlink():
            (place / "kheaders.md5").unlink(missing_ok=True)

    def reached_out(self) -> None:
        """Have the next build begin anew: neither to find what this one has left, nor to be kept from trying again."""
        checksummed.write(self.place / _SERIES, _REACHED_OUT.encode())

    def refused_to_base(self, now: tuple[str, ...]) -> tuple[str, ...]:
        """What was refused to base since the folder was empty: what a build does once, this one need not have done."""
        told = self.refused_with_base(now)
        checksummed.write(self.place / _REFUSED, msgspec.json.encode(told))
        return told

    def refused_with_base(self, now: tuple[str, ...]) -> tuple[str, ...]:
        """What was refused to a base with patches on it, and to the one without, whose objects it was built upon."""
        return tuple(dict.fromkeys((*self._refused(), *now)))

    def _refused(self) -> tuple[str, ...]:
        try:
            return msgspec.json.decode(checksummed.read(self.place / _REFUSED) or b"", type=tuple[str, ...])
        except msgspec.DecodeError:
            return ()

    def empty(self) -> None:
        """Remove all that was built in it; what ccache has is left."""
        files.remove(self.obj)
        self.obj.mkdir()
        for note in _OF_OBJECTS:
            (self.place / note).unlink(missing_ok=True)
        self.dependencies.forget()

    @contextlib.contextmanager
    def marked(self) -> Iterator[None]:
        """Start afresh where an earlier build was killed, and leave a mark while this one is at work.

        A killed compiler can leave half an object that make takes for a whole one. ccache knows the others.
        """
        if self._is_unsound():
            self.empty()
        self._mark.touch()
        checksummed.write(self.place / _BOOT, _BOOT_ID.read_bytes())
        yield
        self._mark.unlink()

    @property
    def _mark(self) -> Path:
        return self.place / "interrupted"

    def _is_unsound(self) -> bool:
        """Whether no build can go on with it, after one that was killed, and for three more reasons.

        Where its warnings are not known, they would all look new. Where a clock was set back, make would take the
        objects for newer than the sources that are written now. And when a host goes down, files that were written
        shortly before may be short, and nobody can tell which.
        """
        return self._mark.exists() or not self.said.known or self.said.written > time.time() or self._host_went_down()

    def _host_went_down(self) -> bool:
        note = self.place / _BOOT
        return note.exists() and checksummed.read(note) != _BOOT_ID.read_bytes()

    def _foreign(self, series: str) -> bool:
        """True where patches that are not of this series were built in it, or nobody knows what was.

        Those of a series that this one begins with are of this one, too.
        """
        of = self._of()
        return of is None or (of != _BASES and not f"{series}\n".startswith(f"{of}\n"))

    def _of(self) -> str | None:
        """Whose patches were built in it; None where nobody knows."""
        note = checksummed.read(self.place / _SERIES)
        return note.decode() if note is not None else None

    def _copy(self, folder: Path, to: Path) -> None:
        """A folder with the owners and the times of its files, which make goes by; whole, or not there.

        It only saves time, so nothing is said where it fails.
        """
        if not folder.exists():
            return
        beside = self._home / "scratch" / to.name
        beside.parent.mkdir(parents=True, exist_ok=True)
        files.remove(beside)  # into a folder that is there, cp would put it
        copy = ("cp", "--archive", "--reflink=auto", folder, beside)
        with contextlib.suppress(InfraError):
            if all(
                processes.run(words, seconds=_COPY_SECONDS).returncode == 0 for words in (copy, ("sync", "-f", beside))
            ):
                files.rename(beside, to)
        files.remove(beside)


def _configured(place: Path) -> str | None:
    """The tree that what lies in a place was last configured for."""
    note = checksummed.read(place / _CONFIGURED)
    return note.decode() if note is not None else None
