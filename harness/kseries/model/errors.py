# SPDX-License-Identifier: GPL-2.0-only
"""What ends a run early: each error says what, where and what to do, and knows its exit status.

The exit status of a run that came to its end is in app/session.py.
"""

TRACEBACK = "KSERIES_TRACEBACK"
"""In the environment: show where an error that nobody foresaw comes from."""


class KseriesError(Exception):
    """An error whose text is meant for the user: one or two lines, no traceback."""

    exit_status = 3


class InputError(KseriesError):
    """The command line, the series or the base is wrong: the user can mend it."""

    exit_status = 2


class InfraError(KseriesError):
    """This host failed (no disk, no QEMU, no network): it says nothing about a patch."""

    exit_status = 3


class UnavailableError(InfraError):
    """A kernel that a base names is not to be had, here and now: no archive has it, or none can be reached.

    A test that needs that kernel is skipped with these words.
    """


class DiskFullError(InfraError):
    """There was no room: no state that is still to be done would fare better."""


class LostError(InfraError):
    """A host of a cluster is gone with what it was at: another may have it. ``for_good``: it will not do better."""

    def __init__(self, said: str, *, for_good: bool = False) -> None:
        super().__init__(said)
        self.for_good = for_good


def in_words(error: OSError) -> str:
    """What an OSError says. Some have no errno, and with it no words of the C library: asyncio raises such."""
    return error.strerror or str(error) or type(error).__name__
