# SPDX-License-Identifier: GPL-2.0-only
"""A userland: put together of packages or of a folder, the same bytes each time, and refused where nothing could run.

That it boots is for tests/e2e/test_userland.py.
"""

import io
import os
import shutil
import stat
import struct
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries.app import setup
from kseries.app.options import Options
from kseries.guest import rootfs, userland
from kseries.guest.userland import Wanted
from kseries.host import processes
from kseries.kbuild import initramfs
from kseries.model import Machine, Userland, events
from kseries.model.errors import InfraError, InputError, UnavailableError
from kseries.sources import archive
from kseries.sources.packages import Suite

X86, ARM = archs.get("x86_64"), archs.get("arm64")
SHELL = b"\x7fELF\x02" + bytes(13) + struct.pack("<H", X86.elf_machine) + bytes(64)
needs_tools = pytest.mark.skipif(shutil.which("tar2sqfs") is None, reason="no squashfs-tools-ng here")


def _package(
    files: Mapping[str, bytes], links: Mapping[str, str] = {}, hard: Mapping[str, str] = {}
) -> tarfile.TarFile:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime, info.uid = len(text), 0o755, 1234, 1000
            tar.addfile(info, io.BytesIO(text))
        for kind, named in ((tarfile.SYMTYPE, links), (tarfile.LNKTYPE, hard)):
            for name, to in named.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, to
                tar.addfile(info)
    data.seek(0)
    return tarfile.open(fileobj=data)


def _text(root: rootfs.Root, path: str) -> bytes:
    with root[path].opened() as file:
        return file.read()


def test_what_older_packages_have_without_usr_is_in_usr_and_found_under_both_names() -> None:
    root = rootfs.of_packages({"dash": _package({"./bin/dash": SHELL}), "libc6": _package({"./lib/x/libc.so.6": b"c"})})
    assert _text(root, "usr/bin/dash") == SHELL and "bin/dash" not in root
    assert rootfs.resolve(root, "/bin/sh") == "usr/bin/dash"
    assert rootfs.resolve(root, "/lib/x/libc.so.6") == "usr/lib/x/libc.so.6"
    assert "lib64" not in root


def test_what_is_left_out_and_what_is_written_by_hand() -> None:
    given = {"./usr/share/doc/a/copyright": b"", "./usr/share/documents": b"", "./etc/passwd": b"mine"}
    root = rootfs.of_packages({"a": _package(given)})
    assert [path for path in root if path.startswith("usr/share/doc/")] == ["usr/share/doc/a"], "by which it is known"
    assert stat.S_ISDIR(root["usr/share/doc/a"].mode) and "usr/share/documents" in root
    assert _text(root, "etc/passwd").startswith(b"root:x:0:0:")
    assert root["etc/mtab"].link == "../proc/self/mounts"
    assert stat.S_IMODE(root["tmp"].mode) == 0o1777


def test_a_hard_link_is_the_file_that_it_is_another_name_of() -> None:
    root = rootfs.of_packages({"a": _package({"./usr/bin/perl": b"p"}, hard={"./usr/bin/perl5": "./usr/bin/perl"})})
    assert _text(root, "usr/bin/perl5") == b"p"
    with pytest.raises(InfraError, match=r"links to \./x, which it does not hold"):
        rootfs.of_packages({"a": _package({}, hard={"./y": "./x"})})


def test_the_link_that_an_alternative_would_be_is_there_unless_a_package_has_it() -> None:
    root = rootfs.of_packages({"mawk": _package({"./usr/bin/mawk": b"m"})})
    assert root["usr/bin/awk"].link == "mawk"
    root = rootfs.of_packages({"own": _package({"./usr/bin/awk": b"a", "./usr/bin/mawk": b"m"})})
    assert _text(root, "usr/bin/awk") == b"a"


def test_a_path_that_leads_out_of_the_root_is_refused() -> None:
    with pytest.raises(InfraError, match=r"the package evil has a path that leads out of the root: \./\.\./x"):
        rootfs.of_packages({"evil": _package({"./../x": b""})})


