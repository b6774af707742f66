# SPDX-License-Identifier: GPL-2.0-only
"""KUnit's suites in a tree: what each is called, in which file it is, and which of them test what a series changes.

Nothing of a tree runs for it. What is read is how suites are written (Documentation/dev-tools/kunit/usage.rst), in
files that are called as tests are (style.rst), and in the folders that a series changes in any file that registers one.
A suite of another file, or one whose name a macro makes, is not found.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from kseries.sources import TreeStore

_WHERE = ("*test*.c", "*kunit*.c", "*test*.h", "*kunit*.h")
_BEGINS = r"struct[[:space:]]+kunit_suite[[:space:]]+[A-Za-z0-9_]+[[:space:]]*="
_REGISTERS = r"kunit_test_(init_section_)?suites?[[:space:]]*\("
"""What makes a file one of tests, whatever it is called (include/kunit/test.h)."""
_CALL = re.compile(_REGISTERS.replace("[[:space:]]", r"\s"))
_SUITE = re.compile(r"struct\s+kunit_suite\s+\w+\s*=\s*\{(?P<body>.*?)\n\}", re.DOTALL)
_NAME = re.compile(r"\.name\s*=\s*(?:\"(?P<name>[^\"]+)\"|(?P<of_file>KBUILD_MODNAME))")
_AFFIX = re.compile(r"^(?:kunit|test)[_-]|[_-](?:kunit|unittest|test|tests|selftest)$")
"""What the name of a test's file has beside that of what it tests: cmdline_kunit.c, list-test.c, test_hash.c."""
_FOLDERS = ("tests", "test", "kunit", "tests/unit")
"""Where a folder has its tests, if not beside what they test."""
_GLOB = re.compile(r"[*?\[\]\\]")
"""What a pathspec does not take for itself."""
_MOST = 200
"""Folders that are looked into for files of any name: with more git is slow, and they are of no one subsystem."""
_SOURCES = (".c", ".h", ".S", ".rs")
_OF_LIB = ("lib", "lib/tests")
_OF_HEADERS = re.compile(r"(?:arch/[^/]+/)?include/(?:linux|asm|uapi/linux|kunit)/(?P<name>[^/]+)\.h$")


Reader = Callable[[str], str | None]
Lister = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, order=True)
class Suite:
    """A suite, by its name, and the file that it is in."""

    name: str
    file: str

    @property
    def tests(self) -> str:
        """What its file is called after."""
        return plain(PurePosixPath(self.file).stem)


def plain(stem: str) -> str:
    """The name of a file, of a test's without what makes it one."""
    return _AFFIX.sub("", _AFFIX.sub("", stem)).replace("-", "_")


def found(trees: TreeStore, *ids: str, changed: Iterable[str] = ()) -> tuple[Suite, ...]:
    """The suites that some trees have, each once; whatever their files are called, in the folders of changed files."""
    suites: dict[Suite, None] = {}
    places = tuple(_beside(changed))
    for tree in dict.fromkeys(ids):
        files = trees.grep_files(tree, _BEGINS, *_WHERE)
        files |= trees.grep_files(tree, _REGISTERS, *places) if places else {}
        for path, text in files.items():
            if not path.startswith("tools/"):
                suites |= dict.fromkeys(of_file(path, text))
    return tuple(sorted(suites))


def _beside(changed: Iterable[str]) -> Iterator[str]:
    """The sources in the folders of some files, and not below them, as git's pathspecs (gitglossary(7))."""
    folders = dict.fromkeys(str(PurePosixPath(path).parent) for path in changed)
    for folder in islice(folders, _MOST):
        plainly = _GLOB.sub(r"\\\g<0>", folder)
        top = "" if folder == "." else f"{plainly}/"
        yield from (f":(glob){top}*{suffix}" for suffix in (".c", ".h"))


def of_file(path: str, text: str) -> tuple[Suite, ...]:
    """The suites that a file has."""
    names = (_NAME.search(one["body"]) for one in _SUITE.finditer(text))
    module = PurePosixPath(path).stem.replace("-", "_")  # scripts/Makefile.lib: modname_flags
    return tuple(Suite(name["name"] or module, path) for name in names if name is not None)


def lines(text: str) -> frozenset[int]:
    """The lines of a file, from 1 on, at which its suites begin."""
    return frozenset(text.count("\n", 0, one.start()) + 1 for one in _SUITE.finditer(text))


def about(suites: Sequence[Suite], changed: Iterable[str]) -> tuple[Suite, ...]:
    """Those in files that are changed, and those that are called after one that is and lie beside it, or below it."""
    paths = tuple(changed)
    return tuple(suite for suite in suites if any(_is_about(suite, path) for path in paths))


def _is_about(suite: Suite, path: str) -> bool:
    if suite.file == path:
        return True
    one = PurePosixPath(path)
    if one.suffix not in _SOURCES or plain(one.stem) != suite.tests:
        return False
    folder, of = str(PurePosixPath(suite.file).parent), str(one.parent)
    # mm/slub.c has its in lib/slub_kunit.c, include/linux/list.h in lib/list-test.c.
    of_lib = f"{folder}/".startswith("lib/") and ("/" not in of or _OF_HEADERS.fullmatch(path) is not None)
    return of_lib or folder == of or any(folder == f"{of}/{name}" for name in _FOLDERS)


def beside(path: str, reader: Reader, lister: Lister) -> Iterator[Suite]:
    """The suites that test a changed file, of the folders in which those are looked for, without a look at all others.

    ``reader`` has the text of a file, or None, and ``lister`` the names in a folder.
    """
    of = str(PurePosixPath(path).parent)
    if of == "." or PurePosixPath(path).suffix not in _SOURCES:
        return
    folders = dict.fromkeys((of, *(f"{of}/{name}" for name in _FOLDERS), *_OF_LIB))
    tests = (f"{folder}/{name}" for folder in folders for name in lister(folder) if name.endswith((".c", ".h")))
    for file in dict.fromkeys((path, *tests)):
        if not (_is_about(Suite("", file), path) and (file == path or called_as_test(file))):
            continue
        text = reader(file) or ""
        if called_as_test(file) or _CALL.search(text):
            yield from of_file(file, text)


def called_as_test(path: str) -> bool:
    """Whether a file is of tests by its name."""
    return "test" in path or "kunit" in path


def below(suites: Sequence[Suite], changed: Iterable[str], configured: Callable[[str], bool]) -> tuple[Suite, ...]:
    """Those of the folders that changed files are in, where there is a .kunitconfig, which ``configured`` tells."""
    folders = dict.fromkeys(str(PurePosixPath(path).parent) for path in changed)
    places = [(one, *(f"{one}/{name}" for name in _FOLDERS)) for one in folders if one != "."]
    wanted = {place for some in places if any(map(configured, some)) for place in some}
    return tuple(suite for suite in suites if str(PurePosixPath(suite.file).parent) in wanted)
