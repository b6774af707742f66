# SPDX-License-Identifier: GPL-2.0-only
"""Tokens, by which a server knows us: from a file that is ours alone or the environment, and never shown.

No error says what a token is. Nothing but a request's header is ever made of one.
"""

import os
import re
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path

from kseries.host import checksums, untrusted
from kseries.model.errors import InfraError, InputError, in_words
from kseries.publish.address import Address

_FIT = re.compile(r"[!-~]{1,8192}")
"""What may stand in a header (RFC 9110, 5.5), and has no blank in it."""
_LINE = re.compile(r"at line (\d+)")


class Token:
    """What a server has given us to show. Its text is in no repr, and so in no traceback."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Token(...)"

    @property
    def digest(self) -> str:
        """By which it is told from others, and not found out: a token has more in it than can be guessed."""
        return checksums.of_words(["token", self._secret])

    def header(self, scheme: str) -> str:
        """The value of an Authorization header."""
        return f"{scheme} {self._secret}"


def file() -> Path:
    """Where the user's file of tokens is (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    top = Path(home) if Path(home).is_absolute() else Path.home() / ".config"
    return top / "kseries" / "tokens.toml"


def get(server: Address, variables: Sequence[str]) -> Token:
    """The token for a server: by its host from the file, or of the first variable that is set, which is for any host.

    Raises InputError where there is none, or where others could read it, and InfraError where the file cannot be read.
    """
    kept = _of_file(file(), server.host)
    if kept is not None:
        return _checked(kept, str(file()))
    for name in variables:
        if found := os.environ.get(name, "").strip():
            return _checked(found, name)
    raise InputError(
        f"no token for {server.host}\n"
        f'  set {variables[0]}, or have a line "{server.host}" = "TOKEN" in {file()}, which only you can read'
    )


def _checked(secret: str, where: str) -> Token:
    if not _FIT.fullmatch(secret):
        raise InputError(f"the token in {where} is none: it has a blank or an odd character in it\n  copy it again")
    return Token(secret)


def _of_file(path: Path, host: str) -> str | None:
    try:
        with untrusted.opened(path) as opened:
            _check_owner(path, os.fstat(opened.fileno()))
            data = opened.read(untrusted.TOML)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InfraError(f"cannot read {path}: {in_words(error)}") from error
    try:
        known = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # whose words, and with them a traceback, may have a token in them
        found = _LINE.search(str(error))
        where = f", line {found[1]}" if found else ""
        raise InputError(f'{path}{where} is no TOML\n  a line is "HOST" = "TOKEN"') from None
    secret = known.get(host)
    if secret is not None and not isinstance(secret, str):
        raise InputError(f'{path} has no text for {host}\n  a line is "HOST" = "TOKEN", with the host in quotes, too')
    return secret


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (os.geteuid(), 0):
        raise InputError(f"{path} is another user's\n  make one that is yours")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"{path} can be read by others than you\n  chmod 600 {path}")
