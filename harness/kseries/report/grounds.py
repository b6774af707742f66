# SPDX-License-Identifier: GPL-2.0-only
"""What a verdict rests on, or why there is none, in words: all reports say it in these."""

from collections.abc import Iterator

from kseries import arch as archs
from kseries.judge import knownissues
from kseries.model import Exercise, Grounds, LeftOut, Outcome, PatchResult, RunResult, StateResult, Status, Verdict
from kseries.model.sanitize import few, line

_CAPABILITIES = "capabilities."
_FEW = 3
"""Files that a sentence names; the result has them all."""


def of_run(run: RunResult) -> str:
    """What each yes of a run rests on; empty where it has none, or nobody has counted."""
    if run.grounds is None or True not in (run.verdict.bisectable, run.verdict.revert_safe):
        return ""
    unknown, whole = sum(one.exercise is Exercise.UNKNOWN for one in run.patches), len(run.series.patches)
    known = bool(run.grounds.lines) or not unknown
    words = rests_on(run.grounds, "the series", broken=any(one.counts for one in run.findings), known=known)
    if unknown and known:
        words += f"; of {unknown} of {whole} patches it is not known what ran"
    if not run.grounds.other_arch:
        return words
    return f"{words}; of {run.grounds.other_arch} of {whole} patches, for another architecture, it says nothing"


def of_patch(patch: PatchResult) -> str:
    """What each yes of a patch rests on; empty where it has none, or nobody has counted."""
    if patch.grounds is None or True not in (patch.verdict.bisectable, patch.verdict.revert_safe):
        return ""
    broken = False in (patch.verdict.bisectable, patch.verdict.revert_safe)
    return rests_on(patch.grounds, "it", broken=broken, known=patch.exercise is not Exercise.UNKNOWN)


def rests_on(grounds: Grounds, whose: str, *, broken: bool = False, known: bool = True) -> str:
    """What was asked, what passed, and how much of the code in question has run, if that is ``known``. Where something
    is ``broken``, it is what is not.
    """
    contracts = f" and {_count(grounds.contracts, 'contract')}" if grounds.contracts else ""
    asked = f"{_count(grounds.checks, 'check')}{contracts}"
    seen = f"{asked} that hold" if broken else f"nothing was seen to break in {asked}"
    if not known:
        return f"{seen}; what of {whose} ran is not known"
    if not grounds.lines:
        return f"{seen}; no line of {whose} has code of its own in this kernel"
    return f"{seen}; {grounds.lines_ran} of {_count(grounds.lines, 'line')} of {whose} ran"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def answers(verdict: Verdict) -> Iterator[tuple[str, bool | None]]:
    """Each of its questions, as reports name it, and the answer."""
    yield "bisectable", verdict.bisectable
    yield "revert-safe", verdict.revert_safe


def why_not(run: RunResult) -> str:
    """Why some verdict of a run is null, as far as its kernel and its patches tell; empty where they do not."""
    if built := only_built(run):
        return built
    told = (f"{one.number}/{len(run.patches)} {why}" for one in run.patches if (why := _why_not(one)))
    known = any(knownissues.are_why(question, run) for question in knownissues.ANSWERS)
    in_the_way = "known issues are in the way" if known else ""
    return line("; ".join(filter(None, (no_promise(run), in_the_way, _left_out(run), *told))))


def _left_out(run: RunResult) -> str:
    """What is asked of a kernel that does not advertise what the series brings, and was left out."""
    left = {name for one in run.states for of in one.contracts if of.advertised is False for name in of.untested}
    return f"of kernels without what it advertises nobody asked {few(sorted(left))}" if left else ""


def only_built(run: RunResult) -> str:
    """That nobody has booted a kernel of a run; empty where somebody has, or it is not known."""
    return "its kernels were built, and none was booted" if run.states[0].outcome is Outcome.NOT_BOOTED else ""


def no_promise(run: RunResult) -> str:
    """That the whole series' kernel advertises nothing that a contract is about, so that there is no promise to judge;
    or why its machine could not be asked.

    Empty where it advertises something, and where nobody knows why that is not known.
    """
    tip = next((state for state in run.states if state.id == f"prefix-{len(run.series.patches)}"), None)
    if tip is None or not tip.contracts:
        return ""
    if all(one.advertised is None for one in tip.contracts):
        return _not_asked(tip)
    if any(one.advertised is not False for one in tip.contracts):
        return ""
    asked = ", ".join(dict.fromkeys(one.capability for one in tip.contracts))
    return line(f"the kernel advertises nothing that a contract is about ({asked})")


def _not_asked(tip: StateResult) -> str:
    """Why the probe that tells what a kernel advertises has skipped all that it asks; empty where it has not."""
    told = [check for check in tip.checks if check.id.startswith(_CAPABILITIES)]
    if not told or any(check.status is not Status.SKIP for check in told):
        return ""
    return line(f"what the kernel advertises could not be asked: {told[0].gist}")


def _why_not(patch: PatchResult) -> str:
    if patch.left_out and patch.exercise is not Exercise.UNEXERCISED:
        return left_out(patch.left_out)
    return "was not seen to run" if patch.exercise is Exercise.UNEXERCISED else ""


def left_out(files: tuple[LeftOut, ...]) -> str:
    """Which changed code no kernel of a run is made of, by why that is."""
    told = dict.fromkeys((*_by_configuration(files), *_of_others(files), *_untold(files)))
    return "; ".join(told)


def _by_configuration(files: tuple[LeftOut, ...]) -> Iterator[str]:
    ours = [one for one in files if one.options and not one.arch]
    found = dict.fromkeys(f"{', '.join(map(_option, one.options))} ({line(one.makefile)})" for one in ours)
    if found:
        yield f"left out by the configuration: {_some(list(found))}"


def _of_others(files: tuple[LeftOut, ...]) -> Iterator[str]:
    ours = {arch.source: arch.name for arch in archs.known().values()}
    for name in dict.fromkeys(one.arch for one in files if one.arch):
        advice = f"--arch {ours[name]}" if name in ours else "which kseries cannot build"
        yield f"another architecture's: {line(name)} ({advice})"


def _untold(files: tuple[LeftOut, ...]) -> Iterator[str]:
    bare = [one for one in files if not one.options and not one.arch]
    if found := [one.file for one in bare if one.makefile != one.file]:
        yield f"no object of this build is made of it: {_some(found)}"
    if found := [one.file for one in bare if one.makefile == one.file]:
        yield f"an #if leaves out what is changed, whatever is set: {_some(found)}"


def _option(option: str) -> str:
    return f"CONFIG_{option[1:]} being set" if option.startswith("!") else f"CONFIG_{option}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(map(line, names[:_FEW])) + more
