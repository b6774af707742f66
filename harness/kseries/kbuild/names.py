# SPDX-License-Identifier: GPL-2.0-only
"""The paths of a tree, as files that an object can depend on: what its compiler looked for and did not find.

A compiler notes what it has read. Where it looked first, and nothing was, it does not tell: so neither make nor ccache
makes an object again when a file comes there (``-I`` in their order, the includer's own folder, ``#include_next``).
But whatever a search could find ends in the same name as what it has found. So for each name there is a file that tells
which paths of the tree end in it, and compile.sh adds those of all that an object was made of to what it depends on.

========== ==================================================================================================
h/NAME     the paths of all headers of that name
none/N     which names of headers there are, of those that hash to N: for what is not of the tree, as what is
           generated, of whose name one may come
any/N      the paths that are no headers, of those with names of the same length and first letter, or nearly so
all        all paths: for ``__has_include``, whose question is not told, and for names that are no plain words
========== ==================================================================================================
"""

import posixpath
import re
import string
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kseries.host import checksummed, checksums
from kseries.model import Record
from kseries.sources import TreeStore

COMPILE, PARSED = "compile", "parsed.mk"
"""The names under which compile.sh and parsed.mk (parsed.py) lie beside the files."""
_SCRIPT, _MAKEFILE = map(Path(__file__).with_name, ("compile.sh", "parsed.mk"))
_PLAIN = re.compile(rb"[A-Za-z0-9._+-]+")
_LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits + "._+-"
_NONE, _ANY = 1021, 127
"""Files of each kind: so few that a worker has them in no time, so many that a new header is not looked for by all."""
_LINK, _SUBMODULE = b"120000", b"160000"
_UPWARD = re.compile(rb"(?:\.\.?/)*(?:(?!\.\.?/)[^/]+/)*(?!\.\.?\Z)[^/]+/?|(?:\.\./)*\.\.?/?", re.DOTALL)
"""A link that says first how far up it leads, and then where: behind another link ".." is anywhere."""
_TOP = (b"..", b".")
"""What a path begins with that is the top of a tree, or above it. A few within it do, too."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TESTS = b"tools/testing/"
# Compilers' searches are noted. Makefiles ask their wildcards each time that make runs, and kconfig.py sees to Kconfig.
_SEARCHED = (b".c", b".h", b".S")
_PARSED = (b"Makefile", b"Kbuild", b"Kconfig")
_UNREAD = (b".rst", b".dts", b".dtsi", b".gitignore")


def script() -> str:
    """The digest of compile.sh: an object made with another one need not depend on what it would with this."""
    return _digest(_SCRIPT.read_bytes())


def telling() -> str:
    """The same of all that tells what a build has read: of what was built without it, nobody knows all."""
    return script() + _digest(_MAKEFILE.read_bytes())


class Looked(Record, frozen=True):
    """What nobody notes of a tree: digests of the paths that a script could look for, and where links lead."""

    all: str
    """But for those below tools/testing/."""
    tests: str
    """Those."""
    links: frozenset[str]
    """The names of all links, without their folders."""
    targets: tuple[str, ...]
    """What the paths begin with that links lead to: a compiler notes the name that it was given."""


class _Kept(Record, frozen=True):
    """What the files say, so that only those are written that say something else."""

    boot: str
    tree: str
    files: dict[str, str]
    looked: Looked


class Names:
    """The files about the tree that a worker's source folder holds, in ``place``; their sum lies beside it."""

    def __init__(self, store: TreeStore, place: Path) -> None:
        self._store = store
        self._place = place
        self._note = place.with_name(f"{place.name}.json")

    def update(self, tree: str) -> Looked:
        """Have them tell of a tree. One is written only where it says something else: make goes by its date."""
        kept = self._load()
        if kept is None or not self._alike(kept.tree, tree):
            listing = _listing(self._store, tree)
            links = _links(self._store, listing)
            odd = _odd(listing, links)
            self._note.unlink(missing_ok=True)  # should we be killed, nobody knows what they tell of
            files = self._write(_files(listing, odd), _text([], odd), kept)
            every, tests = _looked(listing)
            looked = Looked(all=every, tests=tests, links=_names_of(links), targets=_targets(links))
            kept = _Kept(boot=_BOOT_ID.read_text(), tree=tree, files=files, looked=looked)
            checksummed.write(self._note, msgspec.json.encode(kept))
        return kept.looked

    def _load(self) -> _Kept | None:
        """None also after a boot: what was written last may be short."""
        try:
            kept = msgspec.json.decode(checksummed.read(self._note) or b"", type=_Kept)
        except msgspec.DecodeError:
            return None
        ours = ((self._place / COMPILE, _SCRIPT), (self._place / PARSED, _MAKEFILE))
        whole = all(place.exists() and place.read_bytes() == script.read_bytes() for place, script in ours)
        return kept if whole and kept.boot == _BOOT_ID.read_text() else None

    def _alike(self, old: str, new: str) -> bool:
        """True where two trees have the same paths, of the same kinds."""
        if old == new:
            return True
        changes, links = self._store.changes_since(old, new), _LINK.decode()
        return changes is not None and all(change.contents_only and change.old[0] != links for change in changes)

    def _write(self, wanted: Mapping[str, bytes], gone: bytes, kept: _Kept | None) -> dict[str, str]:
        """The digest of each file, after those were written that say something else than they did.

        ``gone`` is what the file of a name says that has no path any more: it stays, since objects depend on it.
        """
        for folder in ("", "h", "none", "any"):
            (self._place / folder).mkdir(parents=True, exist_ok=True)
            (self._place / folder).chmod(0o755)
        before = kept.files if kept is not None else {}
        there = before or {str(path.relative_to(self._place)): "" for path in self._place.glob("*/*")}
        texts = {**dict.fromkeys(there, gone), **wanted}
        digests = {name: _digest(text) for name, text in texts.items()}
        for name, text in texts.items():
            place = self._place / name
            if before.get(name) != digests[name] and not (place.exists() and place.read_bytes() == text):
                _write(place, text, 0o644)
        if kept is None:
            _write(self._place / COMPILE, _SCRIPT.read_bytes(), 0o755)
            _write(self._place / PARSED, _MAKEFILE.read_bytes(), 0o644)
        return digests


