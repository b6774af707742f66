# SPDX-License-Identifier: GPL-2.0-only
"""What ccache says of a build: how often a compiler was asked for, and how often ccache had the answer."""

_FOUND = frozenset({"direct_cache_hit", "preprocessed_cache_hit"})
_COMPILED = _FOUND | {"cache_miss", "direct_cache_miss", "preprocessed_cache_miss", "recache"}
_TRIALS = frozenset({"/dev/null", "-", ""})
"""What kbuild compiles only to see whether the compiler knows an option."""


def counts(log: str) -> tuple[int, int]:
    """Objects compiled and objects found, from what CCACHE_STATSLOG named (ccache(1)); empty where nobody wrote it."""
    compiled = found = 0
    for entry in log.split("# "):
        source, *said = entry.splitlines() or [""]
        if source.strip() not in _TRIALS:
            compiled += not _COMPILED.isdisjoint(said)
            found += not _FOUND.isdisjoint(said)
    return compiled, found
