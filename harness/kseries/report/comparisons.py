# SPDX-License-Identifier: GPL-2.0-only
"""What changed between two runs, as text, JSON and HTML: in words first, then check by check."""

from collections.abc import Iterator

from kseries.judge import evidence
from kseries.judge.compare import Change, Comparison, Side, Told, known_by
from kseries.model import Finding, Outcome, RunResult, StateResult
from kseries.model.sanitize import line, printable, shortened
from kseries.report import json as as_json
from kseries.report import known, machines, text
from kseries.report.pages import LIMIT, page
from kseries.sources.versions import How, Match

_FEW = 8
_SIGNS = {How.SAME: "=", How.CHANGED: "!", How.SQUASHED: "&", How.SPLIT: "&", How.GONE: "<", How.NEW: ">"}
"""As git range-diff has them where it does."""
_ANSWERS = {True: "yes", False: "NO", None: "not judged"}


def json(told: Comparison) -> str:
    """All of it, one field a line."""
    return as_json.document(told)


def render(told: Comparison, old: RunResult, new: RunResult) -> str:
    """The text: ready to print."""
    return printable("\n".join(_cut(one) for one in _lines(told, old, new)))


def html(told: Comparison, old: RunResult, new: RunResult) -> str:
    """One page that needs nothing else; it has no script."""
    return page(
        "compare.html.j2",
        told=told,
        summary=summary(told),
        circumstances=list(circumstances(told)),
        patches=[(_SIGNS[one.how], _place(one, told)) for one in told.patches],
        gone=[
            (one.finding.kind, text.sentence(old, one.finding), list(_why_gone(one, told, new)))
            for one in told.findings_gone
        ],
        untried=[
            (one.finding.kind, text.sentence(old, one.finding), _why_untried(one)) for one in told.findings_untried
        ],
        fresh=[
            (
                one.finding,
                text.sentence(new, one.finding),
                [*map(evidence.line, one.finding.evidence), *known.lines(one.finding)],
            )
            for one in told.findings_new
        ],
        changed=[(mine, text.sentence(new, mine), _evidence_change(was, mine)) for was, mine in told.findings_changed],
        verdicts=list(_verdicts(told)),
    )  # fmt: skip


def summary(told: Comparison) -> str:
    """The first thing to know."""
    if told.worse:
        return f"Worse: {'; '.join(told.worse[:_FEW])}."
    gone = [one for one in told.findings_gone if one.finding.counts]
    fixed = f" {len(gone)} finding{'s' * (len(gone) > 1)} gone." if gone else ""
    return f"Nothing got worse.{fixed}"


def circumstances(told: Comparison) -> Iterator[str]:
    """In what the runs differ beside their series: what changed may come of that, and not of a patch.

    Of a result that is too old to say, nothing is told.
    """
    old, new = map(_circumstances, (told.old, told.new))
    for name, was in old.items():
        if (now := new[name]) != was and None not in (was, now):
            yield line(f"{name}: {was} -> {now}")


def _circumstances(side: Side) -> dict[str, str | None]:
    variant = side.variant
    return {
        "base": side.base,
        "toolchain": variant.toolchain,
        "configuration": variant.config_hash or None,
        "--make": None if variant.make is None else " ".join(variant.make) or "none",
        "machine": machines.words(side.machine),
        "accelerator": side.accel,
    }


def _lines(told: Comparison, old: RunResult, new: RunResult) -> Iterator[str]:
    yield f"{_name(told.old)} -> {_name(told.new)}"
    yield from (f"  {one}" for one in circumstances(told))
    yield from (f"  {_SIGNS[one.how]} {_place(one, told)}" for one in told.patches)
    yield ""
    for one in told.findings_gone:
        yield f"GONE: {one.finding.kind}: {text.sentence(old, one.finding)}"
        yield from (f"    {why}" for why in _why_gone(one, told, new))
    for one in told.findings_untried:
        yield f"UNTRIED: {one.finding.kind}: {text.sentence(old, one.finding)}"
        yield f"    {_why_untried(one)}"
    for one in told.findings_new:
        issue = f" (known issue: {known.label(one.finding)})" if one.finding.is_known else ""
        yield f"NEW{issue}: {one.finding.kind}: {text.sentence(new, one.finding)}"
        yield from (f"    {seen}" for seen in _some(list(map(evidence.line, one.finding.evidence)), 3))
    for was, now in told.findings_changed:
        yield f"CHANGED: {now.kind}: {text.sentence(new, now)}"
        yield f"    {_evidence_change(was, now)}"
    still = [one for one in new.findings if one.is_known and one not in [fresh.finding for fresh in told.findings_new]]
    yield from (f"KNOWN ISSUE ({known.label(one)}): {one.kind}: {text.sentence(new, one)}" for one in still)
    if told.findings_gone or told.findings_untried or told.findings_new or told.findings_changed or still:
        yield ""
    yield from _checks(told.changes)
    yield from (f"new warning: {one}" for one in _some(list(told.warnings_new)))
    yield from (f"warning gone: {one}" for one in _some(list(told.warnings_gone)))
    yield from _verdicts(told)
    yield "time: " + ", ".join(f"{stage} {was:.1f} s -> {now:.1f} s" for stage, (was, now) in told.seconds.items())
    yield summary(told)


