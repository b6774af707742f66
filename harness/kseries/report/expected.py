# SPDX-License-Identifier: GPL-2.0-only
"""What a script looks for that is to show a finding: a line of shell for each thing that the finding rests on. Pure.

The words of these lines are functions of reports/bundle/reproduce.sh.j2.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kseries.guest import ending
from kseries.judge import evidence as told
from kseries.model import Evidence, EvidenceKind, Finding, FindingKind, Outcome, RunResult, StateResult, Status
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened
from kseries.probes import kunit

_SHOWN = 150
"""Characters of what is looked for that a script says of it."""
_PATTERN = 250
"""Characters that a pattern is made of."""
_TRIES = 20
"""Boots in which what is flaky has to show itself."""
_SPECIAL = re.compile(r"[][.{}()*+?^$|\\]")
_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)*: (?:fatal )?error: ")
_REFERENCE = re.compile(r"undefined reference to \S+")
_GAVE_UP = re.compile(r"make(\[\d+\])?: \*\*\* (\[.*\]|Waiting for unfinished jobs)")
"""What make says of any build that fails."""
_ENDINGS = {Outcome.TIMED_OUT: "hang deadline", Outcome.CRASHED: "down hang deadline", Outcome.BOOT_FAILED: "down hang"}
_NEEDS_BOX = (
    "only the sandbox of kseries shows it: a script has none\n  the build log of its state tells what was denied"
)


class Way(StrEnum):
    """What shows a finding."""

    BUILD = "build"
    BOOT = "boot"


@dataclass(frozen=True)
class Expected:
    """What shows a finding: ``looks`` are lines of shell, each of which finds one thing that it rests on."""

    way: Way
    looks: tuple[str, ...] = ()
    tries: int = 1
    """Boots; each of them may show it."""
    suites: tuple[str, ...] = ()
    """Of KUnit, as their checks are called."""
    checks: tuple[str, ...] = ()
    """The checks that probes are asked, by their ids; none where all probes have to run."""


def of(run: RunResult, finding: Finding) -> Expected:
    """What shows a finding of a run. Raises InputError for one that no script can show, and says why."""
    state = _state(run, finding.state)
    if finding.kind is FindingKind.SANDBOX_DENIAL:
        raise InputError(f"a {finding.kind}: {_NEEDS_BOX}")
    if state.outcome is Outcome.CONFLICT:
        raise InputError(f"git cannot make {state.id}, so there is nothing to build\n  kseries try shows the conflict")
    if finding.kind is FindingKind.NEW_WARNING:
        return _needing(Way.BUILD, tuple(_warnings(finding)))
    if state.outcome is Outcome.BUILD_FAILED:
        return _needing(Way.BUILD, (_error(state),))
    if state.outcome.unknown:
        raise InputError(f"nothing is known of {state.id} but that it was {state.outcome}\n  run the series again")
    return _of_boot(finding, state)


def _state(run: RunResult, name: str) -> StateResult:
    """A state, or the one of the same tree that stands for it."""
    states = {one.id: one for one in (*run.states, *run.searched)}
    found = states.get(name)
    if found is None:
        raise InputError(f"the result does not have the state {line(name)}\n  run the series again")
    return states.get(found.same_as or "", found)


def _needing(way: Way, looks: tuple[str, ...]) -> Expected:
    if not looks:
        raise InputError("the result does not say what it rests on, as a script would look for it\n  run it again")
    return Expected(way, looks)


# --- builds -------------------------------------------------------------------------------------


def _warnings(finding: Finding) -> Iterator[str]:
    for one in finding.evidence:
        if one.kind is EvidenceKind.WARNING:
            where = f"{_exactly(one.file)}(:[0-9]+)*: *" if one.file else ""
            yield _call("build_warns", f"{where}(warning|error): {pattern(one.said, numbers=True)}", told.line(one))


def _error(state: StateResult) -> str:
    """A build that fails, by the place that the compiler names, or else by what was said: in other words elsewhere."""
    said = state.detail.strip().partition("\n")[0]
    if _GAVE_UP.match(said):
        raise InputError(
            f"all that is known of the build is {shortened(line(said), _SHOWN)!r}: so says any build that fails\n"
            f"  what it said before is told by: kseries try {line(state.id)}"
        )
    if place := _PLACE.search(said):
        return _call("build_fails", f"{_exactly(place['file'])}:{place['line']}:", said)
    reference = _REFERENCE.search(said)
    return _call("build_fails", pattern(reference[0] if reference else said), said)


# --- boots --------------------------------------------------------------------------------------


def _of_boot(finding: Finding, state: StateResult) -> Expected:
    looks = [*_promise(finding, state)]
    for one in finding.evidence:
        looks += _looks(one, state)
    found = _needing(Way.BOOT, tuple(dict.fromkeys(looks)))
    names = [one.name for one in finding.evidence if one.name and one.kind is not EvidenceKind.OUTCOME]
    suites = tuple(dict.fromkeys(line(name.split(".")[1]) for name in names if kunit.is_check(name)))
    unsure = any(one.kind is EvidenceKind.FLAKY or one.of for one in finding.evidence)
    whole = any(one.kind not in (EvidenceKind.CHECK, EvidenceKind.FLAKY) for one in finding.evidence)
    return Expected(
        Way.BOOT,
        found.looks,
        tries=_TRIES if unsure else 1,
        suites=suites,
        checks=() if whole else tuple(name for name in names if not kunit.is_check(name)),
    )


def _promise(finding: Finding, state: StateResult) -> Iterator[str]:
    """What the kernel says of the capability of a contract."""
    for contract in state.contracts:
        if contract.id == finding.contract and contract.advertised is not None:
            yield _call("promises", contract.capability, "yes" if contract.advertised else "no")


def _looks(one: Evidence, state: StateResult) -> Iterator[str]:
    match one.kind:
        case EvidenceKind.CHECK if one.complaint:
            yield _call("complains", pattern(one.complaint), one.complaint)
        case EvidenceKind.CHECK:
            yield from _check(one, state)
        case EvidenceKind.FLAKY if one.name == told.END:
            pass  # a script that boots it once more has seen no more than that it came to it, or not
        case EvidenceKind.FLAKY:
            yield _call("differs", one.name.removeprefix(kunit.PREFIX))
        case EvidenceKind.COMPLAINT:
            yield _call("complains", pattern(one.said), one.said)
        case EvidenceKind.OUTCOME | EvidenceKind.ERROR if state.outcome in _ENDINGS:
            yield from _end(state)
            if one.complaint:
                yield _call("complains", pattern(one.complaint), one.complaint)


def _check(one: Evidence, state: StateResult) -> Iterator[str]:
    """A check that did not pass: of one that is missing, the guest has to have come as far as it did."""
    if one.status is Status.MISSING and state.outcome is Outcome.BOOT_FAILED:
        yield from _end(state)
        return
    died = state.outcome in (Outcome.CRASHED, Outcome.TIMED_OUT) or ending.ENDED_IN in one.said
    name = one.name.removeprefix(kunit.PREFIX)
    yield _call("check", name, str(one.status or Status.FAIL), *(["died"] if died else []))


def _end(state: StateResult) -> Iterator[str]:
    """How the machine ended, and when: what ends before the first probe did not boot (guest/ending.py)."""
    yield f"ends {_ENDINGS[state.outcome]}"
    yield "before_probes" if state.outcome is Outcome.BOOT_FAILED else "during_probes"


def _call(function: str, first: str, *more: str) -> str:
    """A line of shell: each word is somebody else's text, in one line."""
    words = (line(first), *(shortened(line(word), _SHOWN) for word in more))
    return " ".join((function, *map(shlex.quote, words)))


def pattern(text: str, *, numbers: bool = False) -> str:
    """An extended regular expression (grep -E) for a line that says the same: other numbers, unless ``numbers`` count,
    and other blanks. Raises InputError for a text that would match anything.
    """
    said = line(text[:_PATTERN])
    if not re.search(r"\w\w", said if numbers else told.MOVES.sub("", said)):
        raise InputError(f"there is nothing to look for in {shortened(line(text), _SHOWN)!r}\n  run the series again")
    words = ((word,) if numbers else told.MOVES.split(word) for word in said.split())
    return "[[:space:]]+".join("[0-9a-fx]+".join(map(_exactly, parts)) for parts in words)


def _exactly(text: str) -> str:
    """One for a text without blanks, in which what is not to be shown is anything."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text).replace("\ufffd", ".+")
