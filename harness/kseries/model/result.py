# SPDX-License-Identifier: GPL-2.0-only
"""What a run found: states, findings and verdicts, as result.json has them."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from kseries.model.budget import Budget
from kseries.model.clangtests import ClangTests
from kseries.model.machine import DEFAULT_MACHINE, Machine
from kseries.model.observed import Accel, Check, Complaint, Coverage, Ending, Frame, Objects, Outcome, Status
from kseries.model.patches import Checkpatch, Grounds, PatchResult, Verdict
from kseries.model.promise import Inference, Part
from kseries.model.record import Record
from kseries.model.selftests import SelftestNote
from kseries.model.series import AppliedPatch, Base
from kseries.model.variant import Variant


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
    config_unmet: dict[str, str] = {}
    """Why, in a line for each of them: what it depends on and is not so, as far as the tree's Kconfig tells."""
    config_wanted: tuple[str, ...] = ()
    """Those of them that are only wanted: what needs one skips, and nothing is amiss without it."""
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
    surface: dict[str, tuple[str, ...]] | UnsetType = UNSET
    """What its kernel shows to user space: the sorted names of each kind (model/surface.py) that was listed whole. Not
    there where nobody listed it (``--surface``).
    """
    unstable: dict[str, tuple[str, ...]] | UnsetType = UNSET
    """Likewise, what it showed in one boot and not in another; that is left out of ``surface``. Not there where nothing
    was so.
    """
    boots: int | UnsetType = UNSET
    """How often its kernel was booted; not there where that was once."""
    ended: int | UnsetType = UNSET
    """How many of these boots came to their end; not there where all did."""
    failures: dict[str, int] | UnsetType = UNSET
    """In how many of them each flaky check failed, or was missing; not there where none is flaky."""
    made_on: str | UnsetType = UNSET
    """The name of the host of a cluster that built and booted it; not there where that was this host."""
    absent: tuple[str, ...] | UnsetType = UNSET
    """The probes that are tests of the kernel's own of which its tree has no source, and the tip's has: nobody has
    asked it what they check. Not there where it has all.
    """


class FindingKind(StrEnum):
    """What a person must know; docs/how-it-works.md says when each is raised."""

    BROKEN_CONTRACT = "broken-contract"
    SILENT_BREAK = "silent-break"
    BISECT_HOLE = "bisect-hole"
    REGRESSION = "regression"
    NEW_WARNING = "new-warning"
    SANDBOX_DENIAL = "sandbox-denial"
    KERNEL_COMPLAINT = "kernel-complaint"
    SUSPECTED_BREAK = "suspected-break"
    UNDOCUMENTED_DEPENDENCY = "undocumented-dependency"
    FLAKY = "flaky"

    @property
    def of_build(self) -> bool:
        """True for what a build says, and breaks nothing that runs."""
        return self in (FindingKind.NEW_WARNING, FindingKind.SANDBOX_DENIAL)

    @property
    def advice(self) -> bool:
        """True for what is worth knowing and does not make a run exit 1; Finding.is_advice tells it of one finding."""
        return self in (FindingKind.SUSPECTED_BREAK, FindingKind.UNDOCUMENTED_DEPENDENCY, FindingKind.FLAKY)


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


class EvidenceKind(StrEnum):
    """What was seen that a finding or a coupling rests on."""

    CHECK = "check"
    """A check that did not pass: ``name``, ``status``, and what it ``said``."""
    FLAKY = "flaky"
    """A check (``name``) that gave two answers in two boots of the same kernel."""
    OUTCOME = "outcome"
    """How far a state came: ``name`` is its Outcome, and ``said`` why."""
    COMPLAINT = "complaint"
    """What the kernel ``said``, during the check ``name``, or outside of any."""
    WARNING = "warning"
    """What the build ``said`` of a ``file``."""
    DENIAL = "denial"
    """What ``name``, a tool of the build, ``said`` of what the box did not let it have."""
    CONFLICT = "conflict"
    """A ``file`` in which a merge conflicts."""
    ERROR = "error"
    """What a state ``said`` that did not build or boot; and a line of version 1 that says no more of itself."""
    CONTRACT = "contract"
    """A contract (``name``), and what is ``said`` of it."""


class Tally(Record, frozen=True):
    """How many of how many boots failed a check."""

    failed: int
    boots: int


