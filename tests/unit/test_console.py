# SPDX-License-Identifier: GPL-2.0-only
"""What a person at the console finds in the guest, and what QEMU and its box are told."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.guest import added, busybox, console, qemu
from kseries.guest.console import Wanted
from kseries.kbuild.initramfs import archive
from kseries.model import Accel
from kseries.model.errors import InputError
from tests.support.cpio import Member, unpacked

TCG = Accel(name="tcg", why="")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    top = tmp_path / "mine"
    (top / "deep").mkdir(parents=True)
    (top / "deep" / "run").write_bytes(b"#!")
    (top / "deep" / "run").chmod(0o750)
    (top / "link").symlink_to("deep/run")
    return top


def members(tmp_path: Path, files: Path | None = None, prompt: str = "without-3") -> dict[str, Member]:
    (tmp_path / "busybox").write_bytes(b"box")
    wanted = Wanted(prompt=prompt, busybox=tmp_path / "busybox", files=files)
    return unpacked(archive(console._members(wanted)))


def test_the_guest_has_busybox_as_its_shell_and_the_users_files_as_they_are(tmp_path: Path, files: Path) -> None:
    found = members(tmp_path, files)
    assert found["bin/busybox"].data == b"box"
    assert stat.S_ISLNK(found["bin/sh"].mode) and found["bin/sh"].data == b"busybox"
    assert found["add/deep/run"].data == b"#!" and found["user"].data == b"add"
    assert stat.S_IMODE(found["add/deep/run"].mode) == 0o750
    assert stat.S_ISLNK(found["add/link"].mode) and found["add/link"].data == b"deep/run"


def test_the_users_files_may_have_names_that_are_no_text(tmp_path: Path) -> None:
    top = tmp_path / "mine"
    strange = os.fsdecode(b"\xff\xfe\n\xe4")
    (top / strange).mkdir(parents=True)
    (top / strange / strange).write_bytes(b"x")
    (top / "link").symlink_to(strange)
    found = members(tmp_path, top)
    assert found[f"add/{strange}/{strange}"].data == b"x"
    assert found["add/link"].data == os.fsencode(strange)


@pytest.mark.parametrize("prompt", ["without-3", "topic/it's; $(reboot)"])
def test_the_script_is_one_that_a_shell_reads_whatever_the_state_is_called(tmp_path: Path, prompt: str) -> None:
    script = members(tmp_path, prompt=prompt)["etc/kseries"].data
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    told = script.decode().splitlines()
    said = subprocess.run(
        ["sh", "-c", next(line for line in told if "This is" in line)], capture_output=True, check=True
    )
    assert said.stdout.decode().startswith(f"This is {prompt}. ")


def test_files_that_are_none_or_too_many_are_told(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such directory"):
        members(tmp_path, tmp_path / "nowhere")
    monkeypatch.setattr(added, "_LIMIT", 1 << 20)
    with (files / "big").open("wb") as big:
        os.truncate(big.fileno(), 2 << 20)
    with pytest.raises(InputError, match="more than 1 MiB"):
        members(tmp_path, files)


def test_qemu_is_given_the_terminal_and_sockets_only_for_the_asking(tmp_path: Path) -> None:
    arch = archs.get("x86_64")
    words = " ".join(qemu.console_argv(arch, TCG, Path("/k"), Path("/i"), "console=ttyS0", {}))
    assert "stdio,id=console,mux=on,signal=off" in words
    assert "-qmp" not in words and "-gdb" not in words and " -S" not in words
    more = " ".join(qemu.console_argv(arch, TCG, Path("/k"), Path("/i"), "console=ttyS0", {"qmp": 7, "gdb": 8}))
    assert "-chardev socket,id=qmp,fd=7,server=on,wait=off -mon chardev=qmp,mode=control" in more
    assert "-chardev socket,id=gdb,fd=8,server=on,wait=off -gdb chardev:gdb" in more


def test_sockets_are_in_a_folder_of_any_name_and_length_and_go_with_the_guest(tmp_path: Path) -> None:
    folder = tmp_path / ("a, b\n" * 40) / "sockets"
    folder.mkdir(parents=True)
    (folder / "qmp").symlink_to("/nowhere")  # as an earlier kseries, that was killed, may have left it
    with console._listening(folder) as sockets:
        assert (folder / "qmp").is_socket() and (folder / "gdb").is_socket()
        words = qemu.console_argv(archs.get("x86_64"), TCG, Path("/k"), Path("/i"), "", sockets)
        words[words.index("stdio,id=console,mux=on,signal=off")] = "null,id=console,mux=on"
        done = subprocess.run(words, pass_fds=sockets.values(), capture_output=True, text=True, check=False, timeout=60)
        assert "could not open kernel file" in done.stderr, "it has understood all the rest"
    assert list(folder.iterdir()) == []
    with console._listening(None) as sockets:
        assert sockets == {}
    (folder / "gdb").write_text("mine")
    with pytest.raises(InputError, match="is there, and is no socket"), console._listening(folder):
        pass
    assert (folder / "gdb").read_text() == "mine"


def test_a_program_that_needs_a_loader_is_no_busybox_for_a_guest(tmp_path: Path) -> None:
    source = tmp_path / "x.c"
    source.write_text("int main(void) { return 0; }\n")
    for words, static in (([], False), (["-static"], True)):
        subprocess.run(["gcc", *words, "-o", tmp_path / "x", source], check=True)
        assert busybox._is_static(tmp_path / "x") is static
