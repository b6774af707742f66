# SPDX-License-Identifier: GPL-2.0-only
"""A stable kernel's tarball from kernel.org, checked against the sha256sums.asc published beside it.

The sums are trusted because they come over HTTPS; their PGP signature is not verified.
"""

import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from kseries.host import checksums
from kseries.model.errors import InfraError

MIRROR = "https://cdn.kernel.org/pub/linux/kernel"
"""Where kernel.org keeps tarballs; $KSERIES_KERNEL_MIRROR names a copy of it."""

_SECONDS = 60
"""The longest that a server may say nothing."""
_CHUNK = 1 << 20
_TROUBLE = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


def fetch(branch: str, into: Path) -> tuple[Path, str]:
    """The newest tarball of a stable branch ("6.12") and its version. Raises InfraError.

    A download that does not have the published checksum is removed.
    """
    folder = f"{os.environ.get('KSERIES_KERNEL_MIRROR', MIRROR)}/v{branch.partition('.')[0]}.x"
    sums = _get(f"{folder}/sha256sums.asc").decode(errors="replace")
    name = re.compile(rf"^([0-9a-f]{{64}})\s+\*?(linux-({re.escape(branch)}(?:\.(\d+))?)\.tar\.xz)$", re.MULTILINE)
    known = sorted((int(found[4] or 0), found[1], found[2], found[3]) for found in name.finditer(sums))
    if not known:
        raise InfraError(f"{folder}/sha256sums.asc lists no linux-{branch}.y tarball")
    _, want, file, version = known[-1]
    path = into / file
    _download(f"{folder}/{file}", path)
    if (got := checksums.of_file(path)) != want:
        path.unlink()
        raise InfraError(f"{folder}/{file} does not have its published checksum\n  expected {want}\n  got {got}")
    return path, version


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            return bytes(answer.read())
    except _TROUBLE as error:
        raise InfraError(f"cannot fetch {url}: {getattr(error, 'reason', error)}") from error


def _download(url: str, path: Path) -> None:
    """Stream a file to disk."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file, _CHUNK)
    except _TROUBLE as error:
        path.unlink(missing_ok=True)
        raise InfraError(f"cannot fetch {url}: {getattr(error, 'reason', error)}") from error
