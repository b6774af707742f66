# SPDX-License-Identifier: GPL-2.0-only
"""The fallback for hosts whose apt has no kernel source, against a server on this machine."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.model.errors import InfraError
from kseries.sources import TreeStore, kernelorg, kernels
from tests.support import bases
from tests.support.hearing import Heard


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that is served as kernel.org serves v6.x, with two kernels and their sums."""
    folder = tmp_path / "mirror" / "v6.x"
    folder.mkdir(parents=True)
    for version in ("6.12.9", "6.12.117", "6.1.200"):
        _tarball(folder / f"linux-{version}.tar.xz", version)
    _publish_sums(folder)
    handler = functools.partial(_Quiet, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("KSERIES_KERNEL_MIRROR", f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()
        thread.join()


def _tarball(path: Path, version: str) -> None:
    major, patch, sub = version.split(".")
    text = f"VERSION = {major}\nPATCHLEVEL = {patch}\nSUBLEVEL = {sub}\n".encode()
    with tarfile.open(path, "w:xz") as archive:
        member = tarfile.TarInfo(f"linux-{version}/Makefile")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))


def _publish_sums(folder: Path) -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in folder.glob("*.tar.xz")]
    signed = ["-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA256", "", *lines, "-----BEGIN PGP SIGNATURE-----"]
    (folder / "sha256sums.asc").write_text("\n".join(signed) + "\n")


def test_the_newest_of_the_branch_is_fetched(mirror: Path, tmp_path: Path) -> None:
    path, version = kernelorg.fetch("6.12", tmp_path)
    assert version == "6.12.117"
    assert path.read_bytes() == (mirror / "linux-6.12.117.tar.xz").read_bytes()


def test_a_tarball_without_its_published_checksum_is_refused_and_removed(mirror: Path, tmp_path: Path) -> None:
    with (mirror / "linux-6.12.117.tar.xz").open("ab") as tarball:
        tarball.write(b"more")
    with pytest.raises(InfraError, match="does not have its published checksum"):
        kernelorg.fetch("6.12", tmp_path)
    assert not list(tmp_path.glob("*.tar.xz"))


def test_a_branch_that_is_not_there_is_named(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(InfraError, match=r"lists no linux-6\.13\.y tarball"):
        kernelorg.fetch("6.13", tmp_path)


def test_a_server_that_is_not_there_is_an_infrastructure_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSERIES_KERNEL_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(InfraError, match=r"cannot fetch http://127\.0\.0\.1:1/v6\.x/sha256sums\.asc"):
        kernelorg.fetch("6.12", tmp_path)


def test_where_apt_has_nothing_the_base_comes_from_there(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("git", "sh"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # a host without apt
    said = Heard()
    store = TreeStore(tmp_path / "trees.git")
    base = kernels.get("debian:linux-source-6.12", None, store, tmp_path / "cache", said)
    assert (base.name, base.version) == ("kernel.org linux-6.12.117", "6.12.117")
    assert "there is no apt-get here: fetching linux-6.12.y from kernel.org" in said
    said.clear()
    assert kernels.get("debian:linux-source-6.12", None, store, tmp_path / "cache", said) == base
    assert said == []


def test_a_release_that_nobody_has_is_not_to_be_had_and_its_tests_are_skipped(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to("/usr/bin/git")
    with pytest.raises(
        pytest.skip.Exception,
        match=r"linux-source-6\.13 is not to be had: there is no apt-get here; .* no linux-6\.13\.y",
    ):
        bases.debian("6.13")
    assert bases.debian("6.12").version == "6.12.117"
