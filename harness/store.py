# SPDX-License-Identifier: GPL-2.0-only
"""Results and artifacts, found again by what they depend on. A finished state is never done twice."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness import resources
from harness.errors import InfraError
from harness.model import StateResult

LOGS = ("build.log", "console.log")


def program() -> str:
    """This program, guests included, as one of the things that a result depends on.

    The same for a clone and for a wheel made of it.
    """
    digest = hashlib.sha256()
    for place, pattern in ((resources.project("guests"), "*"), (Path(__file__).parent, "*.py")):
        for path in sorted(path for path in place.rglob(pattern) if path.is_file()):
            digest.update(f"{path.relative_to(place)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def key(tree: str, *inputs: str) -> str:
    """The name of a state's result, made of all that it depends on."""
    return hashlib.sha256("\0".join([tree, *inputs]).encode()).hexdigest()


class Store:
    """Finished states, a directory each: result.json and the logs."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def find(self, name: str) -> StateResult | None:
        """A stored result, or None; one that cannot be read counts as not there."""
        try:
            return msgspec.json.decode((self._home / name / "result.json").read_bytes(), type=StateResult)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, name: str, result: StateResult, logs: Path) -> None:
        """Keep a result with the logs found in a directory. It appears whole or not at all."""
        beside = self._home / f"{name}.{os.getpid()}"
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            _copy(logs, beside)
            (beside / "result.json").write_bytes(msgspec.json.encode(result))
            shutil.rmtree(self._home / name, ignore_errors=True)
            beside.rename(self._home / name)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise InfraError(f"cannot keep a result in {self._home}: {error.strerror}") from error

    def place(self, name: str) -> Path:
        """The directory of a result."""
        return self._home / name

    def copy_logs(self, name: str, into: Path, logs: Iterable[str] = LOGS) -> None:
        """Put a stored state's logs into a directory of a run."""
        into.mkdir(parents=True, exist_ok=True)
        _copy(self.place(name), into, logs)


def _copy(source: Path, into: Path, names: Iterable[str] = LOGS) -> None:
    for name in names:
        if (source / name).exists():
            shutil.copyfile(source / name, into / name)
