# SPDX-License-Identifier: GPL-2.0-only
"""Hosts that have a network each: namespaces of this kernel, joined by a bridge, with certificates of one authority."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_NET = "10.231.77"
"""Of no use to anybody else: it is seen within the namespaces alone."""


def possible() -> bool:
    """Whether we may make some here."""
    words = ("unshare", "--net", "--mount", "ip", "link", "add", "name", "v0", "type", "veth", "peer", "name", "v1")
    return os.geteuid() == 0 and _run(*words).returncode == 0


@dataclass(frozen=True)
class Host:
    """A namespace with an address. ``pid`` is of the process that keeps it."""

    name: str
    address: str
    pid: int
    link: str

    def within(self, *words: str, hiding: Path | None = None) -> list[str]:
        """A command line that runs another one there, which sees nothing in a folder that is to be hidden."""
        argv = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        if hiding is not None:
            script = 'mount -t tmpfs none "$1" && shift && exec "$@"'
            argv += ["unshare", "--mount", "sh", "-c", script, "sh", str(hiding)]
        return [*argv, *words]

    def cut_off(self, gone: bool) -> None:
        """Take its cable out, or put it in again."""
        _must(*self.within("ip", "link", "set", "eth0", "down" if gone else "up"))


@contextmanager
def hosts(names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Hosts on one network. They are gone, with all that runs there, when the context is left."""
    with ExitStack() as stack:
        switch = stack.enter_context(_namespace())
        _must("nsenter", f"--net=/proc/{switch}/ns/net", "ip", "link", "add", "br0", "type", "bridge")
        _must("nsenter", f"--net=/proc/{switch}/ns/net", "ip", "link", "set", "br0", "up")
        yield {
            name: _host(name, number, switch, stack.enter_context(_namespace())) for number, name in enumerate(names, 1)
        }


def _host(name: str, number: int, switch: int, pid: int) -> Host:
    port, address = f"port{number}", f"{_NET}.{number}"
    at_switch = ("nsenter", f"--net=/proc/{switch}/ns/net")
    _must(*at_switch, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _must(*at_switch, "ip", "link", "set", port, "master", "br0", "up")
    host = Host(name, address, pid, port)
    for words in (
        ("addr", "add", f"{address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _must(*host.within("ip", *words))
    return host


@contextmanager
def _namespace() -> Iterator[int]:
    """A network namespace, by the process that is in it until the context is left."""
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; read -r end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as keeper:
        assert keeper.stdout is not None and keeper.stdin is not None
        keeper.stdout.readline()
        yield keeper.pid
        keeper.stdin.close()


def certificates(place: Path) -> tuple[str, ...]:
    """The options of kseries, and of dask's scheduler, that name three files, which are made in a folder."""
    ca, key, request, cert = (place / name for name in ("ca.pem", "own.key", "own.csr", "own.pem"))
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
    _must(*new, "-x509", "-days", "2", "-subj", "/CN=cluster", "-keyout", f"{place}/ca.key", "-out", str(ca))
    _must(*new, "-subj", "/CN=host", "-keyout", str(key), "-out", str(request))
    sign = ("openssl", "x509", "-req", "-days", "2", "-CA", str(ca), "-CAkey", f"{place}/ca.key", "-CAcreateserial")
    _must(*sign, "-in", str(request), "-out", str(cert))
    return ("--tls-ca-file", str(ca), "--tls-cert", str(cert), "--tls-key", str(key))


def _run(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _must(*words: str) -> None:
    done = _run(*words)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
