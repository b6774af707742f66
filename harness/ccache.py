# SPDX-License-Identifier: GPL-2.0-only
"""What ccache says of a build: how often a compiler was asked for, and how often ccache had the answer."""

from pathlib import Path

_FOUND = frozenset({"direct_cache_hit", "preprocessed_cache_hit"})
_COMPILED = _FOUND | {"cache_miss", "direct_cache_miss", "preprocessed_cache_miss", "recache"}
_TRIALS = frozenset({"/dev/null", "-", ""})
"""What kbuild compiles only to see whether the compiler knows an option."""


def counts(log: Path) -> tuple[int, int]:
    """Objects compiled and objects found, from a file that CCACHE_STATSLOG named (ccache(1))."""
    compiled = found = 0
    try:
        entries = log.read_text(errors="replace").split("# ")
    except FileNotFoundError:
        return 0, 0  # make did not come so far, or there is no ccache in this build
    for entry in entries:
        source, *said = entry.splitlines() or [""]
        if source.strip() not in _TRIALS:
            compiled += not _COMPILED.isdisjoint(said)
            found += not _FOUND.isdisjoint(said)
    return compiled, found
