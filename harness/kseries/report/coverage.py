# SPDX-License-Identifier: GPL-2.0-only
"""What ran of each patch, in words."""

from collections.abc import Iterator

from kseries.kbuild import fragment
from kseries.model import AppliedPatch, ChangedFunction, Exercise, PatchResult, RunResult
from kseries.model.sanitize import line
from kseries.report import autoconfig, compiled, grounds

_FEW = 4
"""Functions that a line of the report names; the other reports have them all."""
WORDS = {
    Exercise.EXERCISED: "ran",
    Exercise.UNEXERCISED: "UNEXERCISED",
    Exercise.NO_CODE: "no code of its own",
    Exercise.BUILT: "works at build time only",
    Exercise.LEFT_OUT: "left out",
    Exercise.OTHER_ARCH: "another architecture's",
    Exercise.UNKNOWN: "not known",
}
LOOKS = {
    Exercise.EXERCISED: "good",
    Exercise.UNEXERCISED: "bad",
    Exercise.NO_CODE: "unknown",
    Exercise.BUILT: "unknown",
    Exercise.LEFT_OUT: "bad",
    Exercise.OTHER_ARCH: "unknown",
    Exercise.UNKNOWN: "unknown",
}
"""The CSS class of each."""


def of(run: RunResult, patch: AppliedPatch) -> PatchResult | None:
    """What is known of a patch; None in a result from before it was looked at."""
    return next((one for one in run.patches if one.number == patch.number), None)


def brief(patch: PatchResult) -> str:
    """In a few words, how much of a patch ran, and what of it no kernel is made of."""
    left_out = grounds.left_out(patch.left_out)
    if patch.exercise in (Exercise.LEFT_OUT, Exercise.OTHER_ARCH) and left_out:
        return left_out
    return "; ".join(filter(None, (_ran(patch), left_out)))


def _ran(patch: PatchResult) -> str:
    words = WORDS[patch.exercise]
    if patch.exercise is Exercise.UNKNOWN:
        return f"{words}: {patch.why}"
    if patch.exercise is Exercise.EXERCISED and patch.lines:
        return f"{patch.lines_ran} of {patch.lines} lines {words}"
    return words


def report(run: RunResult) -> Iterator[str]:
    """A line for each patch, and more for one that did not run, or not whole."""
    if not run.patches:
        return
    yield "what ran of each patch while the tip was probed:"
    for patch in run.patches:
        yield f"  {patch.number}/{len(run.patches)} {line(brief(patch))}{_named(patch)}"
        if not compiled.all_compiled(patch):
            yield f"      {compiled.brief(patch)}"
        yield from (f"      {one}" for one in ways(run, patch))
    if any(patch.exercise is Exercise.UNEXERCISED for patch in run.patches):
        yield "  nobody has seen an unexercised patch run: no verdict covers it"
    if any(not one.arch for patch in run.patches for one in patch.left_out):
        yield "  nobody has compiled what is left out: no verdict covers it"
    yield ""


def ways(run: RunResult, patch: PatchResult) -> Iterator[str]:
    """What would compile what is left out of a patch, and what may run what did not run, as far as it is known."""
    options = dict.fromkeys(option for one in patch.left_out if not one.arch for option in one.options)
    if options:
        way = f"--config FRAGMENT with {', '.join(map(_asked, options))} and what that depends on"
        yield line(f"to compile it: {way}" if autoconfig.was_asked(run) else f"to compile it: --config auto, or {way}")
    for one in patch.ways:
        if one.what.startswith("--kunit "):
            yield line(f"to have KUnit test it: {one.what} ({one.where})")
            continue
        yield line(f"to run {one.function or 'it, perhaps'}: {one.what} ({one.where})")


def _asked(option: str) -> str:
    """An option as a fragment has it (Documentation/kbuild/kconfig.rst)."""
    return fragment.assignment(option.removeprefix("!"), "n" if option.startswith("!") else "y")


def _named(patch: PatchResult) -> str:
    ran = [one for one in patch.functions if one.ran]
    idle = [one for one in patch.functions if not one.ran]
    parts = [f"in {_some(ran)}"] if ran else []
    parts += [f"{'NOT ' if ran else ''}in {_some(idle)}"] if idle else []
    return f", {'; '.join(parts)}" if parts else ""


def _some(functions: list[ChangedFunction]) -> str:
    names = ", ".join(line(one.name) for one in functions[:_FEW])
    return names + (f" and {len(functions) - _FEW} more" if len(functions) > _FEW else "")
