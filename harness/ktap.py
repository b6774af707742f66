# SPDX-License-Identifier: GPL-2.0-only
"""KTAP (Documentation/dev-tools/ktap.rst) as our init and probes speak it: text -> checks and capabilities.

Whatever the text, parsing it does not fail: a line that means nothing is passed over, and a check that was
announced (``# plan: NAME …``) and never answered is MISSING.
"""

import re
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

    @property
    def began(self) -> bool:
        """True once a probe has said anything."""
        return bool(self.checks or self.probes or self.caps)


@dataclass
class _Reading:
    """The state of the parser between two lines."""

    caps: dict[str, int] = field(default_factory=dict)
    disputed: dict[str, None] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    probes: dict[str, bool] = field(default_factory=dict)
    probe: str | None = None
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
            for name in plan["names"].split():
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
        if self.probe in (None, name):
            self.probe = name
            self.diagnostics.clear()

    def _end_probe(self, result: re.Match[str]) -> None:
        name, reason = result["name"], result["reason"]
        self.probes[name] = not result["not"]
        self.probe = None
        for check in list(self.checks.values()):
            if check.status is Status.MISSING and check.id.startswith(f"{name}.") and reason:
                self.checks[check.id] = Check(id=check.id, status=Status.MISSING, detail=f"the probe ended: {reason}")

    def _put_cap(self, name: str, value: int) -> None:
        """No probe gets to take back what another has told, and whoever tries has a check that fails."""
        known = self.caps.setdefault(name, value)
        if value != known and name not in self.disputed:
            self.disputed[name] = None
            self._put(f"cap_{name}", Status.FAIL, f"says {name}={value}, and {name}={known} has been said before")

    def _put(self, name: str, status: Status, detail: str) -> None:
        check = Check(id=f"{self.probe}.{name}", status=status, detail=detail[:MAX_DETAIL])
        known = self.checks.get(check.id)
        # A name that comes twice does not get to turn a failure into a pass.
        if known is None or known.status is Status.MISSING or status is Status.FAIL:
            self.checks[check.id] = check


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
    return Report(caps, tuple(reading.checks.values()), reading.probes, ended, tuple(reading.disputed))