class Evidence(Record, frozen=True, omit_defaults=True):
    """One thing that was seen. A field that its kind has no use for is empty, and left out of JSON.

    judge/evidence.py makes them of what was seen, and a line of each; nobody takes such a line apart again.
    """

    kind: EvidenceKind
    name: str = ""
    status: Status | None = None
    said: str = ""
    """In its own words, in one line."""
    file: str = ""
    line: int | None = None
    function: str = ""
    """Where the kernel found what it complains of."""
    boots: int = 0
    of: int = 0
    busy: bool = False
    """Of a complaint that is not sure: as Complaint has them. Of a sure one they are 0."""
    own: str = ""
    """What the check said itself, during which a complaint came."""
    complaint: str = ""
    """Of a check or an outcome, what the kernel said (Complaint.said) that is behind it."""
    without_series: Tally | None = None
    """Of a check that has failed before on kernels without this series: in how many of their boots, as the cache had it
    when the run ended. None where it never did, or too few were seen.
    """
    known: str = ""
    """The link of the known issue that covers it; empty where none does."""


class Finding(Record, frozen=True):
    """What a person must know, with its evidence. A silent break of what always worked is of no contract."""

    kind: FindingKind
    state: str
    patch: int | None
    partner: int | None
    contract: str | None
    evidence: tuple[Evidence, ...]
    advice: Advice | None = None
    reproduce: str = ""
    """A line for a shell that shows it again."""
    promise: tuple[Part, ...] | UnsetType = UNSET
    """Of a suspected-break alone: the parts of the surface that explain what is broken, each as well as the others."""
    counted: bool | UnsetType = UNSET
    """Of one with --promise inferred alone: true, it makes the run exit 1."""

    @property
    def is_advice(self) -> bool:
        """True for what is worth knowing and does not make a run exit 1."""
        return self.kind.advice and self.counted is not True

    @property
    def is_known(self) -> bool:
        """True where known issues cover all that it rests on: it does not make a run exit 1."""
        return bool(self.evidence) and all(one.known for one in self.evidence)

    @property
    def counts(self) -> bool:
        """True for what makes a run exit 1."""
        return not self.is_advice and not self.is_known


class IssueNote(Record, frozen=True, omit_defaults=True):
    """A known issue that a run was told of (KnownIssue), and what it came to."""

    check: str
    link: str
    said: str = ""
    until: str = ""
    """The last day on which it is applied, as ISO 8601 has it; empty where it has none."""
    covers: int = 0
    """How much evidence it covers; of one that is not applied any more, would cover."""
    ended: bool = False
    """True where that day is over: what it would cover is counted."""
    too_slow: bool = False
    """True where its pattern took too long on what was said: it covers nothing."""


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
    evidence: tuple[Evidence, ...] = ()


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


class SetAnswer(StrEnum):
    """What came of a set of patches that were reverted, or picked, together."""

    SAFE = "safe"
    """On each variant the kernel keeps or withdraws every promise and loses no check of base's."""
    BROKEN = "broken"
    """It builds and boots, and breaks something silently."""
    LOUD = "loud"
    """It does not build, or does not boot."""
    CONFLICT = "conflict"
    """git cannot make it."""
    UNKNOWN = "unknown"
    """Nobody can tell: a check is flaky or was not asked, or this host failed."""

    @property
    def unsafe(self) -> bool:
        """True where the set is known not to do."""
        return self not in (SetAnswer.SAFE, SetAnswer.UNKNOWN)


class SetKind(StrEnum):
    """What is done with the patches of a set."""

    REVERT = "revert"
    PICK = "pick"


class SetEnd(StrEnum):
    """What ended a search for a set before all was tried, beside --most."""

    TOO_MANY = "too-many-sets"
    """There are more sets to try, or more merges to make of them, than anybody waits for."""
    NOT_THERE = "does-not-apply"
    """git does not put a patch that is asked for onto the base with those before it; few other sets are tried."""
    UNCLEAR = "unclear"
    """Nobody can tell what a patch that is asked for brings to its own series."""


class TriedSet(Record, frozen=True):
    """A set that was tried: its state, what came of it, and what shows that (on which variant: ``variant``)."""

    patches: tuple[int, ...]
    state: str
    answer: SetAnswer
    variant: str = ""
    """Empty where it is the same on each: a conflict, and what is safe."""
    why: tuple[Evidence, ...] = ()


