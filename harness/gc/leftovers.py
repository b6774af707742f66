# SPDX-License-Identifier: GPL-2.0-only
"""What killed runs have left behind. Only who is alone in the cache may call it that."""

import re
from collections.abc import Iterator
from pathlib import Path

_HALF = re.compile(r".*\.\d+")
"""NAME.PID: what was to become NAME, or what NAME was until it was to be removed."""

_PATTERNS = {
    "workers": ("*/scratch", "*/index.lock"),
    "bases": ("kseries-base-*",),
    "trees.git": (
        "scratch-*",
        "*.lock",
        "refs/**/*.lock",
        "objects/info/alternates.*",
        "objects/pack/tmp_*",
        "objects/pack/.tmp-*",
        "objects/??/tmp_obj_*",
    ),
    "at-work": ("*",),
}


def found(cache: Path, part: str) -> Iterator[Path]:
    """Those in one part of the cache."""
    for pattern in _PATTERNS.get(part, ()):
        yield from cache.joinpath(part).glob(pattern)
    for pattern in {"results": ("*",), "workers": ("*/*",), "bases": ("*",)}.get(part, ()):
        yield from (path for path in cache.joinpath(part).glob(pattern) if _HALF.fullmatch(path.name))
