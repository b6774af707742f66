# SPDX-License-Identifier: GPL-2.0-only
"""What would run code that did not run, as far as the tip's source tells: a selftest, a parameter of the boot.

Never a guess: a selftest is one that the series itself changes, one that MAINTAINERS has beside the file, or one of the
target that is called as the file's folder. Whether it comes to the very function nobody says.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import PurePosixPath

from kseries.coverage import kunitsuites, maintainers, parameters, source
from kseries.coverage.maintainers import SELFTESTS
from kseries.coverage.selftestsource import Reader, SelftestSource
from kseries.model import ChangedFunction, Way
from kseries.probes import kunit

Lister = Callable[[str], tuple[str, ...]]
"""The names in a folder of the tip, of none where it is not there."""

_MOST = 6
"""Ways that are told of a patch."""
_TESTS = 3
"""Tests of one target that are named."""


class Ways:
    """The ways that a tip's source tells of. ``changed`` are the files of the series, ``ran`` its probes that ran."""

    def __init__(self, reader: Reader, lister: Lister, changed: Iterable[str], ran: Iterable[str]) -> None:
        self._reader = cache(reader)
        self._selftests = SelftestSource(self._reader)
        self._lister = cache(lister)
        self._changed = tuple(dict.fromkeys(changed))
        self._ran = frozenset(ran)

    def to_test(self, files: Iterable[str]) -> tuple[Way, ...]:
        """The suites of KUnit that test some changed files and were not run, whether or not those files were."""
        suites = dict.fromkeys(suite for one in files for suite in kunitsuites.beside(one, self._reader, self._lister))
        left = [suite for suite in suites if kunit.probe(suite.name) not in self._ran]
        return tuple(Way(what=f"--kunit {kunit.exactly(one.name, '')}", where=one.file) for one in left[:_TESTS])

    def to_run(self, idle: Iterable[ChangedFunction], files: Iterable[str]) -> tuple[Way, ...]:
        """What would run some functions that did not run, and files that are not compiled yet."""
        functions = tuple(idle)
        paths = tuple(dict.fromkeys((*(one.file for one in functions), *files)))
        if not paths:
            return ()
        told = (*self._parameters(functions), *self._of_series(), *(way for one in paths for way in self._beside(one)))
        first: dict[tuple[str, str], Way] = {}
        for one in told:
            first.setdefault((one.what, one.function), one)
        return tuple(first.values())[:_MOST]

    # --- parameters -----------------------------------------------------------------------------

    def _parameters(self, idle: tuple[ChangedFunction, ...]) -> Iterator[Way]:
        for path in dict.fromkeys(one.file for one in idle):
            text = self._reader(path) or ""
            wanted = frozenset(one.name for one in idle if one.file == path)
            for name, what in parameters.of_functions(text, source.functions(text), wanted).items():
                yield Way(what=what, where=path, function=name)

    # --- selftests ------------------------------------------------------------------------------

    def _of_series(self) -> Iterator[Way]:
        """The tests that the series itself brings or changes."""
        for path in self._changed:
            if path.startswith(SELFTESTS) and self._selftests.is_program(path):
                yield from self._named([path.removeprefix(SELFTESTS)], "the series changes it")

    def _beside(self, path: str) -> Iterator[Way]:
        """The tests of those who maintain a file; where nobody has some, of the target that is called as its folder."""
        found = maintainers.of_file(self._sections, path)
        places = [(place, f"MAINTAINERS, {one.name}") for one in found for place in one.selftests]
        places = places or [(name, f"{SELFTESTS}{name}") for name in _called(path)]
        yield from (way for place, where in places for way in self._tests(place, path, where))

    @cached_property
    def _sections(self) -> tuple[maintainers.Section, ...]:
        return maintainers.sections(self._reader("MAINTAINERS") or "")

    def _tests(self, place: str, path: str, where: str) -> Iterator[Way]:
        """A test, or of a target those that are called after a file, or any where none is."""
        if place.endswith(".c"):
            if self._selftests.is_program(f"{SELFTESTS}{place}"):
                yield from self._named([place], where)
            return
        target = self._selftests.target(PurePosixPath(place))
        tests = [PurePosixPath(name).stem for name in self._lister(f"{SELFTESTS}{place}") if name.endswith(".c")]
        if target is None or not tests:
            return
        word = PurePosixPath(path).stem.replace("-", "_")
        after = [one for one in tests if f"_{word}_" in f"_{one.replace('-', '_')}_"]
        called = [one for one in after if self._selftests.is_program(f"{SELFTESTS}{place}/{one}.c")][:_TESTS]
        if called:
            yield from self._named([f"{place}/{one}.c" for one in called], where)
        elif not any(one.startswith(f"{target.replace('/', '.')}.") for one in self._ran):
            yield Way(what=f"--selftest {target}:{PurePosixPath(place, 'TEST').relative_to(target)}", where=where)

    def _named(self, places: Sequence[str], where: str) -> Iterator[Way]:
        """``--selftest TARGET:TEST,TEST`` of sources in one folder below the selftests', but for what has been run."""
        target = self._selftests.target(PurePosixPath(places[0]).parent)
        if target is None:
            return
        tests = [PurePosixPath(one).relative_to(target).with_suffix("") for one in places]
        left = [str(one) for one in tests if f"{target.replace('/', '.')}.{one.name}" not in self._ran]
        if left:
            yield Way(what=f"--selftest {target}:{','.join(left)}", where=where)


def _called(path: str) -> tuple[str, ...]:
    """What a target for a file is called that has the name of its folder: ``net/mptcp``, ``mptcp``.

    A folder deeper down than those of subsystems is called by what it is to them: ``drivers/usb/core`` is no ``core``.
    """
    folder = PurePosixPath(path).parent
    deep = len(folder.parts) > (3 if folder.is_relative_to("arch") else 2)
    return tuple(dict.fromkeys(name for name in (str(folder), "" if deep else folder.name) if name not in ("", ".")))
