# SPDX-License-Identifier: GPL-2.0-only
"""Loadable modules: which options stay modules, and what of a build is part of the image for them.

A kernel that is to be tested has built in what it can: that needs no program to load it, and tells which of its lines
have run. So what a fragment asks for as =m is built in, but for what Kconfig takes only as a module (``depends on m``,
Documentation/kbuild/kconfig-language.rst), and for all of it where the fragment has CONFIG_MODULES=y itself: then it
means what it says.
"""

import os
import re
import shutil
from collections.abc import Set
from pathlib import Path, PurePosixPath

from kseries.kbuild import artifacts, fragment
from kseries.model.errors import InfraError

FOLDER = "modules"
"""Below a build folder: what is installed of modules, as below the root of a guest."""
PACKAGE = "kmod"
"""The Debian package that has depmod, without whose lists modprobe knows no module (depmod(8))."""
_SUPPORT = ("MODULES", "MODULE_UNLOAD")
"""What a kernel needs for modules that can be removed again, as tests do."""
_SET = re.compile(r"^CONFIG_(\w+)=m$", re.MULTILINE)
_MOST = 20_000
"""Modules that are looked at: a distribution's kernel has some 6000."""
_SBIN = ("/usr/sbin", "/sbin")
"""Where depmod is, which the PATH of a user need not name."""


def asked(text: str) -> frozenset[str]:
    """The options, without CONFIG_, that the fragments of a configuration ask for as =m; of several lines the last
    counts.
    """
    return frozenset(name for name, value in _values(text).items() if value == "m")


def as_asked(text: str) -> bool:
    """Whether such options are modules, without a question: where there are none, or support for modules is asked
    for, too.
    """
    return not asked(text) or _values(text).get("MODULES") == "y"


def resolved(text: str, modules: Set[str] = frozenset()) -> str:
    """The fragments with all that is =m built in, but for ``modules``, which is left with what modules need.

    Where ``as_asked``, they are as they were.
    """
    if as_asked(text):
        return text
    other = _SET.sub(lambda found: found[0] if found[1] in modules else f"CONFIG_{found[1]}=y", text)
    return other + "".join(f"CONFIG_{name}=y\n" for name in _SUPPORT if modules)


def only_modules(text: str, config: str) -> frozenset[str]:
    """Of the options that the fragments ask for as =m, those that Kconfig has not built in, though it was asked to.

    ``config`` is the .config that it made of ``resolved(text)``. Whether they can be modules nobody knows yet. None
    where the fragments want no support for modules.
    """
    if as_asked(text) or _values(text).get("MODULES") == "n":
        return frozenset()
    got = _values(config)
    return frozenset(name for name in asked(text) if got.get(name) != "y")


def there(config: str) -> bool:
    """Whether a kernel with this .config has modules."""
    return _SET.search(config) is not None


def depmod() -> str | None:
    """The program that lists what modules have and need, if it is there: who has all built in does not need it."""
    return shutil.which("depmod", path=os.pathsep.join((os.environ.get("PATH", ""), *_SBIN)))


def install_words(into: Path) -> tuple[str, ...]:
    """What make is told to install them below a folder, without what only debuggers read.

    Documentation/kbuild/modules.rst. Raises InfraError without depmod: make would go on, and modprobe find no module.
    """
    tool = depmod()
    if tool is None:
        raise InfraError(f"depmod is not installed, which modules need\n  install it with: apt-get install {PACKAGE}")
    return ("modules_install", f"INSTALL_MOD_PATH={into}", "INSTALL_MOD_STRIP=1", f"DEPMOD={tool}")


def objects(obj: Path) -> frozenset[str]:
    """The objects that the modules of a build folder are linked of, their paths below it.

    ``modules.order`` names each module as NAME.o, or NAME.ko before 6.2, and NAME.mod lists its objects
    (scripts/Makefile.build).
    """
    lines = artifacts.text(obj, "modules.order").split()[:_MOST]
    names = (line.rpartition(".")[0] for line in lines)
    return frozenset(one for name in names if name for one in artifacts.text(obj, f"{name}.mod").split())


def notes(objects: Set[str]) -> frozenset[str]:
    """The files in which kbuild notes what these were made of, as dependencies.py names them (NAME.o: .NAME.o.cmd)."""
    return frozenset(str(PurePosixPath(one).with_name(f".{PurePosixPath(one).name}.cmd")) for one in objects)


def _values(text: str) -> dict[str, str]:
    return {one.name: one.value for entry in fragment.entries(text) for one in entry.choices[:1]}