def test_links_are_followed_within_the_root_and_not_for_ever() -> None:
    links = {"./a": "b", "./b": "a", "./up": "../../../usr", "./abs": "/usr/x"}
    root = rootfs.of_packages({"a": _package({"./usr/x": b""}, links)})
    assert rootfs.resolve(root, "a") is None
    assert rootfs.resolve(root, "up/x") == rootfs.resolve(root, "abs") == "usr/x"
    assert rootfs.resolve(root, "usr/none") is None


def _folder(top: Path, shell: bytes = SHELL) -> Path:
    for name, text in (("bin/sh", shell), ("etc/b", b"b" * 5000), ("etc/a", b"a")):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(text)
    (top / "etc/link").symlink_to("a")
    os.mkfifo(top / "etc/pipe")
    return top


@needs_tools
def test_the_same_files_are_the_same_image_in_two_caches_whatever_their_dates(tmp_path: Path) -> None:
    one = userland.find(Wanted(str(_folder(tmp_path / "a"))), X86, tmp_path / "c1", print)
    os.utime(tmp_path / "a" / "etc/a", (1, 1))
    two = userland.find(Wanted(str(tmp_path / "a")), X86, tmp_path / "c2", print)
    assert one == two
    image = userland.path(tmp_path / "c1", one.digest)
    assert image.read_bytes() == userland.path(tmp_path / "c2", one.digest).read_bytes()
    said = processes.run(["rdsquashfs", "--describe", image], seconds=60).text
    assert "slink etc/link 0777 0 0 a" in said and "pipe" not in said
    (tmp_path / "a" / "etc/a").write_bytes(b"other")
    assert userland.find(Wanted(str(tmp_path / "a")), X86, tmp_path / "c1", print).digest != one.digest


@needs_tools
def test_an_image_of_the_users_is_kept_by_its_digest(tmp_path: Path) -> None:
    made = userland.find(Wanted(str(_folder(tmp_path / "a"))), X86, tmp_path / "c1", print)
    file = tmp_path / "mine.squashfs"
    shutil.copy(userland.path(tmp_path / "c1", made.digest), file)
    assert userland.find(Wanted(str(file)), X86, tmp_path / "c2", print) == msgspec.structs.replace(
        made, name=str(file)
    )
    with pytest.raises(InputError, match="its /bin/sh is no program for arm64"):
        userland.find(Wanted(str(file)), ARM, tmp_path / "c2", print)


@needs_tools
@pytest.mark.parametrize(
    ("mend", "said"),
    [
        (lambda data: data[:200], "cannot be read: loading ID table"),
        (lambda data: data[:96] + b"\xff" * len(data[96:]), "cannot be read: loading ID table"),
        (lambda data: data[:24] + b"\xff" * 72 + data[96:], "cannot be read: reading super block"),
        (lambda data: data[:20] + b"\x03" + data[21:], "compressed by what no kernel here reads"),
        (lambda _: b"hsqs", "neither a folder nor a squashfs image"),
    ],
)
def test_what_only_looks_like_an_image_is_refused_in_a_line_or_two(
    mend: Callable[[bytes], bytes], said: str, tmp_path: Path
) -> None:
    made = userland.find(Wanted(str(_folder(tmp_path / "a"))), X86, tmp_path / "c1", print)
    bad = tmp_path / "bad.squashfs"
    bad.write_bytes(mend(userland.path(tmp_path / "c1", made.digest).read_bytes()))
    with pytest.raises(InputError) as caught:
        userland.find(Wanted(str(bad)), X86, tmp_path / "c2", print)
    assert str(caught.value).startswith(f"--userland {bad}: {said}") and str(caught.value).count("\n") < 2
    assert not list((tmp_path / "c2" / "userland").iterdir()), "nothing of it is kept"


