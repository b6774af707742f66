# SPDX-License-Identifier: GPL-2.0-only
"""ccache, which knows best what of its own to remove: what was found longest ago.

The folder is a remote storage of ccache's, in files (ccache(1)): that of trees without anybody's patches.
"""

import shutil
from pathlib import Path

from kseries.host import processes
from kseries.model.errors import InfraError

_SECONDS = 1800
_KIB = 1024


def trim(home: Path, size: int) -> None:
    """Have ccache keep at most ``size`` bytes. Raises InfraError; where there is no ccache, all of it goes."""
    if shutil.which("ccache") is None:
        shutil.rmtree(home)
        return
    done = processes.run(["ccache", "--trim-dir", home, "--trim-max-size", f"{size // _KIB}Ki"], seconds=_SECONDS)
    if done.returncode != 0:
        raise InfraError(f"ccache could not clean up {home}: {done.stderr.decode(errors='replace').strip()}")
