# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a state: its build, its boots, its checks. What it means is judge's."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from kseries.model.record import Record


class Outcome(StrEnum):
    """How far a state came. NOT_BOOTED is of one that was only to be built. INFRA_ERROR is a fault of this host, never
    the patch's; NOT_TRIED is of a run that is partial. Neither says anything of the state.
    """

    OK = "ok"
    CONFLICT = "conflict"
    BUILD_FAILED = "build-failed"
    BOOT_FAILED = "boot-failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"
    NOT_BOOTED = "not-booted"
    INFRA_ERROR = "infra-error"
    NOT_TRIED = "not-tried"

    @property
    def well(self) -> bool:
        """True where the state came as far as it was to."""
        return self in (Outcome.OK, Outcome.NOT_BOOTED)

    @property
    def unknown(self) -> bool:
        """True where nobody has seen what the state does."""
        return self in (Outcome.NOT_BOOTED, Outcome.INFRA_ERROR, Outcome.NOT_TRIED)

    @property
    def loud(self) -> bool:
        """True where whoever made this state is told at once, so that no promise is broken silently."""
        return self in (Outcome.CONFLICT, Outcome.BUILD_FAILED, Outcome.BOOT_FAILED)


class Ending(StrEnum):
    """How a booted guest ended. Of a chain (an oops, a hang, a reset) this names what began it."""

    DONE = "done"
    """init ran every probe, and the kernel complained of nothing."""
    WARNING = "warning"
    """init ran every probe, and the kernel warned."""
    OOPS = "oops"
    """A task died in the kernel, which then went on to the end (outcome ok) or did not."""
    PANIC = "panic"
    RESET = "reset"
    """A reboot or a triple fault, without a panic. Before the first probe it would be a reboot loop."""
    POWEROFF = "poweroff"
    HANG = "hang"
    FLOOD = "flood"
    """It printed without end."""
    DEADLINE = "deadline"
    """It got on, but too slowly for the time that all probes have together."""


class Status(StrEnum):
    """The result of one check; MISSING when the plan promised it and it never came."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    XFAIL = "xfail"
    MISSING = "missing"


class Gravity(StrEnum):
    """How much a complaint of the kernel says when it comes once."""

    OOPS = "oops"
    """A task or the machine died of it: an oops, a BUG(), a panic. Seen once, it is there."""
    REPORT = "report"
    """The kernel found something wrong and goes on: a WARNING, lockdep, KASAN. Not in each boot, it is flaky."""
    STALL = "stall"
    """Something took too long. A host with other work to do may be why."""


class Accel(Record, frozen=True):
    """The accelerator that QEMU was given, and why not a faster one."""

    name: str
    why: str


class Check(Record, frozen=True):
    """One line of a probe's KTAP. ``id`` is ``probe.test_name``."""

    id: str
    status: Status
    detail: str = ""
    """What it said itself."""
    blamed: tuple[str, ...] = ()
    """Why it has failed whatever it said: the kernel complained, or the machine ended, while it ran."""

    @property
    def words(self) -> str:
        """All that is known of why it is as it is."""
        return "\n".join([*self.blamed, *([self.detail] if self.detail else [])])

    @property
    def gist(self) -> str:
        """The same in a line: the first of what it said itself, and the first of what it is blamed for."""
        own = self.detail.partition("\n")[0]
        return "; ".join(part for part in (own, *self.blamed[:1]) if part)


class Frame(Record, frozen=True):
    """A function in a call trace, and the line of it that ran; ``file`` is a path in the source tree."""

    function: str
    file: str
    line: int
    sure: bool = True
    """False for an address found on the stack that need not be a caller."""