def _name(side: Side) -> str:
    return f"{side.series}{f' v{side.version}' if side.version > 1 else ''} ({side.arch})"


def _numbers(numbers: tuple[int, ...], count: int) -> str:
    return ", ".join(f"{number}/{count}" for number in numbers)


def _place(one: Match, told: Comparison) -> str:
    """Patches of one version and those in their place, with the subject that they have now."""
    old, new = (_numbers(side, len(whole.patches)) for side, whole in ((one.old, told.old), (one.new, told.new)))
    known = [told.new.patches[number - 1] for number in one.new] or [told.old.patches[number - 1] for number in one.old]
    words = {How.SQUASHED: " (made one)", How.SPLIT: " (split)", How.GONE: " (gone)", How.NEW: " (new)"}
    return f"{old or '-'} -> {new or '-'}{words.get(one.how, '')}: {' / '.join(known)}"


def _why_gone(one: Told, told: Comparison, new: RunResult) -> Iterator[str]:
    """What has become of the patch, and what the state in the place of the finding's now does."""
    count = len(told.old.patches), len(told.new.patches)
    if one.match is not None:
        old, now = _numbers(one.match.old, count[0]), _numbers(one.match.new, count[1])
        said = {
            How.SQUASHED: f"{old} were made one patch, {now}",
            How.SPLIT: f"{old} was split into {now}",
            How.GONE: f"{old} is not in the series any more",
            How.CHANGED: f"{old} was changed, and is {now}",
        }
        if one.match.how in said:
            yield f"{said[one.match.how]}."
    for name in one.states:
        state = next(state for state in new.states if state.id == name)
        yield f"Now {name}: {_now(state, one.finding)}"


def _why_untried(one: Told) -> str:
    return f"The new run has not judged {', '.join(one.states)}." if one.states else "The new run has not looked there."


def _now(state: StateResult, was: Finding) -> str:
    loud = {
        Outcome.CONFLICT: "it conflicts, so whoever tries it is told.",
        Outcome.BUILD_FAILED: "it does not build, so whoever tries it is told.",
        Outcome.BOOT_FAILED: "it does not boot, so whoever tries it is told.",
    }
    if state.outcome is not Outcome.OK:
        return loud.get(state.outcome, f"{state.outcome}: {state.detail}")
    contract = next((one for one in state.contracts if one.id == was.contract), None)
    if contract is not None and contract.holds and contract.advertised is False:
        return f"the kernel does not advertise {contract.capability} any more, and refuses what belongs to it."
    if contract is not None and contract.holds:
        return f"the kernel advertises {contract.capability}, and keeps the promise."
    if contract is not None and contract.holds is None:
        return f"{contract.id} could not be judged."
    return "it builds and boots, and nothing was found."


def _evidence_change(was: Finding, now: Finding) -> str:
    before, after = known_by(was), known_by(now)
    more, gone = (
        sorted({evidence.gist(one) for key, one in some.items() if key not in others})
        for some, others in ((after, before), (before, after))
    )
    parts = [f"now also {', '.join(_some(more))}"] if more else []
    parts += [f"no more {', '.join(_some(gone))}"] if gone else []
    parts += ["no known issue any more"] if was.is_known and now.counts else []
    return "; ".join(parts)


def _verdicts(told: Comparison) -> Iterator[str]:
    for name in ("bisectable", "revert_safe"):
        was, now = (_ANSWERS[getattr(side.verdict, name)] for side in (told.old, told.new))
        yield f"{name.replace('_', '-')}: {was if was == now else f'{was} -> {now}'}"


def _checks(changes: tuple[Change, ...]) -> Iterator[str]:
    """The worse ones first, a line for those of a state that changed in one way."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for one in sorted(changes, key=lambda one: not one.worse):
        groups.setdefault((one.worse, one.state, one.was_state, one.was, one.now), []).append(one.name)
    for (worse, state, was_state, was, now), names in groups.items():
        where = state if state == was_state else f"{state} (was {was_state})"
        mark = "worse" if worse else "differs"
        yield f"{mark}: {where}: {was} -> {now}: {', '.join(_some(names))}"


def _some(things: list[str], limit: int = _FEW) -> list[str]:
    return [*things[:limit], *([f"and {len(things) - limit} more"] if len(things) > limit else [])]


def _cut(said: str) -> str:
    return shortened(said.replace("\n", " "), LIMIT)
