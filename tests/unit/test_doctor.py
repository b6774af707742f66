# SPDX-License-Identifier: GPL-2.0-only
"""kseries doctor, on hosts made of small scripts: what is there, what is missing, what it comes to."""

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from kseries import arch as archs
from kseries import cli
from kseries.app import doctor
from kseries.app.doctor import Item
from kseries.host import checksummed, paths
from kseries.model import Accel, Base, Userland
from kseries.sources import archive
from kseries.sources.archive import Catalogue, Offer

X86_64 = archs.get("x86_64")
TOOLS = {
    "qemu-system-x86_64": "QEMU emulator version 7.2.22",
    "bwrap": "bubblewrap 0.8.0",
    "git": "git version 2.39.5",
    "gcc": "gcc 12.2.0",
    "ld": "GNU ld 2.40",
    "make": "GNU Make 4.3",
    "bison": "bison 3.8.2",
    "flex": "flex 2.6.4",
    "bc": "bc 1.07.1",
    "xz": "xz 5.4.1",
    "ccache": "ccache version 4.7.5",
    "apt-cache": "linux-source-6.12 | 6.12.117-1 | http://mirror bookworm/main amd64 Packages",
}
BY_OPTION = {"sparse": "0.6.4 (Debian: 0.6.4-3)", "perl": "This is perl 5", "tar2sqfs": "tar2sqfs 1.2.0"}
"""What a run needs only with an option."""


class Host(NamedTuple):
    """A host: the directory of its tools, and its cache."""

    tools: Path
    cache: Path

    def tool(self, name: str, script: str) -> None:
        (self.tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.tools / name).chmod(0o755)

    def items(self, accel: str = "tcg") -> dict[str, Item]:
        arch = replace(X86_64, accel=lambda: Accel(name=accel, why="so it is"))
        return {item.name: item for item in doctor.examine(arch, self.cache)}

    def lacks(self) -> dict[str, Item]:
        """What a run needs and this host has not."""
        return {name: item for name, item in self.items().items() if item.needed and not item.ok}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host with every tool, each a script that tells its version, and nothing in its cache."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Host(tools, paths.cache())
    for name, version in {**TOOLS, **BY_OPTION}.items():
        made.tool(name, f"echo '{version}'; echo 'and more'")
    return made


def test_a_host_with_everything(host: Host) -> None:
    items = host.items()
    assert not host.lacks()
    assert items["qemu-system-x86_64"].said == "QEMU emulator version 7.2.22"
    assert items["linux-source-6.12"] == Item(
        name="linux-source-6.12", ok=True, said="apt has 6.12.117-1", needed=False
    )
    assert not host.cache.exists(), "looking must not change anything"