class Complaint(Record, frozen=True):
    """What the kernel complained of while it was booted and probed, as its log has it.

    ``boots`` is in how many of the boots ``of`` this kernel it came, ``busy`` True where in one of those the host had
    other work to do than to run the guest.
    """

    gravity: Gravity
    kind: str
    """The kernel's words for it, without what differs from boot to boot: ``WARNING``, ``BUG: KASAN: double-free``."""
    said: str
    """The line of the log."""
    function: str = ""
    """Where the kernel found it; empty where it does not say."""
    file: str = ""
    line: int | None = None
    check: str | None = None
    """The check during which it came first."""
    trace: tuple[Frame, ...] = ()
    """The frames of its own call trace, innermost first; of the first few complaints of a boot."""
    suspects: tuple[int, ...] = ()
    """The patches of the series that last touched those lines or functions; known of what base does not have."""
    boots: int = 1
    of: int = 1
    busy: bool = False

    def is_like(self, other: "Complaint") -> bool:
        """True of what is the same in another boot or another kernel, or may be: by kind and by function.

        In which function the clock found a CPU that is stuck is chance. Where a log breaks off before it tells the
        function, nobody knows that it is another; another file is another function.
        """
        if self.kind != other.kind or self.gravity is Gravity.STALL:
            return self.kind == other.kind
        if self.function and other.function:
            return self.function == other.function
        return not self.file or not other.file or self.file == other.file

    @property
    def sure(self) -> bool:
        """True where it is the kernel's: an oops once seen, a report of each boot, a stall of each on an idle host."""
        if self.gravity is Gravity.OOPS:
            return True
        return self.boots == self.of and not (self.gravity is Gravity.STALL and self.busy)


class Build(Record, frozen=True):
    """What make did. ``config_dropped`` names options that the fragment asked for and Kconfig did not keep, and
    ``config_unmet`` says why of each.
    """

    ok: bool
    seconds: float
    stages: dict[str, float] = {}
    """Seconds of configure, compile and link, as far as it came."""
    compiled: int = 0
    """Objects that a compiler was asked for, and how many of them ccache had."""
    found: int = 0
    errors: tuple[str, ...] = ()
    too_old: str = ""
    """The tool that the tree does not take, and both versions, in a line: why it was not even configured."""
    unbuilt: tuple[str, ...] = ()
    """Probes that are not ours and do not build, of an otherwise good build; ``errors`` says why."""
    warnings: tuple[str, ...] = ()
    """Those of all that the kernel is made of; of a build that failed, those that it came to."""
    linked: str = ""
    """A digest of the names of the objects that the kernel is linked of; empty where they are not known."""
    config_dropped: tuple[str, ...] = ()
    config_unmet: dict[str, str] = {}
    irreproducible: tuple[str, ...] = ()
    """The options for which the same tree, built again, is another kernel."""
    refused: tuple[str, ...] = ()
    """Lines of the log that tell of what the box did not let it have."""
    log: str = ""
    kernel: str | None = None
    symbols: str | None = None
    """The ELF file that tells where in the kernel's source an address is."""
    initrd: str | None = None


class Boot(Record, frozen=True):
    """What a booted kernel did, from QEMU's start to its end."""

    outcome: Outcome
    ending: Ending
    detail: str
    seconds: float
    seconds_to_first_check: float | None
    caps: dict[str, int]
    checks: tuple[Check, ...]
    console: str
    """The path of the kernel log."""
    disputed: tuple[str, ...] = ()
    """The capabilities of which probes contradict each other; no boot makes them known."""
    log_tail: str = ""
    trace: tuple[Frame, ...] = ()
    begun: tuple[str, ...] = ()
    """The probes of which anything was heard."""
    ended: tuple[str, ...] = ()
    """The probes that came to their end, well or not."""
    ended_in: tuple[str, ...] = ()
    """The probes that the machine ended in, one for each time that it did; none where it once ended in no probe."""
    executed: tuple[int, ...] = ()
    """Of the code that was watched, the addresses of the instructions that ran."""
    complaints: tuple[Complaint, ...] = ()
    printed: dict[str, str] = {}
    """What each command printed."""
    surface: dict[str, tuple[str, ...]] = {}
    """What it shows to user space (model/surface.py): the names of each kind that was listed whole."""
    unstable: dict[str, tuple[str, ...]] = {}
    """Those names that it showed in one boot and not in another."""


class Objects(Record, frozen=True):
    """How often a build asked for a compiler, and how often ccache had the answer."""

    compiled: int
    found: int


class Coverage(Record, frozen=True):
    """Of the functions that a series changes, by file: the lines with code in the tip's kernel, and those that ran.

    ``unknown`` says why nothing is known of what ran.
    """

    code: dict[str, tuple[int, ...]] = {}
    ran: dict[str, tuple[int, ...]] = {}
    unknown: str = ""
    read: tuple[str, ...] | None = None
    """The files of the series that the tip's build read; None where that was not noted."""
    options: tuple[str, ...] = ()
    """The options of its configuration that are =y, without their CONFIG_; of one that is =m, X_MODULE, and of one
    that has a number or a text, X=.
    """
    modules: tuple[str, ...] | UnsetType = UNSET
    """Of the files that it read, those that went into a module, of whose lines nobody sees whether they ran; not there
    where none did.
    """
