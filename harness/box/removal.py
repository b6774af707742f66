# SPDX-License-Identifier: GPL-2.0-only
"""The removal of folders in which what came from a series has written: as deep as it likes, and closed to us."""

import os
from pathlib import Path

from harness import proc
from harness.errors import InfraError

_SECONDS = 600.0


def remove(path: Path) -> None:
    """Remove a file, or a folder and all in it; nothing where there is none. Raises InfraError.

    By rm(1): shutil.rmtree calls itself for each level, and Python ends at a thousand.
    """
    if not os.path.lexists(path):
        return
    done = proc.run(["rm", "-rf", "--", path], seconds=_SECONDS)
    if done.returncode != 0:  # an unprivileged user is told of folders without a right to them
        proc.run(["chmod", "-R", "u+rwX", "--", path], seconds=_SECONDS)
        done = proc.run(["rm", "-rf", "--", path], seconds=_SECONDS)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").partition("\n")[0]
        raise InfraError(f"cannot remove {path}: {why}")
