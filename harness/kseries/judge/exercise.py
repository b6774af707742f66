# SPDX-License-Identifier: GPL-2.0-only
"""What ran of each patch, by the coverage of the tip: a patch that nobody has seen run has no verdict."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from kseries import arch as archs
from kseries import judge
from kseries.coverage import ifs, leftout, source, tracepoints
from kseries.coverage.goals import Goals
from kseries.coverage.ways import Ways
from kseries.judge import compiled, grounds, knownissues
from kseries.judge.judgement import Judgement
from kseries.model import (
    AppliedPatch,
    ChangedFunction,
    ChangedLines,
    Coverage,
    Exercise,
    FindingKind,
    Grounds,
    LeftOut,
    PatchResult,
    Plan,
    Record,
    StateResult,
    Verdict,
)
from kseries.sources import TreeStore

_BLAMED = re.compile(r"^(?P<commit>[0-9a-f]{40}) \d+ (?P<line>\d+)", re.MULTILINE)
_MOST_NAMED = 100
"""Lines that did not run that a patch names."""


class PerPatch(Record, frozen=True):
    """What ran of each patch; the verdict of the run, which is not better than theirs, and what that rests on."""

    patches: tuple[PatchResult, ...]
    verdict: Verdict
    grounds: Grounds


def per_patch(judgement: Judgement, arch: str, trees: TreeStore) -> PerPatch:
    """What ran of each patch of a run on an architecture, and what its verdict rests on."""
    plan, tip = judgement.plan, judgement.by_id[judgement.plan.tip]
    history = _History(plan, trees, archs.get(arch).source)
    ways = history.ways(plan, tip)
    patches = tuple(
        msgspec.structs.replace(
            one,
            verdict=_verdict(judgement, tip, one),
            grounds=grounds.of_patch(judgement.states, tip, one),
            ways=(
                *ways.to_run([one for one in one.functions if not one.ran], _to_compile(one)),
                *ways.to_test(patch.files),
            ),
        )
        for patch, one in ((patch, _exercised(patch, history, tip)) for patch in plan.patches)
    )
    verdict = _tempered(judgement.verdict, patches)
    return PerPatch(patches=patches, verdict=verdict, grounds=grounds.of_run(tip, patches))


def was_compiled(patch: PatchResult) -> bool:
    """True where some code of a patch is known to be part of the kernel, or it has none: documentation, scripts."""
    if patch.exercise in (Exercise.LEFT_OUT, Exercise.OTHER_ARCH, Exercise.UNKNOWN):
        return any(one.compiled for one in patch.changed)
    return True


def _tempered(verdict: Verdict, patches: tuple[PatchResult, ...]) -> Verdict:
    """What is true of a whole series, unless nobody has seen some patch of it run, or none of it is for this kernel.

    A patch of another architecture has no part in any kernel of this one: beside others it leaves the verdict, which is
    for one architecture, as it is.
    """
    with_code = [one for one in patches if one.exercise not in (Exercise.NO_CODE, Exercise.BUILT)]
    elsewhere = bool(with_code) and all(one.exercise is Exercise.OTHER_ARCH for one in with_code)
    if not elsewhere and not any(map(_nobody_saw, patches)):
        return verdict
    return Verdict(bisectable=verdict.bisectable and None, revert_safe=verdict.revert_safe and None)


def _nobody_saw(patch: PatchResult) -> bool:
    """Whether there is code of a patch that did not run, or that the configuration has nobody compile."""
    return patch.exercise is Exercise.UNEXERCISED or any(not one.arch for one in patch.left_out)


def _to_compile(patch: PatchResult) -> list[str]:
    """The files of a patch of which an option is known that would have them compiled."""
    return [one.file for one in patch.left_out if one.options and not one.arch]


def _verdict(judgement: Judgement, tip: StateResult, patch: PatchResult) -> Verdict:
    """What is true of one patch: of its prefix, and of its revert."""
    promised = any(one.advertised and one.holds is not None for one in tip.contracts)
    sound = promised and judge.known(tip) and not _nobody_saw(patch) and patch.exercise is not Exercise.OTHER_ARCH

    hidden = knownissues.hidden(judgement.findings, judgement.states)

    def answer(scenario: str, *kinds: FindingKind) -> bool | None:
        states = [one for one in judgement.states if one.scenario == scenario and one.patch == patch.number]
        names = {state.id for state in states}
        found = [one for one in judgement.findings if one.state in names and not one.is_advice]
        found = [one for one in found if one.kind in (*kinds, FindingKind.SUSPECTED_BREAK)]
        if found:
            return None if all(one.is_known for one in found) else False
        if not states or not sound or names & hidden:
            return None
        return True if all(judge.known(state) for state in states) else None

    last = len(judgement.plan.patches) == patch.number  # whoever bisects comes to the tip as bad
    complains = () if last else (FindingKind.KERNEL_COMPLAINT,)
    return Verdict(
        bisectable=answer("prefixes", FindingKind.BISECT_HOLE, *complains),
        revert_safe=answer("reverts", FindingKind.SILENT_BREAK),
    )


@dataclass(frozen=True)
class _Own:
    """What of a patch is in a file of the tip: its lines, and the functions that it changes."""

    lines: tuple[int, ...]
    functions: tuple[source.Function, ...]


def _exercised(patch: AppliedPatch, history: "_History", tip: StateResult) -> PatchResult:
    """What ran of a patch; its verdict is left to whoever knows the states."""
    coverage = tip.coverage
    left_out = history.left_out(patch, coverage or Coverage())
    changed = tuple(history.changed(patch, left_out, tip))
    apart = {one.file for one in left_out}
    touched = tuple(path for path in leftout.of_kernel(patch.files) if path not in apart)
    nothing = PatchResult(
        number=patch.number,
        exercise=_without_code(patch, left_out),
        verdict=Verdict(bisectable=None, revert_safe=None),
        left_out=left_out,
        changed=changed,
    )
    if not touched:
        return nothing
    if coverage is None:
        return msgspec.structs.replace(nothing, exercise=Exercise.UNKNOWN, why=_unwatched(tip))
    own = history.own(patch, touched)
    functions = tuple(_functions(own, coverage))
    lines = {(path, line) for path, one in own.items() for line in one.lines if line in coverage.code.get(path, ())}
    ran = {(path, line) for path, line in lines if line in coverage.ran.get(path, ())}
    # Where all lines of a patch are declarations, or went, the functions that it changes have to do.
    any_ran = bool(ran) if lines else any(one.ran for one in functions)
    exercise, why = _told(coverage, touched, bool(lines or functions), any_ran)
    behind = tuple(_behind_conditionals(own, history, coverage))
    ours = [one for one in changed if one.file not in apart]
    if not lines and ours and not any(one.compiled for one in ours):
        behind = behind or tuple(_dead(ours))
        if exercise is Exercise.EXERCISED:  # the functions around what nobody is known to have compiled
            exercise, why = Exercise.UNKNOWN, f"{ours[0].file}:{ours[0].first}: {ours[0].why}"
    left_out = (*left_out, *behind)
    without_code = exercise is Exercise.NO_CODE or (behind and not lines and not coverage.unknown)
    return msgspec.structs.replace(
        nothing,
        exercise=_without_code(patch, left_out) if without_code else exercise,
        why=why,
        functions=functions if exercise is not Exercise.UNKNOWN else (),
        lines=len(lines),
        lines_ran=len(ran),
        not_run=tuple(f"{path}:{line}" for path, line in sorted(lines - ran)[:_MOST_NAMED])
        if exercise is not Exercise.UNKNOWN
        else (),
        left_out=left_out,
    )


def _without_code(patch: AppliedPatch, left_out: tuple[LeftOut, ...]) -> Exercise:
    """What a patch is of which there is no code in the kernel."""
    if any(not one.arch for one in left_out):
        return Exercise.LEFT_OUT
    if left_out:
        return Exercise.OTHER_ARCH
    return Exercise.BUILT if any(map(leftout.at_build, patch.files)) else Exercise.NO_CODE


def _unwatched(tip: StateResult) -> str:
    """Why there is no coverage of a tip."""
    if tip.outcome.loud or tip.outcome.unknown:
        return "the tip did not come to run"
    if tip.built_as is not None:
        return f"it changes nothing in the kernel, which is that of {tip.built_as}"
    return "nobody has watched the tip run"


def _behind_conditionals(own: Mapping[str, "_Own"], history: "_History", coverage: Coverage) -> Iterator[LeftOut]:
    """Of the files that are compiled, those of which an #if leaves out lines of the patch."""
    if coverage.read is None:
        return
    for path, one in own.items():
        found = ifs.hidden(history.text(path), frozenset(coverage.options))
        known = (found[line] for line in one.lines if line in found)
        # Of an option that is =m, IS_ENABLED() holds and #ifdef does not; of one with a number, the other way round.
        unsure = {
            one.removesuffix(suffix) for suffix in ("_MODULE", "=") for one in coverage.options if one.endswith(suffix)
        }
        options = dict.fromkeys(one for one in known if one.removeprefix("!") not in unsure)
        if options:
            yield LeftOut(file=path, options=tuple(options), makefile=path)


