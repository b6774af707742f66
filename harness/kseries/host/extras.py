# SPDX-License-Identifier: GPL-2.0-only
"""Packages that only some need: extras, of which each has a lock file in a clone and a name in the wheel.

The launcher of a clone fetches one before it starts Python, where the command line asks for what needs it. Whoever
imports anything of an extra calls ``require`` first.
"""

from dataclasses import dataclass
from importlib.util import find_spec

from kseries.host import paths
from kseries.model.errors import InfraError


@dataclass(frozen=True)
class Extra:
    """Packages, known by the module that is imported of them."""

    module: str
    purpose: str


EXTRAS = {
    "cluster": Extra("distributed", "states on many hosts"),
    "pytest": Extra("pytest", "tests that drive a booted guest from the host"),
    "publish": Extra("kcidb_io", "results for KCIDB"),
}
"""By the name that pyproject.toml, requirements-NAME.lock and the launcher have for it."""


def there(name: str) -> bool:
    """Whether Python finds an extra. Nothing of it is imported."""
    return find_spec(EXTRAS[name].module) is not None


def require(name: str) -> None:
    """Raise InfraError where an extra is not installed, which says how to get it."""
    if not there(name):
        raise InfraError(f"the extra {name} is not installed: {_command(name)}")


def _command(name: str) -> str:
    launcher = paths.project("kseries")
    return f"{launcher} extra {name}" if launcher.is_file() else f"pip install 'kseries[{name}]'"
