# SPDX-License-Identifier: GPL-2.0-only
"""What a process finds itself in: a current folder, a place for temporary files. Made fit for a run, or refused."""

import io
import os
import sys
import tempfile
from pathlib import Path

from kseries.model.errors import InfraError, in_words


def settle() -> None:
    """Have relative paths lead somewhere, and temporary files have a place. Raises InfraError that names what has not.

    A folder that is gone is refused whatever the command: git, bwrap and make each would fail in words of their own.
    """
    _check_folder()
    _check_temporary()
    # A name may be of bytes that are no text here, and a terminal may have few characters: what is said gets through.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _check_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        gone = _current().removesuffix(" (deleted)")  # proc(5), /proc/pid/cwd
        raise InfraError(f"the current folder is gone: {gone}\n  cd to one that is there") from error


def _current() -> str:
    try:
        return os.readlink("/proc/self/cwd")
    except OSError:
        return os.environ.get("PWD", "its name is not known")


def _check_temporary() -> None:
    """Take TMPDIR at its word: Python would go on in another folder, at last in the current one (tempfile)."""
    given = os.environ.get("TMPDIR")
    if not given:
        return
    place = Path(given).absolute()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InfraError(
            f"cannot write to TMPDIR, {place}: {in_words(error)}\n  set it to a folder that is yours, or unset it"
        ) from error
    os.environ["TMPDIR"] = tempfile.tempdir = str(place)  # for whom we start, in folders of their own