def _dead(changed: Iterable[ChangedLines]) -> Iterator[LeftOut]:
    """The files of changed lines that an #if leaves out, whatever is set."""
    files = dict.fromkeys(one.file for one in changed if one.compiled is False and not one.options)
    return (LeftOut(file=file, makefile=file) for file in files)


def _told(coverage: Coverage, touched: tuple[str, ...], code: bool, ran: bool) -> tuple[Exercise, str]:
    if coverage.unknown and (code or not coverage.code):
        return Exercise.UNKNOWN, coverage.unknown
    if ran:
        return Exercise.EXERCISED, ""
    if loaded := [path for path in touched if path in (coverage.modules or ())]:
        return Exercise.UNKNOWN, f"{loaded[0]} is in a module, of which nobody sees what runs"
    if any(PurePosixPath(path).suffix == ".S" for path in touched):
        return Exercise.UNKNOWN, "assembly has no line table"
    return (Exercise.UNEXERCISED, "") if code else (Exercise.NO_CODE, "")


def _functions(own: Mapping[str, _Own], coverage: Coverage) -> Iterator[ChangedFunction]:
    """The functions that a patch changes and that have code, each with whether any of it ran."""
    for path, one in own.items():
        for function in one.functions:
            if any(function.has(line) for line in coverage.code.get(path, ())):
                ran = any(function.has(line) for line in coverage.ran.get(path, ()))
                yield ChangedFunction(name=function.name, file=path, line=function.first, ran=ran)


