# SPDX-License-Identifier: GPL-2.0-only
"""A run of two mails of which all is known, for what publishes runs; and what a Patchwork is to have of it."""

from pathlib import Path

from msgspec import structs

from kseries.app import rundir
from kseries.model import ChangedLines, Exercise, Grounds, Outcome, PatchResult, RunResult, Verdict
from kseries.publish.patchwork import checks
from kseries.report.reporter import FinishedRun
from tests.support import runs
from tests.support.fakepatchwork import FakePatch, FakePatchwork
from tests.support.runs import contract, mailed, message_id, state

LINKS = "https://ci.example.org/42"


def judged(**of: Outcome) -> RunResult:
    """Good in all, but for the states that are named: ``prefix_2=Outcome.CRASHED``."""
    whole = {"prefix_1": (1,), "prefix_2": (1, 2), "without_1": (2,), "without_2": (1,)}
    states = (
        state(
            name.replace("_", "-"),
            int(name[-1]),
            applied=applied,
            outcome=of.get(name, Outcome.OK),
            contracts=(contract(),),
        )
        for name, applied in whole.items()
    )
    known = tuple(
        PatchResult(
            number=number,
            verdict=Verdict(bisectable=True, revert_safe=True),
            exercise=Exercise.EXERCISED,
            grounds=Grounds(contracts=1, checks=3, lines=2, lines_ran=2),
            changed=(ChangedLines(file="virt/kvm/kvm_main.c", first=10 * number, last=10 * number, compiled=True),),
        )
        for number in (1, 2)
    )
    return mailed(runs.run(state("base", contracts=(contract(None, False),)), *states, patches=known))


def begun(result: RunResult, began: str, config_hash: str | None = None) -> RunResult:
    """As if it had begun at another time, or were of another configuration."""
    variant = result.variant if config_hash is None else structs.replace(result.variant, config_hash=config_hash)
    return structs.replace(result, began=began, variant=variant)


def written(result: RunResult, place: Path) -> Path:
    """A directory with a result, as --out has it."""
    place.mkdir(parents=True)
    rundir.write(place, result)
    return place


def patchwork_of(result: RunResult) -> FakePatchwork:
    """One that has each patch of a run in the project kvm, the first as 101."""
    numbers = range(1, len(result.series.patches) + 1)
    return FakePatchwork(*(FakePatch(100 + number, message_id(number), "kvm") for number in numbers))


def wanted(result: RunResult) -> list[tuple[int, str, str]]:
    """The patch, the context and the state of each check that patchwork_of() is to have of a run, and no other."""
    all_of_it = checks.of(FinishedRun(result, Path("/nowhere")))
    found = [
        (100 + number, one.context, str(one.state)) for number, some in all_of_it.items() for one in some if one.state
    ]
    return sorted(found)
