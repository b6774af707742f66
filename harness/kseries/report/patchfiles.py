# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a series as files in a run's directory: what was applied, for whoever wants the sources of a state."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.host import checksums, untrusted
from kseries.model import AppliedPatch
from kseries.model.errors import InputError

_FOLDER = "states/applied"
"""Below a run's directory, which may be that of the series, too: where the logs are, which is ours alone. No state is
called so.
"""
_DIGITS = 16
_WORDS = 52
"""Characters of a subject in a name, as git-format-patch(1) takes them."""
_LIMIT = 64 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True)
class PatchFile:
    """One of them: its path below the run's directory, and the SHA-256 of it."""

    path: str
    sha256: str


def name(patch: AppliedPatch) -> str:
    """``0001-KVM-Add-a-flag.patch``: of ASCII letters, digits, ``_`` and ``-``, whatever is in the subject."""
    words = _UNSAFE.sub("-", patch.subject).strip("-")[:_WORDS].rstrip("-")
    return f"{patch.number:04}{words and f'-{words}'}.patch"


def folder(patches: Sequence[AppliedPatch]) -> str:
    """Where the files of a series are, below a run's directory: no series that makes other trees has the same place."""
    told = "".join(f"{patch.tree_before} {patch.tree_after} {name(patch)}\n" for patch in patches)
    return f"{_FOLDER}/{checksums.of_bytes(told.encode())[:_DIGITS]}"


def find(directory: Path, patches: Sequence[AppliedPatch]) -> tuple[PatchFile, ...] | None:
    """The files of a whole series; None where not all of them are there, as in the directory of an older kseries."""
    place = folder(patches)
    try:
        return tuple(_find(directory, f"{place}/{name(patch)}") for patch in patches)
    except (OSError, InputError):
        return None


def _find(directory: Path, path: str) -> PatchFile:
    untrusted.check_inside(directory / path, directory)
    return PatchFile(path, checksums.of_bytes(untrusted.read(directory / path, _LIMIT)))
