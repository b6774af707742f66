# SPDX-License-Identifier: GPL-2.0-only
"""Which of the kernel's own tests a path below tools/testing/selftests is, as a tree's source tells it."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath

from kseries.coverage.maintainers import SELFTESTS
from kseries.probes.selftests import Selftest

Reader = Callable[[str], str | None]
"""The text of a file of a tree; None where it is not there."""

_MAIN = re.compile(r"\b(?:main\s*\(|TEST_HARNESS_MAIN\b)", re.ASCII)
"""What a program has (tools/testing/selftests/kselftest_harness.h), and no library."""


class SelftestSource:
    """The selftests of one tree."""

    def __init__(self, reader: Reader) -> None:
        self._reader = cache(reader)

    def target(self, folder: PurePosixPath) -> str | None:
        """Of a folder below the selftests', the next one up that has a Makefile: what kselftest calls a target."""
        above = (str(one) for one in (folder, *folder.parents) if str(one) != ".")
        return next((one for one in above if self._reader(f"{SELFTESTS}{one}/Makefile") is not None), None)

    def is_program(self, path: str) -> bool:
        """Whether a path of the tree is the source of a test."""
        text = self._reader(path) if path.endswith(".c") else None
        return text is not None and _MAIN.search(text) is not None

    def test(self, path: str) -> Selftest | None:
        """The test whose source a path of the tree is."""
        place = PurePosixPath(path.removeprefix(SELFTESTS))
        if not (path.startswith(SELFTESTS) and self.is_program(path)):
            return None
        target = self.target(place.parent)
        return Selftest(target, str(place.relative_to(target).with_suffix(""))) if target is not None else None

    def shared(self, path: str) -> str | None:
        """The target whose tests may all be made of a path: it is in its folder, and no test's own source."""
        if not path.startswith(SELFTESTS) or self.is_program(path):
            return None
        return self.target(PurePosixPath(path.removeprefix(SELFTESTS)).parent)
