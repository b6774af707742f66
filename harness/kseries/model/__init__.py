# SPDX-License-Identifier: GPL-2.0-only
"""Every record that travels between stages: frozen, typed, and JSON in both directions.

This module imports nothing of ours. A record says what was seen; what it means is judge's.
"""

from enum import StrEnum

import msgspec

SCHEMA_VERSION = 1
RESULT = "result.json"
"""The file in the directory of a run that has its RunResult."""


class Outcome(StrEnum):
    """How far a state came. INFRA_ERROR is a fault of this host, never the patch's; NOT_TRIED is of a run that was
    interrupted. Neither says anything of the state.
    """

    OK = "ok"
    CONFLICT = "conflict"
    BUILD_FAILED = "build-failed"
    BOOT_FAILED = "boot-failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"
    INFRA_ERROR = "infra-error"
    NOT_TRIED = "not-tried"

    @property
    def unknown(self) -> bool:
        """True where nobody has seen what the state does."""
        return self in (Outcome.INFRA_ERROR, Outcome.NOT_TRIED)

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


class FindingKind(StrEnum):
    """What a person must know; docs/how-it-works.md says when each is raised."""

    BROKEN_CONTRACT = "broken-contract"
    SILENT_BREAK = "silent-break"
    BISECT_HOLE = "bisect-hole"
    REGRESSION = "regression"
    NEW_WARNING = "new-warning"
    REACHES_OUT = "reaches-out"
    KERNEL_COMPLAINT = "kernel-complaint"
    UNDOCUMENTED_DEPENDENCY = "undocumented-dependency"
    FLAKY = "flaky"

    @property
    def advice(self) -> bool:
        """True for what is worth knowing and does not make a run exit 1."""
        return self in (FindingKind.UNDOCUMENTED_DEPENDENCY, FindingKind.FLAKY)


class Gravity(StrEnum):
    """How much a complaint of the kernel says when it comes once."""

    OOPS = "oops"
    """A task or the machine died of it: an oops, a BUG(), a panic. Seen once, it is there."""
    REPORT = "report"
    """The kernel found something wrong and goes on: a WARNING, lockdep, KASAN. Not in each boot, it is flaky."""
    STALL = "stall"
    """Something took too long. A host with other work to do may be why."""


class Severity(StrEnum):
    """How much a remark of checkpatch.pl matters, in its own words."""

    ERROR = "ERROR"
    WARNING = "WARNING"
    CHECK = "CHECK"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all records."""


# --- input and plan -----------------------------------------------------------------------------


class Patch(Record, frozen=True):
    """One patch as it came in: a diff to apply, or a commit whose trees git already knows."""

    number: int
    subject: str
    origin: str
    """Where it was read: a file name or a commit id, for error messages."""
    message: str = ""
    """The changelog below the subject."""
    author: str = ""
    """``NAME <ADDRESS>``; empty where there is none, and of a commit, which tells it itself."""
    diff: bytes | None = None
    commit: str | None = None
    tree: str | None = None
    """Of a commit, its tree as its repository shows it: what replaces it there (git-replace(1)) counts."""
    message_id: str = ""
    """That of the mail, in its angle brackets; empty where it was no mail."""


class Series(Record, frozen=True):
    """Patches in the order in which they apply."""

    name: str
    version: int
    patches: tuple[Patch, ...]
    cover_id: str = ""
    """The Message-ID of the mail above the patches; empty where there is none."""


class Base(Record, frozen=True):
    """The kernel source under the series. ``tree`` is a git tree id in the tree store."""

    name: str
    version: str
    tree: str
    guessed: str = ""
    """The commit, where nobody named it and the series' files match it and not HEAD."""
    prerequisites: tuple[str, ...] = ()
    """The subjects of the patches on it that the series is made on top of; ``tree`` has them."""
    lacking: tuple[str, ...] = ()
    """The prerequisites that the series names and that were not to be found."""


class FuzzedHunk(Record, frozen=True):
    """A hunk that was put where git apply would not put it: with fuzz, as patch(1) counts it."""

    file: str
    hunk: int
    of: int
    """Its number among those of the file."""
    line: int
    """Where it begins in the file as it was."""
    offset: int
    """How many lines that is from where the patch says."""
    fuzz: int
    blind: bool = False
    """True where fuzz passed over all that it expects: nothing but a line number says that it belongs there."""


class RejectedHunk(Record, frozen=True):
    """A hunk that fits nowhere, with as much fuzz as patch(1) takes. Of the first few is told what stands there."""

    file: str
    hunk: int
    of: int
    line: int
    """Where the patch says that it begins."""
    expects: tuple[str, ...] = ()
    """Its old lines, from the last on that is there."""
    at: int = 0
    """The line of the file at which those would begin, as most lines of the hunk have it."""
    stands: tuple[str, ...] = ()
    """What stands there now."""
    there: bool = False
    """True where what the hunk makes stands in the file already."""