@needs_tools
def test_whatever_names_and_devices_a_root_has_it_is_an_image(tmp_path: Path) -> None:
    top = os.fsencode(_folder(tmp_path / "a"))
    names = (b"new\nline", b'quo"te', b"-dash", b"\xff\xfe", b"\x1b[31m", b"x" * 255, b"sp ace", b"back\\slash")
    for name in names:
        Path(os.fsdecode(top + b"/" + name)).write_text("x")
    Path(os.fsdecode(top + b"/out")).symlink_to("../../../../etc/passwd")
    made = userland.find(Wanted(str(tmp_path / "a")), X86, tmp_path / "c1", print)
    image = tmp_path / "mine.squashfs"
    shutil.copy(userland.path(tmp_path / "c1", made.digest), image)
    said = processes.run(["rdsquashfs", "--describe", image], seconds=60).stdout
    assert all(name in said for name in names if b'"' not in name) and b"slink out 0777 0 0 ../../../../etc" in said
    assert userland.find(Wanted(str(image)), X86, tmp_path / "c2", print).digest == made.digest


@needs_tools
def test_devices_of_an_image_are_none_of_this_hosts(tmp_path: Path) -> None:
    (tmp_path / "sh").write_bytes(SHELL)
    listing = f"dir bin 0755 0 0\nfile bin/sh 0755 0 0 {tmp_path}/sh\nnod mem 0666 0 0 c 1 1\nnod disk 0666 0 0 b 8 0\n"
    (tmp_path / "listing").write_text(listing)
    done = processes.run(["gensquashfs", "-q", "-F", tmp_path / "listing", tmp_path / "i.squashfs"], seconds=60)
    assert done.returncode == 0, done.stderr
    made = userland.find(Wanted(str(tmp_path / "i.squashfs")), X86, tmp_path / "c", print)
    assert [path.name for path in (tmp_path / "c" / "userland").iterdir()] == [f"{made.digest}.squashfs"]


@needs_tools
def test_an_image_that_is_not_as_it_was_is_not_used(tmp_path: Path) -> None:
    made = userland.find(Wanted(str(_folder(tmp_path / "a"))), X86, tmp_path, print)
    image = userland.path(tmp_path, made.digest)
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="is not as it was"):
        userland.path(tmp_path, made.digest)
    assert not image.exists()
    with pytest.raises(InputError, match="no userland is kept as"):
        userland.path(tmp_path, "../x")


@needs_tools
@pytest.mark.parametrize(
    ("shell", "said"),
    [
        (None, "it has no shell, /bin/sh"),
        (b"#!/bin/x\n", "is no program for x86_64"),
        (
            SHELL.replace(struct.pack("<H", X86.elf_machine), struct.pack("<H", ARM.elf_machine)),
            "is no program for x86",
        ),
    ],
)
def test_a_root_in_which_nothing_could_run_is_refused(shell: bytes | None, said: str, tmp_path: Path) -> None:
    top = _folder(tmp_path / "a", shell or SHELL)
    if shell is None:
        (top / "bin/sh").unlink()
    with pytest.raises(InputError, match=said):
        userland.find(Wanted(str(top)), X86, tmp_path / "c", print)


@pytest.mark.parametrize(
    ("name", "packages", "said"),
    [
        ("debian:buzz", (), "no suite that userlands are made of\n  there are: debian:bookworm, "),
        ("none", (), "none: cannot read it: No such file or directory"),
        ("text", (), "neither a folder nor a squashfs image"),
        ("text", ("git",), "--package git: only of --userland debian:SUITE"),
        ("debian:bookworm", ("-o",), "--package -o: no name of a Debian package"),
    ],
)
def test_what_is_no_userland_is_refused(
    name: str, packages: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archive, "missing", lambda: None)
    monkeypatch.setattr(processes, "require", lambda tool, _: tool)
    Path("text").write_text("text")
    with pytest.raises(InputError) as caught:
        userland.find(Wanted(name, packages), X86, tmp_path / "c", print)
    assert said in str(caught.value)


def _apt(monkeypatch: pytest.MonkeyPatch, install: processes.Done, *, lists: bool) -> None:
    """An apt that answers so, with or without package lists."""

    def answer(home: Path, *words: str, sources: Sequence[str] | None = None) -> processes.Done:
        if "update" not in words:
            return install
        (home / "lists").mkdir(parents=True, exist_ok=True)
        if lists:
            (home / "lists" / "x_dists_bookworm_main_binary-arm64_Packages.xz").touch()
        return processes.Done(0 if lists else 100, b"", b"E: Could not resolve 'deb.debian.org'\n")

    monkeypatch.setattr(archive, "mirrors", lambda: ({"debian": "http://x", "debian-security": "http://y"},))
    monkeypatch.setattr(archive, "apt", answer)


