# SPDX-License-Identifier: GPL-2.0-only
"""Servers as a user names them, by URL: where a token may be sent to, and where it may not."""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass

from kseries.model.errors import InputError
from kseries.publish.words import quoted

_FIT = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Address:
    """A server, and what of it is meant."""

    scheme: str
    host: str
    """With its port, where that is not the usual one: patchwork.kernel.org, 127.0.0.1:8080."""
    path: str
    """Without a slash at its end; empty for the whole server."""
    local: bool
    """Whether it is this host: what is sent there is on no network."""

    @property
    def origin(self) -> str:
        """What all its URLs begin with, as RFC 6454 has it."""
        return f"{self.scheme}://{self.host}"

    def has(self, url: str) -> bool:
        """Whether a URL, which a server may have given us, is of this very server."""
        try:
            parts = urllib.parse.urlsplit(url)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc.lower()) == (self.scheme, self.host)


def is_url(to: str) -> bool:
    """Whether a user means a server by it, and no file."""
    return "://" in to


def read(url: str, what: str, usual: str = "https") -> Address:
    """The server that ``url`` names; ``what`` is the option's word for it, and ``usual`` goes without saying.

    Raises InputError, which never repeats a URL that has a password in it: that may be a token.
    """
    full = url if is_url(url) else f"{usual}://{url}"
    try:
        parts = urllib.parse.urlsplit(full)
        port = parts.port
    except ValueError:
        raise _no_url(url, what) from None
    if "@" in parts.netloc:
        raise InputError(
            f"the URL of {what} has a user or a token in it, which others see in the list of processes\n"
            "  leave it out, and put the token into the environment or the file of tokens"
        )
    if not _FIT.fullmatch(full) or not parts.hostname or parts.query or parts.fragment:
        raise _no_url(url, what)
    local = _is_local(parts.hostname)
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and not local):
        raise InputError(f"{what}={quoted(url)} is not https://\n  a token would be sent there for all to read")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    told = "" if port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{port}"
    return Address(parts.scheme, f"{host}{told}", parts.path.rstrip("/"), local)


def _no_url(url: str, what: str) -> InputError:
    shown = quoted(url.rpartition("@")[2])
    return InputError(f"{what}={shown} is no URL of a server\n  https://HOST/PATH is one")


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
