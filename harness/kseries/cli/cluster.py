# SPDX-License-Identifier: GPL-2.0-only
"""The options that name a cluster; what they may be is in cluster/address.py."""

import argparse
from pathlib import Path

from kseries.cluster.address import Access
from kseries.model.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The scheduler whose hosts build and boot, where that is not this host alone."""
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="build and boot on the hosts of a Dask scheduler: tls://HOST:8786"
    )
    add_access_arguments(parser)


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """How a scheduler is spoken to."""
    parser.add_argument("--tls-ca-file", metavar="FILE", type=Path, help="of the cluster: who signs its certificates")
    parser.add_argument("--tls-cert", metavar="FILE", type=Path, help="of the cluster: our certificate")
    parser.add_argument("--tls-key", metavar="FILE", type=Path, help="of the cluster: our key")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="speak to a scheduler on another host without TLS: you trust the network",
    )


def of(args: argparse.Namespace) -> Access | None:
    """The cluster that a command line names. Raises InputError."""
    address = getattr(args, "cluster", None)
    if address is None:
        if any(getattr(args, name, None) for name in ("tls_ca_file", "tls_cert", "tls_key", "insecure")):
            raise InputError("--tls-.. and --insecure are of a cluster\n  name it: --cluster tls://HOST:8786")
        return None
    return access(address, args)


def access(address: str, args: argparse.Namespace) -> Access:
    """Access to a scheduler as the options have it. Raises InputError."""
    found = Access(address, args.tls_ca_file, args.tls_cert, args.tls_key, args.insecure)
    found.check()
    return found
