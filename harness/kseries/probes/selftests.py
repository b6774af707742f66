# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests as probes (tools/testing/selftests): built from each state's tree, against its headers.

They need no rsync: what ``make headers`` leaves in the build folder is what they are pointed at (KHDR_INCLUDES in
lib.mk). A guest has no shared libraries, so the compiler is told to link statically.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from kseries.arch import Arch
from kseries.host.box.layout import OWN, Layout
from kseries.model.errors import InputError
from kseries.model.probe import MOST_NAME, Origin, Probe
from kseries.model.sanitize import line, shortened
from kseries.sources import TreeStore

_PLACE = "tools/testing/selftests"
READ = "tools/"
"""What such a test may be made of: of most of them no dependency is noted anywhere."""
_WORD = re.compile(r"(?P<target>\w[\w./-]*):(?P<test>\w[\w./+-]*)", re.ASCII)
_APART = re.compile(r"""[\s='"\\]""")
"""What no list of tests has within one of them: then it is one test, with a name or with words."""
_NAMED = re.compile(r"(?P<name>[^\s=:]+)=(?P<rest>.*)", re.DOTALL)
_SHOWN = 60
"""Characters of what was asked for that an error repeats."""


@dataclass(frozen=True)
class Selftest:
    """A test of a kselftest target (a folder below tools/testing/selftests), as ``make`` knows it."""

    target: str
    test: str

    @property
    def name(self) -> str:
        """What its program is called, and the probe that it is unless it is given another name."""
        return f"{self.target.replace('/', '.')}.{PurePosixPath(self.test).name}"

    @property
    def path(self) -> str:
        """Where it is in the guest."""
        return f"/programs/{self.name}"

    def places(self, arch: Arch) -> tuple[str, ...]:
        """Where its source may be, below the target's folder: in the folder of an architecture, too."""
        folders = dict.fromkeys((arch.name, arch.machine, arch.source))
        return (self.test, *(f"{folder}/{self.test}" for folder in folders))


@dataclass(frozen=True)
class Call:
    """A test as it is run: with some words, and under a name that no other probe of its run has."""

    test: Selftest
    words: tuple[str, ...] = ()
    name: str = ""

    @property
    def probe(self) -> Probe:
        """Raises InputError where init could not be told of it."""
        try:
            return Probe(name=self.name, argv=(self.test.path, *self.words), origin=Origin.SELFTEST)
        except ValueError as error:
            said = shortened(line(str(error)), 2 * _SHOWN)
            raise InputError(f"--selftest {self.test.target}:{self.test.test}: {said}") from error


def parse(asked: Iterable[str]) -> tuple[Call, ...]:
    """The tests that values of ``--selftest`` ask for. Raises InputError.

    Each is ``TARGET:TEST,TEST``, in which ``TARGET:`` may be left out after the first of all, or one test as a shell
    would be told of it, ``TARGET:TEST WORD..``. What is asked for twice runs once. A test that runs with other words,
    too, is called by its name and a number from then on, unless it is asked for as ``NAME=TARGET:TEST WORD..``.
    """
    found: dict[Call, None] = {}
    target = ""
    for value in asked:
        for call in _calls(value, target):
            target = call.test.target
            found.setdefault(call)
    return _called_apart(found)


def _calls(value: str, target: str) -> Iterator[Call]:
    """Of one value; only those that their user named have a name yet."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not any(map(_APART.search, parts)):
        for part in parts:
            test = _test(part, part, target)
            target = test.target
            yield Call(test)
        return
    named = _NAMED.fullmatch(value.strip())
    try:
        which, *words = shlex.split(named["rest"] if named is not None else value) or [""]
    except ValueError as error:
        raise InputError(f"--selftest {_shown(value)}: {error}") from error
    if "," in which:
        raise InputError(
            f"--selftest {_shown(value)}: a name or words are for one test\n  give each test an option of its own"
        )
    yield Call(_test(which, value, target), tuple(words), named["name"] if named is not None else "")


def _test(word: str, value: str, target: str) -> Selftest:
    whole = word if ":" in word or not target else f"{target}:{word}"
    match = _WORD.fullmatch(whole)
    if match is None or ".." in whole:
        raise InputError(
            f"--selftest {_shown(value)}: expected TARGET:TEST, as in --selftest timers:posix_timers,\n"
            "  or with words, as in --selftest 'kvm:demand_paging_test -b 16M'"
        )
    return Selftest(match["target"], match["test"])


def _called_apart(calls: Iterable[Call]) -> tuple[Call, ...]:
    """The same, each with a name: that of a test, with a number where it runs again with other words."""
    count: Counter[Selftest] = Counter()
    found = []
    for call in calls:
        if not call.name:
            count[call.test] += 1
            number = f"-{count[call.test]}" if count[call.test] > 1 else ""
            call = replace(call, name=f"{call.test.name}{number}")
        if len(call.name) > MOST_NAME:
            raise InputError(f"--selftest {_shown(call.name)}: a probe's name has at most {MOST_NAME} characters")
        found.append(call)
    return tuple(found)


def tests(calls: Iterable[Call]) -> tuple[Selftest, ...]:
    """What is to be built for some calls."""
    return tuple(dict.fromkeys(call.test for call in calls))


def are_of(probe: Probe, there: Iterable[Selftest]) -> bool:
    """Whether a probe is one of some tests, with whatever words."""
    return probe.origin is Origin.SELFTEST and probe.argv[0] in {test.path for test in there}


def _shown(text: str) -> str:
    return line(shortened(text, _SHOWN))


def check(tests: Iterable[Selftest], arch: Arch, trees: TreeStore, base: str, tip: str) -> None:
    """Raise InputError for a test that neither base nor the tip has."""
    _check(tests, arch, trees, (base, tip), "neither base nor the series has")


def check_tip(tests: Iterable[Selftest], arch: Arch, trees: TreeStore, tip: str) -> None:
    """The same for one that the tip does not have, where its tests are those of all states."""
    _check(tests, arch, trees, (tip,), "with --selftest-from tip, and the tip does not have")


def _check(tests: Iterable[Selftest], arch: Arch, trees: TreeStore, of: tuple[str, ...], said: str) -> None:
    for test in tests:
        sources = [f"{_PLACE}/{test.target}/{place}.c" for place in test.places(arch)]
        if not any(trees.file(tree, source) is not None for tree in of for source in sources):
            raise InputError(
                f"--selftest {test.target}:{test.test}: {said} {sources[0]}\n"
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
    compiler: str = ""
    """Another than gcc: clang, which is one for all architectures."""

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
            f"CC={self.cache}{self._cc} -static -s",
            f"KHDR_INCLUDES=-isystem {self._inside(self.obj / 'usr' / 'include')}",
            *(str(self._inside(one)) for one in built),
        ]

    @property
    def _cc(self) -> str:
        prefix = self.arch.toolchain.prefix
        if not self.compiler:
            return f"{prefix}gcc"
        return f"{self.compiler} --target={prefix.removesuffix('-')}" if prefix else self.compiler

    def _inside(self, path: Path) -> Path:
        return self.layout.inside(path)