class AppliedPatch(Record, frozen=True):
    """A patch of the series with the git trees on either side of it."""

    number: int
    subject: str
    tree_before: str
    tree_after: str
    message: str = ""
    files: tuple[str, ...] = ()
    """The paths in which the trees differ."""
    symbols: tuple[str, ...] = ()
    """The names that it introduces: functions, types, macros, Kconfig symbols; not known before a run."""
    author: str = ""
    message_id: str = ""
    """As of Patch."""
    fuzzed: tuple[FuzzedHunk, ...] = ()
    """The hunks that took fuzz: --fuzz."""


class State(Record, frozen=True):
    """One kernel source tree. ``tree`` is None exactly when git could not make it (``conflicts`` says where)."""

    id: str
    scenario: str
    applied: tuple[int, ...]
    patch: int | None = None
    """The patch this state was made to ask about: K of prefix-K and of without-K; None of without-J+K."""
    tree: str | None = None
    conflicts: tuple[str, ...] = ()
    same_as: str | None = None


class Plan(Record, frozen=True):
    """The states of a run, in the order in which they are visited. The first is always base."""

    series: str
    version: int
    patches: tuple[AppliedPatch, ...]
    base: Base
    states: tuple[State, ...]

    @property
    def tip(self) -> str:
        """The id of the state that is base + all patches."""
        return f"prefix-{len(self.patches)}"


class Forecast(Record, frozen=True):
    """What one state of a plan would cost, as far as earlier builds tell."""

    state: str
    known: bool = False
    """Its result is there already."""
    built_as: str | None = None
    """It is not built: it differs from this state, which is, only in ``unread``, which no build reads."""
    unread: tuple[str, ...] = ()
    targets: int | None = None
    """What make would make again of what is compiled; null where nothing has been built in this configuration."""
    seconds: float | None = None
    """Of its build, by what builds in this configuration took on this host; null where there were too few."""

    @property
    def to_build(self) -> bool:
        """True of a state that would be built and booted."""
        return not self.known and self.built_as is None


class Contract(Record, frozen=True):
    """If the kernel advertises ``when``, ``checks`` pass; if it does not, ``otherwise`` pass.

    ``optional`` pass, too, or are skipped for want of what they need: hardware, a kind of memory. ``left_out`` are
    those of either that this run does not perform.
    """

    id: str
    title: str
    when: str
    checks: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


# --- what was seen ------------------------------------------------------------------------------


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
    """What make did. ``config_dropped`` names options that the fragment asked for and Kconfig did not keep."""

    ok: bool
    seconds: float
    stages: dict[str, float] = {}
    """Seconds of configure, compile and link, as far as it came."""
    compiled: int = 0
    """Objects that a compiler was asked for, and how many of them ccache had."""
    found: int = 0
    errors: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()
    """Probes that are not ours and do not build, of an otherwise good build; ``errors`` says why."""
    warnings: tuple[str, ...] = ()
    """Those of all that the kernel is made of; of a build that failed, those that it came to."""
    linked: str = ""
    """A digest of the names of the objects that the kernel is linked of; empty where they are not known."""
    config_dropped: tuple[str, ...] = ()
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
    executed: tuple[int, ...] = ()
    """Of the code that was watched, the addresses of the instructions that ran."""
    complaints: tuple[Complaint, ...] = ()


# --- results ------------------------------------------------------------------------------------


class ContractVerdict(Record, frozen=True):
    """``holds`` is None where it cannot be known; ``failed`` names the checks that violate it.

    ``untested`` names those that nothing is known of where the state advertises: skipped, or left out of the run.
    """

    id: str
    capability: str
    advertised: bool | None
    holds: bool | None
    failed: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()


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
    """The options of its configuration that are =y, without their CONFIG_."""


