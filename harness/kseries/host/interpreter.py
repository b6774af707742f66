# SPDX-License-Identifier: GPL-2.0-only
"""This Python and this package as a program, also within a box: how they are called, and what of the host is shown."""

import sys
from collections.abc import Mapping
from pathlib import Path

import kseries


def command(*words: str) -> list[str]:
    """kseries once more, by its first lines, and as isolated as we are (start/)."""
    flags = ["-I"] if sys.flags.isolated else ["-E", "-P"]
    return [sys.executable, *flags, str(Path(kseries.__file__).parent / "start"), *words]


def argv(module: str, *words: str) -> list[str]:
    """A module of ours as a program: nothing is imported from the current folder, or from the user's own packages."""
    return [sys.executable, "-s", "-P", "-B", "-m", module, *words]


def readable() -> tuple[Path, ...]:
    """Where they are, which may be in a home; what every box shows is left out."""
    places = dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), _package()))
    return tuple(one for one in places if not one.is_relative_to("/usr"))


def environment() -> Mapping[str, str]:
    """What Python is told in a box."""
    return {"PYTHONPATH": str(_package())}


def _package() -> Path:
    return Path(kseries.__file__).parents[1]
