# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's source by the host's own apt: from whatever archive it has been told of, Debian's or another."""

import shutil
from pathlib import Path

from kseries.host import processes

_SECONDS = 300


def download(package: str, version: str | None, into: Path, *, update: bool) -> tuple[Path, str] | None:
    """The newest version that a mirror really has (the one named first may answer 404), or None; or this version.

    By the host's lists as they are; with ``update``, by lists of our own from the host's sources, which touches none
    of the host's. Raises InfraError where apt gives no answer.
    """
    if shutil.which("apt-get") is None or shutil.which("apt-cache") is None:
        return None
    options = _own_lists(into) if update else ()
    if update:
        processes.run(["apt-get", *options, "-qq", "update"], seconds=_SECONDS)
    listed = processes.run(["apt-cache", *options, "madison", package], seconds=_SECONDS).text
    versions = dict.fromkeys(row.split("|")[1].strip() for row in listed.splitlines() if row.count("|") == 2)
    for one in versions if version is None else [one for one in versions if one == version]:
        processes.run(["apt-get", *options, "-qq", "download", f"{package}={one}"], seconds=_SECONDS, cwd=into)
        if found := list(into.glob("*.deb")):
            return found[0], one
    return None


def _own_lists(scratch: Path) -> tuple[str, ...]:
    """apt options for package lists of our own: without root, and what the host has is not written to."""
    state, archives = scratch / "state" / "lists" / "partial", scratch / "cache" / "archives" / "partial"
    for directory in (state, archives):
        directory.mkdir(parents=True, exist_ok=True)
    settings = (f"Dir::State={scratch / 'state'}", f"Dir::Cache={scratch / 'cache'}", "Debug::NoLocking=1")
    return tuple(word for setting in settings for word in ("-o", setting))
