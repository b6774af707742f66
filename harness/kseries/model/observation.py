# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a job, wherever it was evaluated. It names trees, not states: a state is of one plan alone."""

from msgspec import UNSET, UnsetType

from kseries.model.observed import Accel, Check, Complaint, Coverage, Ending, Frame, Objects, Outcome
from kseries.model.record import Record


class HostFacts(Record, frozen=True):
    """What of a host its observations depend on."""

    accel: Accel
    toolchain: str
    """What compiles, in a line."""
    emulator: str = ""
    """What boots, in a line: QEMU's version and, under KVM, this host's kernel and CPU."""


class Dependencies(Record, frozen=True):
    """What one build has read of its tree. It never changes, whatever is built later where that was."""

    paths: frozenset[str]
    """The files that a note names."""
    names: frozenset[str] = frozenset()
    """The names of files of which no note tells where they are."""
    always: tuple[str, ...] = ()
    """What more paths begin with that it has read without a note."""
    parsed: tuple[str, ...] = ()
    """What files are called (Makefile, Kconfig) of which ``paths`` has all that it has read, though they have no notes.
    """


class Observation(Record, frozen=True):
    """What a build, its boots and their probes came to. ``seconds`` has a key for each stage that ran."""

    tree: str
    outcome: Outcome
    detail: str = ""
    host: HostFacts | None = None
    """None where nothing of it depends on a host: it was not begun."""
    built_as: str | None = None
    """The tree whose build this one's would be, file for file, so that this one was not built."""
    unread: tuple[str, ...] = ()
    """The first files in which it differs from that one, which no build reads."""
    booted_as: str | None = None
    """The tree whose kernel was booted: this one's is the same, byte for byte."""
    dependencies: Dependencies | None = None
    """None of a build that did not come to its end, or that is not to be taken for another's."""
    logs: dict[str, str] = {}
    """The SHA-256 of each log, by its name."""
    errors: tuple[str, ...] = ()
    """The compiler's own lines, of a build or of a probe that failed."""
    too_old: str = ""
    """Of a build that failed for a tool that its tree does not take: which, and both versions, in a line."""
    unbuilt: tuple[str, ...] = ()
    """Probes that are not ours and do not build."""
    objects: Objects | None = None
    """None where nothing was built."""
    ending: Ending | None = None
    """None where nothing was booted, or the host is why it ended."""
    ended_in: tuple[str, ...] = ()
    """The probes that the machine ended in, in each of its boots; none where one ended in none, or in another."""
    seconds: dict[str, float] = {}
    caps: dict[str, int] = {}
    checks: tuple[Check, ...] = ()
    flaky: tuple[str, ...] = ()
    """The checks that gave two answers in two boots of the same kernel."""
    complaints: tuple[Complaint, ...] = ()
    warnings: tuple[str, ...] = ()
    linked: str = ""
    """A digest of the names of the objects that the kernel is linked of; empty where they are not known."""
    refused: tuple[str, ...] = ()
    """What its build tells of files and networks that are not for it."""
    config_dropped: tuple[str, ...] = ()
    """Options that the configuration asks for, as ``CONFIG_X=y``, and this tree's Kconfig did not keep."""
    config_unmet: dict[str, str] = {}
    """Why, in a line for each of them."""
    irreproducible: tuple[str, ...] = ()
    """The options for which the same tree, built again, is another kernel."""
    log_tail: str = ""
    trace: tuple[Frame, ...] = ()
    coverage: Coverage | None = None
    """None where it was not traced."""
    surface: dict[str, tuple[str, ...]] | UnsetType = UNSET
    """What the kernel shows to user space, by kind (model/surface.py); not there where nobody listed it."""
    unstable: dict[str, tuple[str, ...]] | UnsetType = UNSET
    """Likewise, what it showed in one boot and not in another, which is not part of it."""
    boots: int | UnsetType = UNSET
    """How often its kernel was booted; not there where that was once."""
    ended: int | UnsetType = UNSET
    """How many of these boots came to their end; not there where all did."""
    failures: dict[str, int] | UnsetType = UNSET
    """In how many of them each flaky check failed, or was missing; not there where none is flaky."""
    made_on: str | UnsetType = UNSET
    """The name of the host of a cluster that it was seen on; not there where it was seen at home."""
