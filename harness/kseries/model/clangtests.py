# SPDX-License-Identifier: GPL-2.0-only
"""What clang makes of the tip's own tests: advice to who writes them, and no word about a kernel."""

from kseries.model.record import Record


class ClangTests(Record, frozen=True):
    """Which of the tip's tests clang refuses that gcc builds, C11's atomics on what is not ``_Atomic`` among them."""

    compiler: str | None
    """clang's own word for its version; None where it is not there."""
    compiled: tuple[str, ...] = ()
    """Those that gcc has built, as TARGET:TEST: the tests of --selftest, and those that the series touches."""
    refused: dict[str, str] = {}
    """Those of them that clang has not, each with the first error."""
    missing: str = ""
    """Why nothing is known of any."""