def test_of_each_thing_there_is_one_line(host: Host) -> None:
    names = [item.name for item in doctor.examine(X86_64, host.cache)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", sorted(set(TOOLS) - {"apt-cache"}))
def test_a_tool_that_is_not_there(host: Host, name: str) -> None:
    (host.tools / name).unlink()
    lacks = host.lacks()
    assert lacks[name].said == "not installed"
    assert lacks[name].package in doctor.packages(tuple(lacks.values()))


@pytest.mark.parametrize("name", sorted(set(TOOLS) - {"apt-cache"}))
def test_a_tool_that_does_not_run(host: Host, name: str) -> None:
    host.tool(name, "echo 'libfoo.so.1: not found' >&2; exit 127")
    assert host.lacks()[name].said == "does not run: libfoo.so.1: not found"


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_tool_that_the_kernel_refuses(host: Host, name: str) -> None:
    (host.tools / name).write_bytes(b"\x7fELF but of no machine")
    item = host.items()[name if name != "apt-cache" else "linux-source-6.12"]
    assert not item.ok
    assert item.said.startswith(("does not run: ", "there is no apt-get here"))


@pytest.mark.parametrize(
    ("version", "fits"),
    [("2.37.9", False), ("1.40", False), ("2.38.5", False), ("2.39.0", True), ("2.100.1.windows", True), ("3.0", True)],
)
def test_git_must_merge_without_checking_out(host: Host, version: str, fits: bool) -> None:
    host.tool("git", f"echo 'git version {version}'")
    assert ("git" not in host.lacks()) is fits


def test_bwrap_must_be_able_to_make_a_box(host: Host) -> None:
    host.tool("bwrap", '[ "$1" = --version ] || { echo "bwrap: setting up uid map: Permission denied"; exit 1; }')
    assert host.lacks()["bwrap"].said.startswith("cannot make a box: bwrap: setting up uid map: Permission denied")


def test_bwrap_that_hangs_is_killed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_SECONDS", 0.3)
    host.tool("bwrap", '[ "$1" = --version ] || exec /bin/sleep 60')
    assert host.lacks()["bwrap"].said.startswith("cannot make a box: no answer")


def test_a_header_that_the_compiler_does_not_find(host: Host) -> None:
    host.tool(
        "gcc", 'while read -r line; do case $line in *gelf.h*) exit 1 ;; esac; done\n[ "$1" != --version ] || echo 1'
    )
    assert {name: item.package for name, item in host.lacks().items()} == {"gelf.h": "libelf-dev"}


def test_no_room_in_the_cache(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM", 1 << 62)
    assert "GiB free, a first run takes" in host.lacks()["cache"].said


def test_a_cache_that_cannot_be_written(host: Host) -> None:
    host.cache.parent.write_text("a file where the cache should be")
    assert "is not writable; set XDG_CACHE_HOME" in host.lacks()["cache"].said


def test_nesting_and_the_kernel_source_can_be_done_without(host: Host) -> None:
    assert host.items("kvm")["nested guests"].ok
    (host.tools / "apt-cache").unlink()
    items = host.items()
    assert "TCG, which is slower" in items["nested guests"].said
    no_apt = "there is no apt-get here: it comes from kernel.org, or name a --tree"
    assert items["linux-source-6.12"].said == no_apt
    host.tool("apt-cache", "")
    assert host.items()["linux-source-6.12"].said == no_apt
    assert not host.lacks()


def test_the_kernels_that_are_at_hand_and_those_that_can_be_had_are_told_and_none_is_fetched(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host.tools / "apt-cache").unlink()
    monkeypatch.setattr(archive, "missing", lambda: None)
    items = host.items()
    assert items["linux-source-6.12"].said == "not known: a run looks for it in Debian"
    assert items["kernel sources"].said == "what Debian has was not looked up yet: --tree debian: does"
    assert not items["kernel sources"].ok
    offers = tuple(
        Offer(package=f"linux-source-{version[:3]}", version=version, suite="sid", uri="x", sha256="x", size=1)
        for version in ("7.3~rc7-1", "7.2.13-1", "7.2.12-1")
    )
    known = Catalogue(read=time.time() - 3.5 * 3600, offers=offers, places={}, lacking={})
    (host.cache / "debian").mkdir(parents=True)
    (host.cache / "bases").mkdir()
    checksummed.write(host.cache / "debian" / "catalogue.json", msgspec.json.encode(known))
    base = Base(name="debian:linux-source-7.2 7.2.12-1", version="7.2.12", tree="x")
    checksummed.write(host.cache / "bases" / "linux-source-7.2.json", msgspec.json.encode(base))
    (host.cache / "bases" / "linux-source-6.12.json").touch()
    assert host.items()["kernel sources"] == Item(
        name="kernel sources",
        ok=True,
        said="imported: linux-source-7.2 7.2.12-1; Debian has 7.3 (7.3~rc7-1), 7.2 (7.2.13-1), as of 3 hours ago",
        needed=False,
    )
    assert not [path for path in host.cache.rglob("*") if path.is_file() and path.suffix != ".json"]


def test_a_source_in_the_cache_needs_no_apt(host: Host) -> None:
    (host.cache / "bases").mkdir(parents=True)
    (host.cache / "bases" / "linux-source-6.12.json").touch()
    (host.tools / "apt-cache").unlink()
    assert host.items()["linux-source-6.12"].ok


@pytest.mark.parametrize("name", archs.known())
def test_the_packages_are_those_that_the_launcher_installs(host: Host, name: str) -> None:
    for tool in TOOLS:
        (host.tools / tool).unlink()
    named = set(doctor.packages(tuple(doctor.examine(archs.get(name), host.cache))))
    installed = set(paths.project("debian-packages.txt").read_text().split())
    more = paths.project(f"debian-packages-{name}.txt")
    installed |= set(more.read_text().split()) if more.exists() else set()
    # A compiler depends on its binutils; doctor itself runs in the venv.
    binutils = archs.get(name).toolchain.binutils_package
    assert named - {binutils} == installed - {"python3-venv"} - ({"qemu-system-x86"} if more.exists() else set())
    assert binutils in named


# --- the command --------------------------------------------------------------------------------


def test_the_command_says_what_to_install(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    (host.tools / "bison").unlink()
    (host.tools / "bc").unlink()
    assert cli.main(["doctor"]) == 3
    said = capsys.readouterr().out
    assert "MISSING  bison               not installed\n" in said
    assert "ok       gcc                 gcc 12.2.0\n" in said
    assert "On Debian: apt-get install --no-install-recommends bison bc\n" in said
    assert said.endswith("A run is NOT possible: see MISSING above.\n")


def test_the_command_on_a_host_with_everything(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "MISSING" not in said and "apt-get install" not in said
    assert said.endswith("A run is possible.\n")


def test_json(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    (host.tools / "flex").unlink()
    assert cli.main(["doctor", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["possible"] is False
    assert {"name": "flex", "ok": False, "said": "not installed", "needed": True, "package": "flex"} in said["items"]


def test_an_architecture_that_nobody_knows(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--arch", "vax"]) == 2
    assert capsys.readouterr().err.startswith("kseries: unknown architecture: vax\n")


def test_what_only_an_option_needs_keeps_no_run_from_starting(host: Host) -> None:
    items = host.items()
    assert (items["sparse"].said, items["sparse"].ok) == ("0.6.4 (Debian: 0.6.4-3)", True)
    for name in BY_OPTION:
        (host.tools / name).unlink()
    items = host.items()
    assert items["sparse"].said == "not installed; only --make C=1 and C=2 need it: apt-get install sparse"
    assert items["perl"].said == "perl is not installed; only --checkpatch needs it: apt-get install perl"
    install = "only --userland needs it: apt-get install squashfs-tools-ng"
    assert items["userlands"].said == f"tar2sqfs: not installed; {install}"
    assert doctor.possible(tuple(items.values()))


def test_which_userlands_are_made_and_whether_others_can_be(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.items()["userlands"].said == "of folders and images only: there is no apt-get here"
    monkeypatch.setattr(archive, "missing", lambda: None)
    assert host.items()["userlands"] == Item(name="userlands", ok=True, said="tar2sqfs 1.2.0", needed=False)
    home = host.cache / "userland"
    home.mkdir(parents=True)
    image = b"an image"
    digest = hashlib.sha256(image).hexdigest()
    for suite, debian in (("bookworm", "amd64"), ("trixie", "arm64"), ("sid", "amd64")):
        known = Userland(name=f"debian:{suite}", digest=digest if suite != "sid" else "0" * 64, size=1)
        checksummed.write(home / f"{suite}-{debian}-0123.json", msgspec.json.encode(known))
    (home / f"{digest}.squashfs").write_bytes(image)
    assert host.items()["userlands"].said == "tar2sqfs 1.2.0; made for x86_64: debian:bookworm"


def test_a_perl_without_the_modules_of_checkpatch_is_told(host: Host) -> None:
    host.tool("perl", "exit 2")
    assert host.items()["perl"].said == (
        "perl lacks modules that scripts/checkpatch.pl uses; only --checkpatch needs it: apt-get install perl"
    )
    host.tool("perl", "exit 0")
    assert host.items()["perl"].ok
