# SPDX-License-Identifier: GPL-2.0-only
"""Reporters by their names: ours, and those of packages that are installed where our Python looks.

That is its site-packages alone: start/ leaves out the current folder and PYTHONPATH, and with them what a kernel's tree
may bring (docs/outside-the-box.md). Somebody else's is imported when it is asked for, and not before.
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line, shortened
from kseries.publish.github.reporter import GITHUB
from kseries.publish.kcidb import KCIDB
from kseries.publish.patchwork.reporter import PATCHWORK
from kseries.report import formats, nipa
from kseries.report.reporter import Reporter

GROUP = "kseries.reporters"
"""The entry points' (packaging.python.org, "Entry points specification")."""
OURS: dict[str, Reporter] = {
    "text": formats.TEXT,
    "html": formats.HTML,
    "junit": formats.JUNIT,
    "json": formats.JSON,
    "mail": formats.MAIL,
    "sarif": formats.SARIF,
    "gitlab": formats.GITLAB,
    "kcidb": KCIDB,
    "nipa": nipa.NIPA,
    "patchwork": PATCHWORK,
    "github": GITHUB,
}
"""In code, since a clone is installed nowhere. No other package takes one of these names from us."""
_NAME = 60
_FAULT = 200


def get(name: str) -> Reporter:
    """The reporter of a name. Raises InputError where there is none, InfraError where it cannot be loaded."""
    if name in OURS:
        return OURS[name]
    found = [one for one in _others() if one.name == name]
    if not found:
        names = dict.fromkeys([*OURS, *(line(one.name) for one in _others())])
        raise InputError(f"there is no report {shortened(line(name), _NAME)}\n  there are: {', '.join(names)}")
    if len(found) > 1:
        raise InputError(f"{' and '.join(map(_package, found))} each have a report {name}\n  uninstall all but one")
    return _loaded(found[0])


def _others() -> Sequence[EntryPoint]:
    try:
        return tuple(entry_points(group=GROUP))
    except Exception as error:  # of a package whose metadata are damaged
        raise InfraError(f"cannot tell what reports there are: {_words(error)}") from error


def _loaded(found: EntryPoint) -> Reporter:
    """What an entry point names; a class is called without arguments."""
    try:
        named = found.load()
        reporter = named() if isinstance(named, type) else named
    except (Exception, SystemExit) as error:
        raise InfraError(f"the report {found.name} of {_package(found)} cannot be loaded: {_words(error)}") from error
    if not isinstance(reporter, Reporter):
        raise InfraError(f"{line(found.value)} of {_package(found)} is no reporter: it lacks file, check or report")
    return reporter


def _package(found: EntryPoint) -> str:
    return line(found.dist.name) if found.dist is not None else "a package"


def _words(error: BaseException) -> str:
    return shortened(line(repr(error)), _FAULT)
