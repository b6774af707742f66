# SPDX-License-Identifier: GPL-2.0-only
"""A mirror of Debian's archive that a test fills: small packages of kernel sources, in suites that are signed."""

import email.utils
import functools
import hashlib
import http.server
import io
import itertools
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_DAY = 24 * 3600.0


class Key:
    """A key to sign with, and the keyring in which apt would find it."""

    def __init__(self, place: Path) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="kg-"))  # a socket's path has to be short
        self.keyring = place / f"{self._home.name}.gpg"
        self._gpg("--passphrase", "", "--quick-gen-key", "archive@example.com", "ed25519", "sign", "never")
        self.keyring.write_bytes(self._gpg("--export"))

    def sign(self, text: str) -> bytes:
        return self._gpg("--clearsign", stdin=text)

    def forget(self) -> None:
        """Have gpg-agent end, and its folder go."""
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "gpg-agent"], check=True)
        # It takes its sockets along when it goes, which may be meanwhile.
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def _gpg(self, *words: str, stdin: str = "") -> bytes:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", *words]
        return subprocess.run(command, input=stdin.encode(), capture_output=True, check=True).stdout


class Mirror:
    """Packages, and the suites that list them; a suite is what it was when it was published."""

    def __init__(self, top: Path, key: Key) -> None:
        self.top = top
        self.requests: list[str] = []
        """What was asked for over HTTP, each with the status of its answer."""
        self._key = key
        self._times = itertools.count(int(time.time() - _DAY))
        self._listed: dict[str, list[str]] = {}
        self._server: http.server.ThreadingHTTPServer | None = None

    def add(self, suite: str, *versions: str) -> list[Path]:
        """Put packages into a suite, linux-source-6.1 of 6.1.9-1, and publish it."""
        added = []
        for version in versions:
            deb = self._pool(suite) / f"linux-source_{version}.deb"
            if not deb.exists():
                _build(deb, version)
            self._listed.setdefault(suite, []).append(_paragraph(deb, version, self._folder(suite)))
            added.append(deb)
        self.publish(suite)
        return added

    def publish(
        self, suite: str, *, by: Key | None = None, indices: Sequence[str] = ("all",), expired: bool = False
    ) -> None:
        """Sign what a suite has by now, with the index of packages of these architectures."""
        place = self._folder(suite) / "dists" / suite
        shutil.rmtree(place, ignore_errors=True)
        text = "\n\n".join(self._listed.get(suite, [])).encode()
        sums = []
        for index in indices:
            for kind, data in (("", text), (".xz", lzma.compress(text))):
                path = place / "main" / f"binary-{index}" / f"Packages{kind}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                sums.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {path.relative_to(place)}")
        fields = ["Origin: Debian", f"Suite: {suite}", f"Codename: {suite}", f"Date: {_date(0)}", "Components: main"]
        fields += [f"Valid-Until: {_date(-_DAY)}"] if expired else []
        fields += ["Architectures: all amd64 arm64", "No-Support-for-Architecture-all: Packages"]
        release = "\n".join([*fields, "SHA256:", *sums]) + "\n"
        (place / "InRelease").write_bytes((by or self._key).sign(release))
        later = next(self._times)  # HTTP tells what is newer in seconds, in which a test publishes twice
        for path in place.rglob("*"):
            os.utime(path, (later, later))

    def index(self, suite: str, name: str = "all") -> Path:
        """The list of a suite, as it is downloaded."""
        return self._folder(suite) / "dists" / suite / "main" / f"binary-{name}" / "Packages.xz"

    def start(self) -> str:
        """Serve it; its address on this machine."""
        handler = functools.partial(_Handler, self.requests, directory=str(self.top))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Have nobody answer there from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _folder(self, suite: str) -> Path:
        return self.top / ("debian-security" if suite.endswith("-security") else "debian")

    def _pool(self, suite: str) -> Path:
        pool = self._folder(suite) / "pool"
        pool.mkdir(parents=True, exist_ok=True)
        return pool


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, requests: list[str], *args: Any, **more: Any) -> None:
        self._requests = requests
        super().__init__(*args, **more)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self._requests.append(f"{self.path} {int(code)}")


def _date(after: float) -> str:
    return email.utils.formatdate(time.time() + after)


def _release(version: str) -> str:
    return ".".join(version.replace("~", ".").replace("-", ".").split(".")[:2])


def _paragraph(deb: Path, version: str, folder: Path) -> str:
    data = deb.read_bytes()
    return "\n".join(
        (
            f"Package: linux-source-{_release(version)}",
            f"Version: {version}",
            "Architecture: all",
            f"Filename: {deb.relative_to(folder)}",
            f"Size: {len(data)}",
            f"SHA256: {hashlib.sha256(data).hexdigest()}",
            "Description: a kernel's source",
        )
    )


def _build(deb: Path, version: str) -> None:
    """A package as Debian's are: a tarball below /usr/src."""
    release = _release(version)
    with tempfile.TemporaryDirectory(dir=deb.parent) as place:
        source = Path(place) / "usr" / "src" / f"linux-source-{release}.tar.xz"
        source.parent.mkdir(parents=True)
        source.write_bytes(_tarball(version, release))
        control = Path(place) / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(
            f"Package: linux-source-{release}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: Nobody <nobody@example.com>\nDescription: a kernel's source\n"
        )
        Path(place).chmod(0o755)
        subprocess.run(["dpkg-deb", "--build", "-Znone", place, deb], check=True, capture_output=True)


def _tarball(version: str, release: str) -> bytes:
    first, second = release.split(".")
    text = f"VERSION = {first}\nPATCHLEVEL = {second}\n# {version}\n".encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        member = tarfile.TarInfo(f"linux-source-{release}/Makefile")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()
