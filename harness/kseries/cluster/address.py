# SPDX-License-Identifier: GPL-2.0-only
"""Where the scheduler of a cluster is, and who may speak to it. Nothing here needs dask."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened

PIECE = 4 << 20
"""Bytes that go over the wire at once: dask warns of more than 10 MB in a task, and splits what is above 64."""
TOPIC = "kseries"
"""By which a scheduler hands on what hosts tell while they work. It never forgets one, so that all runs have this."""

_ADDRESS = re.compile(r"(?P<protocol>tcp|tls)://(?P<host>\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+):(?P<port>[0-9]{1,5})")
_FORMS = "tls://HOST:8786, or tcp://127.0.0.1:8786 where all of it is on this host"
_SHOWN = 100


@dataclass(frozen=True)
class Access:
    """The address of a scheduler, and the three files of who comes with TLS: PEM, as dask's own commands have them."""

    address: str
    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False
    """Whether it is to be spoken to without TLS, wherever it is."""

    @property
    def is_tls(self) -> bool:
        """Whether both ends know who the other is."""
        return self.address.startswith("tls://")

    @property
    def is_loopback(self) -> bool:
        """Whether nobody on another host can reach it."""
        return _is_loopback(_parsed(self.address)["host"])

    def check(self) -> None:
        """Raise InputError for what is no address, files that are not there, and a wire that anybody may speak on.

        Whoever reaches a scheduler can run any code on all its hosts.
        """
        _parsed(self.address)
        files = {"--tls-ca-file": self.ca_file, "--tls-cert": self.cert, "--tls-key": self.key}
        given = {option: path for option, path in files.items() if path is not None}
        if given and not self.is_tls:
            raise InputError(f"{self.address}: {next(iter(given))} goes with tls://")
        if given and len(given) < len(files):
            lacks = ", ".join(option for option in files if option not in given)
            raise InputError(
                f"TLS needs all three files: {lacks} is not named\n  docs/cluster.md tells how to make them"
            )
        for option, path in given.items():
            if not path.is_file():
                raise InputError(f"{option} {path}: no such file")
        if not (self.is_tls or self.is_loopback or self.insecure):
            raise InputError(
                f"{self.address}: anybody who reaches it can run code on its hosts\n"
                "  use tls:// (docs/cluster.md), or --insecure in a network that you trust"
            )


def _parsed(address: str) -> re.Match[str]:
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65535:
        raise InputError(f"{shortened(line(address), _SHOWN)} is no scheduler's address\n  it is {_FORMS}")
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
