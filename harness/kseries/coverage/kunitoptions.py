# SPDX-License-Identifier: GPL-2.0-only
"""The configuration under which a kernel has some of KUnit's suites: by its Makefiles, its Kconfig and .kunitconfig.

What an option that a suite needs depends on is asked for, too (kbuild/needed.py). What Kconfig drops all the same
a report tells of, with why.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from kseries.coverage import ifs, kunitsuites, makefiles
from kseries.coverage.kunitsuites import Suite
from kseries.kbuild import fragment, needed
from kseries.kbuild.needed import Definers

Reader = Callable[[str], str | None]
"""The text of a file of a tree; None where it is not there."""

CONFIG = ".kunitconfig"
"""The configuration of the suites in a folder (Documentation/dev-tools/kunit/run_wrapper.rst)."""
_MAKEFILES = ("Kbuild", "Makefile")
_ALWAYS = ("KUNIT",)
_NEVER = frozenset({"KUNIT_FAULT_TEST", "KUNIT_ALL_TESTS", "KUNIT_DEBUGFS"})
"""The first has the kernel print call traces on purpose, and no file of a folder asks for more than that folder's."""
_UNASKED = frozenset({*_ALWAYS, *_NEVER})
_MOST = 200
"""Options that are asked for."""

_HEAD = """\
# KUnit, for --kunit. Its own tests of faults have the kernel oops on purpose.
CONFIG_KUNIT=y
# CONFIG_KUNIT_FAULT_TEST is not set
"""
_EVERY = "#: wanted\nCONFIG_RUNTIME_TESTING_MENU=y\n#: wanted\nCONFIG_KUNIT_ALL_TESTS=y\n"


def of_all() -> str:
    """A fragment with every suite of which the rest of the configuration has what it needs."""
    return _HEAD + _EVERY


def of_suites(suites: Iterable[Suite], reader: Reader, definers: Definers, arch: str) -> str:
    """A fragment with some suites: what is named after a suite is what it needs, as far as it can be told.

    ``arch`` is the architecture's folder below arch/.
    """
    files: dict[str, list[str]] = {}
    for suite in suites:
        files.setdefault(suite.file, []).append(suite.name)
    told: dict[str, str] = {}
    for file, names in files.items():
        own = tuple(dict.fromkeys(_of_file(file, reader)))
        new = [one for one in (*own, *needed.of(own, definers, arch, _UNASKED)) if one not in told]
        told |= dict.fromkeys(new, "") | {one: f"{fragment.KUNIT}{', '.join(names)} ({file})\n" for one in new[:1]}
    return _HEAD + "".join(f"{why}#: wanted\nCONFIG_{one}=y\n" for one, why in [*told.items()][:_MOST])


def _of_file(path: str, reader: Reader) -> Iterator[str]:
    """The options of the folder's .kunitconfig, and those under which Makefiles have the file compiled."""
    folder = PurePosixPath(path).parent
    texts = (reader(str(place / CONFIG)) for place in (folder, folder.parent))
    asked = next((text for text in texts if text is not None), "")
    options = (one for entry in fragment.entries(asked) for one in entry.choices[:1])
    yield from (one.name for one in options if one.value == "y" and one.name not in (*_ALWAYS, *_NEVER))
    targets = [str(PurePosixPath(path).with_suffix(".o"))]
    for above in PurePosixPath(path).parents:
        makefile = next((text for name in _MAKEFILES if (text := reader(str(above / name))) is not None), "")
        ways = [way for target in targets for way in makefiles.ways(makefile, _seen_from(above, target))]
        if ways:
            yield from (one for one in min(ways, key=len) if not one.startswith("!") and one not in _ALWAYS)
        targets = [f"{above}/"]
    if not kunitsuites.called_as_test(path):
        yield from _around_suites(reader(path) or "")


def _around_suites(text: str) -> Iterator[str]:
    """The options on which an ``#if`` has the suites of a file compiled, the outer ones first: a file that is not of
    tests alone has them in one.
    """
    found: dict[str, None] = {}
    begin = kunitsuites.lines(text)
    while True:
        hidden = ifs.hidden(text, found.keys())
        asked = (one for line, one in hidden.items() if line in begin and not one.startswith("!"))
        new = tuple(dict.fromkeys(asked))
        if not new:
            return
        found |= dict.fromkeys(new)
        yield from new


def _seen_from(folder: PurePosixPath, target: str) -> str:
    return target.removeprefix(f"{folder}/") if str(folder) != "." else target
