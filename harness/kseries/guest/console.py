# SPDX-License-Identifier: GPL-2.0-only
"""A booted state with a person at its console: busybox, the probes and the user's files, until they leave."""

import contextlib
import errno
import os
import shlex
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.guest import added, folder, qemu
from kseries.guest.machine import Image
from kseries.host import processes
from kseries.kbuild.initramfs import DIRECTORY, LINK, PROGRAM, archive, member
from kseries.model import Accel, Machine
from kseries.model.errors import InputError

_SCRIPT = "etc/kseries"
_ONCE = "user"
"""What the place of the user's files was called, and is still, too."""
_ALONE = "setsid cttyhack sh"
# Mounted as for a run, and the root as there (guests/init/init.c). The prompt is ours: bash takes PS1 as it is, without
# files to read.
_IN_USERLAND = """\
/init --mount-userland || reboot -f
cd /userland
bash=$(chroot . /bin/sh -c 'command -v bash')
mount -o move . / || reboot -f
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/probes:/programs HOME=/root
setsid cttyhack chroot . ${bash:-/bin/sh} ${bash:+--norc}"""


@dataclass(frozen=True)
class Wanted:
    """What a person wants at the console: a prompt, files of their own, and sockets in a folder."""

    prompt: str
    busybox: Path
    files: Path | None = None
    sockets: Path | None = None
    userland: bool = False
    """Whether the shell is that of the userland that the guest has."""


def run(arch: Arch, accel: Accel, image: Image, wanted: Wanted, scratch: Path, machine: Machine) -> int:
    """Boot a kernel on this terminal and wait for its end; QEMU's exit status. Nothing is left running."""
    processes.require(arch.qemu, arch.qemu_package)
    place = scratch / "qemu"
    folder.make(place, image.archives + archive(_members(wanted)), machine)
    command_line = qemu.console_command_line(arch, f"/{_SCRIPT}", machine)
    box = folder.box(place, accel, machine, image.kernel)
    with _listening(wanted.sockets) as sockets:
        argv = qemu.console_argv(arch, accel, image.kernel, folder.INITRD, command_line, sockets, machine)
        return processes.on_terminal(argv, box, tuple(sockets.values()))


@contextlib.contextmanager
def _listening(folder: Path | None) -> Iterator[dict[str, int]]:
    """Sockets in a folder of the user's, for QEMU to inherit: whoever is in the box gets no folder of theirs.

    Raises InputError where something else of that name is there, and OSError.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            yield {}
            return
        folder.mkdir(parents=True, exist_ok=True)
        yield {name: stack.enter_context(_bound(folder, name)).fileno() for name in ("qmp", "gdb")}


@contextlib.contextmanager
def _bound(folder: Path, name: str) -> Iterator[socket.socket]:
    path = folder / name
    if path.is_socket() or path.is_symlink():
        path.unlink()  # left by one that was killed
    held = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            # The folder's own path may have more bytes than the address of a socket (unix(7)).
            listening.bind(f"/proc/self/fd/{held}/{name}")
            listening.listen()
            try:
                yield listening
            finally:
                path.unlink(missing_ok=True)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise InputError(f"--sockets {folder}: {path} is there, and is no socket") from error
    finally:
        os.close(held)


def _members(wanted: Wanted) -> Iterator[bytes]:
    yield from (member(name, DIRECTORY) for name in ("bin", "etc"))
    yield member("bin/busybox", PROGRAM, wanted.busybox.read_bytes())
    yield member("bin/sh", LINK, b"busybox")
    yield member(_SCRIPT, PROGRAM, _script(wanted.prompt, _IN_USERLAND if wanted.userland else _ALONE).encode())
    if wanted.files is not None:
        yield from added.members(wanted.files)
        yield member(_ONCE, LINK, added.PLACE.encode())


def _script(prompt: str, shell: str) -> str:
    """What is done before the prompt appears, and after whoever sits at it leaves.

    sh reads it by itself: the configuration need not have scripts as programs (CONFIG_BINFMT_SCRIPT).
    """
    size = shutil.get_terminal_size()
    return f"""\
/bin/busybox --install -s /bin
export PATH=/bin:/probes:/programs HOME=/ TERM={shlex.quote(os.environ.get("TERM", "vt100"))}
export PS1={shlex.quote(f"{prompt} # ")}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
stty rows {size.lines} cols {size.columns}
echo
echo {shlex.quote(f"This is {prompt}.")} "$(uname -r), the probes are in /probes"
echo "exit, or Ctrl-A x, ends it"
{shell}
reboot -f
"""
