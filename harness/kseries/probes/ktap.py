# SPDX-License-Identifier: GPL-2.0-only
"""What comes through the probes' channel: text -> checks and capabilities.

init frames what each probe prints; probes/tap.py knows all forms of the KTAP in it. Whatever the text, parsing it does
not fail, and a check that was announced (``# plan: NAME …``) and never answered is MISSING.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kseries.model import Check, Status
from kseries.model.surface import PROBE as SURFACE
from kseries.probes import tap
from kseries.probes.listings import Listings

END = "# kseries: end"
"""init's last line: every probe has been run."""

EXIT_STATUS = "exit_status"
"""The check that init makes of the end of a probe that is not ours (guests/init/init.c, tell_status)."""

_LINE = re.compile(r"[^\n]+")
_SUBTEST = re.compile(r"^# Subtest: (?P<name>\S+)$")
_PLAN = re.compile(r"^# plan: (?P<names>.+)$")
_CAP = re.compile(r"^# cap (?P<name>\w+)=(?P<value>-?[0-9]{1,18})$")
_STAMP = re.compile(r"(?:<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](?:\[[^\]]*\])? ?")
"""What the kernel's log has before each line, of which a program may print a part."""
_PROBE_INDENT = 4
_MAX_LINE = 8192
"""Characters of a line that are read; init passes on 4096 (LINE_MAX_BYTES in guests/init/init.c)."""
MAX_DETAIL = 4000
"""Characters of diagnostics that a check keeps."""
MAX_REASON = 200
"""Characters of the reason for which a probe ended, which each check that it left out has for its detail."""
MAX_CHECKS = 5000
"""Checks of one probe that are read, and capabilities of a boot; ours have a dozen each, some selftests hundreds."""
MAX_IN_ALL = 20_000
"""Checks of one boot that are read."""
MAX_PROBES = 1000
"""Probes of one boot that are read; their names stand on a kernel's command line, which has no room for more."""
_NO_ANSWER = "announced, and never answered"
_WORSE = (Status.PASS, Status.XFAIL, Status.SKIP, Status.MISSING, Status.FAIL)
"""Of two answers the one that stands further back counts."""
BEYOND = "beyond_limit"
"""The check that tells, by failing, of what was not read."""


