# SPDX-License-Identifier: GPL-2.0-only
"""What killed runs have left behind, and what no run will use. Only who is alone in the cache may call it that."""

import re
from collections.abc import Iterator
from pathlib import Path

from kseries.host.box import layout
from kseries.host.turns import QUEUE
from kseries.sources import archive

_HALF = re.compile(r".*\.\d+")
"""NAME.PID: what was to become NAME, or what NAME was until it was to be removed."""
_BUILD = re.compile(r"\w+-[0-9a-f]{16}(?:-(?P<made>boxed|unboxed-[0-9a-f]{8}))?(?:-[a-z]+)?(?:\.pristine)?")
"""A worker's build folder (kbuild/worker.py). Before there were fixed paths it did not tell how it was made."""

_PATTERNS = {
    "workers": ("*/scratch", "*/attached/*", "*/index.lock", f"*/{QUEUE}/*"),
    "bases": ("kseries-base-*",),
    archive.NAME: ("lists/partial/*", "archives/partial/*"),
    "trees.git": (
        "scratch-*",
        "*.lock",
        "refs/**/*.lock",
        "objects/info/alternates.*",
        "info/attributes.*",
        "fast_import_crash_*",
        "objects/pack/tmp_*",
        "objects/pack/.tmp-*",
        "objects/??/tmp_obj_*",
    ),
    "at-work": ("*",),
    "scratch": ("kseries-cluster-*",),
    "program": ("*",),
    "": ("kseries-shell-*", "kseries-bundle-*"),
    "busybox": ("kseries-busybox-*",),
    "userland": ("kseries-userland-*", "kseries-files-*", "apt/*/lists/partial/*"),
    "programs": ("kseries-files-*",),
    "pieces": ("*",),
}
_HALVES = {
    "results": ("*",),
    "workers": ("*/*", "*/*/*"),
    "bases": ("*",),
    archive.NAME: ("*",),
    "programs": ("*",),
    "userland": ("*", "apt/*/*"),
    "": ("trees.git.*",),
}
_SOURCE = "source"
"""What is checked out: a tree may have files of any name."""

PLACES = tuple({**_PATTERNS, **_HALVES})
"""The parts of a cache in which something may be left; "" is the cache itself."""


def found(cache: Path, part: str) -> Iterator[Path]:
    """Those in one part of the cache."""
    for pattern in _PATTERNS.get(part, ()):
        yield from cache.joinpath(part).glob(pattern)
    for pattern in _HALVES.get(part, ()):
        yield from (
            path
            for path in cache.joinpath(part).glob(pattern)
            if _HALF.fullmatch(path.name) and path.parent.name != _SOURCE
        )
    if part == "workers":
        yield from (path for path in cache.joinpath(part).glob("*/*") if _made_elsewhere(path))


def _made_elsewhere(folder: Path) -> bool:
    """True of a build folder that was made under paths which no build here has."""
    named = _BUILD.fullmatch(folder.name)
    return named is not None and named["made"] not in (layout.BOXED, layout.unboxed(folder.parent))