def _write(place: Path, text: bytes, mode: int) -> None:
    """Write a file for whoever builds, whom our umask may have shut out."""
    place.write_bytes(text)
    place.chmod(mode)


def _digest(text: bytes) -> str:
    return checksums.of_bytes(text)[:32]


def _listing(store: TreeStore, tree: str) -> dict[bytes, bytes]:
    """The kind of each path: a file, a submodule, or a link, which is told by what it says."""
    listing: dict[bytes, bytes] = {}
    for row in store.answer("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]:
        told, _, path = row.partition(b"\t")
        mode, _, blob = told.split(b" ")
        listing[path] = mode + blob if mode == _LINK else mode if mode == _SUBMODULE else b"file"
    return listing


def _links(store: TreeStore, listing: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What each link says."""
    links = {path: kind.removeprefix(_LINK) for path, kind in listing.items() if kind.startswith(_LINK)}
    said = store.answer("cat-file", "--batch", stdin=b"".join(blob + b"\n" for blob in links.values()))
    told: dict[bytes, bytes] = {}
    for path in links:
        head, _, said = said.partition(b"\n")  # git-cat-file(1): the blob, its type and its size
        size = int(head.split(b" ")[2])
        told[path], said = said[:size], said[size + 1 :]
    return told


def _target(path: bytes, said: bytes) -> bytes:
    """Where a link leads, were there no other link on the way."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), said))


def _odd(listing: Mapping[bytes, bytes], links: Mapping[bytes, bytes]) -> bytes:
    """The links that lead to no file of the tree: what is found through another name of a folder has no path here."""
    odd = (path for path, said in links.items() if listing.get(_target(path, said)) != b"file")
    return b"\n".join(sorted(path + b" " + listing[path].removeprefix(_LINK) for path in odd))


def _names_of(links: Mapping[bytes, bytes]) -> frozenset[str]:
    return frozenset(posixpath.basename(path).decode(errors="replace") for path in links)


def _targets(links: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """What the paths begin with that links lead to: all begin with "", which is said where it cannot be known."""
    told = {_target(path, said) if _UPWARD.fullmatch(said) else b"" for path, said in links.items()}
    return tuple(sorted("" if target.startswith(_TOP) else target.decode(errors="replace") for target in told))


def _files(listing: Mapping[bytes, bytes], odd: bytes) -> dict[str, bytes]:
    """Each file and its text."""
    lines: dict[str, list[bytes]] = {f"{kind}/{n}": [] for kind, n in _numbered()}
    for path, kind in listing.items():
        name = path.rpartition(b"/")[2]
        if not _PLAIN.fullmatch(name):
            continue
        plain = name.decode()
        if plain.endswith(".h"):
            if f"h/{plain}" not in lines:
                lines[f"none/{hashed(plain)}"].append(name)
            lines.setdefault(f"h/{plain}", []).append(path + b" " + kind)
        else:
            lines[f"any/{sorted_as(plain)}"].append(path + b" " + kind)
    texts = {name: _text(told, odd) for name, told in lines.items()}
    return {**texts, "all": _digest(b"\n".join(sorted(b"%b %b" % row for row in listing.items()))).encode()}


def _text(told: list[bytes], odd: bytes) -> bytes:
    return b"\n".join(sorted(told)) + (b"\n" + odd if odd else b"")


def _numbered() -> list[tuple[str, int]]:
    return [("none", n) for n in range(_NONE)] + [("any", n) for n in range(_ANY)]


def hashed(name: str) -> int:
    """The number of a header's name, as compile.sh makes it."""
    number = 0
    for letter in name:
        number = (number * 31 + _LETTERS.index(letter) + 1) % _NONE
    return number


def sorted_as(name: str) -> int:
    """The number of another name, of which there are too many to look at each letter."""
    return (len(name) * 31 + _LETTERS.index(name[0]) + 1) % _ANY


def _looked(listing: Mapping[bytes, bytes]) -> tuple[str, str]:
    """The digests of what is aside of the tests, and of the tests."""
    rows: tuple[list[bytes], list[bytes]] = ([], [])
    for path, kind in listing.items():
        name = path.rpartition(b"/")[2]
        aside = name.endswith((*_SEARCHED, *_UNREAD)) or name.startswith(_PARSED) or path.startswith(b"Documentation/")
        if kind != b"file" or not aside:
            rows[path.startswith(_TESTS)].append(path + b" " + kind)
    every, tests = (_digest(b"\n".join(sorted(told))) for told in rows)
    return every, tests
