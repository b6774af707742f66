# SPDX-License-Identifier: GPL-2.0-only
"""What findings rest on: made of what was seen of a state, and told in a line. Pure.

The line is made here and not among the reports, because whoever bisects says it too.
"""

import re

import msgspec
from msgspec import UNSET

from kseries.model import Complaint, Evidence, EvidenceKind, Finding, StateResult, Status

END = "the end of the boot"
"""In the place of a check: that a kernel comes to it in some boots and not in others."""
_FLAKY = "two boots, two answers"
_NO_CHECK = "outside of any check"
MOVES = re.compile(r"\b(?:0x)?(?=[a-f]*\d)[0-9a-f]+\b")
"""What is another number in another boot."""
_NAMED = (EvidenceKind.CHECK, EvidenceKind.FLAKY, EvidenceKind.OUTCOME)
"""What is told by its name, whatever it said."""
_DETOUR = re.compile(r"""(?<![^\s'"`\u2018\u201c(/])(?!\.\.?/)[^\s'"`\u2018\u201c(/]+/\.\./""")
"""A folder of a path that is left again at once."""


# --- made of what was seen ----------------------------------------------------------------------


def of_check(name: str, state: StateResult) -> Evidence:
    """A check that tells, which may never have come."""
    check = next((one for one in state.checks if one.id == name), None)
    said = check.gist if check is not None else ""
    status = check.status if check is not None else Status.MISSING
    return Evidence(kind=EvidenceKind.CHECK, name=name, status=status, said=said, complaint=_behind(said, state))


def of_flaky(name: str) -> Evidence:
    """A check that gave two answers."""
    return Evidence(kind=EvidenceKind.FLAKY, name=name)


def ends_at_times(state: StateResult) -> bool:
    """True of a kernel that came to its end in some of its boots, and not in others."""
    return state.boots is not UNSET and state.ended is not UNSET and 0 < state.ended < state.boots


def of_outcome(state: StateResult) -> Evidence:
    """How far a state came."""
    return Evidence(
        kind=EvidenceKind.OUTCOME, name=state.outcome, said=state.detail, complaint=_behind(state.detail, state)
    )


def of_complaint(complaint: Complaint, state: StateResult) -> Evidence:
    """What the kernel complained of, and during which check; of what is not sure, how often it came."""
    check = next((one for one in state.checks if one.id == complaint.check), None)
    seen = Evidence(
        kind=EvidenceKind.COMPLAINT,
        name=complaint.check or "",
        said=complaint.said,
        file=complaint.file,
        line=complaint.line,
        function=complaint.function,
        own=check.detail.partition("\n")[0] if check is not None else "",
    )
    if complaint.sure:
        return seen
    return msgspec.structs.replace(seen, boots=complaint.boots, of=complaint.of, busy=complaint.busy)


def of_warning(warning: str) -> Evidence:
    """A warning as a build has it (``FILE: TEXT``)."""
    file, said = _apart(warning)
    return Evidence(kind=EvidenceKind.WARNING, file=file, said=said)


def of_denial(denial: str) -> Evidence:
    """A line of a build's log that tells of a denial, most often ``TOOL: TEXT``."""
    name, said = _apart(denial)
    return Evidence(kind=EvidenceKind.DENIAL, name=name, said=said)


def of_conflict(path: str) -> Evidence:
    """A file in which a merge conflicts."""
    return Evidence(kind=EvidenceKind.CONFLICT, file=path)


def of_error(state: StateResult) -> Evidence:
    """What there was to say of a state that did not come through."""
    return Evidence(kind=EvidenceKind.ERROR, said=state.detail)


def _apart(said: str) -> tuple[str, str]:
    """Who or what somebody else's line speaks of, and what it says; empty where it does not say of what."""
    name, _, words = said.partition(": ")
    return (name, words) if name and words else ("", said)


def _behind(said: str, state: StateResult) -> str:
    """The first complaint of a kernel whose words stand in others, that were made of it."""
    return next((one.said for one in state.complaints if one.said in said), "")


# --- read ---------------------------------------------------------------------------------------


def names_file(said: str, path: str) -> bool:
    """True where words name a file of the tree, whose path stands there as a whole and from the top: as the lines of
    errors have it (kbuild/make.py). Where make itself gives up (``[Makefile:224: mm] Error 2``) is no file at fault.
    """
    if path.rpartition("/")[2] not in said:  # which no detour changes, and few of a series' files are in any words
        return False
    behind = r"(?![\w/+~-]|\.\w)" if "/" in path else r"(?=:\d)"  # "Kconfig dropped X" names none
    whole = rf"""(?<![^\s'"`\u2018\u201c(])(?:\./)?{re.escape(path)}{behind}"""
    return re.search(whole, _without_detours(said)) is not None


def _without_detours(said: str) -> str:
    """Words with each path in the tree: an object may name its source from three folders up (../../../virt)."""
    while (less := _DETOUR.sub("", said)) != said:
        said = less
    return said


# --- told ---------------------------------------------------------------------------------------


def line(one: Evidence) -> str:
    """All of it in a line."""
    what, said = parts(one)
    return f"{what}: {said}" if said else what


def parts(one: Evidence) -> tuple[str, str]:
    """What it is about (a check, an outcome, a file), and what there is to say of that."""
    match one.kind:
        case EvidenceKind.CHECK:
            return one.name, f"{one.status}: {one.said}" if one.said else f"{one.status}"
        case EvidenceKind.FLAKY:
            return one.name, _FLAKY
        case EvidenceKind.COMPLAINT:
            return one.name or _NO_CHECK, _complaint(one)
        case EvidenceKind.CONFLICT:
            return f"conflict in {one.file}", ""
        case _:
            what = one.name or one.file
            return (what, one.said) if what else (one.said, "")


def _complaint(one: Evidence) -> str:
    """The kernel's words, with the function, file and line where those do not have them."""
    place = f"{one.file}:{one.line}" if one.file and one.line is not None else one.file
    function = "" if f"{one.function}+0x" in one.said else one.function
    where = ", ".join(part for part in (function, place) if part and part not in one.said.split())
    load = " of a host with other work to do" if one.busy else ""
    often = f", in {one.boots} of {one.of} boots{load}" if one.of else ""
    return f"{one.said}{where and f' (in {where})'}{often}{one.own and f'; the check itself: {one.own}'}"


# --- known again --------------------------------------------------------------------------------


def known_by(one: Evidence) -> Evidence:
    """What of it is the same in another boot: of a check or an outcome its name, of anything else the words, without
    their numbers.
    """
    if one.kind in _NAMED:
        return Evidence(kind=one.kind, name=one.name)
    return Evidence(kind=one.kind, said=MOVES.sub("#", line(one)))


def gist(one: Evidence) -> str:
    """The same in words."""
    known = known_by(one)
    return known.name or known.said


def complaint_of(finding: Finding, state: StateResult) -> Complaint | None:
    """What the kernel of a finding's state complained of that is behind the finding, first of all."""
    behind = {one.said if one.kind is EvidenceKind.COMPLAINT else one.complaint for one in finding.evidence}
    return next((one for one in state.complaints if one.said in behind), None)
