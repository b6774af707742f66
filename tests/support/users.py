# SPDX-License-Identifier: GPL-2.0-only
"""What somebody who is not root may read."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534
_MAIL = "From: A <a@b>\nSubject: a\n\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b\n"


@contextlib.contextmanager
def readable_to_nobody() -> Iterator[Path]:
    """A directory that only root may enter, below one that all may."""
    top = Path(tempfile.mkdtemp())
    try:
        top.chmod(0o755)
        (top / "patches").mkdir()
        (top / "patches" / "0001-a.patch").write_text(_MAIL)
        yield top / "patches"
    finally:
        shutil.rmtree(top)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Not as root, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