class _History:
    """Which lines of the tip, and which of its functions, are of which patch."""

    def __init__(self, plan: Plan, trees: TreeStore, arch: str) -> None:
        self._trees = trees
        self._arch = arch
        self._tree = plan.patches[-1].tree_after
        self._base = self._tip = trees.commit(plan.base.tree)
        self._patch_of: dict[str, int] = {}
        for patch in plan.patches:
            self._tip = trees.commit(patch.tree_after, self._tip)
            self._patch_of[self._tip] = patch.number
        self._goals = Goals(arch, self._file, lambda *_: ())
        self._blamed: dict[str, dict[int, list[int]]] = {}
        self._functions: dict[str, tuple[source.Function, ...]] = {}

    def left_out(self, patch: AppliedPatch, built: Coverage) -> tuple[LeftOut, ...]:
        """Those of a patch's files that no kernel of the run is made of."""
        found = (leftout.left_out(path, self._arch, built, self._file) for path in patch.files)
        return tuple(one for one in found if one is not None)

    def changed(self, patch: AppliedPatch, left_out: tuple[LeftOut, ...], tip: StateResult) -> Iterator[ChangedLines]:
        """Each line of the tip's source of the kernel that is a patch's own."""
        apart = {one.file: one for one in left_out}
        for path in leftout.of_kernel(patch.files):
            lines = self._lines(path).get(patch.number, [])
            if path in apart:
                yield from compiled.of_left_out(apart[path], lines)
            elif tip.coverage is None:
                yield from compiled.of_unbuilt(path, lines, _unwatched(tip))
            else:
                asked = self._goals.of_file(path)
                yield from compiled.of_file(path, lines, self.text(path), tip.coverage, asked)

    def ways(self, plan: Plan, tip: StateResult) -> Ways:
        """What the tip's source tells of what would run."""
        changed = (path for patch in plan.patches for path in patch.files)
        probes = {check.id.rpartition(".")[0] for check in tip.checks}
        return Ways(self._file, lambda folder: self._trees.names_in(self._tree, folder), changed, probes)

    def text(self, path: str) -> str:
        """A file of the tip; empty where it is not there."""
        return self._file(path) or ""

    def _file(self, path: str) -> str | None:
        found = self._trees.file(self._tree, path)
        return found.decode(errors="replace") if found is not None else None

    def own(self, patch: AppliedPatch, paths: tuple[str, ...]) -> dict[str, _Own]:
        """What the tip has of a patch in each of these files: nothing of a file that is gone."""
        changes = tracepoints.changes(self._trees, patch.tree_before, patch.tree_after)
        return {path: self._own(patch, path, changes.get(path, source.Changed())) for path in paths}

    def _own(self, patch: AppliedPatch, path: str, changed: source.Changed) -> _Own:
        if path not in self._functions:
            self._functions[path] = tracepoints.functions_of(self._trees, self._tree, path)
        lines = self._lines(path).get(patch.number, [])
        then = tracepoints.functions_of(self._trees, patch.tree_after, path)
        names = {one.name for one in then if changed.inside(one)}
        here = self._functions[path]
        functions = (one for one in here if one.name in names or any(one.has(line) for line in lines))
        return _Own(tuple(lines), tuple(functions))

    def _lines(self, path: str) -> dict[int, list[int]]:
        """By the patch, the lines of a file of the tip."""
        if path not in self._blamed:
            found: dict[int, list[int]] = {}
            for blamed in _BLAMED.finditer(self._blame(path)):
                patch = self._patch_of.get(blamed["commit"])
                if patch is not None:
                    found.setdefault(patch, []).append(int(blamed["line"]))
            self._blamed[path] = found
        return self._blamed[path]

    def _blame(self, path: str) -> str:
        """What git says of a file's lines; nothing of a file that the tip does not have."""
        if self._trees.file(self._tree, path) is None:
            return ""
        return self._trees.git("blame", "--porcelain", f"{self._base}..{self._tip}", "--", path).text
