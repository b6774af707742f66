# SPDX-License-Identifier: GPL-2.0-only
"""Which tests of a part have passed on the project's files as they are: a part that was interrupted goes on there."""

import hashlib
from pathlib import Path

import pytest

_FOLDERS = ("harness", "guests", "kernels", "reports", "testcases", "tests")


def digest(top: Path) -> str:
    """A hash of all files that a test could depend on, and of their names."""
    files = [path for path in top.iterdir() if path.is_file()]
    files += [path for folder in _FOLDERS for path in (top / folder).rglob("*") if path.is_file()]
    whole = hashlib.sha256()
    for path in sorted(files):
        if "__pycache__" not in path.parts:
            whole.update(f"{path.relative_to(top)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


class Passed:
    """A note of the tests that have passed, a line each, below the digest of the files that they passed on.

    A plugin of pytest, which writes it as the tests run.
    """

    def __init__(self, note: Path, top: Path) -> None:
        self._note = note
        self._of = digest(top)
        lines = note.read_text().split("\n")[:-1] if note.exists() else []  # the last one may be half a line
        self.before = frozenset(lines[1:]) if lines[:1] == [self._of] else frozenset()
        """Those of earlier runs."""
        self._failed = set[str]()

    def begin(self) -> None:
        """Write down what is known from before, and nothing that passed on other files."""
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text("".join(f"{line}\n" for line in (self._of, *sorted(self.before))))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test of which no stage, from setup to teardown, has failed or was skipped."""
        if not report.passed:
            self._failed.add(report.nodeid)
        elif report.when == "teardown" and report.nodeid not in self._failed:
            with self._note.open("a") as note:
                note.write(f"{report.nodeid}\n")
