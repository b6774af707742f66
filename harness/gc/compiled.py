# SPDX-License-Identifier: GPL-2.0-only
"""ccache, which knows best what of its own to remove: what was found longest ago."""

import shutil
from pathlib import Path

from harness import proc
from harness.errors import InfraError

_SECONDS = 1800
_KIB = 1024


def trim(home: Path, size: int) -> None:
    """Have ccache keep at most ``size`` bytes. Raises InfraError; where there is no ccache, all of it goes."""
    if shutil.which("ccache") is None:
        shutil.rmtree(home)
        return
    # 0 means "no limit" to ccache.
    words, limit = (["--cleanup"], f"{size // _KIB}Ki") if size >= _KIB else (["--clear"], "1Ki")
    done = proc.run(
        ["ccache", *words],
        seconds=_SECONDS,
        env={"CCACHE_DIR": str(home), "CCACHE_CONFIGPATH": "/dev/null", "CCACHE_MAXSIZE": limit},
    )
    if done.returncode != 0:
        raise InfraError(f"ccache could not clean up {home}: {done.stderr.decode(errors='replace').strip()}")
