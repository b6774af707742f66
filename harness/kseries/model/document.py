# SPDX-License-Identifier: GPL-2.0-only
"""result.json: a run once, and what came of it in each of its variants."""

from typing import Any

from msgspec import UNSET, UnsetType

from kseries.model.machine import DEFAULT_MACHINE, Machine
from kseries.model.patches import Checkpatch
from kseries.model.promise import Inference
from kseries.model.record import Record
from kseries.model.result import RunResult, SeriesSummary, VariantResult
from kseries.model.series import Base

SCHEMA_VERSION = 2
RESULT = "result.json"
"""The file in the directory of a run that has its Document."""


class Document(Record, frozen=True, kw_only=True):
    """The whole of ``result.json``; its schema is docs/result.schema.json.

    What is of the series or of the command line stands above the variants, as RunResult has it. All that was seen of a
    kernel, and what follows from it, is of a variant: states, findings and verdicts, and the couplings, journeys and
    squashes that were told from them.
    """

    schema: int
    series: SeriesSummary
    base: Base
    variants: tuple[VariantResult, ...]
    quick: bool = False
    checkpatch: Checkpatch | None = None
    began: str = ""
    seconds: float | None = None
    words: tuple[str, ...] = ()
    unboxed: bool = False
    strict: bool = False
    machine: Machine = DEFAULT_MACHINE
    inference: Inference | UnsetType = UNSET

    @classmethod
    def of(cls, run: RunResult) -> "Document":
        """A run of one variant."""
        variant = VariantResult(**_fields(run, VariantResult.__struct_fields__))
        return cls(schema=SCHEMA_VERSION, variants=(variant,), **_fields(run, _SHARED))

    def runs(self, *, strict: bool = False) -> tuple[RunResult, ...]:
        """The run as each of its variants has it; ``strict`` as one with --strict, whether it was or not."""
        shared = _fields(self, _SHARED) | {"strict": self.strict or strict}
        return tuple(RunResult(**shared, **_fields(one, one.__struct_fields__)) for one in self.variants)


_SHARED = tuple(name for name in Document.__struct_fields__ if name not in ("schema", "variants"))


def _fields(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}
