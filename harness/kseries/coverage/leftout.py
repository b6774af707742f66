# SPDX-License-Identifier: GPL-2.0-only
"""Changed code that no kernel of a run is made of, and why: another architecture's, or left out by the configuration.

A file that a note of the build names is part of it, whatever we make of its Makefile; only of the others is it asked
why not. Where no Makefile tells, that is what is said. Pure, but for the files that it asks for.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Set
from pathlib import PurePosixPath

import msgspec

from kseries.coverage import kconfigs, makefiles
from kseries.coverage.options import holds
from kseries.coverage.source import SOURCES
from kseries.model import Coverage, LeftOut

Reader = Callable[[str], str | None]
"""The text of a file of the tip; None where it is not there."""

_MAKEFILES = ("Kbuild", "Makefile")
"""As scripts/Makefile.build looks for them."""
_BESIDE = ("tools/", "Documentation/")
"""Programs and examples beside the kernel: no configuration of a kernel is made of them."""
_AT_BUILD = re.compile(r"scripts/|usr/|(.*/)?(Makefile|Kbuild|Kconfig)[^/]*$|.*\.lds(\.S)?$|tools/(objtool|lib|build)/")
_ARCH = re.compile(r"arch/(?P<name>[^/]+)/")


def at_build(path: str) -> bool:
    """True of what works on a kernel while that is built, and of which there is no code in it."""
    return _AT_BUILD.match(path) is not None


def of_kernel(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of some paths that are source of a kernel's code, as far as their names tell."""
    found = (path for path in paths if PurePosixPath(path).suffix in SOURCES)
    return tuple(path for path in found if not path.startswith(_BESIDE) and not at_build(path))


def left_out(path: str, ours: str, built: Coverage, reader: Reader) -> LeftOut | None:
    """Why no kernel is made of a changed file; None of one that is, or that has no code at all.

    ``ours`` is the architecture's folder below arch/. Where nobody has noted what the build read, nothing is known of
    the configuration.
    """
    if (of := _ARCH.match(path)) and of["name"] != ours and PurePosixPath(path).suffix != ".rst":
        return LeftOut(file=path, arch=of["name"])
    if not of_kernel((path,)) or built.read is None or path in built.read or reader(path) is None:
        return None
    enabled = frozenset(one.removesuffix("_MODULE") for one in built.options)  # a module has objects, too
    found = _by_makefile(path, enabled | frozenset(built.options), reader)
    arch = _arch_of(found, reader)
    return msgspec.structs.replace(found, arch=arch) if arch not in ("", ours) else found


def _arch_of(found: LeftOut, reader: Reader) -> str:
    """The one architecture whose configurations have one of the options that a file would need."""
    for folder in PurePosixPath(found.makefile).parents if found.makefile and len(found.options) == 1 else ():
        if arch := kconfigs.only_on(reader(str(folder / "Kconfig")) or "", found.options[0]):
            return arch
    return ""


def _by_makefile(path: str, options: Set[str], reader: Reader) -> LeftOut:
    """By the line that names its object, then by those that name its folders: the first of them that does not hold."""
    whole = PurePosixPath(path)
    targets = [f"{whole.with_suffix('.o')}"] if whole.suffix != ".h" else []
    for folder in whole.parents:
        name, text = makefile(folder, reader)
        for target in targets:
            told = makefiles.ways(text, target.removeprefix(f"{folder}/"))
            unset = [[one for one in way if not holds(one, options)] for way in told]
            if told and all(unset):
                return LeftOut(file=path, options=tuple(dict.fromkeys(itertools.chain(*unset))), makefile=name)
        targets.append(f"{folder}/")
    return LeftOut(file=path)


def makefile(folder: PurePosixPath, reader: Reader) -> tuple[str, str]:
    """The path and the text of a folder's Makefile; empty where it has none."""
    for name in _MAKEFILES:
        if (text := reader(str(folder / name))) is not None:
            return str(folder / name), text
    return "", ""
