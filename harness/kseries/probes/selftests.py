# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests as probes (tools/testing/selftests): built from each state's tree, against its headers.

They need no rsync: what ``make headers`` leaves in the build folder is what they are pointed at (KHDR_INCLUDES in
lib.mk). A guest has no shared libraries, so the compiler is told to link statically.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kseries.arch import Arch
from kseries.host.box.layout import OWN, Layout
from kseries.model.errors import InputError
from kseries.model.probe import MOST_NAME
from kseries.model.sanitize import shortened
from kseries.sources import TreeStore

_PLACE = "tools/testing/selftests"
READ = "tools/"
"""What such a test may be made of: of most of them no dependency is noted anywhere."""
_WORD = re.compile(r"(?P<target>\w[\w./-]*):(?P<test>\w[\w./+-]*)", re.ASCII)


@dataclass(frozen=True)
class Selftest:
    """A test of a kselftest target (a folder below tools/testing/selftests), as ``make`` knows it."""

    target: str
    test: str

    @property
    def name(self) -> str:
        """What it is called as a probe."""
        return f"{self.target.replace('/', '.')}.{PurePosixPath(self.test).name}"

    def places(self, arch: Arch) -> tuple[str, ...]:
        """Where its source may be, below the target's folder: in the folder of an architecture, too."""
        folders = dict.fromkeys((arch.name, arch.machine, arch.source))
        return (self.test, *(f"{folder}/{self.test}" for folder in folders))


def parse(words: Iterable[str]) -> tuple[Selftest, ...]:
    """The tests that words such as ``timers:posix_timers`` name; after the first, ``TARGET:`` may be left out."""
    found: list[Selftest] = []
    for word in words:
        whole = word if ":" in word or not found else f"{found[-1].target}:{word}"
        match = _WORD.fullmatch(whole)
        if match is None or ".." in whole:
            raise InputError(f"--selftest {word}: expected TARGET:TEST, as in --selftest timers:posix_timers")
        found.append(Selftest(match["target"], match["test"]))
        if len(found[-1].name) > MOST_NAME:
            raise InputError(
                f"--selftest {shortened(word, MOST_NAME)}: a probe's name has at most {MOST_NAME} characters"
            )
    return tuple(dict.fromkeys(found))


def check(tests: Iterable[Selftest], arch: Arch, trees: TreeStore, base: str, tip: str) -> None:
    """Raise InputError for a test that neither base nor the tip has."""
    for test in tests:
        sources = [f"{_PLACE}/{test.target}/{place}.c" for place in test.places(arch)]
        if not any(trees.file(tree, source) is not None for tree in (base, tip) for source in sources):
            raise InputError(
                f"--selftest {test.target}:{test.test}: neither base nor the series has {sources[0]}\n"
                f"  a test is called as its source below {_PLACE}/{test.target}, without .c"
            )


@dataclass(frozen=True)
class Bench:
    """Where tests are built: a source tree, the build folder with its headers, and what compiles."""

    arch: Arch
    source: Path
    obj: Path
    jobs: int
    cache: str
    layout: Layout = OWN
    """Where who makes them sees those folders."""

    def makes(self, tests: Iterable[Selftest]) -> list[list[str]]:
        """How to make tests: an argv for each step, all for the box; nothing in its folder is to be relied on.

        First the places that they are built in are emptied: most targets do not tell make which headers they are made
        of, so that nothing can be gone on with.
        """
        wanted: dict[str, list[Path]] = {}
        for test in tests:
            built = self._built(test)
            if built is not None:
                wanted.setdefault(test.target, []).append(built)
        top = self.obj / "selftests"
        emptied = [["rm", "-rf", str(self._inside(top))]]
        if not wanted:  # what another run has made there has notes of what it read (kbuild/dependencies.py)
            return emptied if top.exists() else []
        places = dict.fromkeys(str(self._inside(one.parent)) for built in wanted.values() for one in built)
        return [*emptied, ["mkdir", "-p", *places], *(self._argv(*item) for item in wanted.items())]

    def installs(self, tests: Iterable[Selftest], into: Path) -> list[list[str]]:
        """How to put the tests that could be built where init looks for programs, likewise."""
        found = ((test.name, self._built(test)) for test in tests)
        return [
            ["install", "-D", str(self._inside(built)), str(self._inside(into / name))]
            for name, built in found
            if built is not None
        ]

    def has(self, test: Selftest) -> bool:
        """Whether the tree has a test."""
        return self._built(test) is not None

    def _built(self, test: Selftest) -> Path | None:
        """Where a test is built; None where the tree does not have it."""
        for place in test.places(self.arch):
            if (self.source / _PLACE / test.target / f"{place}.c").exists():
                return self.obj / "selftests" / test.target / place
        return None

    def _argv(self, target: str, built: list[Path]) -> list[str]:
        output = self._inside(self.obj / "selftests" / target)
        return [
            "make",
            "--keep-going",  # a test that does not build takes no other with it
            f"-j{self.jobs}",
            f"--directory={self._inside(self.source / _PLACE / target)}",
            f"OUTPUT={output}",
            f"abs_objdir={output}",
            f"ARCH={self.arch.source}",
            f"CROSS_COMPILE={self.arch.toolchain.prefix}",
            f"CC={self.cache}{self.arch.toolchain.prefix}gcc -static -s",
            f"KHDR_INCLUDES=-isystem {self._inside(self.obj / 'usr' / 'include')}",
            *(str(self._inside(one)) for one in built),
        ]

    def _inside(self, path: Path) -> Path:
        return self.layout.inside(path)
