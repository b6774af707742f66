# SPDX-License-Identifier: GPL-2.0-only
"""What tests are compiled against: a userland's own headers and libraries, and nothing of this host's."""

import io
import tarfile
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.guest import sysroot, userland
from kseries.model import events
from kseries.model.errors import InputError
from kseries.probes.install import Install
from kseries.probes.targets import Target
from kseries.sources import packages
from kseries.sources.packages import Package

X86, ARM = archs.get("x86_64"), archs.get("arm64")
FILES = {
    "usr/include/stdio.h": "int puts(const char *);\n",
    "usr/include/x86_64-linux-gnu/bits/a.h": "\n",
    "usr/lib/x86_64-linux-gnu/libc.so": "GROUP ( /lib/x86_64-linux-gnu/libc.so.6 )\n",
    "usr/lib/x86_64-linux-gnu/libc.so.6": "elf",
    "usr/lib/x86_64-linux-gnu/crt1.o": "elf",
    "usr/lib/x86_64-linux-gnu/gconv/x.so": "elf",
    "usr/bin/rpcgen": "elf",
    "etc/rpc": "\n",
}
LINKS = {
    "usr/lib/x86_64-linux-gnu/libm.so": "/lib/x86_64-linux-gnu/libm.so.6",
    "usr/lib/x86_64-linux-gnu/libd.so": "libd.so.2",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A suite with one package, and what was asked of it."""
    heard: list[tuple[str, ...]] = []

    def closure(_: packages.Suite, names: tuple[str, ...], tell: events.Listener) -> tuple[Package, ...]:
        heard.append(tuple(names))
        return (Package(name="libc6-dev", version="1", uri="u", sha256="0" * 64, size=1),)

    def fetch(_: packages.Suite, found: tuple[Package, ...], into: Path, tell: events.Listener) -> tuple[Path, ...]:
        return tuple(into / one.name for one in found)

    monkeypatch.setattr(packages.Suite, "closure", closure)
    monkeypatch.setattr(packages.Suite, "fetch", fetch)
    monkeypatch.setattr(sysroot, "opened", lambda *_: archive())
    return heard


def archive() -> tarfile.TarFile:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in FILES.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        for name, link in LINKS.items():
            info = tarfile.TarInfo(f"./{name}")
            info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info)
    data.seek(0)
    return tarfile.open(fileobj=data)


def find(cache: Path, *names: str) -> sysroot.Sysroot:
    found = sysroot.find("debian:bookworm", names, X86, cache, lambda _: None)
    assert found is not None
    return found


def test_it_has_headers_and_libraries_and_no_link_that_leads_to_this_host(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    top = find(tmp_path).path
    there = {str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir()}
    assert there == {name for name in (*FILES, *LINKS) if name.startswith("usr/") and "gconv" not in name} - {
        "usr/bin/rpcgen"
    }
    place = top / "usr/lib/x86_64-linux-gnu"
    assert (place / "libm.so").readlink() == Path("../../../lib/x86_64-linux-gnu/libm.so.6")
    assert (top / "lib").readlink() == Path("usr/lib")
    assert (top / "usr" / "include" / "stdio.h").stat().st_mode & 0o777 == 0o644
    assert asked == [tuple(sorted(sysroot.PACKAGES))]


def test_it_is_made_once_and_the_same_in_every_cache(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    first = find(tmp_path / "a")
    assert find(tmp_path / "a") == first and len(asked) == 1
    assert find(tmp_path / "b").digest == first.digest
    assert sysroot.kept(first.digest, tmp_path / "a") == first


def test_the_users_own_dev_packages_are_in_it_and_no_others(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    find(tmp_path, "libssl-dev", "jq")
    assert asked == [tuple(sorted((*sysroot.PACKAGES, "libssl-dev")))]


def test_one_that_is_gone_is_made_again_and_a_job_that_names_it_is_told(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    first = find(tmp_path)
    first.path.rename(tmp_path / "elsewhere")
    for digest in (first.digest, "../elsewhere", "x"):
        with pytest.raises(InputError, match="not in the cache"):
            sysroot.kept(digest, tmp_path)
    assert find(tmp_path) == first and len(asked) == 2


def test_a_userland_of_the_users_own_has_none(tmp_path: Path) -> None:
    assert sysroot.find(str(tmp_path), (), X86, tmp_path, lambda _: None) is None


def test_the_userland_of_targets_has_the_libraries(tmp_path: Path) -> None:
    assert {one.removesuffix("-dev") for one in sysroot.PACKAGES} - {"libc6"} == {
        one.rstrip("0123456789") for one in sysroot.LIBRARIES
    }
    assert userland.PREFIX == "debian:"


@pytest.mark.parametrize("arch", [X86, ARM], ids=lambda arch: arch.name)
def test_gcc_is_told_of_no_other_place(arch: archs.Arch, tmp_path: Path) -> None:
    """Behind the state's own headers, which are told by -isystem: -idirafter is looked at last (gcc(1))."""
    install = Install(arch, tmp_path / "source", tmp_path / "obj", 2, "ccache ", sysroot=tmp_path / "root")
    *_, (*words, _install) = install.makes([Target("net")])
    (compiler,) = (word for word in words if word.startswith("CC="))
    assert compiler.startswith(f"CC=ccache {arch.toolchain.prefix}gcc --sysroot={tmp_path / 'root'}")
    assert "-static" not in compiler
    assert ("-nostdinc" in compiler) is bool(arch.toolchain.prefix)
    without = Install(arch, tmp_path / "source", tmp_path / "obj", 2, "")
    assert f"CC={arch.toolchain.prefix}gcc -static -s" in without.makes([Target("net")])[-1]


def test_it_is_known_whether_all_of_it_is_as_it_was(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    found = find(tmp_path)
    assert sysroot.is_whole(found)
    header, link = found.path / "usr/include/stdio.h", found.path / "lib"
    header.write_text("int puts(void);\n")
    assert not sysroot.is_whole(found)
    header.write_text(FILES["usr/include/stdio.h"])
    link.unlink()
    link.symlink_to("usr")
    assert not sysroot.is_whole(found)
    link.unlink()
    assert not sysroot.is_whole(found)
    link.symlink_to("usr/lib")
    assert sysroot.is_whole(found)
    (found.path / "usr/include/more").mkdir()
    assert not sysroot.is_whole(found)
