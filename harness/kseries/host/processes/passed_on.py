# SPDX-License-Identifier: GPL-2.0-only
"""What a program gets of ours: its command line, its folder, and what is left of our environment."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

NOBODYS = Path("/")
"""Where tools are started: ours is often a kernel's tree, in which some look for a configuration, and for code."""
TOKENS = ("KSERIES_PATCHWORK_TOKEN", "KSERIES_GITHUB_TOKEN", "KSERIES_KCIDB_TOKEN", "GITHUB_TOKEN")
"""They are for what publishes alone (publish/tokens.py)."""
# A hook that calls us has GIT_DIR set to a repository of its own; PYTHONPATH, PERL5LIB and the compiler's paths may say
# '.', and a build in its box has none of them.
NOT_PASSED_ON = (
    *("GIT_", "PYTHON", "PERL", "CCACHE_"),
    *("GCC_", "COMPILER_PATH", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH"),
    *TOKENS,
)
"""Prefixes of what is left out of the environment of tools."""


def words_of(argv: Sequence[str | Path]) -> list[str]:
    """A command line that means the same in another folder than ours."""
    return [str(word.absolute() if isinstance(word, Path) else word) for word in argv]


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Our environment in the C locale, so that what a tool prints can be read by a program."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    return {**ours, "LC_ALL": "C", **(extra or {})}
