# SPDX-License-Identifier: GPL-2.0-only
"""Debian's source package of a kernel: the tarball of upstream, the quilt queue, and what Debian made of the two.

Through apt, which checks the signatures, with lists and state of its own: the host's apt is not touched.
"""

import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = "deb-src"
BINARY = "deb"
_SECURITY = "debian-security bookworm-security"
_ARCHIVE = "http://deb.debian.org"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SECONDS = 900


@dataclass(frozen=True)
class Queue:
    """A version of Debian's kernel on disk."""

    upstream: Path
    """The tarball that the patches are for."""
    patches: Path
    """debian/patches."""
    patched: Path
    """The tarball of linux-source-VERSION, in which Debian has applied them."""


@dataclass(frozen=True)
class Source:
    """A version of Debian's source package ``linux`` on disk."""

    upstream: Path
    """The tarball that the patches are for."""
    patches: Path
    """debian/patches."""
    realtime: Path
    """debian/patches-rt, which go on top of those."""


def source(branch: str, suite: str, into: Path) -> Source:
    """The newest version of a branch (6.1) that a suite of the archive really has; fetched once, some 150 MB.

    Raises LookupError where it has none, and ConnectionError where there is no archive.
    """
    if not into.exists():
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into.parent, prefix="fetching-") as scratch:
            _fetch_source(branch, suite, Path(scratch), Path(scratch) / "queue")
            (Path(scratch) / "queue").rename(into)
    (upstream,) = into.glob("*.orig.tar.xz")
    return Source(upstream, into / "debian" / "patches", into / "debian" / "patches-rt")


def patches(branch: str, suite: str, into: Path) -> Path:
    """Its debian/patches alone; fetched once, some 2 MB. Raises as ``source``."""
    if not into.exists():
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into.parent, prefix="fetching-") as scratch:
            _fetch_source(branch, suite, Path(scratch), Path(scratch) / "queue", "--diff-only")
            (Path(scratch) / "queue").rename(into)
    return into / "debian" / "patches"


def _fetch_source(branch: str, suite: str, scratch: Path, queue: Path, *only: str) -> None:
    apt = _private(scratch, suite)
    done = subprocess.run(["apt-get", *apt, "-qq", "update"], cwd=scratch, capture_output=True, timeout=_SECONDS)
    if not any((scratch / "state" / "lists").glob("*_Sources*")):
        raise ConnectionError(done.stderr.decode(errors="replace").strip()[-200:])
    rows = _run("apt-cache", *apt, "madison", "linux", cwd=scratch).splitlines()
    versions = [row.split("|")[1].strip() for row in rows if row.count("|") == 2]
    for version in reversed([one for one in versions if one.startswith(f"{branch}.")]):  # the oldest one comes first
        shutil.rmtree(queue, ignore_errors=True)
        queue.mkdir()
        try:
            _run("apt-get", *apt, "-qq", "--download-only", *only, "source", f"linux={version}", cwd=queue)
        except subprocess.CalledProcessError:
            continue
        (debian,) = queue.glob("*.debian.tar.*")
        with tarfile.open(debian) as archive:
            archive.extractall(queue, filter="data")
        return
    raise LookupError(f"the archive has none of these versions of linux: {versions}")


def fetched(branch: str, into: Path) -> Queue:
    """The newest version of linux-BRANCH that the archive really has; fetched once, some 300 MB."""
    if not into.exists():
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into.parent, prefix="fetching-") as scratch:
            _fetch(branch, Path(scratch), Path(scratch) / "queue")
            (Path(scratch) / "queue").rename(into)
    (upstream,) = into.glob("*.orig.tar.xz")
    (patched,) = into.glob("linux-source-*.tar.xz")
    return Queue(upstream, into / "debian" / "patches", patched)


def _fetch(branch: str, scratch: Path, queue: Path) -> None:
    apt = _private(scratch, _SECURITY)
    _run("apt-get", *apt, "-qq", "update", cwd=scratch)
    rows = _run("apt-cache", *apt, "madison", f"linux-{branch}", cwd=scratch).splitlines()
    versions = list(dict.fromkeys(row.split("|")[1].strip() for row in rows if row.count("|") == 2))
    for version in versions:  # the one that is named first may not be there yet
        shutil.rmtree(queue, ignore_errors=True)
        queue.mkdir()
        try:
            _run("apt-get", *apt, "-qq", "--download-only", "source", f"linux-{branch}={version}", cwd=queue)
            _run("apt-get", *apt, "-qq", "download", f"linux-source-{branch}={version}", cwd=queue)
        except subprocess.CalledProcessError:
            continue
        _unpack(queue)
        return
    raise LookupError(f"the archive has none of these versions of linux-{branch}: {versions}")


def _unpack(queue: Path) -> None:
    (debian,) = queue.glob("*.debian.tar.*")
    (deb,) = queue.glob("*.deb")
    with tarfile.open(debian) as archive:
        archive.extractall(queue, filter="data")
    _run("dpkg-deb", "-x", deb, "unpacked", cwd=queue)
    (tarball,) = (queue / "unpacked" / "usr" / "src").glob("linux-source-*.tar.xz")
    tarball.rename(queue / tarball.name)
    shutil.rmtree(queue / "unpacked")
    deb.unlink()


def _private(scratch: Path, suite: str) -> list[str]:
    """apt options for lists, cache and sources below ``scratch``."""
    for directory in ("state/lists/partial", "cache/archives/partial"):
        (scratch / directory).mkdir(parents=True)
    sources = "".join(f"{kind} [signed-by={_KEYRING}] {_ARCHIVE}/{suite} main\n" for kind in (SOURCE, BINARY))
    (scratch / "sources.list").write_text(sources)
    options = {
        "Dir::State": scratch / "state",
        "Dir::Cache": scratch / "cache",
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Debug::NoLocking": "1",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=True)
    return done.stdout
