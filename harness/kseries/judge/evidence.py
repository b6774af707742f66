# SPDX-License-Identifier: GPL-2.0-only
"""The lines by which findings are told, made and taken apart: ``NAME: WHAT WAS SEEN``. Pure."""

import re

from kseries.model import Outcome, StateResult, Status

FLAKY = "two boots, two answers"
_MOVES = re.compile(r"\b(?:0x)?(?=[a-f]*\d)[0-9a-f]+\b")
_ANSWERS = "|".join(map(re.escape, (*Status, FLAKY)))
# The description of a test in KTAP, and so a check's name, may have a colon in it.
_OF_CHECK = re.compile(rf"(?P<name>.+?): (?P<said>(?:{_ANSWERS})(?:: .*)?)", re.DOTALL)


def of_check(name: str, state: StateResult) -> str:
    """A line that tells of a check: its name, its status, what it said in short."""
    check = next((one for one in state.checks if one.id == name), None)
    said = check.gist if check else ""
    status = check.status if check else Status.MISSING
    return f"{name}: {status}" + (f": {said}" if said else "")


def of_outcome(state: StateResult) -> str:
    """A line that tells how far a state came."""
    return f"{state.outcome}: {state.detail}"


def known_by(line: str) -> str:
    """What of a line is the same in another boot: of a check or an outcome its name, of anything else the words."""
    name, _ = apart(line)
    return name if name in [*Outcome] or _OF_CHECK.fullmatch(line) else _MOVES.sub("#", line)


def apart(line: str) -> tuple[str, str]:
    """What a line names (a check, an outcome, a file), and what it says of it."""
    name, _, said = line.partition(": ")
    of_check = None if name in [*Outcome] else _OF_CHECK.fullmatch(line)
    return (of_check["name"], of_check["said"]) if of_check is not None else (name, said)
