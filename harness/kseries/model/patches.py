# SPDX-License-Identifier: GPL-2.0-only
"""What is known of each patch: what of it ran, what its verdict rests on, what checkpatch.pl says of it."""

from enum import StrEnum

from kseries.model.record import Record


class Severity(StrEnum):
    """How much a remark of checkpatch.pl matters, in its own words."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    CHECK = "CHECK"


class Remark(Record, frozen=True):
    """What checkpatch.pl says of a place in a patch; of the changelog, or of it all, where ``file`` is None.

    ``line`` counts in the file as the patch leaves it.
    """

    severity: Severity
    type: str
    """Its name for what is wrong (LONG_LINE), as --ignore takes it."""
    message: str
    file: str | None = None
    line: int | None = None


class PatchRemarks(Record, frozen=True):
    """The remarks on one patch, or why it could not be checked."""

    number: int
    remarks: tuple[Remark, ...] = ()
    failed: str = ""


class Checkpatch(Record, frozen=True):
    """What the base's checkpatch.pl says of a series: advice. ``missing`` is why it says nothing of any patch."""

    patches: tuple[PatchRemarks, ...] = ()
    missing: str = ""


class Verdict(Record, frozen=True):
    """True, False, or None where it cannot be known. For one arch and one config."""

    bisectable: bool | None
    revert_safe: bool | None


class Exercise(StrEnum):
    """Whether what a patch changes ran while the tip was probed."""

    EXERCISED = "exercised"
    UNEXERCISED = "unexercised"
    NO_CODE = "no-code"
    """It changes nothing that is compiled: documentation, comments, declarations."""
    BUILT = "built"
    """It changes what works while a kernel is built (scripts, Makefiles, Kconfig), and no code in it."""
    LEFT_OUT = "left-out"
    """The configuration leaves out what it changes, so that nobody has compiled it."""
    OTHER_ARCH = "other-arch"
    """It changes another architecture's code alone."""
    UNKNOWN = "unknown"


class LeftOut(Record, frozen=True):
    """Changed code that no kernel of the run is made of: another architecture's, or what the configuration leaves out.

    Without either nothing could be found out but that no object of the build is made of it.
    """

    file: str
    arch: str = ""
    """The folder below arch/ of the one architecture that it is for."""
    options: tuple[str, ...] = ()
    """Those that would have to be set, without CONFIG_; with a ``!`` those that would have to be unset."""
    makefile: str = ""
    """Where they are asked for; the file itself where an #if of its own leaves changed lines out."""


class ChangedLines(Record, frozen=True):
    """Lines of the tip that are a patch's own and next to each other, and whether the kernel was compiled of them."""

    file: str
    first: int
    last: int
    compiled: bool | None
    """None where nobody knows."""
    options: tuple[str, ...] = ()
    """Where they are compiled, those by which, as far as Makefiles and ``#if`` lines tell; else those that would have
    to be set, without CONFIG_, with a ``!`` those that would have to be unset.
    """
    why: str = ""
    """What else there is to say of lines that are not compiled, or of which nobody knows."""


class Way(Record, frozen=True):
    """What may run code that did not run, as far as the source tells."""

    what: str
    """As it is typed or said: ``--selftest mm:mremap_test``, ``the boot parameter foo=``."""
    where: str
    """What tells of it: a file, a folder, an entry of MAINTAINERS."""
    function: str = ""
    """The one that it runs; empty where that is not known."""


class Grounds(Record, frozen=True):
    """What a verdict rests on: of how many contracts and checks the states of it were asked, and what of it ran.

    A check counts once, in how many states it may have passed. ``other_arch`` counts patches that are another
    architecture's, of which the verdict says nothing.
    """

    contracts: int = 0
    checks: int = 0
    lines: int = 0
    lines_ran: int = 0
    other_arch: int = 0


class ChangedFunction(Record, frozen=True):
    """A function of the tip that a patch changes, and whether any of it ran."""

    name: str
    file: str
    line: int
    """Its first line in the tip's source."""
    ran: bool


class PatchResult(Record, frozen=True):
    """What is known of one patch. Its verdict is null where nothing of it ran, or nobody has compiled it.

    ``lines`` and ``lines_ran`` count the lines that are the patch's own in the tip and have code; ``not_run`` names
    the others of them, as FILE:LINE.
    """

    number: int
    verdict: Verdict
    exercise: Exercise
    why: str = ""
    """Of what is unknown."""
    functions: tuple[ChangedFunction, ...] = ()
    lines: int = 0
    lines_ran: int = 0
    not_run: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """What of it no kernel of the run is made of."""
    ways: tuple[Way, ...] = ()
    """What may run those functions of it that did not run, and what is left out once that is compiled."""
    changed: tuple[ChangedLines, ...] = ()
    """Each of its lines in the tip's source of the kernel, and whether that is compiled."""
    grounds: Grounds | None = None
    """What its verdict rests on; None in a result from before that was counted."""
