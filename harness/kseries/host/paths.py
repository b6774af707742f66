# SPDX-License-Identifier: GPL-2.0-only
"""Where the project's own files and the user's cache are."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "data"
"""Where a wheel keeps what lies at the top of a clone."""


def project(*parts: str) -> Path:
    """A file of the project: guests, kernels, reports, testcases."""
    top = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1]
    return top.joinpath(*parts)


def cache(*parts: str) -> Path:
    """A place below $XDG_CACHE_HOME/kseries (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    top = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return top.joinpath("kseries", *parts)