def test_what_apt_would_install_is_what_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"Need 1 B\n'http://x/lib_1%3a2-3_arm64.deb' lib_1%3a2-3_arm64.deb 7 SHA256:{'a' * 64}\n".encode()
    said += f"'http://x/bin_5_all.deb' bin_5_all.deb 9 SHA256:{'b' * 64}\n".encode()
    _apt(monkeypatch, processes.Done(0, said, b""), lists=True)
    found = Suite(tmp_path, "bookworm", "arm64").closure(("lib", "bin"), print)
    seen = [(one.name, one.version, one.size, one.sha256[0]) for one in found]
    assert seen == [("bin", "5", 9, "b"), ("lib", "1:2-3", 7, "a")]


def test_what_would_bring_all_of_perl_is_not_taken_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def answer(home: Path, *words: str, sources: Sequence[str] | None = None) -> processes.Done:
        (home / "lists").mkdir(parents=True, exist_ok=True)
        (home / "lists" / "x_dists_bookworm_main_binary-arm64_Packages.xz").touch()
        told.extend(Path(word.partition("=")[2]).read_text() for word in words if "Dir::Etc::Preferences=" in word)
        uris = "".join(
            f"'http://x/{one}_1_all.deb' {one}_1_all.deb 7 SHA256:{'a' * 64}\n" for one in ("aa", "usrmerge")
        )
        return processes.Done(0, uris.encode(), b"")

    monkeypatch.setattr(archive, "mirrors", lambda: ({"debian": "http://x", "debian-security": "http://y"},))
    monkeypatch.setattr(archive, "apt", answer)
    Suite(tmp_path, "bookworm", "arm64").closure(("aa",), print)
    Suite(tmp_path, "bookworm", "arm64").closure(("aa", "usrmerge"), print)
    assert told == ["Package: usrmerge\nPin: release *\nPin-Priority: -1\n\n", ""]


def test_without_leave_to_fetch_nothing_is_fetched_and_no_result_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "apt", None)
    told: list[events.Event] = []
    found = userland.find(Wanted("debian:bookworm"), X86, tmp_path, told.append, fetch=False)
    assert (found.digest, found.packages) == ("", {})
    assert told == [events.Preparing("the userland debian:bookworm is not made yet, so no result with it is known")]
    with pytest.raises(InputError, match="no suite that userlands are made of"):
        userland.find(Wanted("debian:buzz"), X86, tmp_path, told.append, fetch=False)
    options = Options(out=tmp_path, arch="x86_64", userland="debian:bookworm")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = setup.setup_of(options, fetch=False)
    assert made.image is None and made.userland == found


def test_a_package_that_there_is_not_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _apt(monkeypatch, processes.Done(100, b"", b"E: Unable to locate package nosuch\n"), lists=True)
    with pytest.raises(InputError, match="--package nosuch: Debian's bookworm has no such package for arm64"):
        Suite(tmp_path, "bookworm", "arm64").closure(("nosuch",), print)


def test_without_a_network_it_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _apt(monkeypatch, processes.Done(0, b"", b""), lists=False)
    with pytest.raises(UnavailableError, match="Debian's bookworm cannot be read\n  Could not resolve"):
        Suite(tmp_path, "bookworm", "arm64").closure(("bash",), print)


def test_a_guest_that_is_too_small_for_the_image_is_refused() -> None:
    made = Userland(name="u", digest="0" * 64, size=300 << 20)
    userland.check_memory(made, Machine(memory=1024))
    with pytest.raises(InputError, match="--userland u: with its 300 MiB a guest needs --memory 728"):
        userland.check_memory(made, Machine(memory=512))


def test_the_image_stands_behind_the_initramfs_and_who_has_none_pays_nothing(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"hsqs")
    assert initramfs.userland(None) == b""
    assert initramfs.userland(image).startswith(b"070701") and b"userland.squashfs\0" in initramfs.userland(image)
