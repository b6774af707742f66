# SPDX-License-Identifier: GPL-2.0-only
"""Every record that travels between stages: frozen, typed, and JSON in both directions.

This room imports nothing of ours. A record says what was seen; what it means is judge's.
"""

from kseries.model.clangtests import ClangTests
from kseries.model.document import RESULT, SCHEMA_VERSION, Document
from kseries.model.job import Conditions, Job, NamedProgram
from kseries.model.machine import DEFAULT_MACHINE, Machine
from kseries.model.observation import Dependencies, HostFacts, Observation
from kseries.model.observed import (
    Accel,
    Boot,
    Build,
    Check,
    Complaint,
    Coverage,
    Ending,
    Frame,
    Gravity,
    Objects,
    Outcome,
    Status,
)
from kseries.model.patches import (
    ChangedFunction,
    ChangedLines,
    Checkpatch,
    Exercise,
    Grounds,
    LeftOut,
    PatchRemarks,
    PatchResult,
    Remark,
    Severity,
    Verdict,
    Way,
)
from kseries.model.plan import Contract, Forecast, Plan, State
from kseries.model.probe import Origin, Probe
from kseries.model.promise import CAPABILITY, Inference, Part
from kseries.model.record import Record
from kseries.model.result import (
    Advice,
    Bond,
    ContractVerdict,
    Coupling,
    End,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Journey,
    RunResult,
    SeriesSummary,
    Squash,
    StateResult,
    VariantResult,
)
from kseries.model.selftests import SelftestNote
from kseries.model.series import AppliedPatch, Base, FuzzedHunk, Patch, RejectedHunk, Series
from kseries.model.userland import Userland
from kseries.model.variant import Variant

__all__ = [
    "CAPABILITY",
    "DEFAULT_MACHINE",
    "RESULT",
    "SCHEMA_VERSION",
    "Accel",
    "Advice",
    "AppliedPatch",
    "Base",
    "Bond",
    "Boot",
    "Build",
    "ChangedFunction",
    "ChangedLines",
    "Check",
    "Checkpatch",
    "ClangTests",
    "Complaint",
    "Conditions",
    "Contract",
    "ContractVerdict",
    "Coupling",
    "Coverage",
    "Dependencies",
    "Document",
    "End",
    "Ending",
    "Evidence",
    "EvidenceKind",
    "Exercise",
    "Finding",
    "FindingKind",
    "Forecast",
    "Frame",
    "FuzzedHunk",
    "Gravity",
    "Grounds",
    "HostFacts",
    "Inference",
    "Job",
    "Journey",
    "LeftOut",
    "Machine",
    "NamedProgram",
    "Objects",
    "Observation",
    "Origin",
    "Outcome",
    "Part",
    "Patch",
    "PatchRemarks",
    "PatchResult",
    "Plan",
    "Probe",
    "Record",
    "RejectedHunk",
    "Remark",
    "RunResult",
    "SelftestNote",
    "Series",
    "SeriesSummary",
    "Severity",
    "Squash",
    "State",
    "StateResult",
    "Status",
    "Userland",
    "Variant",
    "VariantResult",
    "Verdict",
    "Way",
]
