# SPDX-License-Identifier: GPL-2.0-only
"""Which patches of a series stand behind a call trace or a compiler's errors: git blame over the state's chain."""

import itertools
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kseries.judge import complaints
from kseries.model import AppliedPatch, Frame, Outcome, Plan, State, StateResult
from kseries.sources import TreeStore

_ERROR = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: ")
_HEAD = re.compile(r"[A-Za-z_](?!\w*:)")


@dataclass(frozen=True)
class Step:
    """A tree on the way from base to a state, and the patch that made it: applied, or taken back at the end."""

    patch: int
    tree: str


def chain(state: State, patches: Sequence[AppliedPatch]) -> tuple[Step, ...]:
    """The steps from base to a state: its own patches, or all of them and then the revert of one."""
    if state.tree is None:
        return ()
    steps = tuple(Step(patch.number, patch.tree_after) for patch in patches)
    if state.applied == tuple(range(1, len(state.applied) + 1)):
        return steps[: len(state.applied)]
    if state.patch is None:
        return ()
    made = Step(state.patch, state.tree)
    return (made,) if state.patch in state.applied else (*steps, made)


def with_suspects(plan: Plan, states: tuple[StateResult, ...], trees: TreeStore) -> tuple[StateResult, ...]:
    """The results, with the patches that last touched what their call traces name, or their compiler's errors.

    Each complaint of the kernel has those of its own trace, but for those that base has, too.
    """
    planned = {state.id: state for state in plan.states}
    base = next((result for result in states if result.id == "base"), None)
    return tuple(
        _with_suspects(result, base, plan, chain(planned[result.id], plan.patches), trees) for result in states
    )


def of_reverts(
    result: StateResult, base: str, patches: Sequence[AppliedPatch], gone: Sequence[int], trees: TreeStore
) -> tuple[int, ...]:
    """The patches behind the errors, or the call traces, of a state from which several were reverted: those left."""
    if result.tree is None:
        return ()
    steps = (*(Step(patch.number, patch.tree_after) for patch in patches), Step(max(gone), result.tree))
    found = of_trace(base, steps, result.trace or _errors(result), trees)
    return tuple(number for number in found if number not in gone)


def _with_suspects(
    result: StateResult, base: StateResult | None, plan: Plan, steps: tuple[Step, ...], trees: TreeStore
) -> StateResult:
    def behind(trace: Sequence[Frame]) -> tuple[int, ...]:
        return of_trace(plan.base.tree, steps, trace, trees)

    new = complaints.new_complaints(base, result) if base is not None else result.complaints
    return msgspec.structs.replace(
        result,
        suspects=behind(result.trace or _errors(result)),
        complaints=tuple(
            msgspec.structs.replace(one, suspects=behind(one.trace)) if one in new else one for one in result.complaints
        ),
    )


def _errors(result: StateResult) -> tuple[Frame, ...]:
    """The lines that a compiler found wrong, of files as the tree has them and not as an object names them."""
    if result.outcome is not Outcome.BUILD_FAILED:
        return ()
    found = (_ERROR.match(said) for said in (result.detail, *result.notes))
    return tuple(
        Frame(function="", file=posixpath.normpath(error["file"]), line=int(error["line"])) for error in found if error
    )


def of_trace(base: str, steps: Sequence[Step], trace: Sequence[Frame], trees: TreeStore) -> tuple[int, ...]:
    """The patches behind a trace, that of the innermost frame first.

    A patch is suspected if it last touched the very line; failing that, another line of the same function. What
    was found on the stack by guessing counts only where nothing else does.
    """
    if not steps or not trace:
        return ()
    way = [base, *(step.tree for step in steps)]
    touched = {path for before, after in itertools.pairwise(way) for path in trees.changed_paths(before, after)}
    near = [frame for frame in trace if frame.file in touched]
    if not near:
        return ()
    blame = _Blame(base, steps, trees)
    for frames in ([frame for frame in near if frame.sure], near):
        for last_to_touch in (blame.line, blame.function):
            found = dict.fromkeys(patch for frame in frames if (patch := last_to_touch(frame)) is not None)
            if found:
                return tuple(found)
    return ()


class _Blame:
    """What git knows of a line and of a function, on commits that exist for this question alone."""

    def __init__(self, base: str, steps: Sequence[Step], trees: TreeStore) -> None:
        self._trees = trees
        self._patch_of: dict[str, int] = {}
        self._tree = steps[-1].tree
        self._base = self._tip = trees.commit(base)
        for step in steps:
            self._tip = trees.commit(step.tree, self._tip)
            self._patch_of[self._tip] = step.patch

    def line(self, frame: Frame) -> int | None:
        """The patch that a line is from; None where the state has no such line."""
        if not 0 < frame.line <= len(self._lines(frame.file)):
            return None
        return self._first("blame", "--porcelain", "-L", f"{frame.line},{frame.line}", self._tip, "--", frame.file)

    def function(self, frame: Frame) -> int | None:
        """The last patch that changed a line of a function, or took one out of it."""
        lines = self._lines(frame.file)
        if not 0 < frame.line <= len(lines):
            return None
        first, last = function_around(lines, frame.line)
        where = f"-L{first},{last}:{frame.file}"
        return self._first("log", "--no-patch", "--format=%H", where, f"{self._base}..{self._tip}")

    def _lines(self, path: str) -> list[str]:
        """Those of a file of the state, as git counts them; none of one that it does not have."""
        source = self._trees.file(self._tree, path) or b""
        return source.decode(errors="replace").removesuffix("\n").split("\n") if source else []

    def _first(self, *words: str) -> int | None:
        commit = self._trees.git(*words).text.partition("\n")[0].partition(" ")[0]
        return self._patch_of.get(commit)


def function_around(source: Sequence[str], line: int) -> tuple[int, int]:
    """The lines, counted from 1, of the function that a line is in: in the kernel's style its head and its last
    brace stand at the left margin, and so does nothing in between but a label.
    """
    first = next((n for n in range(line, 0, -1) if _HEAD.match(source[n - 1])), line)
    last = next((n for n in range(line, len(source) + 1) if source[n - 1].startswith("}")), line)
    return first, last
