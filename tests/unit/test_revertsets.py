# SPDX-License-Identifier: GPL-2.0-only
"""The side step of a run that looks for revert sets: what ends it loses neither the run nor what it has found."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kseries.app import revertsets
from kseries.model import PatchSet, SetEnd, SetKind, events
from kseries.model.errors import InfraError

FOUND = PatchSet(kind=SetKind.REVERT, asked=(1,), patches=(1, 2), proved=True)
CUT = PatchSet(kind=SetKind.REVERT, asked=(2,), ended=SetEnd.TOO_MANY)


def a_run() -> Any:
    """What a run of eight patches has come to."""
    plan = SimpleNamespace(patches=range(8))
    return SimpleNamespace(judgement=SimpleNamespace(plan=plan), findings=(), revert_sets=())


def told(monkeypatch: pytest.MonkeyPatch, work: Any, *answers: "PatchSet | BaseException", every: bool = False) -> str:
    """Have sets be found for a run; what is told meanwhile."""
    left: Iterator[PatchSet | BaseException] = iter(answers)

    def of(*_: object) -> PatchSet:
        answer = next(left)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    class Merges:
        count = 400

        def __init__(self, *_: object) -> None: ...

        def keep(self) -> None: ...

    monkeypatch.setattr(revertsets, "_of", of)
    monkeypatch.setattr(revertsets, "SetMerges", Merges)
    monkeypatch.setattr(revertsets, "ManyTrees", lambda _: None)
    monkeypatch.setattr(revertsets, "sought", lambda *_, **__: (*range(1, len(answers) + 1),))
    monkeypatch.setattr("msgspec.structs.replace", lambda one, **_: one)
    said: list[events.Event] = []
    options = cast(Any, SimpleNamespace(build_only=False, revert_sets=every))
    try:
        revertsets.find(work, lambda: cast(Any, SimpleNamespace(trees=None)), options, said.append)
    finally:
        monkeypatch.undo()
    return "".join(one.what for one in said if isinstance(one, events.Preparing))


@pytest.mark.parametrize("error", [OSError(36, "File name too long"), InfraError("File name too long")])
def test_a_fault_of_this_host_is_told_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    work = a_run()
    said = told(monkeypatch, work, FOUND, error)
    assert work.revert_sets == (FOUND,)
    assert said.startswith("no more revert sets are looked for: ") and "File name too long" in said


def test_an_interrupt_leaves_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    work = a_run()
    with pytest.raises(KeyboardInterrupt):
        told(monkeypatch, work, FOUND, KeyboardInterrupt(), every=True)
    assert work.revert_sets == (FOUND,)


def test_where_a_plain_run_makes_no_more_merges_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    work = a_run()
    said = told(monkeypatch, work, FOUND, CUT)
    assert work.revert_sets == (FOUND,)
    assert said == "400 merges are made for revert sets, and no more: kseries revert goes on with 2/8"
    assert told(monkeypatch, a_run(), FOUND) == ""
