# SPDX-License-Identifier: GPL-2.0-only
"""KTAP (Documentation/dev-tools/ktap.rst) as our init and probes speak it: text -> checks and capabilities.

Whatever the text, parsing it does not fail: a line that means nothing is passed over, and a check that was
announced (``# plan: NAME …``) and never answered is MISSING.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.model import Check, Status

END = "# kseries: end"
"""init's last line: every probe has been run."""

_LINE = re.compile(r"[^\n]+")
_RESULT = re.compile(
    r"^(?P<not>not )?ok \d+(?: -)? (?P<name>[^\s#](?:[^#]*[^\s#])?)"
    r"(?:\s+# ?(?P<directive>SKIP|XFAIL)?\s*(?P<reason>.*))?$"
)
_NO_NAME = re.compile(r"[^\w.-]+")
"""What the name of a check is not made of; kselftest's programs name theirs in sentences."""
_SUBTEST = re.compile(r"^# Subtest: (?P<name>\S+)$")
_PLAN = re.compile(r"^# plan: (?P<names>.+)$")
_CAP = re.compile(r"^# cap (?P<name>\w+)=(?P<value>-?\d{1,18})$")
_DIAGNOSTIC = re.compile(r"^# ?(?P<text>.*)$")
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
    unanswered: dict[str, None] = field(default_factory=dict)
    """Of the probe that is open: the names that it announced, and nothing else yet."""
    begun: dict[str, None] = field(default_factory=dict)
    count: int = 0
    """How often one has begun."""
    room: int = 0
    """For so many more checks the probe that is open has room."""
    diagnostics: list[str] = field(default_factory=list)

    def line(self, indent: int, text: str) -> None:
        if indent >= _PROBE_INDENT:
            self._of_probe(text)
        elif result := _RESULT.match(text):
            self._end_probe(result)

    def _of_probe(self, text: str) -> None:
        if subtest := _SUBTEST.match(text):
            self._begin_probe(subtest["name"])
        elif self.probe is None:
            return
        elif plan := _PLAN.match(text):
            for name in dict.fromkeys(plan["names"].split()):
                self._put(name, Status.MISSING, "announced, and never answered")
        elif cap := _CAP.match(text):
            self._put_cap(cap["name"], int(cap["value"]))
        elif result := _RESULT.match(text):
            status = _status(result)
            said = [*self.diagnostics, result["reason"] or ""]
            self._put(_NO_NAME.sub("_", result["name"]), status, "\n".join(line for line in said if line))
            self.diagnostics.clear()
        elif diagnostic := _DIAGNOSTIC.match(text):
            self.diagnostics.append(diagnostic["text"])

    def _begin_probe(self, name: str) -> None:
        """None within another, or a program could answer for others. One that init began may begin itself, too."""
        if self.probe is None:
            self.probe = name
            self.count += 1
            self.room = min(MAX_CHECKS, MAX_IN_ALL - len(self.checks))
            self.unanswered.clear()
            if self.count == MAX_PROBES + 1:
                self._beyond("probes", name)
            if self.count > MAX_PROBES:
                self.probe = None
            else:
                self.begun[name] = None
        if self.probe == name:
            self.diagnostics.clear()

    def _end_probe(self, result: re.Match[str]) -> None:
        name, reason = result["name"], result["reason"]
        if len(self.probes) < MAX_PROBES:
            self.probes[name] = not result["not"]
        if name == self.probe and reason:
            detail = f"the probe ended: {reason[:MAX_REASON]}"
            for one in [*self.unanswered]:
                self._put(one, Status.MISSING, detail)
        self.probe = None

    def _put_cap(self, name: str, value: int) -> None:
        """No probe gets to take back what another has told, and whoever tries has a check that fails."""
        if name not in self.caps and len(self.caps) >= MAX_CHECKS:
            self._beyond("capabilities", name)
            return
        known = self.caps.setdefault(name, value)
        if value != known and name not in self.disputed:
            self.disputed[name] = None
            self._put(f"cap_{name}", Status.FAIL, f"says {name}={value}, and {name}={known} has been said before")

    def _put(self, name: str, status: Status, detail: str) -> None:
        check = f"{self.probe}.{name}"
        known = self.checks.get(check)
        if known is None and self.room <= 0:
            self._beyond("checks", name)
            return
        # A name that comes twice does not get to turn a failure into a pass.
        if known is None or known.status is Status.MISSING or status is Status.FAIL:
            self.room -= known is None
            self.checks[check] = Check(id=check, status=status, detail=detail[:MAX_DETAIL])
            if status is Status.MISSING:
                self.unanswered[name] = None
            else:
                self.unanswered.pop(name, None)

    def _beyond(self, what: str, name: str) -> None:
        """Tell, once for each probe, that not all is read."""
        check = f"{self.probe}.{BEYOND}"
        if check not in self.checks or self.checks[check].status is not Status.FAIL:
            detail = f"too many {what}: none is read from {name} on"
            self.checks[check] = Check(id=check, status=Status.FAIL, detail=detail[:MAX_DETAIL])


def _status(result: re.Match[str]) -> Status:
    if result["directive"] == "SKIP":
        return Status.FAIL if result["not"] else Status.SKIP
    if result["directive"] == "XFAIL":
        return Status.XFAIL if result["not"] else Status.PASS
    return Status.FAIL if result["not"] else Status.PASS


def parse(text: str) -> Report:
    """Read all that came through the probes' channel."""
    reading = _Reading()
    ended = False
    # What the end of the machine tore in two has not been said.
    for line in _LINE.finditer(text, 0, text.rfind("\n") + 1):
        words = line[0][:_MAX_LINE].rstrip()
        said = words.lstrip(" ")
        ended = ended or words == END
        reading.line(len(words) - len(said), said)
    caps = {name: value for name, value in reading.caps.items() if name not in reading.disputed}
    return Report(
        caps, tuple(reading.checks.values()), reading.probes, ended, tuple(reading.disputed), tuple(reading.begun)
    )