class PatchSet(Record, frozen=True):
    """What was found for some patches: ``patches`` is the set, ``asked`` among them; empty where none is safe.

    ``proved``: each smaller set that holds those asked for was tried and does not do. ``others`` are safe, too.
    """

    kind: SetKind
    asked: tuple[int, ...]
    patches: tuple[int, ...] = ()
    proved: bool = False
    others: tuple[tuple[int, ...], ...] = ()
    tried: tuple[TriedSet, ...] = ()
    """In the order in which they were."""
    kernels: int = 0
    """That were built for it."""
    limited: bool = False
    """True where --most ended the search."""
    uncompiled: tuple[int, ...] = ()
    """Patches of the series with code that no variant has compiled: what the set does to it nobody knows."""
    ended: SetEnd | UnsetType = UNSET
    """What else ended the search; not there where nothing did."""
    unclear: tuple[str, ...] | UnsetType = UNSET
    """Of a pick: the states that would tell what the patches asked for bring, and do not come through, or have a flaky
    check. With one, no set is known to be safe, and none is tried.
    """

    @property
    def unjudged(self) -> tuple[int, ...]:
        """Those of them that are in the set: then it is not known to be safe."""
        return tuple(number for number in self.patches if number in self.uncompiled)


class Stage(StrEnum):
    """What a state is at that takes its time."""

    BUILD = "build"
    BOOT = "boot"


class TimedStage(Record, frozen=True, omit_defaults=True):
    """When a state was built, or booted, in seconds since the run began."""

    state: str
    stage: Stage
    began: float
    ended: float
    where: str = ""
    """The host of a cluster that did it; empty of this one."""
    series: str = ""
    """The series that it is a state of, where that is another than the run's: one that was made of it."""


class VariantResult(Record, frozen=True, kw_only=True):
    """What came of the plan of a run in one of its variants."""

    variant: Variant
    accel: Accel
    states: tuple[StateResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    squashes: tuple[Squash, ...] = ()
    searched: tuple[StateResult, ...] = ()
    """The states that were built to find partners: the series up to a patch, without another (prefix-K/without-J)."""
    couplings: tuple[Coupling, ...] = ()
    journeys: tuple[Journey, ...] = ()
    """Those of the scenario of that name."""
    patches: tuple[PatchResult, ...] = ()
    """What ran of each patch of the series, and so what its verdict is."""
    grounds: Grounds | None = None
    """What the verdict rests on; None where nobody has counted it."""
    selftests: tuple[SelftestNote, ...] | UnsetType = UNSET
    """The tests of the kernel's own of which there is more to tell than their checks; not there where there is none."""
    partial: bool = False
    """True where the run was interrupted, or its budget used up: states may be NOT_TRIED, and advice, couplings and
    journeys are left out that the rest would have brought.
    """
    budget: Budget | UnsetType = UNSET
    """The time after which it began no state any more, and what that has left out. Not there where nobody asked for
    one.
    """
    revert_sets: tuple[PatchSet, ...] | UnsetType = UNSET
    """Of patches whose revert is a silent break, conflicts, or does not build: what has to be reverted with each. Not
    there where none is known.
    """
    clang: ClangTests | UnsetType = UNSET
    """What clang says of the tip's selftests; not there where nobody asked for it."""
    known_issues: tuple[IssueNote, ...] | UnsetType = UNSET
    """Those that the run was told of; not there where it was told of none."""
    timeline: tuple[TimedStage, ...] | UnsetType = UNSET
    """When, and where, this run built and booted, in the order in which that began; the first 20,000. Not there where
    it did neither: all was known from before.
    """
    first_finding: float | UnsetType = UNSET
    """When the first finding that counts was certain, in seconds since the run began. It may have been so before the
    last state was there. Not there where nothing was found.
    """


class RunResult(VariantResult, frozen=True, kw_only=True):
    """A run as one of its variants has it: what reports show, and what is compared. result.json is a Document."""

    series: SeriesSummary
    base: Base
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
    unboxed: bool = False
    """True where the user had what comes from the series run without a box: --unboxed."""
    strict: bool = False
    """True where the user has what is not judged exit 1: --strict."""
    machine: Machine = DEFAULT_MACHINE
    """What its kernels were booted on."""
    inference: Inference | UnsetType = UNSET
    """What it makes of promises that nobody wrote down; not there where that is the usual: it suspects."""

    @property
    def interrupted(self) -> bool:
        """True where it is partial and no budget is why."""
        return self.partial and not (self.budget and self.budget.used_up)

    @property
    def left_out(self) -> frozenset[str]:
        """The probes that no state but base was asked."""
        return frozenset(one.name for one in self.selftests or () if one.left_out)

    @property
    def arch(self) -> str:
        """The architecture of its kernels."""
        return self.variant.arch