@dataclass(frozen=True)
class Report:
    """What the probes said. ``probes`` has the result line of each probe that ended, False for "not ok".

    ``disputed`` are the capabilities of which more than one thing was said; they are not known.
    """

    caps: dict[str, int]
    checks: tuple[Check, ...]
    probes: dict[str, bool]
    ended: bool
    disputed: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    """The probes that have begun, in their order."""
    surface: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What the kernel shows to user space: the names of each kind that was listed whole."""

    @property
    def began(self) -> bool:
        """True once a probe has said anything."""
        return bool(self.checks or self.probes or self.caps)

    def running(self, probes: Sequence[str]) -> str | None:
        """Of the probes of a boot, which init runs in order, the one that had not ended."""
        return next((probe for probe in probes if probe not in self.probes), None)


@dataclass
class _Reading:
    """The state of the parser between two lines."""

    caps: dict[str, int] = field(default_factory=dict)
    disputed: dict[str, None] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    probes: dict[str, bool] = field(default_factory=dict)
    probe: str | None = None
    documents: tap.Documents = field(init=False)
    """What the probe that is open prints."""
    unanswered: dict[str, None] = field(default_factory=dict)
    """Of that probe: the names that it announced, and nothing else yet."""
    answers: dict[str, int] = field(default_factory=dict)
    """Of each check, how many answers it has."""
    begun: dict[str, None] = field(default_factory=dict)
    listings: Listings = field(default_factory=Listings)
    count: int = 0
    """How often one has begun."""
    room: int = 0
    """For so many more checks the probe that is open has room."""

    def line(self, indent: int, text: str) -> None:
        if indent >= _PROBE_INDENT:
            self._of_probe(indent - _PROBE_INDENT, text)
        elif (result := tap.result(text)) and result.description:
            self._end_probe(result)

    def end(self) -> None:
        """The machine has ended, and said no more."""
        if self.probe is not None:
            self.documents.cut()

    def _of_probe(self, indent: int, text: str) -> None:
        if indent == 0 and (subtest := _SUBTEST.match(text)):
            self._begin_probe(subtest["name"])
        elif self.probe is None:
            return
        elif plan := _PLAN.match(text):
            for name in dict.fromkeys(plan["names"].split()):
                self._announce(tap.tidy(name) or name)
        elif cap := _CAP.match(text):
            self._put_cap(cap["name"], int(cap["value"]))
        elif self.probe == SURFACE and self.listings.line(text):
            return
        elif stamp := _STAMP.match(text):
            self.documents.line(*_indented(text[stamp.end() :]))
        else:
            self.documents.line(indent, text)

    def _begin_probe(self, name: str) -> None:
        """None within another, or a program could answer for others. One that init began may begin itself, too."""
        if self.probe is None:
            self.probe = name
            self.count += 1
            self.room = max(0, min(MAX_CHECKS, MAX_IN_ALL - len(self.checks)))
            self.unanswered.clear()
            self.documents = tap.Documents(self._put, self.room + 1)  # one more tells that there was no room
            if self.count == MAX_PROBES + 1:
                self._beyond("probes", name)
            if self.count > MAX_PROBES:
                self.probe = None
            else:
                self.begun[name] = None
        elif self.probe == name:
            self.documents.diagnostics.clear()

    def _end_probe(self, result: tap.Result) -> None:
        name, reason = result.description, result.said[:MAX_REASON]
        if len(self.probes) < MAX_PROBES:
            self.probes[name] = result.ok
        if self.probe == SURFACE:
            self._end_listings()
        if self.probe is not None:
            ended = f"the probe ended: {reason}" if name == self.probe and reason else ""
            self.documents.end(ended)
            self._leave_out(self.documents.bailed or ended)
        self.probe = None

    def _end_listings(self) -> None:
        """Tell of each kind that is not known for what came of its list."""
        self.listings.end()
        for kind, why in self.listings.wrong.items():
            if f"{self.probe}.list_of_{kind}" not in self.checks:
                self._put(f"list_of_{kind}", Status.FAIL, why)

    def _leave_out(self, why: str) -> None:
        """Tell of each check that was announced and never answered why that is."""
        for name in [*self.unanswered] if why else []:
            check = f"{self.probe}.{name}"
            self.checks[check] = Check(id=check, status=Status.MISSING, detail=why[:MAX_DETAIL])

    def _put_cap(self, name: str, value: int) -> None:
        """No probe gets to take back what another has told, and whoever tries has a check that fails."""
        if name not in self.caps and len(self.caps) >= MAX_CHECKS:
            self._beyond("capabilities", name)
            return
        known = self.caps.setdefault(name, value)
        if value != known and name not in self.disputed:
            self.disputed[name] = None
            self._put(f"cap_{name}", Status.FAIL, f"says {name}={value}, and {name}={known} has been said before")

    def _announce(self, name: str) -> None:
        if len(self.documents.names) < MAX_CHECKS:
            self.documents.names.append(name)
        if f"{self.probe}.{name}" not in self.checks and self._keep(name, Status.MISSING, _NO_ANSWER):
            self.unanswered[name] = None

    def _put(self, name: str, status: Status, detail: str) -> None:
        """A name that comes twice stands for the worst of its answers, so that none turns a failure into a pass.

        Each of them is a check of its own, NAME#1, NAME#2 …, or one that fails anew would hide behind one that always
        has.
        """
        check = f"{self.probe}.{name}"
        count = self.answers.get(check, 0) + 1
        known = self.checks.get(check)
        if known is None or name in self.unanswered:
            if self._keep(name, status, detail):
                self.unanswered.pop(name, None)
                self.answers[check] = count
            return
        if count == 2:
            self._keep(f"{name}#1", known.status, known.detail)
        if self._keep(f"{name}#{count}", status, detail):
            self.answers[check] = count
        if _WORSE.index(status) > _WORSE.index(known.status):
            self._keep(name, status, detail)

    def _keep(self, name: str, status: Status, detail: str) -> bool:
        """Keep a check if there is room for it, or for what is known of it already."""
        check = f"{self.probe}.{name}"
        new = check not in self.checks
        if new and self.room <= 0:
            self._beyond("checks", name)
            return False
        self.room -= new
        self.checks[check] = Check(id=check, status=status, detail=_shortened(detail))
        return True

    def _beyond(self, what: str, name: str) -> None:
        """Tell, once for each probe, that not all is read."""
        check = f"{self.probe}.{BEYOND}"
        if check not in self.checks or self.checks[check].status is not Status.FAIL:
            detail = f"too many {what}: none is read from {name} on"
            self.checks[check] = Check(id=check, status=Status.FAIL, detail=detail[:MAX_DETAIL])


def _shortened(detail: str) -> str:
    """How it began, and how it ended: what a program ended with stands last, and explains it more often."""
    half = MAX_DETAIL // 2
    return detail if len(detail) <= MAX_DETAIL else f"{detail[: half - 3]}\n…\n{detail[-half:]}"


def _indented(text: str) -> tuple[int, str]:
    """How far a line is indented, a tab being as much as a level of TAP 14, and what it says."""
    said = text.lstrip(" \t")
    return len(text[: len(text) - len(said)].expandtabs(_PROBE_INDENT)), said


def parse(text: str) -> Report:
    """Read all that came through the probes' channel."""
    reading = _Reading()
    ended = False
    # What the end of the machine tore in two has not been said.
    for line in _LINE.finditer(text, 0, text.rfind("\n") + 1):
        words = line[0][:_MAX_LINE].rstrip()
        ended = ended or words == END
        reading.line(*_indented(words))
    reading.end()
    caps = {name: value for name, value in reading.caps.items() if name not in reading.disputed}
    return Report(
        caps,
        tuple(reading.checks.values()),
        reading.probes,
        ended,
        tuple(reading.disputed),
        tuple(reading.begun),
        reading.listings.whole,
    )
