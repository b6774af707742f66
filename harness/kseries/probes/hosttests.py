# SPDX-License-Identifier: GPL-2.0-only
"""Host-side tests: files of pytest that drive a booted guest from outside, and what lies beside each."""

import itertools
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kseries.host import checksums, files, untrusted
from kseries.model.errors import InputError, in_words
from kseries.probes import tap

_FILE = re.compile(r"test_(?P<name>[A-Za-z0-9]\w{0,100})\.py", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LIMIT = 16 << 20
"""Bytes of all that lies beside a test."""
_MOST = 1000
"""Files and folders."""
_LEFT_OUT = frozenset({".git", ".pytest_cache", "__pycache__"})


@dataclass(frozen=True)
class HostTest:
    """A file of tests, in a folder with all that lies beside it. ``digest`` is of all of that."""

    name: str
    """What its checks begin with: test_NAME.py."""
    folder: Path
    digest: str

    @property
    def file(self) -> Path:
        return self.folder / f"test_{self.name}.py"

    @property
    def programs(self) -> tuple[Path, ...]:
        """C sources beside it: programs that a guest has, and that nobody starts but the tests."""
        return tuple(sorted(path for path in self.folder.glob("*.c") if path.is_file() and not path.is_symlink()))

    def checks(self, tests: Iterable[str]) -> dict[str, str]:
        """What the check of each of its tests is called, ``test_x.py::Class::test_a[b]`` as pytest has it.

        No two are called the same: which is the first depends on the order alone in which pytest finds them.
        """
        found: dict[str, str] = {}
        taken = {self.collected}
        for test in tests:
            plain = name = f"{self.name}.{tap.tidy(test.partition('::')[2]) or 'test'}"
            for number in itertools.count(2):
                if name not in taken:
                    break
                name = f"{plain}-{number}"
            found[test] = name
            taken.add(name)
        return found

    @property
    def collected(self) -> str:
        """The check that tells, by failing, of a file in which no tests can be found."""
        return f"{self.name}.collected"


def read(paths: Iterable[Path], taken: Iterable[str]) -> tuple[HostTest, ...]:
    """The tests in some files, none of which may have a name that is ``taken``. Raises InputError."""
    found = tuple(_read(Path(os.path.realpath(path)), f"--host-test {path}") for path in dict.fromkeys(paths))
    names = [*taken]
    for test in found:
        if test.name in names:
            raise InputError(
                f"--host-test {test.file}: there is a probe {test.name} already\n  give the file another name"
            )
        names.append(test.name)
    return found


def _read(path: Path, said: str) -> HostTest:
    named = _FILE.fullmatch(path.name)
    if named is None or not path.is_file():
        why = "it is no file" if named is not None else "its name is not test_NAME.py"
        raise InputError(f"{said}: {why}\n  name a file with tests of pytest, as test_resume.py")
    try:
        words = [word for one in _files(path.parent) for word in (one.name, one.mode, checksums.of_bytes(one.data))]
    except OSError as error:
        raise InputError(f"{said}: cannot read what lies beside it: {in_words(error)}") from error
    except _TooMuchError as error:
        raise InputError(
            f"{said}: {path.parent} has more than {_LIMIT >> 20} MiB or {_MOST} files\n  all of it goes with the test:"
            " put it into a folder of its own"
        ) from error
    return HostTest(named["name"], path.parent, checksums.of_words([path.name, *words]))


class _TooMuchError(Exception):
    """More lies beside a test than goes with it."""


@dataclass(frozen=True)
class _File:
    name: str
    """From the folder on."""
    mode: str
    """Whether it can be run: "x" or nothing."""
    data: bytes


def _files(folder: Path) -> Iterator[_File]:
    """What lies in a folder and below it, but no links. Raises OSError, _TooMuchError."""
    left, count = _LIMIT, 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(place, name)
            seen = path.lstat()
            if not stat.S_ISREG(seen.st_mode) or path.suffix == ".pyc":
                continue
            left, count = left - seen.st_size, count + 1
            if left < 0 or count > _MOST:
                raise _TooMuchError
            mode = "x" if seen.st_mode & stat.S_IXUSR else ""
            yield _File(str(path.relative_to(folder)), mode, untrusted.read(path, _LIMIT))


def keep(test: HostTest, home: Path) -> HostTest:
    """The same, of files in a folder of our own by the name of its digest: they stay as they were read.

    Raises InputError where they are no longer so.
    """
    place = home / test.digest
    if not place.exists():
        files.fill(place, lambda made: copy(test, made))
    return kept(home, test.name, test.digest)


def copy(test: HostTest, into: Path) -> None:
    """Put a test and what lies beside it into a folder, which may be there."""
    for one in _files(test.folder):
        target = into / one.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(one.data)
        target.chmod(0o755 if one.mode else 0o644)


def kept(home: Path, name: str, digest: str) -> HostTest:
    """A test that is kept. Raises InputError where it is not, or not as it was; both words may be anybody's."""
    path = home / digest / f"test_{name}.py"
    if not (_DIGEST.fullmatch(digest) and _FILE.fullmatch(path.name)):
        raise InputError("no host-side test is kept by that name")
    found = _read(path, f"the host-side test {name}")
    if found.digest != digest:
        shutil.rmtree(home / digest, ignore_errors=True)
        raise InputError(f"the host-side test {name} is not as it was\n  run it again")
    os.utime(home / digest)  # used now: kseries gc takes first what was used longest ago
    return found