class StateResult(Record, frozen=True):
    """All that is known of a state. ``seconds`` has a key for each stage that ran.

    ``flaky`` names the checks that gave two answers in two boots of the same kernel.
    """

    id: str
    scenario: str
    applied: tuple[int, ...]
    patch: int | None
    tree: str | None
    same_as: str | None
    outcome: Outcome
    built_as: str | None = None
    """The state whose build this one's would be, file for file; so this one was not built. Where the plan does not have
    it, words for its tree: an earlier run built it.
    """
    unread: tuple[str, ...] = ()
    """The first files in which it differs from that one, which no build reads."""
    booted_as: str | None = None
    """Likewise, the state whose kernel was booted: this one's is the same, byte for byte."""
    objects: Objects | None = None
    """None where nothing was built."""
    ending: Ending | None = None
    """None where nothing was booted, or this host is why it ended."""
    detail: str = ""
    seconds: dict[str, float] = {}
    caps: dict[str, int] = {}
    checks: tuple[Check, ...] = ()
    flaky: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    """What the kernel complained of in any of its boots, each once."""
    contracts: tuple[ContractVerdict, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the build warns of in the whole tree, without line numbers; of a build that failed, as far as it came."""
    warnings_new: tuple[str, ...] = ()
    """Those of them that base does not have, and that are not for objects only that base is not made of."""
    linked: str = ""
    """A digest of the names of the objects that the kernel is linked of; empty where they are not known."""
    refused: tuple[str, ...] = ()
    """What its build tells of files and networks that are not for it, and of what make left running."""
    config_dropped: tuple[str, ...] = ()
    """Options that a config fragment asks for, as ``CONFIG_X=y``, and this tree's Kconfig did not keep."""
    notes: tuple[str, ...] = ()
    logs: dict[str, str] = {}
    log_tail: str = ""
    """Of a boot that did not end as it should: the kernel log about the first complaint and at the end, decoded."""
    trace: tuple[Frame, ...] = ()
    """The frames of the call traces in it, from the first complaint on, innermost first."""
    suspects: tuple[int, ...] = ()
    """The patches of the series that last touched those lines or functions, by their numbers."""
    coverage: Coverage | None = None
    """What ran of the functions that the series changes; None of any state but the tip."""


class Advice(Record, frozen=True):
    """Patches to make one, or an order for all of them. ``verified``: built and judged, it cures the finding and brings
    no new one.

    None where the changed series could not be made, or not judged.
    """

    squash: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    """The patches by their numbers, in the order that closes a bisect-hole; empty where they are to be squashed."""
    verified: bool | None = None

    @property
    def series(self) -> str:
        """The id of the series that is changed so."""
        return f"squash-{'+'.join(map(str, self.squash))}" if self.squash else f"order-{'+'.join(map(str, self.order))}"


class Finding(Record, frozen=True):
    """What a person must know, with its evidence. A silent break of what always worked is of no contract."""

    kind: FindingKind
    state: str
    patch: int | None
    partner: int | None
    contract: str | None
    evidence: tuple[str, ...]
    advice: Advice | None = None
    reproduce: str = ""
    """A line for a shell that shows it again."""


class Verdict(Record, frozen=True):
    """True, False, or None where it cannot be known. For one arch and one config."""

    bisectable: bool | None
    revert_safe: bool | None


class SeriesSummary(Record, frozen=True):
    """The series as the result names it."""

    name: str
    version: int
    patches: tuple[AppliedPatch, ...]
    cover_id: str = ""
    """As of Series."""


class Bond(StrEnum):
    """In which way one patch depends on another: at what a kernel fails that has only the one."""

    TEXTUAL = "textual"
    """The other's lines are in its way: a revert or a cherry-pick conflicts."""
    BUILD = "build"
    BOOT = "boot"
    BEHAVIOUR = "behaviour"
    """A promise is kept, or a check passes, only with both."""


class Coupling(Record, frozen=True):
    """``patch`` depends on ``needs``; ``needs`` is None where it is known only that it depends on something."""

    kind: Bond
    patch: int
    needs: int | None
    state: str
    """The state that shows it."""
    contract: str | None = None
    evidence: tuple[str, ...] = ()


class End(StrEnum):
    """What a user runs who has reverted the patch that they blamed."""

    SAFE = "safe"
    LOUD = "loud"
    """They were told: it conflicts, or does not build or boot."""
    SILENT = "silently broken"


class Journey(Record, frozen=True):
    """Somebody blames a patch, and reverts it: what becomes of them. ``end`` is None where it could not be judged.

    ``fault`` is where a fault was put for them to find, and None where no build would notice one.
    """

    patch: int
    state: str
    """What they run in the end."""
    end: End | None
    fault: str | None = None
    steps: int = 0
    """Those of git bisect, until it blamed the patch."""
    blamed: int | None = None


class Squash(Record, frozen=True):
    """A series with some patches made one, or in another order, built and judged.

    Patch numbers are those of the changed series.
    """

    id: str
    patches: tuple[AppliedPatch, ...]
    states: tuple[StateResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict


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
    grounds: Grounds | None = None
    """What its verdict rests on; None in a result from before that was counted."""


class RunResult(Record, frozen=True):
    """The whole of ``result.json``; its schema is docs/result.schema.json."""

    schema: int
    series: SeriesSummary
    base: Base
    arch: str
    accel: Accel
    toolchain: str
    config_fragment_hash: str
    states: tuple[StateResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    squashes: tuple[Squash, ...] = ()
    searched: tuple[StateResult, ...] = ()
    """The states that were built to find partners: the series up to a patch, without another (prefix-K/without-J)."""
    couplings: tuple[Coupling, ...] = ()
    journeys: tuple[Journey, ...] = ()
    """Those of the scenario of that name."""
    quick: bool = False
    """True where the slow probes were left out."""
    checkpatch: Checkpatch | None = None
    """None where nobody asked for it."""
    began: str = ""
    """When, in UTC, as ISO 8601 has it; empty where nobody noted it."""
    seconds: float | None = None
    """From there to the verdict; what was known is not done again, and takes no time."""
    words: tuple[str, ...] = ()
    """TARGET and the options that decide what its kernels are, as the command line had them."""
    patches: tuple[PatchResult, ...] = ()
    """What ran of each patch of the series, and so what its verdict is."""
    grounds: Grounds | None = None
    """What the verdict rests on; None where nobody has counted it."""
    partial: bool = False
    """True where the run was interrupted: states may be NOT_TRIED, and advice, couplings and journeys are left out that
    the rest would have brought.
    """
    unboxed: bool = False
    """True where the user had what comes from the series run without a box: --unboxed."""
    strict: bool = False
    """True where the user has what is not judged exit 1: --strict."""
