# SPDX-License-Identifier: GPL-2.0-only
"""TLS as dask has it, of the files that options name or of dask's own configuration."""

from typing import Any

from distributed.security import Security

from kseries.cluster.address import Access
from kseries.model.errors import InputError, in_words


def of(access: Access) -> Any:
    """What dask is to show and to ask for, its Security. Raises InputError where nothing names the files of TLS."""
    given = {
        "tls_ca_file": access.ca_file,
        **{f"tls_{role}_cert": access.cert for role in ("worker", "client")},
        **{f"tls_{role}_key": access.key for role in ("worker", "client")},
    }
    words = {name: str(path.absolute()) for name, path in given.items() if path is not None}
    made: Any = Security(require_encryption=access.is_tls, **words)  # type: ignore[no-untyped-call]
    if access.is_tls and not (made.tls_ca_file and made.tls_worker_cert and made.tls_client_cert):
        raise InputError(
            f"{access.address}: no certificates are named\n  add --tls-ca-file, --tls-cert and --tls-key, or name them"
            " in dask's configuration (docs/cluster.md)"
        )
    try:
        for role in ("client", "worker") if access.is_tls else ():
            made.get_connection_args(role)
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"cannot use the files of TLS: {in_words(error)}\n  each is in PEM format; --tls-key is that of --tls-cert"
        ) from error
    return made
