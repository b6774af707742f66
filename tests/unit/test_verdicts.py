# SPDX-License-Identifier: GPL-2.0-only
"""Several architectures at once: one line for each patch, one column for each run."""

import msgspec

from kseries.model import Exercise, LeftOut, Outcome, PatchResult, RunResult, Verdict
from kseries.report import verdicts
from tests.support.runs import of_arch, split_run


def _without(run: RunResult, patch: int, outcome: Outcome) -> RunResult:
    states = tuple(
        msgspec.structs.replace(state, outcome=outcome) if state.id == f"without-{patch}" else state
        for state in run.states
    )
    return msgspec.structs.replace(run, states=states)


def _judged(run: RunResult, answer: bool | None) -> RunResult:
    """A run that has one answer for the revert of every patch."""
    verdict = Verdict(bisectable=True, revert_safe=answer)
    patches = tuple(
        PatchResult(number=patch.number, verdict=verdict, exercise=Exercise.EXERCISED) for patch in run.series.patches
    )
    return msgspec.structs.replace(run, patches=patches)


def test_each_patch_has_a_line_that_says_how_it_does_on_each() -> None:
    run = _judged(split_run(), True)
    other = msgspec.structs.replace(of_arch(_without(run, 5, Outcome.CONFLICT), "arm64"), findings=())
    head, *lines = verdicts.render([run, other]).splitlines()
    assert head.split() == ["x86_64", "arm64"]
    assert len(lines) == len(run.series.patches)
    assert lines[2].startswith("  3/6  SILENT-BREAK with 4    ")
    assert lines[1].count("revert does not build") == 2
    assert lines[0].count("revert is safe") == 2
    assert lines[4].split("  ")[2:] and "revert conflicts" in lines[4]
    assert all(patch.subject in line for patch, line in zip(run.series.patches, lines, strict=True))


def test_a_patch_of_another_architecture_is_not_called_safe() -> None:
    run = split_run()
    nobody = Verdict(bisectable=None, revert_safe=None)
    for exercise, left_out, said in (
        (Exercise.NO_CODE, (), "no code of its own"),
        (Exercise.UNEXERCISED, (), "UNEXERCISED"),
        (Exercise.OTHER_ARCH, (LeftOut(file="a", arch="arm64"),), "another architecture's"),
        (Exercise.LEFT_OUT, (LeftOut(file="a", options=("XEN",), makefile="M"),), "CONFIG_XEN (M)"),
    ):
        patches = (PatchResult(number=5, verdict=nobody, exercise=exercise, left_out=left_out),)
        assert said in verdicts.render([msgspec.structs.replace(run, patches=patches)]).splitlines()[5]


def test_what_was_not_judged_is_not_called_safe() -> None:
    run = split_run()
    for unknown in (_judged(run, None), run):  # the latter is of before patches had verdicts
        assert "revert not judged" in verdicts.render([unknown]).splitlines()[5]
    nothing_reverted = tuple(state for state in run.states if state.scenario != "reverts")
    partial = msgspec.structs.replace(run, states=nothing_reverted, findings=())
    assert "not reverted" in verdicts.render([partial]).splitlines()[1]
